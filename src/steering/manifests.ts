/**
 * Steered manifests: the chosen target's own manifest with every pathway written into it, answered by the router itself.
 *
 * Whatever is in the way, the viewer gets the plain redirect, and the reason is counted. From memory it is answered at
 * once; a promise is returned only where the target has to be asked. Media never passes here.
 */
import { contentAnswer } from '../http/answers.ts'
import type { Answer } from '../http/message.ts'
import type { Redirect, RoutingRequest } from '../routing/decision.ts'
import { mayServe } from '../routing/hosts.ts'
import { filterQuery, locationOf } from '../routing/location.ts'
import type { HealthTable } from '../routing/health-table.ts'
import type { Snapshot, Target } from '../routing/model.ts'
import { classify } from '../routing/path.ts'
import { EXPOSED } from './answer.ts'
import { rewriteDash } from './dash.ts'
import { rewriteHls } from './hls.ts'
import { steeringUrl } from './path.ts'
import type { Protocol } from './path.ts'
import type { Place } from './place.ts'
import { REWRITE_REASONS } from './rewrite.ts'
import type { Steering } from './steer.ts'
import { fill, HOLES, templateOf } from './template.ts'
import { UPSTREAM_REASONS } from './upstream.ts'
import type { Fetched, Upstream, UpstreamReason } from './upstream.ts'
import { escapeXml } from './xml.ts'

/** Why a viewer of a steered service got the plain redirect. Closed: a metric's label. */
export const FALLBACK_REASONS = {
  path: 'the path holds characters that a manifest would read as its own',
  one_target: 'there is nowhere else to steer to',
  no_host: 'the request names no host, as HTTP/1.0 allows, so there is no address to steer by',
  ...UPSTREAM_REASONS,
  ...REWRITE_REASONS,
} as const
export type FallbackReason = keyof typeof FALLBACK_REASONS
export const FALLBACK_REASON_NAMES = Object.keys(FALLBACK_REASONS) as readonly FallbackReason[]

export interface SteeredManifestsOptions {
  readonly steering: Steering
  readonly upstream: Upstream
  onFallback(reason: FallbackReason): void
}

export interface ManifestAsk {
  readonly decision: Redirect
  readonly request: RoutingRequest
  readonly world: { readonly snapshot: Snapshot; readonly health: HealthTable }
  readonly random: number
  /** Scheme and authority under which the player reached the router; undefined where it does not say. */
  readonly origin: string | undefined
  /** The plain redirect. */
  redirect(): Answer
}

const TYPES: Readonly<Record<Protocol, string>> = { hls: 'application/vnd.apple.mpegurl', dash: 'application/dash+xml' }

export class SteeredManifests {
  readonly #options: SteeredManifestsOptions

  constructor(options: SteeredManifestsOptions) {
    this.#options = options
  }

  answer(ask: ManifestAsk): Answer | Promise<Answer> {
    const { decision, request, world, random, origin } = ask
    const protocol = protocolOf(decision.path)
    if (protocol === undefined || decision.outcome === 'fence') return ask.redirect()
    if (origin === undefined) return this.#fallback(ask, 'no_host')
    // `{$` is a variable in a playlist, and a quote ends an attribute.
    if (/["{}<>]/.test(request.path)) return this.#fallback(ask, 'path')
    const ways = this.#options.steering.pathways(decision, request, world, random)
    // What a player can make from a declared pathway need not be declared; the first always is.
    const places = ways.filter(({ clone }, i) => i === 0 || clone === undefined).map(({ id, redirect }): Place => ({ id, base: redirect.member.base[request.scheme] ?? '', path: redirect.path }))
    const [first, second, ...others] = places
    if (first === undefined || second === undefined) return this.#fallback(ask, 'one_target')
    const order = [first, second, ...others] as const
    const { upstream } = this.#options
    const rewrite = (text: string) => (protocol === 'hls' ? rewriteHls(text, first, order, HOLES.steering) : rewriteDash(text, first, order, HOLES))
    // All that is written into it; what a target's id stands for may change while its manifest is kept.
    const key = places.map(({ id, base, path }) => `${id} ${base}${path}`).join(' ')
    const finish = (fetched: Fetched | UpstreamReason): Answer => {
      if (typeof fetched === 'string') return this.#fallback(ask, fetched)
      const made = upstream.made(fetched, key, () => templateOf(fetched.text, rewrite))
      if (typeof made === 'string') return this.#fallback(ask, made)
      const steering = steeringUrl(origin, protocol, decision.service, decision.path, places.map(({ id }) => id))
      return manifestAnswer(protocol, fill(made, protocol === 'hls' ? { steering, location: '' } : { steering: escapeXml(steering), location: escapeXml(locationUrl(origin, request)) }))
    }
    const fetched = upstream.get(upstreamUrl(decision, request), (host) => isHostOf(decision.member.target, host, world.snapshot))
    return fetched instanceof Promise ? fetched.then(finish) : finish(fetched)
  }

  /** See `Upstream.sweep`. */
  sweep(): void {
    this.#options.upstream.sweep()
  }

  #fallback({ redirect }: ManifestAsk, reason: FallbackReason): Answer {
    this.#options.onFallback(reason)
    return redirect()
  }
}

function manifestAnswer(protocol: Protocol, text: string): Answer {
  const plain = contentAnswer(200, TYPES[protocol], text)
  return { ...plain, headers: [...plain.headers, ...EXPOSED] }
}

function protocolOf(path: string): Protocol | undefined {
  const { format, object } = classify(path)
  return object === 'master' && (format === 'hls' || format === 'dash') ? format : undefined
}

/** The router's own address of the manifest, as the player asked for it. */
function locationUrl(origin: string, { path, query }: RoutingRequest): string {
  const kept = filterQuery(query, { mode: 'all', names: new Set() })
  return kept === '' ? `${origin}${path}` : `${origin}${path}?${kept}`
}

/** Where the router fetches the manifest itself: without a player's measurements, which would make each viewer's another. */
function upstreamUrl(decision: Redirect, request: RoutingRequest): string {
  const { service } = decision
  if (service.query.cmcd === undefined) return locationOf(decision, request)
  const { mode, names } = service.query
  return locationOf({ ...decision, service: { ...service, query: { mode, names } } }, request)
}

/** A domain with `*.` does not hold what another target names as its own. */
function isHostOf(target: Target, host: string, { targets }: Pick<Snapshot, 'targets'>): boolean {
  return target.hosts.includes(host) || (mayServe(target, host) && !targets.some(({ hosts }) => hosts.includes(host)))
}
