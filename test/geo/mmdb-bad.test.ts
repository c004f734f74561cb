/** Files that must be refused: only ever with a `GeoDatabaseError`, in bounded time. Set GEO_MUTANTS for more than 3,000 mutants. */
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { GeoDatabaseError, compileAsn, compileGeo } from '../../src/geo/mmdb.ts'
import { xorshift } from './addresses.ts'
import { control, encode, pair, pointer, writeMmdb, writeRaw } from './mmdb-writer.ts'
import type { MmdbOptions, Value } from './mmdb-writer.ts'

const NL = { country_code: 'NL' }
const MUTANTS = Number(process.env['GEO_MUTANTS'] ?? 3_000)

function city(options: Partial<MmdbOptions> = {}): Buffer {
  const place = (iso_code: string, latitude: number) => ({
    continent: { code: 'EU', names: { en: 'Europe' } }, country: { iso_code, names: { en: iso_code, de: iso_code } }, location: { latitude, longitude: 5.1 },
  })
  const networks = [['192.0.2.0/24', place('NL', 52.1)], ['198.51.100.0/25', place('DE', 50.1)], ['2001:db8::/32', place('BE', 50.8)]] as const
  return writeMmdb({ networks, pointers: true, ...options })
}

const asn = writeMmdb({ networks: [['192.0.2.0/24', { autonomous_system_number: 64_500 }]], metadata: { database_type: 'GeoLite2-ASN' } })

function meta(metadata: Readonly<Record<string, Value | undefined>>): Buffer {
  return city({ metadata })
}

/** One node, both sides given, over data of one's own. */
function raw(left: number, right: number, data: Buffer = encode(NL), metadata: Readonly<Record<string, Value>> = {}, nodes = pair(left, right, 24)): Buffer {
  return writeRaw(nodes, data, {
    node_count: nodes.length / 6, record_size: 24, ip_version: 6, database_type: 'Test', build_epoch: 0, binary_format_major_version: 2, ...metadata,
  })
}

/** As `raw`, with records of 28 bits, which share a byte. */
function half(left: number, right: number): Buffer {
  return raw(0, 0, encode(NL), { node_count: 1, record_size: 28 }, pair(left, right, 28))
}

/** A record made of these bytes. */
function data(...parts: Buffer[]): Buffer {
  return raw(1, 17, Buffer.concat(parts))
}

function key(text: string): Buffer {
  return encode(text)
}

/** Nodes that hang on each other's left side, one more than an address has bits. */
function chain(length: number): Buffer {
  return Buffer.concat(Array.from({ length }, (_, i) => pair(i + 1 < length ? i + 1 : length + 16, length, 24)))
}

const good = city()
const marker = good.lastIndexOf('MaxMind.com') - 3
const deep = chain(129)

// Each row is a file and what its refusal must say.
const bad: [name: string, file: Buffer, says: RegExp][] = [
  ['an empty file', Buffer.alloc(0), /empty/],
  ['one byte', Buffer.from([0]), /truncated or not an MMDB/],
  ['a web page', Buffer.from('<!doctype html><title>404</title>'), /truncated or not an MMDB/],
  ['zeros', Buffer.alloc(1 << 20), /truncated or not an MMDB/],
  ['a compressed file', gzipSync(good), /gzip; unpack/],
  ['a file cut in half', good.subarray(0, good.length >> 1), /truncated/],
  ['a file without its metadata', good.subarray(0, marker), /truncated/],
  ['a file that ends after the marker', good.subarray(0, marker + 14), /corrupt/],
  ['a file cut within its metadata', good.subarray(0, good.length - 30), /corrupt/],
  ['a file that lost its beginning', good.subarray(100), /truncated|gap|corrupt/],
  ['a file with a hole of zeros where the data was', Buffer.concat([good.subarray(0, marker - 60), Buffer.alloc(60), good.subarray(marker)]), /corrupt|no country/],
  ['metadata that is text', Buffer.concat([good.subarray(0, marker + 14), encode('NL')]), /not a map/],
  ['metadata far from the end', Buffer.concat([good, Buffer.alloc(200_000)]), /truncated/],
  ['format version 3', meta({ binary_format_major_version: 3 }), /version other than 2/],
  ['no format version', meta({ binary_format_major_version: undefined }), /version other than 2/],
  ['record size 20', meta({ record_size: 20 }), /record size/],
  ['record size as something else', meta({ record_size: [24] }), /record size/],
  ['IP version 5', meta({ ip_version: 5 }), /IP version/],
  ['no IP version', meta({ ip_version: undefined }), /IP version/],
  ['no database type', meta({ database_type: undefined }), /database type/],
  ['no build time', meta({ build_epoch: undefined }), /build time/],
  ['a build time beyond the calendar', meta({ build_epoch: 1e15 }), /build time/],
  ['a negative build time', meta({ build_epoch: -1 }), /build time/],
  ['no nodes', meta({ node_count: 0 }), /node count/],
  ['half a node', meta({ node_count: 1.5 }), /node count/],
  ['one node too many', meta({ node_count: Math.ceil(marker / 6) }), /shorter than its/],
  ['a billion nodes', meta({ node_count: 1e9 }), /shorter than its/],
  ['a node too few', meta({ node_count: 100 }), /no gap/],
  ['another record size than the tree has', meta({ record_size: 32 }), /shorter|gap/],
  ['an IPv6 tree said to be IPv4', meta({ ip_version: 4 }), /deeper than 32/],
  ['a loop of one node', raw(0, 17), /loop/],
  ['a loop of two nodes', raw(0, 0, encode(NL), {}, Buffer.concat([pair(1, 18, 24), pair(18, 0, 24)])), /loop/],
  ['a tree deeper than an address', raw(0, 0, encode(NL), {}, deep), /deeper than 128/],
  ['a shared branch that is too deep only by its second way', raw(0, 0, encode(NL), {}, detour()), /deeper than 128/],
  ['a record between tree and data', raw(1, 9), /outside of the data/],
  ['a record beyond the data', raw(1, 0xffff), /outside of the data/],
  ['a left record beyond the data by its 28th bit alone', half(0x8000011, 1), /outside of the data/],
  ['a right record beyond the data by its 28th bit alone', half(1, 0x8000011), /outside of the data/],
  ['a record that starts in the middle of a value', raw(1, 17 + 15), /corrupt/],
  ['text that runs past the end', data(control(7, 1), key('country_code'), control(2, 200)), /past the end/],
  ['text of 16 MB in a small file', data(control(7, 1), key('country_code'), control(2, 16_000_000)), /past the end/],
  ['a map of 16 million entries', data(control(7, 16_000_000)), /past the end/],
  ['an array of 16 million entries', data(control(7, 1), key('x'), control(11, 16_000_000)), /past the end/],
  ['a map key that is a number', data(control(7, 1), encode(7), encode(NL)), /key is not text/],
  ['an unknown type', data(control(7, 1), key('x'), Buffer.from([0, 99])), /impossible type/],
  ['the cache container type', data(control(7, 1), key('x'), control(12, 0)), /impossible type/],
  ['a double of 3 bytes', data(control(7, 1), key('latitude'), control(3, 3), Buffer.alloc(8)), /impossible type or size/],
  ['an integer of 9 bytes', data(control(7, 1), key('latitude'), control(9, 9), Buffer.alloc(9)), /impossible type or size/],
  ['a pointer beyond the data', data(control(7, 1), key('country_code'), pointer(0xffffff)), /outside of its section/],
  ['a pointer to itself', data(pointer(0)), /pointer leads to a pointer/],
  ['a pointer cut off', data(control(7, 1), key('country_code'), Buffer.from([0x38, 0])), /outside of its section/],
  ['maps nested a thousand times', data(control(7, 1), key('x'), ...Array.from({ length: 1000 }, () => Buffer.concat([control(7, 1), key('x')])), encode(1)), /nested/],
  ['records that hold each other', ...bomb()],
  ['an ASN database', asn, /GeoLite2-ASN has no country; give a country or city/],
  ['a database that knows no country', writeMmdb({ networks: [['192.0.2.0/24', { country_code: 'ZZ' }]] }), /no country/],
  ['a database without networks', writeMmdb({ networks: [] }), /no country/],
]

/** The same branch of 120 bits on the left, where it fits, and 20 bits further down on the right, where it does not. */
function detour(): Buffer {
  const short = 20
  const long = 120
  const nodes = 1 + short + long
  const start = 1 + short
  return Buffer.concat(Array.from({ length: nodes }, (_, i) => {
    if (i === 0) return pair(start, 1, 24)
    if (i < start) return pair(i + 1, nodes, 24)
    return pair(i + 1 < nodes ? i + 1 : nodes + 16, nodes, 24)
  }))
}

/** 200 records, each of which holds all that follow it: 0.8 MB that stand for 80 million values. */
function bomb(): [Buffer, RegExp] {
  const count = 200
  const entries = Array.from({ length: count }, () => Buffer.concat([control(7, 1), key('x'), control(11, 0x1000)]))
  const bytes = Buffer.concat([...entries, Buffer.alloc(count * 0x1000, 0x40)])
  const step = entries[0]?.length ?? 1
  const nodes = 2 ** 8 - 1
  const tree = Buffer.concat(Array.from({ length: nodes }, (_, i) => {
    const side = (child: number) => (child < nodes ? child : nodes + 16 + Math.min(child - nodes, count - 1) * step)
    return pair(side(2 * i + 1), side(2 * i + 2), 24)
  }))
  return [raw(0, 0, bytes, {}, tree), /without end/]
}

function outcome(compile: () => unknown): unknown {
  try {
    return compile()
  } catch (error) {
    return error
  }
}

for (const [name, file, says] of bad) {
  t.test(`refused: ${name}`, async (t) => {
    const error = outcome(() => compileGeo(file))
    t.type(error, GeoDatabaseError)
    t.match(error instanceof Error ? error.message : '', says)
    t.equal(error instanceof Error ? error.cause : undefined, undefined, 'because it was checked, not because it crashed')
  })
}

t.test('a country database is refused as an ASN database, and says which kind is wanted', async (t) => {
  t.throws(() => compileAsn(good), new GeoDatabaseError('geo database of type Test has no autonomous system; give an ASN database'))
})

t.test('a file larger than allowed is refused', async (t) => {
  t.throws(() => compileGeo(good, good.length - 1), GeoDatabaseError)
  t.ok(compileGeo(good, good.length))
})

t.test('a view into a larger buffer is read within its own bounds', async (t) => {
  const around = Buffer.concat([Buffer.alloc(33, 0xff), good, Buffer.alloc(33, 0xff)])
  t.equal(compileGeo(around.subarray(33, 33 + good.length)).find4(0xc0000201).country, 'NL')
})

t.test('a truncated file is refused wherever it was cut', async (t) => {
  const wrong = Array.from({ length: good.length }, (_, length) => outcome(() => compileGeo(good.subarray(0, length)))).filter((error) => !(error instanceof GeoDatabaseError))
  t.equal(wrong.length, 0)
})

t.test('no mutant of a good file makes anything but a GeoDatabaseError or an index that answers every address', async (t) => {
  const random = xorshift(41)
  const below = (n: number): number => random() % n
  let refused = 0
  for (let i = 0; i < MUTANTS; i++) {
    const original = [good, asn, city({ recordSize: 28 }), city({ recordSize: 32, pointers: false })][i % 4] ?? good
    const mutant = Buffer.from(original)
    // Half of them where it hurts: in the data and metadata, which are a small part of the file.
    const from = i % 2 === 0 ? 0 : mutant.length - 700
    for (let n = 1 + below(4); n > 0; n--) mutant[from + below(mutant.length - from)] = below(4) === 0 ? 0xff : below(256)
    const file = below(8) === 0 ? Buffer.concat([mutant.subarray(0, below(mutant.length)), mutant.subarray(below(mutant.length))]) : mutant
    const compile = i % 4 === 1 ? compileAsn : compileGeo
    const result = outcome(() => compile(file))
    if (result instanceof GeoDatabaseError) {
      refused++
      if (result.cause !== undefined) t.fail(`mutant ${i} crashed the compiler: ${String(result.cause)}`)
    } else if (result instanceof Error) t.fail(`mutant ${i} gave ${result.name}`)
    else answersAll(result as ReturnType<typeof compile>, random)
  }
  t.ok(refused > MUTANTS / 10 && refused < MUTANTS, `${refused} of ${MUTANTS} refused`)
})

function answersAll(index: { find4(w: number): unknown; find6(a: number, b: number, c: number, d: number): unknown }, random: () => number): void {
  for (const word of [0, 0xffffffff, 0xc0000201, 0xc6336401, random()]) {
    if (index.find4(word) === undefined || index.find6(0x20010db8, word, word, word) === undefined || index.find6(0, 0, 0, word) === undefined) {
      throw new Error('a look-up gave nothing')
    }
  }
}
