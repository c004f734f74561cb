import t from 'tap'
import { UNKNOWN_PLACE } from '../../src/geo/countries.ts'
import { Locator } from '../../src/geo/locator.ts'
import type { AsnLookup, GeoLookup } from '../../src/geo/locator.ts'
import { compileAsn, compileGeo } from '../../src/geo/mmdb.ts'
import { buildZones, parsePrefix } from '../../src/geo/zones.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import type { Group, Zone, ZoneTable } from '../../src/routing/model.ts'
import { BUILT_AT, writeMmdb } from './mmdb-writer.ts'

const file = writeMmdb({
  networks: [['192.0.2.0/24', { country_code: 'NL', asn: 64_500 }], ['2001:db8::/32', { country_code: 'BE', asn: 64_501 }]],
  metadata: { database_type: 'Both' },
})
const group: Group = { index: 0, id: 'eu', parent: undefined, at: undefined }
const zone: Zone = { index: 0, id: 'office', prefer: { group }, country: undefined, continent: undefined }
const prefixes = ['192.0.2.128/25', '2001:db8:1::/48'].map(parsePrefix).filter((prefix) => prefix !== undefined)
const zones = buildZones([{ zone, prefixes, asns: [] }])
const none = buildZones([])

function loaded(): Locator {
  const locator = new Locator()
  locator.swap(compileGeo(file), 1234)
  locator.swapAsn(compileAsn(file))
  return locator
}

function fail(): never {
  throw new Error('broken')
}

const broken = { builtAt: 0, databaseType: 'Broken', placesCount: 0, find4: fail, find6: fail }

const cases: [address: string, country: string, zone: string | undefined, asn: number][] = [
  ['192.0.2.1', 'NL', undefined, 64_500],
  ['192.0.2.200', 'NL', 'office', 64_500],
  ['::ffff:192.0.2.200', 'NL', 'office', 64_500],
  ['2001:db8::1', 'BE', undefined, 64_501],
  ['2001:db8:1::1', 'BE', 'office', 64_501],
  ['203.0.113.1', 'ZZ', undefined, 0],
  ['::1', 'ZZ', undefined, 0],
  ['not an address', 'ZZ', undefined, 0],
]
t.test('a client is placed by zone, autonomous system and country', async (t) => {
  const locator = loaded()
  for (const [text, country, zoneId, asn] of cases) {
    const client = locator.locate(ClientAddress.parse(text), zones)
    t.same([client.place.country, client.zone?.id, client.asn], [country, zoneId, asn], text)
  }
  t.equal(locator.failures, 0)
})

t.test('without any database every client is simply not known, but for the operator\'s zones', async (t) => {
  const locator = new Locator()
  const client = locator.locate(ClientAddress.parse('192.0.2.200'), zones)
  t.equal(client.place, UNKNOWN_PLACE)
  t.equal(client.zone, zone)
  t.equal(client.asn, 0)
  t.same([locator.builtAt, locator.databaseType, locator.placesCount, locator.loadedAt], [undefined, undefined, 0, undefined])
})

t.test('what is in use can be asked', async (t) => {
  const locator = loaded()
  t.same([locator.builtAt, locator.databaseType, locator.placesCount, locator.loadedAt], [BUILT_AT, 'Both', 2, 1234])
  t.same([locator.asnBuiltAt, locator.asnDatabaseType], [BUILT_AT, 'Both'])
})

const size = 1
const failures: [what: string, geo: GeoLookup | undefined, asn: AsnLookup | undefined, table: ZoneTable, country: string, zone: string | undefined, asn: number][] = [
  ['country', broken, undefined, zones, 'ZZ', 'office', 64_500],
  ['autonomous system', undefined, broken, zones, 'NL', 'office', 0],
  ['zone', undefined, undefined, { size, find4: fail, find6: fail, findAsn: fail }, 'NL', undefined, 64_500],
]
for (const [what, geo, asn, table, country, zoneId, number] of failures) {
  t.test(`a look-up of the ${what} that throws is counted, and costs nothing else`, async (t) => {
    const locator = loaded()
    if (geo !== undefined) locator.swap(geo, 0)
    if (asn !== undefined) locator.swapAsn(asn)
    for (const text of ['192.0.2.200', '192.0.2.201']) {
      const client = locator.locate(ClientAddress.parse(text), table)
      t.same([client.place.country, client.zone?.id, client.asn], [country, zoneId, number])
    }
    t.equal(locator.failures, 2)
  })
}

t.test('a new database answers from the next look-up on', async (t) => {
  const locator = loaded()
  locator.swap(compileGeo(writeMmdb({ networks: [['192.0.2.0/24', { country_code: 'DE' }]] })), 5678)
  t.equal(locator.locate(ClientAddress.parse('192.0.2.1'), none).place.country, 'DE')
  t.equal(locator.loadedAt, 5678)
})
