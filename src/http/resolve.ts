/** The JSON answer to a manifest URL, for apps and servers that choose for themselves: the usable targets, best first, at most eight. */
import type { Redirect, RoutingRequest } from '../routing/decision.ts'
import { memberUrl, locationOf } from '../routing/location.ts'
import { classify } from '../routing/path.ts'
import type { Answer } from './message.ts'
import { jsonAnswer } from './answers.ts'

/** Seconds for which an app may use the answer without asking again: as long as a player keeps a redirect, in effect. */
const TTL_SECONDS = 60

export interface Resolved {
  /** Version of this shape. Fields may be added to it; none changes its meaning. */
  readonly v: 1
  readonly service: string
  /** What the path names, by its extension. */
  readonly protocol: 'hls' | 'dash' | 'other'
  /** Seconds for which the answer may be used again. */
  readonly ttl: number
  /** Absolute URL of the steering endpoint for this title; null where the protocol has no steering, or the request names no host. */
  readonly steering: string | null
  readonly targets: readonly {
    readonly id: string
    readonly kind: 'edge' | 'cdn'
    /** Where the manifest is. */
    readonly url: string
    /** Scheme, host and path prefix, without the manifest's own path. */
    readonly base: string
    /** Under which id steering manifests name it. */
    readonly pathway: string
    readonly why: readonly string[]
  }[]
}

/** How steering knows the same targets: its URL, and the pathway id of each alternative. */
export interface ResolvedSteering {
  /** Undefined where the request does not say under which host the player reaches the router. */
  readonly url: string | undefined
  readonly pathways: readonly string[]
}

/** @param order the decision and its alternatives, best first; at least one */
export function resolveAnswer(order: readonly [Redirect, ...Redirect[]], request: RoutingRequest, steering?: ResolvedSteering): Answer {
  const protocol = protocolOf(order[0].path)
  const resolved: Resolved = {
    v: 1,
    service: order[0].service.id,
    protocol,
    ttl: TTL_SECONDS,
    steering: protocol === 'other' ? null : (steering?.url ?? null),
    targets: order.map((redirect, i) => ({
      id: redirect.member.target.id,
      kind: redirect.member.target.kind,
      url: locationOf(redirect, request),
      base: memberUrl(redirect.member, '', request.scheme),
      pathway: steering?.pathways[i] ?? redirect.member.target.id,
      why: redirect.why,
    })),
  }
  return jsonAnswer(200, resolved)
}

function protocolOf(path: string): Resolved['protocol'] {
  const { format, object } = classify(path)
  return object === 'master' && (format === 'hls' || format === 'dash') ? format : 'other'
}
