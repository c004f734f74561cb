/** Configurations of any size, from numbers alone, so that every run measures the same ones. */
import type { BundleFile } from '../src/policy/bundle.ts'
import type { KeyMode, SelectorName } from '../src/routing/model.ts'

export interface Size {
  /** Each has a host name, two steps and rules for titles. */
  readonly services: number
  /** All in the first step of every service, but for the last one, which is the second step's. */
  readonly targets: number
  /** Of the services' first steps, in turn. */
  readonly selectors: readonly SelectorName[]
  /** Of `nearest` and `rendezvous`. Default: `prefix`. */
  readonly key?: KeyMode
  /** Whether each target has a place of its own. Default: they stand in ten cities in turn. */
  readonly apart?: boolean
}

/** Cities that groups of edges stand in, with degrees north and east. */
export const CITIES = [
  ['ams', 52.37, 4.9], ['fra', 50.11, 8.68], ['par', 48.86, 2.35], ['mad', 40.42, -3.7], ['mil', 45.46, 9.19],
  ['waw', 52.23, 21.01], ['sto', 59.33, 18.07], ['vie', 48.21, 16.37], ['ath', 37.98, 23.73], ['lis', 38.72, -9.14],
] as const

const JURISDICTION =
  '{ operator: { country: NL }, parent: { country: NL }, server: { countries: [NL] }, logs: { mode: none }, foreign: [], evidence: [{ kind: contract, ref: "1", validUntil: 2090-01-01 }] }'

const POLICY = `policy: eu-only
operator: [eu-members]
parent: [eu-members]
server: [eu-members]
logs: [eu-members]
foreign: []
`

export function hostOf(service: number): string {
  return `s${service}.tv.example`
}

/** Names of one length, so that all answers have one length too. */
export function edgeHost(position: number): string {
  return `e${String(position).padStart(4, '0')}.edge.example`
}

export function configuration({ services, targets, selectors, key = 'prefix', apart = false }: Size): BundleFile[] {
  return [
    { path: 'targets/fleet.yaml', text: fleet(targets, apart) },
    { path: 'policies/eu-only.yaml', text: POLICY },
    { path: 'services/all.yaml', text: Array.from({ length: services }, (_, i) => service(i, targets, selectors[i % selectors.length] ?? 'nearest', key)).join('---\n') },
  ]
}

function fleet(targets: number, apart: boolean): string {
  const groups = CITIES.map(([id, latitude, longitude]) => `  - { id: ${id}, in: eu, latitude: ${latitude}, longitude: ${longitude} }\n`)
  const edges = Array.from({ length: targets }, (_, i) => {
    const place = i === targets - 1 ? 'kind: cdn' : apart ? placeOf(i) : `group: ${CITIES[i % CITIES.length]?.[0] ?? ''}`
    return `  - { id: e${i}, ${place}, host: ${edgeHost(i)}, jurisdiction: ${JURISDICTION} }\n`
  })
  return `groups:\n  - id: eu\n${groups.join('')}targets:\n${edges.join('')}`
}

/** Somewhere between Lisbon and Helsinki; no two in one place. */
function placeOf(target: number): string {
  return `group: eu, latitude: ${(36 + (target * 7919) % 997 * 0.024).toFixed(3)}, longitude: ${(-9 + (target * 4729) % 991 * 0.035).toFixed(3)}`
}

/** Titles stay on few edges wherever the selector can do that, which is what costs most. */
function service(position: number, targets: number, select: SelectorName, keyed: KeyMode): string {
  const key = select === 'nearest' || select === 'rendezvous' ? `\n    key: ${keyed}` : ''
  return `service: s${position}
hosts: [${hostOf(position)}]
jurisdiction: eu-only
steps:
  - name: own edges
    targets: { group: eu }
    select: ${select}${key}
  - name: partners
    targets: [e${targets - 1}]
    select: weighted
content:
  - { match: /live/**, id: live }
  - match: /vod/{content}/**
`
}

/** So many IPv4 networks, shared out among the cities' zones. */
export function zonesText(prefixes: number): string {
  const rows = CITIES.map(([id], zone) => {
    const own = Array.from({ length: Math.ceil((prefixes - zone) / CITIES.length) }, (_, i) => i * CITIES.length + zone)
    return `  - { zone: ${id}, group: ${id}, prefixes: [${own.map((i) => `${11 + (i >>> 16)}.${(i >>> 8) & 255}.${i & 255}.0/24`).join(', ')}] }\n`
  })
  return `zones:\n${rows.join('')}`
}
