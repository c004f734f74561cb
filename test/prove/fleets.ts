/**
 * Jurisdiction, a million times: random fleets, policies and failures, and never a target that the policy forbids, by the
 * choice, by panic, last resort, bypass or fence, or in the ordered list for apps. What is lawful is worked out here from
 * the raw attributes, for the third time and in other words.
 */
import { decide } from '../../src/routing/decide.ts'
import type { RoutingRequest } from '../../src/routing/decision.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { LoadTally } from '../../src/routing/load.ts'
import { ADMIN_STATES, HEALTH_STATES, KEYS, SELECTORS } from '../../src/routing/model.ts'
import type { Fence, Fixed, ForeignLaw, Jurisdiction, JurisdictionPolicy, Member, Pool, Service, Snapshot, Step, Target } from '../../src/routing/model.ts'
import { order } from '../../src/routing/order.ts'

const NOW = Date.UTC(2026, 2, 1)
const DAY = 86_400_000
const COUNTRIES = ['NL', 'DE', 'US', 'CN'] as const
const LAWS: readonly ForeignLaw[] = ['US-CLOUD-ACT', 'CN-NIL']

/** Numbers from 0 up to 1 (Mulberry32). */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let z = Math.imul(state ^ (state >>> 15), state | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) / 0x100000000
  }
}

class Dice {
  readonly next: () => number

  constructor(seed: number) {
    this.next = chance(seed)
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.next() < 0.5)
  }

  maybe<T>(share: number, make: () => T): T | undefined {
    return this.next() < share ? make() : undefined
  }
}

function policyOf(dice: Dice): JurisdictionPolicy {
  const set = <T>(list: readonly T[]) => dice.maybe(0.25, () => new Set(dice.some(list)))
  return {
    index: 0, id: 'p', operator: set(COUNTRIES), parent: set(COUNTRIES), server: set(COUNTRIES), logs: set(COUNTRIES), foreign: set(LAWS),
    reviewDays: dice.maybe(0.2, () => dice.one([1, 365])), evidence: dice.next() < 0.2,
  }
}

function jurisdictionOf(dice: Dice): Jurisdiction {
  const moment = () => dice.one([NOW - 400 * DAY, NOW - DAY, NOW - 1, NOW, NOW + 1, NOW + 400 * DAY])
  return {
    operator: dice.maybe(0.95, () => dice.one(COUNTRIES)), parent: dice.maybe(0.95, () => dice.one(COUNTRIES)), server: dice.maybe(0.9, () => dice.some(COUNTRIES)),
    logs: dice.maybe(0.9, () => dice.some(COUNTRIES)), foreign: dice.maybe(0.9, () => dice.some(LAWS)), evidenceUntil: dice.maybe(0.8, moment), reviewedAt: dice.maybe(0.8, moment),
  }
}

interface Fleet {
  readonly snapshot: Snapshot
  readonly health: HealthTable
  readonly service: Service
}

function fleetOf(dice: Dice): Fleet {
  const targets = Array.from({ length: 1 + dice.below(6) }, (_, index): Target => ({
    index, id: `t${index}`, kind: 'edge', group: undefined, at: dice.maybe(0.7, () => ({ x: dice.next(), y: dice.next(), z: dice.next() })),
    base: { http: dice.maybe(0.8, () => `http://t${index}`), https: `https://t${index}` }, hosts: [`t${index}`], adminState: dice.one(ADMIN_STATES), jurisdiction: jurisdictionOf(dice), seed: dice.below(1 << 30),
  }))
  const policy = dice.maybe(0.9, () => policyOf(dice))
  const member = (target: Target): Member => ({ target, weight: dice.one([0, 1, 1, 50]), base: target.base })
  const pools: Pool[] = []
  const steps = Array.from({ length: 1 + dice.below(3) }, (_, index): Step => {
    const pool: Pool = { index: pools.length, members: targets.filter(() => dice.next() < 0.7).map(member), policy }
    pools.push(pool)
    const countries = dice.maybe(0.2, () => new Set(dice.some(COUNTRIES)))
    return {
      index, name: `s${index}`, seed: dice.below(1 << 30), when: countries && { countries, continents: undefined, zones: undefined, asns: undefined }, pool, select: dice.one(SELECTORS),
      key: dice.one(KEYS), spread: dice.one([1, 1.5, 20]), loadFactor: dice.maybe(0.3, () => 1.25),
    }
  })
  const fixed = (): Fixed => ({ member: member(dice.one(targets)), path: dice.maybe(0.5, () => '/sorry') })
  const fence = (): Fence => ({ mode: dice.one(['allow', 'deny']), countries: new Set(dice.some(COUNTRIES)), unknown: dice.one(['allow', 'deny']), status: 451, redirect: dice.maybe(0.7, fixed) })
  const service: Service = {
    index: 0, id: 'tv', host: 'tv.example', prefix: undefined, policy, fence: dice.maybe(0.3, fence), steps, bypass: dice.maybe(0.5, fixed), status: 302, query: { mode: 'all', names: new Set() },
    segments: 'redirect', panicThreshold: dice.one([0, 1, 50, 100]), content: [],
  }
  const snapshot: Snapshot = {
    version: { epoch: 1, number: 1, digest: '0'.repeat(64) }, label: '1:00000000', targets, groups: [], policies: policy === undefined ? [] : [policy], services: [service], steered: false, pools,
    ids: new Map([['tv', service]]), hosts: new Map([['tv.example', service]]), prefixes: new Map(), zones: { size: 0, find4: () => undefined, find6: () => undefined, findAsn: () => undefined },
  }
  const health = new HealthTable(snapshot)
  for (const target of targets) {
    health.setState(target, dice.one(HEALTH_STATES))
    health.setShed(target, dice.one([0, 0, 0.5, 1]))
  }
  return { snapshot, health, service }
}

/** In other words than `faults` and `complies`: every demand as a question that must be answered with yes. */
export function lawful(policy: JurisdictionPolicy | undefined, { operator, parent, server, logs, foreign, evidenceUntil, reviewedAt }: Jurisdiction, now: number): boolean {
  if (policy === undefined) return true
  const demands: [unknown, boolean][] = [
    [policy.operator, operator !== undefined && policy.operator?.has(operator) === true],
    [policy.parent, parent !== undefined && policy.parent?.has(parent) === true],
    [policy.server, server !== undefined && server.length > 0 && !server.some((country) => policy.server?.has(country) !== true)],
    [policy.logs, logs !== undefined && !logs.some((country) => policy.logs?.has(country) !== true)],
    [policy.foreign, foreign !== undefined && !foreign.some((law) => policy.foreign?.has(law) !== true)],
    [policy.evidence || undefined, evidenceUntil !== undefined && evidenceUntil > now],
    [policy.reviewDays, reviewedAt !== undefined && reviewedAt + (policy.reviewDays ?? 0) * DAY > now],
  ]
  return demands.every(([demand, met]) => demand === undefined || met)
}

export interface Judged {
  readonly fleets: number
  readonly decisions: number
  /** Targets that viewers were sent to, or would have been next. */
  readonly sent: number
  readonly byOutcome: Readonly<Record<string, number>>
  readonly violations: readonly string[]
}

export function judgeFleets(fleets: number, seed: number): Judged {
  const dice = new Dice(seed)
  const byOutcome: Record<string, number> = {}
  const violations: string[] = []
  let [decisions, sent] = [0, 0]
  for (let i = 0; i < fleets; i++) {
    const { snapshot, health, service } = fleetOf(dice)
    const tally = new LoadTally()
    for (let j = 0; j < 2; j++) {
      const now = dice.one([NOW, NOW, NOW - 1, NOW + 1, NOW + 366 * DAY])
      const request: RoutingRequest = {
        scheme: dice.one(['http', 'https']), host: 'tv.example', path: dice.one(['/a/b.m3u8', '/c/d.mpd']), query: '', now,
        client: { place: { country: dice.one([...COUNTRIES, 'ZZ']), continent: 'EU', at: dice.maybe(0.5, () => ({ x: dice.next(), y: dice.next(), z: dice.next() })) }, zone: undefined, asn: 0 },
      }
      const random = dice.below(0x100000000)
      const decision = decide(request, snapshot, health, random, tally)
      byOutcome[decision.outcome] = (byOutcome[decision.outcome] ?? 0) + 1
      decisions++
      const all = decision.outcome === 'refuse' ? [] : [decision, ...order(decision, request, snapshot, health, random)]
      sent += all.length
      for (const { member, outcome } of all) {
        if (!lawful(service.policy, member.target.jurisdiction, now) && violations.length < 5) violations.push(`fleet ${i} of seed ${seed}: ${member.target.id} by ${outcome}`)
      }
      if (j === 0) for (const target of snapshot.targets) if (dice.next() < 0.5) health.setState(target, 'down')
    }
  }
  return { fleets, decisions, sent, byOutcome, violations }
}
