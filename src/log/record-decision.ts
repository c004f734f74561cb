/** What a request leaves behind: classes of it, never its text. */
import { agentClass } from '../privacy/agent.ts'
import { contentOf } from '../privacy/content.ts'
import type { UserAgent } from '../privacy/user-agent.ts'
import { OTHER } from '../privacy/values.ts'
import type { ContentId } from '../privacy/values.ts'
import type { Decision, RoutingRequest } from '../routing/decision.ts'
import type { Service, Snapshot } from '../routing/model.ts'
import { classify } from '../routing/path.ts'
import type { DecisionLog } from './decision-log.ts'

export interface DecidedRequest {
  readonly decision: Decision
  readonly request: RoutingRequest
  readonly snapshot: Snapshot
  /** As sent: 200 where the answer was a list for an app. */
  readonly status: number
  readonly userAgent: UserAgent | undefined
}

/** Without a sink nothing is worked out: who records nothing does not pay for it. */
export function recordDecision(log: DecisionLog, { decision, request, snapshot, status, userAgent }: DecidedRequest): void {
  if (log.sinks.length === 0) return
  const { service } = decision
  const { path, now } = request
  const { object, format } = classify(path)
  log.add({
    decision,
    status,
    object,
    format,
    agent: agentClass(userAgent),
    content: service === undefined ? (OTHER as ContentId) : contentOf(withinService(path, request.host, service, snapshot), service.content),
    snapshot: snapshot.label,
    now,
  })
}

/** Content rules speak of paths within the service. */
function withinService(path: string, host: string, service: Service, snapshot: Snapshot): string {
  return service.prefix === undefined || snapshot.hosts.get(host) === service ? path : path.slice(service.prefix.length)
}
