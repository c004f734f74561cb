/**
 * Why. The one closed list: metric label, log field, explain output and the table in ARCHITECTURE.md,
 * which a test keeps equal to this.
 */
export const REASONS = {
  // why a target was not eligible
  jurisdiction: 'the target does not satisfy the service\'s jurisdiction policy, or its evidence is missing or expired',
  forced_down: 'an operator forced the target down; nothing goes around that',
  drain: 'the target is draining: it gets no new viewers unless nothing else is left',
  down: 'health checks failed',
  overload: 'the target is above its load watermark and turned this viewer away',
  scheme: 'the target is not reachable over the scheme of the request, which a redirect must not change',
  // how a target was chosen
  nearest: 'the nearest target, or one within the step\'s spread of it',
  weighted: 'drawn in proportion to the weights',
  rendezvous: 'the title\'s own target by rendezvous hashing',
  failover: 'the first eligible target in the configured order',
  load: 'the title\'s first target was above its share, so the next one in the title\'s order was taken',
  spill: 'an earlier step had too little healthy capacity for this viewer',
  panic: 'too little was healthy, so health was ignored',
  last_resort: 'only draining targets were left',
  bypass: 'the service\'s own fallback URL',
  // why a request was refused
  unknown_service: 'no service has this host name or path prefix',
  segment: 'a media segment, which the service does not redirect',
  country: 'the service may not be watched in this country',
  no_target: 'no step, fallback or last resort had a target',
  assertion: 'the chosen target failed the second jurisdiction check or left its own hosts: a bug, so nothing was sent',
} as const

export type Reason = keyof typeof REASONS
export const REASON_NAMES = Object.keys(REASONS) as readonly Reason[]
