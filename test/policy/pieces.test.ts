import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { countryPlace } from '../../src/geo/countries.ts'
import { buildSnapshot } from '../../src/policy/build.ts'
import { Assembly, parcelsOf, piecesOf } from '../../src/policy/pieces.ts'
import { decide } from '../../src/routing/decide.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import type { Snapshot } from '../../src/routing/model.ts'
import { readBundle } from '../../src/state/directory.ts'
import { NOW, SERVICE, ZONES, build } from './base.ts'
import { situation, told, viewers } from '../routing/situation.ts'

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('something that the test stands on is not there')
  return value
}

/** As it arrives: pieces are copied together, as a message between threads is. */
function sent(snapshot: Snapshot): { readonly arrived: Snapshot } {
  const assembly = new Assembly()
  const arrived = [...parcelsOf(snapshot)].flatMap((pieces) => structuredClone(pieces).map((piece) => assembly.add(piece))).at(-1)
  return { arrived: need(arrived) }
}

/** With lists and maps in the place of bytes: all services are read. */
function plain(snapshot: Snapshot): Snapshot {
  const { services, ids, hosts, prefixes } = snapshot
  return { ...snapshot, services: [...services], ids: new Map(ids), hosts: new Map(hosts), prefixes: new Map(prefixes) }
}

async function shipped(): Promise<Snapshot> {
  const bundle = await readBundle(`${import.meta.dirname}/../../config`)
  return need(buildSnapshot(bundle, { version: { epoch: 1, number: 7, digest: 'ab'.repeat(32) }, now: NOW, continentOf: (country) => countryPlace(country)?.continent }).snapshot)
}

const MANY = Array.from({ length: 600 }, (_, i) => SERVICE.replace('service: tv', `service: s${i}`).replace('play.tv.example', `s${i}.example, www.s${i}.example`).replace('jurisdiction', `prefix: /s${i}\nfence: { allow: [eea-members] }\njurisdiction`)).join('---\n')
const FENCED = `${SERVICE}fence: { allow: [NL, DE], redirect: "https://fra.edge.example/sorry.html" }\nbypass: https://ams.edge.example\nquery: { drop: [token] }\ncontent: [{ match: "/live/**", id: live }]\n`
const ROWS = [
  ['the small configuration', () => need(build().snapshot)],
  ['a service with everything', () => need(build({ 'services/tv.yaml': FENCED, 'zones/all.yaml': `${ZONES}  - { zone: provider, asns: [64500, 64499], target: edge-fra, country: DE }\n` }).snapshot)],
  ['a steered service', () => need(build({ 'services/tv.yaml': `${SERVICE}delivery: steered\n` }).snapshot)],
  ['many services', () => need(build({ 'services/tv.yaml': MANY }).snapshot)],
  ['the configuration that comes with the router', shipped],
] as const

for (const [name, make] of ROWS) {
  t.test(`${name} arrives as it was sent`, async (t) => {
    const snapshot = await make()
    const { arrived } = sent(snapshot)
    t.ok(isDeepStrictEqual(plain(arrived), plain(snapshot)))
  })

  t.test(`${name}: what one object was is one object, and decisions are the same`, async (t) => {
    const snapshot = await make()
    const { arrived } = sent(snapshot)
    t.ok(arrived.pools.every(({ members, policy }) => members.every(({ target }) => arrived.targets[target.index] === target) && (policy === undefined || arrived.policies.includes(policy))))
    const services = [...arrived.services]
    t.ok(services.every(({ steps }) => steps.every((step) => arrived.pools[step.pool.index] === step.pool)))
    t.ok(services.every((service, i) => arrived.services.at(i) === service && service.index === i), 'read once')
    t.ok([arrived.ids, arrived.hosts, arrived.prefixes].every((owners) => [...owners].every(([name, service]) => arrived.services.at(service.index) === service && owners.get(name) === service)))
    t.ok(arrived.targets.every(({ group }) => group === undefined || arrived.groups[group.index] === group))
    const tables = [new HealthTable(snapshot), new HealthTable(arrived)] as const
    const words = [0xc0000201, 0x08080808]
    for (const [host, { prefix }] of [...snapshot.hosts].slice(0, 20)) {
      for (const random of viewers(20)) {
        const answers = ([snapshot, arrived] as const).map((of, i) => {
          const client = { place: need(countryPlace(random % 2 === 0 ? 'DE' : 'US')), zone: of.zones.find4(words[random % 2] ?? 0), asn: 64500 }
          return told(decide({ scheme: 'https', host: random % 3 === 0 ? host : '', path: `${random % 3 === 0 ? '' : prefix ?? ''}/live/${random}.m3u8`, query: '', client, now: NOW }, of, need(tables[i]), random))
        })
        t.equal(answers[1], answers[0])
      }
    }
  })
}

t.test('however large it is, no piece is', async (t) => {
  const fleet = `groups: [{ id: eu }]\ntargets:\n${Array.from({ length: 3000 }, (_, i) => `  - { id: e${i}, group: eu, host: e${i}.edge.example }\n`).join('')}`
  const large = need(build({ 'targets/all.yaml': fleet, 'zones/all.yaml': undefined, 'services/tv.yaml': SERVICE.replace('jurisdiction: eu-only\n', '') }).snapshot)
  t.ok(isDeepStrictEqual(plain(sent(large).arrived), plain(large)), 'a pool of three thousand')
  const parcels = [...parcelsOf(need(build({ 'services/tv.yaml': MANY }).snapshot)), ...parcelsOf(large)]
  t.ok(parcels.length > 10, `${parcels.length} parcels`)
  for (const pieces of parcels) {
    const items = pieces.flatMap((piece) => ('items' in piece ? piece.items : []))
    t.ok(JSON.stringify(items, (_key, value: unknown) => (value instanceof Set ? [...value] : value)).length < 100_000)
    t.ok(pieces.filter((piece) => 'bytes' in piece).length <= 4, 'a few hundred services at a time')
  }
})

t.test('a small configuration goes in two messages, and pieces in their order', async (t) => {
  for (const [name, make] of ROWS) {
    const snapshot = await make()
    const parcels = [...parcelsOf(snapshot)]
    t.same(parcels.flat().map(({ list }) => list), [...piecesOf(snapshot)].map(({ list }) => list), name)
    t.ok(parcels.every((parcel) => parcel.length > 0))
    if (snapshot.services.length < 10) t.equal(parcels.length, 2, name)
  }
})

t.test('threads get the same memory, and targets of one operator one jurisdiction', async (t) => {
  const snapshot = need(build({ 'services/tv.yaml': MANY }).snapshot)
  const memory = () => [...piecesOf(snapshot)].flatMap((piece) => ('bytes' in piece ? [piece.bytes.buffer, piece.ends.buffer] : 'names' in piece ? [piece.names.slots.buffer] : []))
  const [one, other] = [memory(), memory()]
  t.ok(one.length > 10 && one.length === other.length && one.every((buffer, i) => buffer === other[i]))
  const jurisdictions = ({ targets }: Snapshot) => new Set(targets.map(({ jurisdiction }) => jurisdiction)).size
  t.ok(jurisdictions(snapshot) < snapshot.targets.length)
  t.equal(jurisdictions(sent(snapshot).arrived), jurisdictions(snapshot))
})

t.test('a piece that comes too early is refused', async (t) => {
  const pieces = [...piecesOf(need(build().snapshot))]
  const targets = pieces.find(({ list }) => list === 'targets')
  t.throws(() => new Assembly().add(structuredClone(need(targets))), { name: 'RangeError' })
})

t.test('a snapshot with a table of another kind cannot be sent', async (t) => {
  t.throws(() => [...piecesOf(situation({ targets: {}, services: {} }).snapshot)], { name: 'TypeError' })
})
