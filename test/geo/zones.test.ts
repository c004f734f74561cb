import * as fc from 'fast-check'
import t from 'tap'
import { formatPrefix } from '../../src/geo/prefix.ts'
import { buildZones, overlaps, parsePrefix } from '../../src/geo/zones.ts'
import type { Prefix, ZoneRow } from '../../src/geo/zones.ts'
import type { Group, Zone } from '../../src/routing/model.ts'
import { find, text6 } from './addresses.ts'
import type { Words } from './addresses.ts'
import { binary } from './mmdb-writer.ts'

const group: Group = { index: 0, id: 'eu', parent: undefined, at: undefined }

function zone(index: number): Zone {
  return { index, id: `zone-${index}`, prefer: { group }, country: undefined, continent: undefined }
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(`${text} is not a prefix`)
  return parsed
}

function row(index: number, prefixes: readonly string[], asns: readonly number[] = []): ZoneRow {
  return { zone: zone(index), prefixes: prefixes.map(prefix), asns }
}

const texts: [text: string, means: string | undefined][] = [
  ['192.0.2.0/24', '192.0.2.0/24'], ['0.0.0.0/0', '0.0.0.0/0'], ['255.255.255.255/32', '255.255.255.255/32'], ['128.0.0.0/1', '128.0.0.0/1'],
  ['2001:db8::/32', '2001:db8::/32'], ['::/0', '::/0'], ['2001:DB8:0:0:0:0:0:0/32', '2001:db8::/32'], ['::1/128', '::1/128'],
  ['2001:db8:0:1:0:0:0:1/128', '2001:db8:0:1::1/128'], ['2001:0:0:1:0:0:0:0/64', '2001:0:0:1::/64'], ['fe80::/10', 'fe80::/10'],
  ['64:ff9b:1::/48', '64:ff9b:1::/48'], ['1:2:3:4:5:6:7:8/128', '1:2:3:4:5:6:7:8/128'],
  ['192.0.2.1/24', undefined], ['2001:db8::1/32', undefined], ['128.0.0.0/0', undefined], ['2001:db8::/127', '2001:db8::/127'],
  ['192.0.2.0', undefined], ['192.0.2.0/', undefined], ['192.0.2.0/33', undefined], ['2001:db8::/129', undefined], ['192.0.2.0/-1', undefined],
  ['192.0.2.0/08', undefined], ['192.0.2.0/024', undefined], ['192.0.02.0/24', undefined], ['192.0.2/24', undefined], ['192.0.2.0/24 ', undefined],
  [' 192.0.2.0/24', undefined], ['192.0.2.0/24/24', undefined], ['192.0.2.0:80/24', undefined], ['[2001:db8::]/32', undefined],
  ['fe80::%eth0/64', undefined], ['192.0.2.0/255.255.255.0', undefined], ['256.0.0.0/8', undefined], ['2001:db8:::/32', undefined],
  ['::ffff:192.0.2.0/120', undefined], ['::ffff:c000:200/120', undefined], ['64:ff9b::192.0.2.0/120', undefined], ['', undefined], ['/0', undefined],
  ['AS64500', undefined], ['192.0.2.0/2e1', undefined], ['١٩٢.0.2.0/24', undefined],
]
t.test('a prefix is read strictly, and written in one form', async (t) => {
  for (const [text, means] of texts) {
    const parsed = parsePrefix(text)
    t.equal(parsed && formatPrefix(parsed), means, `"${text}"`)
  }
})

t.test('every prefix survives being written and read', async (t) => {
  const word = fc.oneof(fc.constant(0), fc.constant(1), fc.nat(0xffffffff))
  const words = fc.tuple(word, word, word, word)
  fc.assert(fc.property(words, (words) => {
    const text = `${text6(words)}/128`
    const parsed = parsePrefix(text)
    if (parsed === undefined) return text.startsWith('0:0:0:0:0:ffff:') || text.startsWith('64:ff9b:0:0:0:0:')
    const again = parsePrefix(formatPrefix(parsed))
    return JSON.stringify(again) === JSON.stringify(parsed) && formatPrefix(parsed).length <= text.length
  }), { numRuns: 1000 })
  t.pass('in its shortest form')
})

const nested = [
  row(0, ['10.0.0.0/8', '2001:db8::/32']),
  row(1, ['10.1.0.0/16', '2001:db8:1::/48', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128']),
  row(2, ['10.1.2.0/24', '10.1.255.0/24', '255.255.255.255/32', 'ffff:ffff::/32']),
  row(3, ['0.0.0.0/32', '::/128']),
]
const lookups: [address: string, zone: number | undefined][] = [
  ['10.0.0.0', 0], ['10.0.255.255', 0], ['10.1.0.0', 1], ['10.1.2.3', 2], ['10.1.3.0', 1], ['10.1.254.255', 1], ['10.1.255.255', 2],
  ['10.2.0.0', 0], ['10.255.255.255', 0], ['11.0.0.0', undefined], ['9.255.255.255', undefined], ['255.255.255.255', 2],
  ['255.255.255.254', undefined], ['0.0.0.0', 3], ['0.0.0.1', undefined], ['2001:db8::', 0], ['2001:db8:1::', 1],
  ['2001:db8:1:ffff:ffff:ffff:ffff:ffff', 1], ['2001:db8:2::', 0], ['2001:db8:ffff:ffff:ffff:ffff:ffff:fffe', 0],
  ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 1], ['2001:db9::', undefined], ['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', undefined],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 2], ['::', 3], ['::1', undefined],
]
t.test('the longest prefix wins, to the last address', async (t) => {
  const table = buildZones(nested)
  for (const [address, expected] of lookups) t.equal(find(table, address)?.index, expected, address)
  t.equal(table.size, 11)
})

t.test('a table without rows finds nothing', async (t) => {
  const table = buildZones([])
  t.equal(table.size, 0)
  for (const address of ['0.0.0.0', '255.255.255.255', '::', '2001:db8::1']) t.equal(find(table, address), undefined)
  t.equal(table.findAsn(0), undefined)
})

t.test('an autonomous system belongs to the first zone that names it', async (t) => {
  const table = buildZones([row(0, [], [64_500]), row(1, [], [64_500, 64_501])])
  t.equal(table.findAsn(64_500)?.index, 0)
  t.equal(table.findAsn(64_501)?.index, 1)
  t.equal(table.findAsn(64_502), undefined)
})

// Words that crowd around the same few values, so that prefixes nest, touch and repeat.
const crowded = fc.oneof(fc.constantFrom(0, 1, 0xffffffff, 0xfffffffe, 0x80000000, 0x7fffffff, 0x20010db8), fc.nat(7), fc.nat(0xffffffff))
const quad = fc.tuple(crowded, crowded, crowded, crowded)
const anyPrefix = fc.tuple(fc.constantFrom(4 as const, 6 as const), quad, fc.nat(128)).map(([family, words, bits]): Prefix => {
  const length = family === 4 ? bits % 33 : bits
  const kept = words.map((word, i) => cut(word, length - 32 * i)) as unknown as Words
  return { family, words: family === 4 ? [kept[0], 0, 0, 0] : kept, length }
})

t.test('any table answers as a search through all of its rows would', async (t) => {
  const rows = fc.array(fc.array(anyPrefix, { maxLength: 6 }), { maxLength: 8 })
  fc.assert(fc.property(rows, fc.array(quad, { maxLength: 20 }), (lists, probes) => {
    const input = lists.map((prefixes, index): ZoneRow => ({ zone: zone(index), prefixes, asns: [] }))
    const table = buildZones(input)
    const edges = lists.flat().flatMap(({ words, length }) => [words, last(words, length), next(last(words, length))])
    return [...probes, ...edges].every((words) =>
      table.find4(words[0])?.id === naive(input, 4, words) && table.find6(...words)?.id === naive(input, 6, words))
  }), { numRuns: 1000 })
  t.pass('at and beside every edge')
})

t.test('a table that is large enough for an index answers as a search through all of its rows would', async (t) => {
  const prefixes = fc.array(anyPrefix, { minLength: 300, maxLength: 400 })
  fc.assert(fc.property(prefixes, fc.array(quad, { minLength: 20, maxLength: 20 }), (list, probes) => {
    const input = list.map((one, index): ZoneRow => ({ zone: zone(index), prefixes: [one], asns: [] }))
    const table = buildZones(input)
    const edges = list.slice(0, 40).flatMap(({ words, length }) => [words, last(words, length), next(last(words, length))])
    return [...probes, ...edges].every((words) =>
      table.find4(words[0])?.id === naive(input, 4, words) && table.find6(...words)?.id === naive(input, 6, words))
  }), { numRuns: 50 })
  t.pass('at and beside every edge')
})

t.test('what two zones claim is found, and what one zone repeats is not', async (t) => {
  const rows = [
    row(0, ['10.0.0.0/8', '2001:db8::/32', '10.0.0.0/8'], [64_500, 64_500]),
    row(1, ['10.0.0.0/9', '2001:db8:0:0::/32'], [64_501]),
    row(2, ['10.0.0.0/8'], [64_500]),
  ]
  t.same(overlaps(rows), [
    { prefix: '10.0.0.0/8', zones: ['zone-0', 'zone-2'] },
    { prefix: '2001:db8::/32', zones: ['zone-0', 'zone-1'] },
    { prefix: 'AS64500', zones: ['zone-0', 'zone-2'] },
  ])
  t.same(overlaps([]), [])
})

/** Bits as text, compared one row after the other. */
function naive(rows: readonly ZoneRow[], family: 4 | 6, words: Words): string | undefined {
  const bits = binary({ family, words, length: family === 4 ? 32 : 128 })
  let best: { length: number; id: string } | undefined
  for (const { zone, prefixes } of rows) {
    for (const prefix of prefixes) {
      if (prefix.family !== family || !bits.startsWith(binary(prefix))) continue
      if (best === undefined || prefix.length > best.length) best = { length: prefix.length, id: zone.id }
    }
  }
  return best?.id
}

function cut(word: number, length: number): number {
  if (length <= 0) return 0
  return length >= 32 ? word : Math.floor(word / 2 ** (32 - length)) * 2 ** (32 - length)
}

/** The last address of a network. */
function last(words: Words, length: number): Words {
  return words.map((word, i) => {
    const free = Math.min(32, Math.max(0, 32 * (i + 1) - length))
    return word + 2 ** free - 1
  }) as unknown as Words
}

/** The address after this one; after the very last, the first. */
function next(words: Words): Words {
  const value = words.reduce((sum, word) => sum * 0x100000000n + BigInt(word), 0n) + 1n
  return [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffffffffn)) as unknown as Words
}
