/** A snapshot small enough to be written down: two services, three targets, one of them with a path in its base. */
import { HealthTable } from '../../src/routing/health-table.ts'
import type { Base, Jurisdiction, Member, Place, Pool, Service, Snapshot, Step, Target } from '../../src/routing/model.ts'

const JURISDICTION: Jurisdiction = {
  operator: 'NL',
  parent: 'NL',
  server: ['NL'],
  logs: [],
  foreign: [],
  evidenceUntil: undefined,
  reviewedAt: undefined,
}

function target(index: number, id: string, kind: 'edge' | 'cdn', base: Base, hosts: readonly string[]): Target {
  return { index, id, kind, group: undefined, at: undefined, base, hosts, adminState: 'auto', jurisdiction: JURISDICTION,
    seed: index * 7919 + 1 }
}

const edge = target(0, 'edge-ams', 'edge', { http: 'http://edge.ams.example', https: 'https://edge.ams.example' }, ['edge.ams.example'])
const cdn = target(1, 'cdn-a', 'cdn', { http: 'http://cdn.a.example:8080/live', https: 'https://cdn.a.example:8443/live' },
  ['cdn.a.example'])
const secure = target(2, 'cdn-s', 'cdn', { http: undefined, https: 'https://cdn.s.example' }, ['cdn.s.example'])

function member(of: Target): Member {
  return { target: of, weight: 1, base: of.base }
}

const pools: readonly Pool[] = [
  { index: 0, members: [member(edge), member(cdn), member(secure)], policy: undefined },
  { index: 1, members: [member(edge)], policy: undefined },
]

function step(index: number, pool: Pool): Step {
  return { index, name: 'all', seed: index + 1, when: undefined, pool, select: 'rendezvous', key: 'path', spread: 1, loadFactor: undefined }
}

const steps: readonly Step[] = pools.map((pool, index) => step(index, pool))

function service(index: number, id: string, prefix: string | undefined): Service {
  return {
    index,
    id,
    host: prefix === undefined ? `${id}.example` : undefined,
    prefix,
    policy: undefined,
    fence: undefined,
    steps: steps.slice(index, index + 1),
    bypass: undefined,
    status: 302,
    query: { mode: 'all', names: new Set() },
    segments: 'refuse',
    panicThreshold: 50,
    content: [],
  }
}

const play = service(0, 'play', undefined)
const demo = service(1, 'demo', '/demo')

export const snapshot: Snapshot = {
  version: { epoch: 1, number: 1, digest: '00000000' },
  label: 'tiny',
  targets: [edge, cdn, secure],
  groups: [],
  policies: [],
  services: [play, demo],
  steered: false,
  pools,
  ids: new Map([['play', play], ['demo', demo]]),
  hosts: new Map([['play.example', play]]),
  prefixes: new Map([['/demo', demo]]),
  zones: { size: 0, find4: () => undefined, find6: () => undefined, findAsn: () => undefined },
}

export const NOWHERE: Place = { country: 'ZZ', continent: 'ZZ', at: undefined }

export function freshHealth(): HealthTable {
  return new HealthTable(snapshot)
}
