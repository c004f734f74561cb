/** The compiled index against the `maxmind` package's own look-ups. Set GEO_ADDRESSES for more than 100,000 of them. */
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { Reader } from 'maxmind'
import t from 'tap'
import { isCountry } from '../../src/geo/countries.ts'
import type { GeoIndex } from '../../src/geo/geo-index.ts'
import { compileGeo } from '../../src/geo/mmdb.ts'
import { formatPrefix, parsePrefix } from '../../src/geo/prefix.ts'
import { text4, text6, xorshift } from './addresses.ts'
import type { Words } from './addresses.ts'
import { writeMmdb } from './mmdb-writer.ts'

interface Flat {
  readonly country_code: string
}

const SHIPPED = new URL('../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb', import.meta.url)
const COUNT = Number(process.env['GEO_ADDRESSES'] ?? 100_000)

function expected(record: unknown): string {
  const { country_code: code = '' } = (record ?? {}) as Partial<Flat>
  return isCountry(code) ? code : 'ZZ'
}

t.test('the shipped country database', async (t) => {
  const file = readFileSync(SHIPPED)
  const reader = new Reader<never>(file)
  const index = compileGeo(file)

  t.test('answers random addresses as the maxmind package does', async (t) => {
    const random = xorshift(20_260_301)
    let wrong = 0
    let known = 0
    for (let i = 0; i < COUNT; i++) {
      const words: Words = i % 2 === 0 ? [random(), 0, 0, 0] : [0x20000000 + (random() % 0x0c000000), random(), random(), random()]
      const found = i % 2 === 0 ? index.find4(words[0]) : index.find6(...words)
      const want = expected(reader.get(i % 2 === 0 ? text4(words[0]) : text6(words)))
      if (found.country !== want) wrong++
      if (found.country !== 'ZZ') known++
    }
    t.equal(wrong, 0)
    t.ok(known > COUNT / 10, 'and not because nothing is known')
  })

  t.test('agrees at the first and the last address of every IPv4 network', async (t) => {
    let networks = 0
    let wrong = 0
    for (let word = 0; word < 2 ** 32; networks++) {
      const [record, length] = reader.getWithPrefixLength(text4(word))
      const size = 2 ** (32 - length)
      const want = expected(record)
      if (index.find4(word).country !== want || index.find4(word + size - 1).country !== want) wrong++
      word += size
    }
    t.equal(wrong, 0)
    t.ok(networks > 100_000, `${networks} networks`)
  })

  t.test('agrees at the first and the last address of every IPv6 network', async (t) => {
    let networks = 0
    let wrong = 0
    // IPv4 is in there too, and was walked above.
    for (let address = 1n << 32n; address < 1n << 128n; networks++) {
      const [record, length] = reader.getWithPrefixLength(text6(split(address)))
      const size = 1n << BigInt(128 - length)
      const want = expected(record)
      if (index.find6(...split(address)).country !== want || index.find6(...split(address + size - 1n)).country !== want) wrong++
      address += size
    }
    t.equal(wrong, 0)
    t.ok(networks > 100_000, `${networks} networks`)
  })
})

t.test('any small database, of every record size and both families, answers as the maxmind package does', async (t) => {
  const word = fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(0xffff, 0x10000, 0x20010db8, 0xfffffffe, 0xffffffff), fc.nat(0xffffffff))
  const words = fc.tuple(word, word, word, word)
  const country = fc.constantFrom('NL', 'DE', 'US', 'XX')
  const networks4 = fc.array(fc.tuple(words, fc.integer({ min: 1, max: 32 }), country), { maxLength: 12 })
  const networks6 = fc.array(fc.tuple(words, fc.integer({ min: 1, max: 128 }), country), { maxLength: 12 })
  const shape = { recordSize: fc.constantFrom(24 as const, 28 as const, 32 as const), ipVersion: fc.constantFrom(4 as const, 6 as const) }
  fc.assert(
    fc.property(networks4, networks6, fc.record(shape), fc.boolean(), fc.array(words), (list4, list6, options, pointers, probes) => {
      const v4 = list4.map(([[w], length, code]) => [prefix4(w, length), record(code)] as const)
      const v6 = options.ipVersion === 4 ? [] : list6.map(([w, length, code]) => [prefix6(w, length), record(code)] as const)
      // One network that is always there, so that the file is not refused for knowing no country.
      const file = writeMmdb({ networks: [['198.51.100.7/32', record('BE')], ...v4, ...v6.filter(([text]) => parsePrefix(text) !== undefined)], pointers, ...options })
      const index = compileGeo(file)
      const reader = new Reader<never>(file)
      const near = [...list4, ...list6].flatMap(([w]) => [w, w.map((value) => (value + 1) >>> 0) as unknown as Words])
      for (const probe of [...probes, ...near]) same(index, reader, probe, options.ipVersion)
    }),
    { numRuns: 300 },
  )
  t.pass('for the networks, their neighbours and others')
})

function same(index: GeoIndex, reader: Reader<never>, words: Words, ipVersion: 4 | 6): void {
  const [w0] = words
  if (index.find4(w0).country !== expected(reader.get(text4(w0)))) throw new Error(`IPv4 ${text4(w0)} differs`)
  // The package looks IPv6 up in an IPv4 tree as if it were IPv4; there nothing is known.
  const want = ipVersion === 4 ? 'ZZ' : expected(reader.get(text6(words)))
  if (index.find6(...words).country !== want) throw new Error(`IPv6 ${text6(words)} differs`)
}

function record(code: string): { country_code: string } {
  return { country_code: code }
}

function prefix4(word: number, length: number): string {
  return formatPrefix({ family: 4, words: [cut(word, length), 0, 0, 0], length })
}

function prefix6(words: Words, length: number): string {
  const [a, b, c, d] = words
  return formatPrefix({ family: 6, words: [cut(a, length), cut(b, length - 32), cut(c, length - 64), cut(d, length - 96)], length })
}

function cut(word: number, length: number): number {
  if (length <= 0) return 0
  return length >= 32 ? word : Math.floor(word / 2 ** (32 - length)) * 2 ** (32 - length)
}

function split(address: bigint): Words {
  const word = (shift: bigint): number => Number((address >> shift) & 0xffffffffn)
  return [word(96n), word(64n), word(32n), word(0n)]
}
