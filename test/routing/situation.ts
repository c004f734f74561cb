/**
 * A whole routing situation from a few words: `situation({ targets: { ams: {} }, services: { tv: { steps: [{ targets: ['ams'] }] } } })`.
 *
 * The snapshot is built by hand, not by `policy/`, so that these tests say what a decision does and not what a
 * configuration means. It is frozen down to its sets: a decision that changes it throws.
 */
import { decide } from '../../src/routing/decide.ts'
import type { Decision, RoutingRequest } from '../../src/routing/decision.ts'
import { vector } from '../../src/routing/distance.ts'
import { combine, hashString } from '../../src/routing/hash.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import type {
  AdminState, Condition, Fence, Fixed, Group, HealthState, Jurisdiction, JurisdictionPolicy, KeyMode, Member, Pool, QueryRule, Scheme, SelectorName, Service, Snapshot, Step, Target, Vector, Zone, ZoneTable,
} from '../../src/routing/model.ts'
import type { Observer } from '../../src/routing/observer.ts'

export const NOW = Date.UTC(2026, 2, 1, 20, 30)

/** Degrees north and east. */
export type Degrees = readonly [latitude: number, longitude: number]

export interface TargetSketch {
  readonly at?: Degrees | undefined
  readonly group?: string | undefined
  readonly admin?: AdminState
  readonly state?: HealthState
  readonly shed?: number
  /** Schemes that it serves; both where absent. */
  readonly schemes?: readonly Scheme[]
  /** What differs from a target that is Dutch through and through, without logs, evidence or review. */
  readonly jurisdiction?: Partial<Jurisdiction>
}

export interface PolicySketch {
  readonly operator?: readonly string[] | undefined
  readonly parent?: readonly string[] | undefined
  readonly server?: readonly string[] | undefined
  readonly logs?: readonly string[] | undefined
  readonly foreign?: Jurisdiction['foreign']
  readonly reviewDays?: number | undefined
  readonly evidence?: boolean
}

export interface ZoneSketch {
  readonly group?: string
  readonly target?: string
  readonly country?: string
  readonly continent?: string
  readonly asns?: readonly number[]
}

export interface StepSketch {
  readonly name?: string
  /** Ids with weight 1, or weights by id. */
  readonly targets: readonly string[] | Readonly<Record<string, number>>
  readonly select?: SelectorName
  readonly key?: KeyMode
  readonly spread?: number
  readonly factor?: number | undefined
  readonly when?: {
    readonly countries?: readonly string[] | undefined
    readonly continents?: readonly string[] | undefined
    readonly zones?: readonly string[] | undefined
    readonly asns?: readonly number[] | undefined
  } | undefined
}

export interface FixedSketch {
  readonly target: string
  readonly path?: string
}

export interface FenceSketch {
  readonly mode: 'allow' | 'deny'
  readonly countries: readonly string[]
  /** What happens to an unknown country: denied where absent. */
  readonly unknown?: 'allow' | 'deny'
  readonly status?: 403 | 404 | 451
  readonly redirect?: FixedSketch | undefined
}

export interface ServiceSketch {
  readonly hosts?: readonly string[]
  readonly prefix?: string
  readonly policy?: string | undefined
  readonly fence?: FenceSketch | undefined
  readonly steps: readonly StepSketch[]
  readonly bypass?: FixedSketch | undefined
  readonly status?: 302 | 307
  readonly query?: QueryRule
  readonly segments?: 'redirect' | 'refuse'
  readonly panic?: number
}

export interface Sketch {
  readonly targets: Readonly<Record<string, TargetSketch>>
  readonly groups?: Readonly<Record<string, { readonly at?: Degrees; readonly parent?: string }>>
  readonly policies?: Readonly<Record<string, PolicySketch>>
  readonly zones?: Readonly<Record<string, ZoneSketch>>
  readonly services: Readonly<Record<string, ServiceSketch>>
}

/** What a client asks; whatever is absent is a plain request from nowhere in particular to the first service. */
export interface Ask {
  readonly scheme?: Scheme
  readonly host?: string
  readonly path?: string
  readonly query?: string
  readonly country?: string
  readonly continent?: string
  readonly at?: Degrees | undefined
  readonly zone?: string | undefined
  readonly asn?: number
  readonly now?: number
  readonly exclude?: readonly string[]
}

export interface Situation {
  readonly snapshot: Snapshot
  readonly health: HealthTable
  /** A health table as the sketch has it, with nothing remembered. */
  freshHealth(): HealthTable
  target(id: string): Target
  request(ask?: Ask): RoutingRequest
  decide(ask?: Ask, random?: number, observer?: Observer): Decision
}

/** A decision in a few words: `redirect ams`, `refuse no_target 503`. */
export function told(decision: Decision): string {
  return decision.outcome === 'refuse' ? `refuse ${decision.reason} ${decision.status}` : `${decision.outcome} ${decision.member.target.id}`
}

/** The chosen target's id; empty for a refusal. */
export function chosen(decision: Decision): string {
  return decision.outcome === 'refuse' ? '' : decision.member.target.id
}

/** Draws of this many viewers, spread evenly over the 32 bits and in no order. */
export function viewers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => combine(i, 0x51ed270b))
}

export function situation(sketch: Sketch): Situation {
  const groups = new Map<string, Group>()
  for (const [id, { at, parent }] of Object.entries(sketch.groups ?? {})) {
    groups.set(id, { index: groups.size, id, parent: parent === undefined ? undefined : need(groups, parent), at: place(at) })
  }
  const targets = new Map<string, Target>()
  for (const [id, written] of Object.entries(sketch.targets)) targets.set(id, targetOf(id, targets.size, written, groups))
  const policies = new Map<string, JurisdictionPolicy>()
  for (const [id, written] of Object.entries(sketch.policies ?? {})) policies.set(id, policyOf(id, policies.size, written))
  const zones = new Map<string, Zone>()
  const asns = new Map<number, Zone>()
  for (const [id, { group, target, country, continent, asns: numbers = [] }] of Object.entries(sketch.zones ?? {})) {
    const prefer = group === undefined ? { target: need(targets, target ?? '') } : { group: need(groups, group) }
    const zone: Zone = { index: zones.size, id, prefer, country, continent }
    zones.set(id, zone)
    for (const asn of numbers) asns.set(asn, zone)
  }
  const pools = new Map<string, Pool>()
  const steps: Step[] = []
  const services = Object.entries(sketch.services).map(([id, written], index) => serviceOf(id, hostsOf(sketch, id)[0], index, written, { targets, policies, pools, steps }))

  const snapshot: Snapshot = freeze({
    version: { epoch: 1, number: 1, digest: '0'.repeat(64) },
    label: 'sketch',
    targets: [...targets.values()],
    groups: [...groups.values()],
    policies: [...policies.values()],
    services,
    steered: services.some(({ delivery }) => delivery === 'steered'),
    pools: [...pools.values()],
    ids: new Map(services.map((service) => [service.id, service])),
    hosts: new Map(services.flatMap((service) => hostsOf(sketch, service.id).map((host) => [host, service] as const))),
    prefixes: new Map(services.flatMap((service) => (service.prefix === undefined ? [] : [[service.prefix, service] as const]))),
    zones: zoneTable(asns),
  })

  function freshHealth(): HealthTable {
    const table = new HealthTable(snapshot)
    for (const target of snapshot.targets) {
      const { state, shed } = sketch.targets[target.id] ?? {}
      if (state !== undefined) table.setState(target, state)
      if (shed !== undefined) table.setShed(target, shed)
    }
    return table
  }

  const health = freshHealth()
  const firstHost = [...snapshot.hosts][0]?.[0] ?? 'nobody.example'
  function request(ask: Ask = {}): RoutingRequest {
    const { scheme = 'https', host = firstHost, path = '/live/main.m3u8', query = '', country = 'NL', continent = 'EU', now = NOW } = ask
    const client = { place: { country, continent, at: place(ask.at) }, zone: ask.zone === undefined ? undefined : need(zones, ask.zone), asn: ask.asn ?? 0 }
    const plain = { scheme, host, path, query, client, now }
    return ask.exclude === undefined ? plain : { ...plain, exclude: new Set(ask.exclude.map((id) => need(targets, id))) }
  }
  return {
    snapshot,
    health,
    freshHealth,
    target: (id) => need(targets, id),
    request,
    decide: (ask, random = 0x12345678, observer) => decide(request(ask), snapshot, health, random, observer),
  }
}

const AT_HOME: Jurisdiction = {
  operator: 'NL', parent: 'NL', server: ['NL'], logs: [], foreign: [], evidenceUntil: undefined, reviewedAt: undefined,
}

function targetOf(id: string, index: number, written: TargetSketch, groups: ReadonlyMap<string, Group>): Target {
  const { at, group, admin = 'auto', schemes = ['http', 'https'], jurisdiction } = written
  const home = group === undefined ? undefined : need(groups, group)
  const base = (scheme: Scheme) => (schemes.includes(scheme) ? `${scheme}://${id}.example` : undefined)
  return {
    index, id, kind: 'edge', group: home, at: place(at) ?? home?.at, base: { http: base('http'), https: base('https') }, hosts: [`${id}.example`],
    adminState: admin, jurisdiction: { ...AT_HOME, ...jurisdiction }, seed: hashString(id),
  }
}

function policyOf(id: string, index: number, { operator, parent, server, logs, foreign, reviewDays, evidence = false }: PolicySketch): JurisdictionPolicy {
  return { index, id, operator: set(operator), parent: set(parent), server: set(server), logs: set(logs), foreign: set(foreign), reviewDays, evidence }
}

interface Parts {
  readonly targets: ReadonlyMap<string, Target>
  readonly policies: ReadonlyMap<string, JurisdictionPolicy>
  readonly pools: Map<string, Pool>
  readonly steps: Step[]
}

function serviceOf(id: string, host: string | undefined, index: number, written: ServiceSketch, parts: Parts): Service {
  const policy = written.policy === undefined ? undefined : need(parts.policies, written.policy)
  const steps = written.steps.map((step, position) => stepOf(id, `${step.name ?? position}`, step, policy, parts))
  const fixed = ({ target, path }: FixedSketch): Fixed => ({ member: memberOf(need(parts.targets, target), 1), path })
  const { fence, bypass } = written
  return {
    index, id, host, prefix: written.prefix, policy, steps,
    fence: fence && fenceOf(fence, fixed),
    bypass: bypass && fixed(bypass),
    status: written.status ?? 302,
    query: written.query ?? { mode: 'all', names: new Set() },
    segments: written.segments ?? 'redirect',
    panicThreshold: written.panic ?? 50,
    content: [],
  }
}

function fenceOf(written: FenceSketch, fixed: (sketch: FixedSketch) => Fixed): Fence {
  const { mode, countries, unknown = 'deny', status = 451, redirect } = written
  return { mode, countries: new Set(countries), unknown, status, redirect: redirect && fixed(redirect) }
}

function stepOf(service: string, name: string, written: StepSketch, policy: JurisdictionPolicy | undefined, { targets, pools, steps }: Parts): Step {
  const { targets: named, select = 'weighted', key = 'none', spread = 1.5, factor, when } = written
  const weights: [string, number][] = Array.isArray(named) ? named.map((id: string) => [id, 1]) : Object.entries(named)
  const spelled = JSON.stringify([policy?.id, weights])
  let pool = pools.get(spelled)
  if (pool === undefined) {
    pool = { index: pools.size, members: weights.map(([id, weight]) => memberOf(need(targets, id), weight)), policy }
    pools.set(spelled, pool)
  }
  const step: Step = {
    index: steps.length, name, seed: hashString(`${service} ${name}`), when: when && conditionOf(when), pool, select, key, spread, loadFactor: factor,
  }
  steps.push(step)
  if (factor !== undefined) Object.assign(pool, { loadFactor: Math.min(factor, pool.loadFactor ?? Infinity) })
  return step
}

function conditionOf({ countries, continents, zones, asns }: NonNullable<StepSketch['when']>): Condition {
  return { countries: set(countries), continents: set(continents), zones: set(zones), asns: set(asns) }
}

function memberOf(target: Target, weight: number): Member {
  return { target, weight, base: target.base }
}

function hostsOf({ services }: Sketch, id: string): readonly string[] {
  const { hosts, prefix } = services[id] ?? {}
  return hosts ?? (prefix === undefined ? [`${id}.example`] : [])
}

function zoneTable(asns: ReadonlyMap<number, Zone>): ZoneTable {
  return { size: asns.size, find4: () => undefined, find6: () => undefined, findAsn: (asn) => asns.get(asn) }
}

function place(at: Degrees | undefined): Vector | undefined {
  return at === undefined ? undefined : vector(...at)
}

function set<T>(values: readonly T[] | undefined): ReadonlySet<T> | undefined {
  return values && new Set(values)
}

function need<T>(known: ReadonlyMap<string, T>, id: string): T {
  const found = known.get(id)
  if (found === undefined) throw new Error(`the sketch names "${id}", which it does not have`)
  return found
}

function refuse(): never {
  throw new TypeError('the snapshot is frozen')
}

/** Freezes all that can be reached. Sets and maps keep their content in spite of `Object.freeze`, so they lose what changes them. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (value instanceof Map || value instanceof Set) {
    for (const item of [...value.entries()].flat()) freeze(item)
    Object.assign(value, value instanceof Map ? { set: refuse } : { add: refuse }, { delete: refuse, clear: refuse })
  }
  Object.freeze(value)
  for (const item of Object.values(value)) freeze(item)
  return value
}
