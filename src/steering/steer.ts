/**
 * The steering endpoint: mid-stream, the same `decide` as at the start. It answers 200 from memory whatever is asked and
 * whatever is broken, because real players ask a hundred times a second after some errors, and never again after others.
 */
import type { Answer } from '../http/message.ts'
import { decide } from '../routing/decide.ts'
import type { Redirect, RoutingRequest } from '../routing/decision.ts'
import { HealthTable } from '../routing/health-table.ts'
import { wayTo } from '../routing/match.ts'
import type { Member, Service, Snapshot, Target } from '../routing/model.ts'
import { order } from '../routing/order.ts'
import { DEFAULT_TTL, MAX_TTL, neutralManifest, steeringAnswer, steeringManifest, steeringTtl } from './answer.ts'
import { readDeclared, readSteeringPath } from './path.ts'
import type { Protocol } from './path.ts'
import { MAX_PATHWAYS, knownPathways, pathways } from './pathways.ts'
import type { Declared, Pathway } from './pathways.ts'
import { readSteeringQuery } from './query.ts'
import type { SteeringQuery } from './query.ts'

export const STEERING_RESULTS = ['ordered', 'refused', 'unknown_service'] as const
export type SteeringResult = (typeof STEERING_RESULTS)[number]
/** Whether the viewer reports the first of its order: `other` are those who left it on their own, or were just moved. */
export const FOLLOWING = ['first', 'other', 'unknown'] as const
export type Following = (typeof FOLLOWING)[number]

/** One steering answer, and what may be counted of it. */
export interface Steered {
  readonly answer: Answer
  readonly protocol: Protocol
  readonly result: SteeringResult
  readonly following: Following
}

export interface SteeringOptions {
  /** Answers a second above which viewers are asked to come less often. Default 5,000. */
  readonly comfortable?: number
  /** A service's own TTL in seconds; default 20. */
  ttl?(service: Service): number | undefined
}

interface Seen {
  readonly snapshot: Snapshot
  readonly health: HealthTable
}

/** Refused and unknown viewers come back to see whether that has changed. */
const NEUTRAL_TTL = 60

export class Steering {
  readonly #comfortable: number
  readonly #ttl: (service: Service) => number | undefined
  /** Every target of the snapshot up and nobody's command in force. Made when it is first asked for. */
  readonly #calm = new WeakMap<Snapshot, HealthTable>()
  /** The second that is being counted, and the answers in it and in the one before. */
  #second = 0
  #count = 0
  #before = 0

  constructor({ comfortable = 5000, ttl = () => undefined }: SteeringOptions = {}) {
    this.#comfortable = comfortable
    this.#ttl = ttl
  }

  /**
   * @param request as the viewer asked, located
   * @param random the viewer's draw
   * @returns undefined where the path is not the endpoint's
   */
  answer(request: RoutingRequest, seen: Seen, random: number): Steered | undefined {
    const path = readSteeringPath(request.path)
    if (path === undefined) return undefined
    const pressure = this.#pressure(request.now)
    const { protocol } = path
    const service = seen.snapshot.ids.get(path.service)
    if (service === undefined) return { answer: neutral(random, pressure), protocol, result: 'unknown_service', following: 'unknown' }

    const { host, prefix } = wayTo(service)
    const asked: RoutingRequest = { ...request, host, path: prefix + path.rest, query: '' }
    const decision = decide(asked, seen.snapshot, seen.health, random)
    const ways = decision.outcome === 'refuse' ? [] : this.#knownTo(declaredBy(service, request.query), decision, asked, seen, random)
    if (ways.length === 0) return { answer: neutral(random, pressure), protocol, result: 'refused', following: 'unknown' }

    const reported = readSteeringQuery(request.query)
    const ttl = steeringTtl(this.#ttl(service) ?? DEFAULT_TTL, random, pressure)
    const manifest = steeringManifest(ways, ttl, (id) => reported.pathways.some((pathway) => pathway.id === id))
    return { answer: steeringAnswer(manifest), protocol, result: 'ordered', following: following(reported, ways) }
  }

  /** The answer of a router that has no snapshot yet: a complete one all the same. Undefined where the path is not the endpoint's. */
  answerUnready(path: string, random: number, now: number): Steered | undefined {
    const asked = readSteeringPath(path)
    return asked && { answer: neutral(random, this.#pressure(now)), protocol: asked.protocol, result: 'refused', following: 'unknown' }
  }

  /** The targets that the viewer may be sent to, best first, at most eight, under the ids that manifests and answers share. */
  pathways(decision: Redirect, request: RoutingRequest, { snapshot, health }: Seen, random: number): Pathway[] {
    const now = order(decision, request, snapshot, health, random)
    return pathways(now, fits(decision.service) ? undefined : this.#declared(request, snapshot, random), request.scheme)
  }

  /** The same for a viewer whose manifest declared some of them. */
  #knownTo(declared: readonly Declared[] | undefined, decision: Redirect, request: RoutingRequest, seen: Seen, random: number): Pathway[] {
    if (declared === undefined) return this.pathways(decision, request, seen, random)
    return knownPathways(order(decision, request, seen.snapshot, seen.health, random), declared, request.scheme)
  }

  #declared(request: RoutingRequest, snapshot: Snapshot, random: number): Redirect[] {
    const calm = this.#calmOf(snapshot)
    return order(decide(request, snapshot, calm, random), request, snapshot, calm, random, MAX_PATHWAYS)
  }

  #calmOf(snapshot: Snapshot): HealthTable {
    let calm = this.#calm.get(snapshot)
    if (calm === undefined) this.#calm.set(snapshot, (calm = calmOf(snapshot, new HealthTable(snapshot))))
    return calm
  }

  #pressure(now: number): number {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#before = second === this.#second + 1 ? this.#count : 0
      this.#second = second
      this.#count = 0
    }
    this.#count++
    return Math.max(1, Math.max(this.#count, this.#before) / this.#comfortable)
  }
}

/** What the viewer's manifest declared, as far as the service still has it. */
function declaredBy(service: Service, query: string): Declared[] | undefined {
  const ids = readDeclared(query)
  if (ids === undefined) return undefined
  // Of several, the first: a step's own address of a target comes before the fallback's.
  const members = new Map<string, Member>()
  for (const member of membersOf(service)) {
    if (ids.has(member.target.id) && !members.has(member.target.id)) members.set(member.target.id, member)
    if (members.size === ids.size) break
  }
  return [...members.values()].map((member) => ({ member }))
}

/** Whom a service can send anybody to. */
function* membersOf({ steps, bypass }: Service): Iterable<Member> {
  for (const { pool } of steps) yield* pool.members
  if (bypass !== undefined) yield bypass.member
}

/** Whether a manifest can declare all of a service's targets. */
function fits(service: Service): boolean {
  const targets = new Set<Target>()
  for (const { target } of membersOf(service)) if (targets.add(target).size > MAX_PATHWAYS) return false
  return true
}

function calmOf({ targets }: Snapshot, table: HealthTable): HealthTable {
  for (const target of targets) table.setAdmin(target, 'auto')
  return table
}

function neutral(random: number, pressure: number): Answer {
  return steeringAnswer(neutralManifest(Math.min(MAX_TTL, steeringTtl(NEUTRAL_TTL, random, pressure))))
}

/** The last that a player reports is the one that it came to last. */
function following({ pathways: reported }: SteeringQuery, [first]: readonly Pathway[]): Following {
  const latest = reported.at(-1)
  if (latest === undefined) return 'unknown'
  return latest.id === first?.id ? 'first' : 'other'
}
