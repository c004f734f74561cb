/** What two snapshots say differently, and what they do differently with the same traffic. */
import type { Bundle } from '../policy/bundle.ts'
import { decide } from '../routing/decide.ts'
import type { Client, RoutingRequest } from '../routing/decision.ts'
import { HealthTable } from '../routing/health-table.ts'
import { wayTo } from '../routing/match.ts'
import type { Service, Snapshot } from '../routing/model.ts'
import type { Sample } from './traffic.ts'
import { placeOf, zoneEntries } from './traffic.ts'

export const CHANGES = ['added', 'removed', 'changed'] as const

export interface Change {
  readonly kind: 'service' | 'step' | 'target' | 'zone' | 'policy'
  readonly id: string
  readonly change: (typeof CHANGES)[number]
}

/** By meaning, not by text: a comment or another order of keys is no change. */
export function compareSnapshots(before: Snapshot | undefined, after: Snapshot): Change[] {
  const parts = (snapshot: Snapshot | undefined): [Change['kind'], Map<string, string>][] => [
    ['target', described(snapshot?.targets ?? [], ({ id }) => id)],
    ['policy', described(snapshot?.policies ?? [], ({ id }) => id)],
    ['service', new Map(Array.from(snapshot?.services ?? [], (service) => [service.id, canonical({ ...service, host: undefined, steps: service.steps.map(({ name }) => name), hosts: hostsOf(snapshot, service) })]))],
    ['step', new Map([...(snapshot?.services ?? [])].flatMap(({ id, steps }) => steps.map((step) => [`${id} / ${step.name}`, canonical(step)] as const)))],
  ]
  const then = parts(before)
  return parts(after).flatMap(([kind, now], i) => compare(kind, then[i]?.[1] ?? new Map(), now))
}

/** Zones are compiled into a table that cannot be listed, so they are compared as they are written. */
export function compareZones(before: Bundle | undefined, after: Bundle): Change[] {
  return compare('zone', writtenZones(before), writtenZones(after))
}

export interface Moved {
  readonly service: string
  /** Requests of the traffic. */
  readonly total: number
  /** Of these, those that go elsewhere. */
  readonly moved: number
  /** `from`, `to`: a target's id, or `refused: reason`, or `no such service`. Most first. */
  readonly ways: readonly { readonly from: string; readonly to: string; readonly count: number }[]
}

/** Every target counts as healthy in both: what differs is the configuration. Services in the order of their moved shares. */
export function compareRouting(before: Snapshot | undefined, after: Snapshot, traffic: readonly Sample[], now: number): Moved[] {
  const [one, other] = [before === undefined ? undefined : new Side(before, now), new Side(after, now)]
  const services = new Map<string, { total: number; moved: number; ways: Map<string, { from: string; to: string; count: number }> }>()
  for (const sample of traffic) {
    const counts = services.get(sample.service) ?? { total: 0, moved: 0, ways: new Map<string, { from: string; to: string; count: number }>() }
    services.set(sample.service, counts)
    counts.total += sample.weight
    const [from, to] = [one?.route(sample) ?? NO_SERVICE, other.route(sample)]
    if (from === to) continue
    counts.moved += sample.weight
    const way = counts.ways.get(`${from}\n${to}`) ?? { from, to, count: 0 }
    way.count += sample.weight
    counts.ways.set(`${from}\n${to}`, way)
  }
  return [...services]
    .map(([service, { total, moved, ways }]) => ({ service, total, moved, ways: [...ways.values()].sort((a, b) => b.count - a.count) }))
    .sort((a, b) => b.moved / b.total - a.moved / a.total)
}

const NO_SERVICE = 'no such service'

class Side {
  readonly #snapshot: Snapshot
  readonly #health: HealthTable
  readonly #now: number

  constructor(snapshot: Snapshot, now: number) {
    this.#snapshot = snapshot
    this.#health = new HealthTable(snapshot)
    this.#now = now
  }

  route({ service: id, path, country, random, network, asn }: Sample): string {
    const service = this.#snapshot.ids.get(id)
    if (service === undefined) return NO_SERVICE
    const { host, prefix } = wayTo(service)
    const { zones } = this.#snapshot
    const zone = network === undefined ? undefined : network.family === 4 ? zones.find4(network.words[0]) : zones.find6(...network.words)
    const client: Client = { place: placeOf(country), zone, asn }
    const request: RoutingRequest = { scheme: 'https', host, path: prefix + path, query: '', client, now: this.#now }
    const decision = decide(request, this.#snapshot, this.#health, random)
    return decision.outcome === 'refuse' ? `refused: ${decision.reason}` : decision.member.target.id
  }
}

function compare(kind: Change['kind'], then: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): Change[] {
  const ids = [...new Set([...then.keys(), ...now.keys()])].sort()
  return ids.flatMap((id): Change[] => {
    const [one, other] = [then.get(id), now.get(id)]
    if (one === other) return []
    return [{ kind, id, change: one === undefined ? 'added' : other === undefined ? 'removed' : 'changed' }]
  })
}

function described<T>(items: readonly T[], idOf: (item: T) => string): Map<string, string> {
  return new Map(items.map((item) => [idOf(item), canonical(item)]))
}

function writtenZones(bundle: Bundle | undefined): Map<string, string> {
  return new Map(zoneEntries(bundle === undefined ? [] : [bundle]).map((entry) => [String(Reflect.get(entry, 'zone')), JSON.stringify(entry)]))
}

function hostsOf(snapshot: Snapshot | undefined, service: Service): string[] {
  return [...(snapshot?.hosts ?? [])].flatMap(([host, { id }]) => (id === service.id ? [host] : [])).sort()
}

/** A text that two values share exactly when they mean the same: targets, groups and policies inside by id, positions left out. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (key === 'index' || key === 'seed') return undefined
    if (item instanceof Set) return [...(item as ReadonlySet<unknown>)].sort()
    if (key === 'target' || key === 'group' || key === 'policy' || key === 'parent') return typeof item === 'object' && item !== null && 'id' in item ? item.id : item
    return item
  }) ?? ''
}
