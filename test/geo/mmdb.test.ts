import * as fc from 'fast-check'
import t from 'tap'
import { UNKNOWN_PLACE, countryPlace } from '../../src/geo/countries.ts'
import { AsnIndex, GeoIndex } from '../../src/geo/geo-index.ts'
import { compileAsn, compileGeo } from '../../src/geo/mmdb.ts'
import { kilometres, vector } from '../../src/routing/distance.ts'
import { find } from './addresses.ts'
import { BUILT_AT, Raw, control, encode, pair, pointer, writeMmdb, writeRaw } from './mmdb-writer.ts'
import type { Value } from './mmdb-writer.ts'

const NETWORK = '192.0.2.0/24'
const INSIDE = '192.0.2.77'

function placeOf(record: Value): ReturnType<GeoIndex['find4']> {
  return find(compileGeo(writeMmdb({ networks: [[NETWORK, record], ['198.51.100.0/24', { country_code: 'BE' }]] })), INSIDE)
}

const utrecht: [latitude: number, longitude: number] = [52.09, 5.12]
const [north, east] = utrecht

// Each row is a record, the country and continent it means, and its coordinates where it has some of its own.
const records: [name: string, record: Value, country: string, continent: string, at?: readonly [number, number]][] = [
  ['flat country', { country_code: 'NL' }, 'NL', 'EU'],
  ['flat country in lower case', { country_code: 'nl' }, 'NL', 'EU'],
  ['flat city', { country_code: 'NL', city: 'Utrecht', latitude: north, longitude: east }, 'NL', 'EU', utrecht],
  ['flat city with numbers as text', { country_code: 'NL', latitude: '52.09', longitude: '+5.12' }, 'NL', 'EU', utrecht],
  ['flat city in the south-west', { country_code: 'BR', latitude: -23.55, longitude: -46.63 }, 'BR', 'SA', [-23.55, -46.63]],
  ['coordinates as whole numbers', { country_code: 'NL', latitude: 52, longitude: 5 }, 'NL', 'EU', [52, 5]],
  ['coordinates as floats', { country_code: 'NL', latitude: new Raw(4, 8, 0x42, 0x50, 0, 0), longitude: 5 }, 'NL', 'EU', [52, 5]],
  ['a negative whole number', { country_code: 'NL', latitude: new Raw(4, 1, 0xff, 0xff, 0xff, 0xff), longitude: 5 }, 'NL', 'EU', [-1, 5]],
  ['country as plain text with its continent', { country: 'TR', continent: 'EU' }, 'TR', 'EU'],
  ['flat continent code', { country_code: 'TR', continent_code: 'EU' }, 'TR', 'EU'],
  ['MaxMind country', { country: { iso_code: 'NL', names: { en: 'The Netherlands' } }, continent: { code: 'EU' } }, 'NL', 'EU'],
  ['MaxMind city', { country: { iso_code: 'NL' }, continent: { code: 'EU' }, location: { latitude: north, longitude: east } }, 'NL', 'EU', utrecht],
  ['MaxMind, only registered', { registered_country: { iso_code: 'NL' } }, 'NL', 'EU'],
  ['MaxMind, own before registered', { registered_country: { iso_code: 'US' }, country: { iso_code: 'NL' } }, 'NL', 'EU'],
  ['MaxMind, own one is not a country', { registered_country: { iso_code: 'US' }, country: { iso_code: 'ZZ' } }, 'US', 'NA'],
  ['a continent that does not exist', { country_code: 'NL', continent_code: 'XX' }, 'NL', 'EU'],
  ['latitude beyond the pole', { country_code: 'NL', latitude: 90.5, longitude: 5 }, 'NL', 'EU'],
  ['longitude beyond the date line', { country_code: 'NL', latitude: 52, longitude: 181 }, 'NL', 'EU'],
  ['half a coordinate', { country_code: 'NL', latitude: 52 }, 'NL', 'EU'],
  ['coordinates that are words', { country_code: 'NL', latitude: 'north', longitude: '' }, 'NL', 'EU'],
  ['coordinates that are not a number', { country_code: 'NL', latitude: Number.NaN, longitude: Number.POSITIVE_INFINITY }, 'NL', 'EU'],
  ['zero, zero', { country_code: 'NL', latitude: 0, longitude: 0 }, 'NL', 'EU'],
  ['no country', { city: 'Utrecht', latitude: north, longitude: east }, 'ZZ', 'ZZ'],
  ['a group, not a country', { country_code: 'EU' }, 'ZZ', 'ZZ'],
  ['a country code that is a number', { country_code: 31 }, 'ZZ', 'ZZ'],
  ['an empty country code', { country_code: '' }, 'ZZ', 'ZZ'],
  ['a record that is text', 'NL', 'ZZ', 'ZZ'],
]
for (const [name, record, country, continent, at] of records) {
  t.test(`record: ${name}`, async (t) => {
    const place = placeOf(record)
    t.equal(place.country, country)
    t.equal(place.continent, continent)
    if (country === 'ZZ') t.equal(place, UNKNOWN_PLACE)
    else if (at === undefined) t.same(place.at, countryPlace(country)?.at)
    else t.ok(place.at !== undefined && kilometres(place.at, vector(...at)) < 0.01, 'is within 10 m')
  })
}

t.test('a country without coordinates is the country\'s one place object', async (t) => {
  t.equal(placeOf({ country_code: 'NL' }), countryPlace('NL'))
})

t.test('addresses of equal records share one frozen place, wherever the records are', async (t) => {
  const city = { country_code: 'NL', latitude: north, longitude: east }
  const index = compileGeo(writeMmdb({ networks: [[NETWORK, { ...city, city: 'a' }], ['2001:db8::/32', { ...city, city: 'b' }]] }))
  const place = find(index, INSIDE)
  t.ok(Object.isFrozen(place) && Object.isFrozen(place.at))
  t.equal(find(index, '2001:db8::1'), place)
  t.equal(index.placesCount, 1)
})

t.test('addresses in no network are nowhere, and IPv6 is nowhere in an IPv4 database', async (t) => {
  const v4 = compileGeo(writeMmdb({ networks: [['0.0.0.0/1', { country_code: 'NL' }]], ipVersion: 4 }))
  t.equal(find(v4, '1.2.3.4').country, 'NL')
  t.equal(find(v4, '128.0.0.1'), UNKNOWN_PLACE)
  t.equal(find(v4, '1::1'), UNKNOWN_PLACE)
  const v6 = compileGeo(writeMmdb({ networks: [['2001:db8::/32', { country_code: 'NL' }]] }))
  t.equal(find(v6, '1.2.3.4'), UNKNOWN_PLACE)
})

t.test('an IPv4 tree that is found in several places of the IPv6 tree is accepted, as MaxMind builds it', async (t) => {
  const aliases = ['0'.repeat(80) + '1'.repeat(16), '0010000000000001' + '0'.repeat(16), '0010000000000010']
  const index = compileGeo(writeMmdb({ networks: [[NETWORK, { country_code: 'NL' }]], aliases }))
  for (const address of [INSIDE, '2002:c000:2ff::', '2001:0:c000:201::1']) t.equal(find(index, address).country, 'NL', address)
  t.equal(index.find6(0, 0, 0xffff, 0xc0000201).country, 'NL')
})

t.test('the age and type of a database are known, and a type can not smuggle anything into a log line', async (t) => {
  const index = compileGeo(writeMmdb({ networks: [[NETWORK, { country_code: 'NL' }]], metadata: { database_type: 'City\n{"x"}' + 'y'.repeat(99) } }))
  t.equal(index.builtAt, BUILT_AT)
  t.equal(index.databaseType, `City???x??${'y'.repeat(54)}`)
})

t.test('an index that went to another thread answers alike from the same memory', async (t) => {
  const networks = [[NETWORK, { country_code: 'NL', asn: 64_500 }], ['2001:db8::/32', { country_code: 'BE', asn: 64_501 }]] as const
  const file = writeMmdb({ networks })
  const geo = compileGeo(file)
  const clone = structuredClone(geo.share())
  t.ok([...Object.values(clone.trie), ...Object.values(clone.places)].every((array) => array.buffer instanceof SharedArrayBuffer))
  const { coordinates } = geo.share().places
  coordinates[0] = 1
  t.equal(clone.places.coordinates[0], 1, 'what one writes the other reads')
  const asn = compileAsn(file)
  const both = { geo: GeoIndex.from(clone), asn: AsnIndex.from(structuredClone(asn.share())) }
  for (const address of [INSIDE, '2001:db8::1', '203.0.113.1']) {
    t.same(find(both.geo, address), find(geo, address))
    t.equal(find(both.asn, address), find(asn, address))
  }
})

const systems: [name: string, record: Value, asn: number][] = [
  ['MaxMind', { autonomous_system_number: 64_500, autonomous_system_organization: 'Example' }, 64_500],
  ['flat', { asn: 64_500 }, 64_500],
  ['as text', { asn: '64500' }, 64_500],
  ['as text with its letters', { asn: 'AS64500' }, 64_500],
  ['of 32 bits', { asn: 4_294_967_295 }, 4_294_967_295],
  ['too large', { asn: '4294967296' }, 0],
  ['not a number', { asn: 'example' }, 0],
  ['absent', { organization: 'Example' }, 0],
]
for (const [name, record, asn] of systems) {
  t.test(`autonomous system: ${name}`, async (t) => {
    const index = compileAsn(writeMmdb({ networks: [[NETWORK, record], ['198.51.100.0/24', { asn: 1 }]] }))
    t.equal(find(index, INSIDE), asn)
    t.equal(find(index, '203.0.113.1'), 0)
  })
}

t.test('a value is found behind a pointer of any length', async (t) => {
  // Two letters at each offset, far enough apart that only one form of pointer reaches each of the last three.
  const places: [offset: number, bytes: 2 | 3 | 4 | 5, country: string][] = [[40, 2, 'NL'], [3000, 3, 'BE'], [300_000, 3, 'DE'], [600_000, 4, 'FR'], [700_000, 5, 'IT']]
  for (const [offset, bytes, country] of places) {
    const data = Buffer.alloc(700_010)
    Buffer.concat([control(7, 1), encode('country_code'), pointer(offset, bytes)]).copy(data)
    encode(country).copy(data, offset)
    const metadata = { node_count: 1, record_size: 24, ip_version: 4, database_type: 'Test', build_epoch: 0, binary_format_major_version: 2 }
    t.equal(compileGeo(writeRaw(pair(17, 1, 24), data, metadata)).find4(0).country, country)
  }
})

t.test('one file may serve as both kinds', async (t) => {
  const file = writeMmdb({ networks: [[NETWORK, { country_code: 'NL', asn: 64_500 }]] })
  t.equal(find(compileGeo(file), INSIDE).country, 'NL')
  t.equal(find(compileAsn(file), INSIDE), 64_500)
})

t.test('look-ups accept any words without throwing', async (t) => {
  const index = compileGeo(writeMmdb({ networks: [[NETWORK, { country_code: 'NL' }]] }))
  const word = fc.oneof(fc.nat(0xffffffff), fc.double(), fc.integer())
  fc.assert(fc.property(word, word, word, word, (a, b, c, d) => index.find4(a).country.length === 2 && index.find6(a, b, c, d).country.length === 2))
  t.pass('also not for words that are none')
})
