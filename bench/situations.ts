/** `nearest` where it has more to do: titles that everybody watches, the operator's zones, viewers without a key, targets that shed. */
import type { Locator } from '../src/geo/locator.ts'
import type { RoutingRequest } from '../src/routing/decision.ts'
import { HealthTable } from '../src/routing/health-table.ts'
import type { KeyMode, Snapshot, Zone } from '../src/routing/model.ts'
import { hostOf } from './configuration.ts'
import { cell, deciding, requestsOf, snapshotOf, TARGETS } from './deciding.ts'
import type { DecideOptions } from './deciding.ts'
import { table, time } from './measure.ts'
import type { Measurable } from './measure.ts'

interface Situation {
  readonly name: string
  readonly key: KeyMode
  /** Whether each viewer is in a zone, whose targets stand in one of the ten cities. */
  readonly zoned?: boolean
  /** Share of viewers that each target turns away; then no two are in one place. */
  readonly shed?: number
}

const SITUATIONS: readonly Situation[] = [
  { name: '500 titles, each watched from everywhere', key: 'prefix' },
  { name: '… in zones that prefer one of ten cities', key: 'prefix', zoned: true },
  { name: 'without a key', key: 'none' },
  { name: '… in zones', key: 'none', zoned: true },
  { name: 'titles; each target in a place of its own turns half of its viewers away', key: 'prefix', shed: 0.5 },
  { name: '… nine of ten', key: 'prefix', shed: 0.9 },
]

export function bySituation(locator: Locator, options: DecideOptions): string {
  const works = TARGETS.flatMap((targets) => SITUATIONS.map((situation): Measurable => {
    const { name, key, zoned = false, shed = 0 } = situation
    const snapshot = snapshotOf({ services: 1, targets, selectors: ['nearest'], key, apart: shed > 0 })
    const health = new HealthTable(snapshot)
    for (const target of snapshot.targets) health.setShed(target, shed)
    const requests = requestsOf(snapshot, locator, () => hostOf(0)).map(shared)
    return { name: `${name} ${targets}`, ...deciding(snapshot, zoned ? inZones(requests, snapshot) : requests, health) }
  }))
  const times = time(works, options)
  const rows = SITUATIONS.map(({ name }) => [name, ...TARGETS.map((targets) => cell(times, `${name} ${targets}`))])
  return ['## `decide` where it has more to do, ns\n', '`nearest`, one service, by number of targets.\n', table(['', ...TARGETS.map((targets) => `${targets.toLocaleString('en')} targets`)], rows)].join('\n')
}

/** In the title's folder, not in one of the viewer's own. */
function shared(request: RoutingRequest): RoutingRequest {
  return { ...request, path: request.path.replace(/\/\d{6}\//, '/') }
}

function inZones(requests: readonly RoutingRequest[], { groups }: Snapshot): RoutingRequest[] {
  const zones = groups.filter(({ parent }) => parent !== undefined).map((group, index): Zone => ({ index, id: group.id, prefer: { group }, country: undefined, continent: undefined }))
  return requests.map((request, i) => ({ ...request, client: { ...request.client, zone: zones[i % zones.length] } }))
}
