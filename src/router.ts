/**
 * One request, six hops: request → client → place → decision → answer, and the record after it.
 * Synchronous from the first to the last, on one frozen snapshot; all input and output is given to it.
 */
import type { Locator } from './geo/locator.ts'
import { optionsAnswer, redirectAnswer, refusalAnswer, rejectionAnswer } from './http/answers.ts'
import { isNamed } from './http/message.ts'
import type { Answer, WireRequest } from './http/message.ts'
import type { HttpRejectionName } from './http/rejection.ts'
import { readRequest } from './http/request.ts'
import type { RequestConfig, ResolvedRequest } from './http/request.ts'
import { resolveAnswer } from './http/resolve.ts'
import type { ClientAddress } from './privacy/address.ts'
import { draw } from './privacy/draw.ts'
import type { DrawKey } from './privacy/draw.ts'
import type { UserAgent } from './privacy/user-agent.ts'
import { decide } from './routing/decide.ts'
import type { Decision, Redirect, RoutingRequest } from './routing/decision.ts'
import type { HealthTable } from './routing/health-table.ts'
import type { LoadTally } from './routing/load.ts'
import { queryOf } from './routing/location.ts'
import type { SteeredManifests } from './steering/manifests.ts'
import { steeringUrl } from './steering/path.ts'
import { Steering } from './steering/steer.ts'
import type { Steered } from './steering/steer.ts'
import { classify } from './routing/path.ts'
import type { Service, Snapshot } from './routing/model.ts'

/** What one request sees: swapped whole, so that no request mixes two worlds. */
export interface World {
  readonly snapshot: Snapshot
  readonly health: HealthTable
  readonly tally: LoadTally
}

/** What is kept of a request once it is answered. */
export interface Decided {
  readonly decision: Decision
  readonly request: RoutingRequest
  readonly snapshot: Snapshot
  /** As sent; differs from the decision's where the answer was JSON. */
  readonly status: number
  readonly userAgent: UserAgent | undefined
  readonly seconds: number
}

/** What the side counters see of a request, and nothing else does: never joined with `Decided`, which holds no address. */
export interface Seen {
  readonly service: Service
  readonly address: ClientAddress | undefined
  /** 0 where not known. */
  readonly asn: number
  readonly userAgent: string | undefined
  readonly referer: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface RouterOptions {
  readonly locator: Locator
  readonly config: RequestConfig
  /** `undefined` until there is a first snapshot. */
  world(): World | undefined
  drawKey(): DrawKey
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds on a clock that never jumps, for durations. */
  monotonic(): number
  onDecided(decided: Decided): void
  /** For the side counters, where they are on: called for each decision of a known service. @param snapshot that it was decided by, which may have been swapped out while the answer was made */
  onViewer?(seen: Seen, snapshot: Snapshot): void
  onRejected(reason: HttpRejectionName): void
  /** For the sealed archive, where there is one: the only thing that is given the request itself. */
  onRaw?(resolved: ResolvedRequest, wire: WireRequest, decision: Decision, snapshot: Snapshot, status: number, now: number): void
  /** Default: with TTLs as the services say. */
  readonly steering?: Steering
  /** Undefined: every manifest is redirected to, whatever the service says. */
  readonly manifests?: SteeredManifests
  onSteered?(steered: Steered, seconds: number): void
}

export class Router {
  readonly #options: RouterOptions
  readonly #steering: Steering
  /** One decision in this many also counts towards the bound on targets' loads; the shares are the same, the cost is not. */
  static readonly TALLIED = 4
  #decisions = 0

  constructor(options: RouterOptions) {
    this.#options = options
    this.#steering = options.steering ?? new Steering({ ttl: (service) => service.steeringTtl })
  }

  /** A promise only where a steered manifest has to be fetched first. */
  respond(wire: WireRequest): Answer | Promise<Answer> {
    const started = this.#options.monotonic()
    const resolved = readRequest(wire, this.#options.config)
    if (resolved.rejected !== undefined) {
      this.#options.onRejected(resolved.rejected)
      return rejectionAnswer(resolved.rejected)
    }
    if (resolved.method === 'OPTIONS') return optionsAnswer()

    const world = this.#options.world()
    if (world === undefined) return this.#unready(resolved)
    const { snapshot, health } = world
    const request = this.#locate(resolved, snapshot)
    const random = draw(resolved.address, this.#options.drawKey())
    const steered = this.#steering.answer(request, world, random)
    if (steered !== undefined) {
      this.#options.onSteered?.(steered, this.#since(started))
      return steered.answer
    }
    const tally = this.#decisions++ % Router.TALLIED === 0 ? world.tally : undefined
    const decision = decide(request, snapshot, health, random, tally)
    const answer = this.#render(decision, request, resolved, world, random)
    if (!(answer instanceof Promise)) {
      this.#record(decision, request, resolved, snapshot, wire, answer, started)
      return answer
    }
    return answer.then((made) => {
      this.#record(decision, request, resolved, snapshot, wire, made, started)
      return made
    })
  }

  #record(decision: Decision, request: RoutingRequest, resolved: ResolvedRequest, snapshot: Snapshot, wire: WireRequest, { status }: Answer, started: number): void {
    const { onDecided, onViewer, onRaw } = this.#options
    const { userAgent, address } = resolved
    onDecided({ decision, request, snapshot, status, userAgent, seconds: this.#since(started) })
    if (onViewer !== undefined && decision.service !== undefined) {
      onViewer({ service: decision.service, address, asn: request.client.asn, userAgent: userAgent?.text, referer: refererIn(wire.headers), now: request.now }, snapshot)
    }
    onRaw?.(resolved, wire, decision, snapshot, status, request.now)
  }

  /** Seconds. */
  #since(started: number): number {
    return (this.#options.monotonic() - started) / 1000
  }

  /** Without a snapshot there is nobody to send a viewer to; a player in mid-stream is told to stay where it is. */
  #unready({ path, address }: ResolvedRequest): Answer {
    return this.#steering.answerUnready(path, draw(address, this.#options.drawKey()), this.#options.now())?.answer ?? refusalAnswer(503, 'no_target')
  }

  /** The decision's input for a request, as `explain` needs it too. */
  #locate(resolved: ResolvedRequest, snapshot: Snapshot): RoutingRequest {
    const { scheme, host, path, query, address } = resolved
    return { scheme, host, path, query, client: this.#options.locator.locate(address, snapshot.zones), now: this.#options.now() }
  }

  #render(decision: Decision, request: RoutingRequest, resolved: ResolvedRequest, world: World, random: number): Answer | Promise<Answer> {
    if (decision.outcome === 'refuse') return refusalAnswer(decision.status, decision.reason)
    const { manifests } = this.#options
    if (resolved.wants === 'json') {
      const ways = this.#steering.pathways(decision, request, world, random)
      const [first, ...others] = ways.map(({ redirect }) => redirect)
      const protocol = classify(decision.path).format === 'dash' ? 'dash' : 'hls'
      const ids = ways.map(({ id }) => id)
      const origin = originOf(request, resolved)
      const url = origin === undefined ? undefined : steeringUrl(origin, protocol, decision.service, decision.path, ids)
      if (first !== undefined) return resolveAnswer([first, ...others], request, { url, pathways: ids })
    }
    if (decision.service.delivery !== 'steered' || manifests === undefined) return this.#redirect(decision, request)
    return manifests.answer({ decision, request, world, random, origin: originOf(request, resolved), redirect: () => this.#redirect(decision, request) })
  }

  #redirect(decision: Redirect, request: RoutingRequest): Answer {
    return redirectAnswer(decision.member.base[request.scheme] ?? '', decision.path, queryOf(decision, request), decision.status)
  }

  /** The same hops without an answer or a record; `undefined` where the request would be rejected before a decision. */
  prepare(wire: WireRequest, world: World): { request: RoutingRequest; random: number } | HttpRejectionName {
    const resolved = readRequest(wire, this.#options.config)
    if (resolved.rejected !== undefined) return resolved.rejected
    return { request: this.#locate(resolved, world.snapshot), random: draw(resolved.address, this.#options.drawKey()) }
  }
}

/** As the player reached the router; undefined where it does not say, as HTTP/1.0 allows: there is no address to steer it by. */
function originOf({ scheme }: RoutingRequest, { authority }: ResolvedRequest): string | undefined {
  return authority === '' ? undefined : `${scheme}://${authority.toLowerCase()}`
}

/** Looked for only where it is counted, so that nobody else pays for it. */
function refererIn(headers: readonly string[]): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (name.length === 7 && isNamed(name, 'referer')) return headers[i + 1]
  }
  return undefined
}
