/** The JSON answer to a manifest URL, for apps and servers that choose for themselves: every usable target, best first. */
import { memberUrl, locationOf } from '../routing/location.ts'
import type { Redirect, RoutingRequest } from '../routing/model.ts'
import type { Answer } from './message.ts'
import { jsonAnswer } from './answers.ts'

/** Seconds for which an app may use the answer without asking again: as long as a player keeps a redirect, in effect. */
const TTL_SECONDS = 60

export interface Resolved {
  /** Version of this shape. Fields may be added to it; none changes its meaning. */
  readonly v: 1
  readonly service: string
  readonly ttl: number
  readonly targets: readonly {
    readonly id: string
    readonly kind: 'edge' | 'cdn'
    /** Where the manifest is. */
    readonly url: string
    /** Scheme, host and path prefix, without the manifest's own path. */
    readonly base: string
    readonly why: readonly string[]
  }[]
}

/** @param order the decision and its alternatives, best first; at least one */
export function resolveAnswer(order: readonly [Redirect, ...Redirect[]], request: RoutingRequest): Answer {
  const resolved: Resolved = {
    v: 1,
    service: order[0].service.id,
    ttl: TTL_SECONDS,
    targets: order.map((redirect) => ({
      id: redirect.member.target.id,
      kind: redirect.member.target.kind,
      url: locationOf(redirect, request),
      base: memberUrl(redirect.member, '', request.scheme),
      why: redirect.why,
    })),
  }
  return jsonAnswer(200, resolved)
}
