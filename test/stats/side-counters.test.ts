import fc from 'fast-check'
import t from 'tap'
import type { Lines, Sink } from '../../src/log/sinks/sink.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import { DEVICES } from '../../src/privacy/device.ts'
import { drawKey } from '../../src/privacy/draw.ts'
import { BITS, Cell, bitOf, suppress } from '../../src/stats/k-gate.ts'
import { SideCounters } from '../../src/stats/side-counters.ts'
import type { SideCountersOptions, Viewer } from '../../src/stats/side-counters.ts'
import type { SideRecord } from '../../src/stats/side-record.ts'
import { linesOneByOne } from '../log/lines.ts'

/** 2026-03-01T20:00:00Z */
const HOUR = Date.UTC(2026, 2, 1, 20)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const key = drawKey((bytes) => new Uint8Array(bytes).fill(7))

class Memory implements Sink {
  readonly name = 'memory'
  readonly dropped = 0
  readonly lines: string[] = []
  write(lines: Lines): void {
    this.lines.push(...linesOneByOne(lines).map(([line]) => line))
  }

  async close(): Promise<void> {}

  get records(): SideRecord[] {
    return this.lines.map((line) => JSON.parse(line) as SideRecord)
  }

  of(dim: string): [string, number][] {
    return this.records.filter((record) => record.dim === dim).map(({ value, n }) => [value, n])
  }
}

function address(i: number): ClientAddress | undefined {
  return ClientAddress.parse(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`)
}

function viewer(i: number, rest: Partial<Viewer> = {}): Viewer {
  return {
    service: 'omroep-live', referrers: new Set(['www.omroep.example']), address: address(i), asn: 64500, userAgent: 'Mozilla/5.0 (Windows NT 10.0)',
    referer: 'https://www.omroep.example/', now: HOUR, ...rest,
  }
}

function counters(options: Partial<SideCountersOptions> = {}) {
  const sink = new Memory()
  let drawn = 0
  const side = new SideCounters({ sinks: [sink], random: (bytes) => new Uint8Array(bytes).fill(++drawn), ...options })
  return { sink, side, keys: () => drawn }
}

t.test('a cell that is open stands for at least k different people, whoever they are', async () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(DEVICES.length - 1)), { maxLength: 200 }), fc.integer({ min: 1, max: 40 }), fc.uint8Array({ minLength: 16, maxLength: 16 }), (visits, k, salt) => {
    const cell = new Cell()
    const own = drawKey(() => salt)
    const people = new Set<string>()
    return visits.every(([who, device]) => {
      cell.add(bitOf(address(who), device, own), k)
      people.add(`${who} ${device}`)
      return !cell.open || people.size >= k
    })
  }), { numRuns: 2000 })
})

t.test('cells that are put together count nobody twice', async () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(5)), { maxLength: 100 }), fc.integer({ min: 1, max: 30 }), (visits, k) => {
    const cells = new Map<string, Cell>()
    const people = new Map<string, Set<number>>()
    for (const [who, where] of visits) {
      const name = String(where)
      const cell = cells.get(name) ?? new Cell()
      cells.set(name, cell)
      cell.add(bitOf(address(who), 0, key), k)
      people.set(name, (people.get(name) ?? new Set()).add(who))
    }
    const told = suppress(cells, k, '_other')
    const rest = new Set([...people].filter(([name]) => !told.some(([value]) => value === name)).flatMap(([, who]) => [...who]))
    const sum = told.reduce((total, [, n]) => total + n, 0)
    return told.every(([value]) => (value === '_other' ? rest : people.get(value) ?? new Set()).size >= k)
      // Everything is told, or nothing is: from the total nobody can work out what is missing.
      && (sum === visits.length || told.length === 0)
  }), { numRuns: 2000 })
})

t.test('with k = 10 a cell opens after little more than ten people', async (t) => {
  const needed = Array.from({ length: 500 }, (_, run) => {
    const cell = new Cell()
    let i = 0
    while (!cell.open) cell.add(bitOf(address(run * 1000 + i++), 0, key), 10)
    return i
  })
  t.ok(Math.min(...needed) >= 10)
  t.ok(needed.reduce((a, b) => a + b) / 500 < 10.6)
})

t.test('one viewer opens nothing, however often', async (t) => {
  const cell = new Cell()
  for (let i = 0; i < 10_000; i++) cell.add(bitOf(address(1), 0, key), 2)
  t.notOk(cell.open)
  t.equal(cell.n, 10_000)
})

t.test('a bit is one of 256, the same for a /64, and the same for everybody whose address is unknown', async (t) => {
  const v6 = (text: string) => bitOf(ClientAddress.parse(text), 3, key)
  t.equal(v6('2001:db8::1'), v6('2001:db8::ffff:2'))
  t.equal(bitOf(undefined, 0, key), bitOf(undefined, 0, key))
  const seen = new Set(Array.from({ length: 5000 }, (_, i) => bitOf(address(i), 0, key)))
  t.equal(seen.size, BITS)
  const other = drawKey((bytes) => new Uint8Array(bytes).fill(8))
  t.ok(Array.from({ length: 100 }, (_, i) => i).some((i) => bitOf(address(i), 0, key) !== bitOf(address(i), 0, other)), 'another day, another bit')
})

t.test('the smallest open sibling joins others that are too few to be told', async (t) => {
  const cells = (counts: Record<string, number>) => new Map(Object.entries(counts).map(([name, people], place) => {
    const cell = new Cell()
    for (let i = 0; i < people; i++) cell.add(bitOf(address(place * 1000 + i), 0, key), 10)
    return [name, cell]
  }))
  t.same(suppress(cells({ a: 50, b: 30, c: 2 }), 10, '_other'), [['_other', 32], ['a', 50]])
  t.same(suppress(cells({ a: 50, b: 30 }), 10, '_other'), [['a', 50], ['b', 30]])
  t.same(suppress(cells({ a: 50, b: 3, c: 3, d: 3, e: 3, f: 3 }), 10, '_other'), [['_other', 15], ['a', 50]])
  t.same(suppress(cells({ a: 3, b: 2 }), 10, '_other'), [])
  t.same(suppress(cells({ _other: 40, a: 50 }), 10, '_other'), [['_other', 40], ['a', 50]])
  t.same(suppress(new Map(), 10, '_other'), [])
})

t.test('device and IP version are told by the hour, network and site by the day', async (t) => {
  const { side, sink } = counters()
  for (let i = 0; i < 40; i++) side.count(viewer(i))
  t.same(sink.lines, [], 'nothing before the hour is over')
  side.tick(HOUR + 3_600_000)
  t.same(sink.records, [
    { v: 1, t: '2026-03-01T20Z', service: 'omroep-live', dim: 'device', value: 'web-desktop', n: 40, k: 10 },
    { v: 1, t: '2026-03-01T20Z', service: 'omroep-live', dim: 'ip', value: '4', n: 40, k: 10 },
  ])
  for (let i = 0; i < 40; i++) side.count(viewer(i, { now: HOUR + 3_600_000 }))
  side.tick(HOUR + 4 * 3_600_000)
  t.same(sink.of('asn'), [['64500', 80]])
  t.same(sink.of('ref'), [['www.omroep.example', 80]])
  t.same(sink.records.filter(({ dim }) => dim === 'asn').map((record) => record.t), ['2026-03-01'])
})

t.test('a network of a few people and a site that nobody listed are part of _other', async (t) => {
  const { side, sink } = counters()
  for (let i = 0; i < 60; i++) side.count(viewer(i, { asn: i < 57 ? 64500 + (i % 2) : 65000 + i, referer: i < 30 ? 'https://private.example/diary' : undefined }))
  await side.close()
  t.same(sink.of('asn').map(([value]) => value), ['64500', '_other'])
  t.same(sink.of('ref'), [['_none', 30], ['_other', 30]])
  t.notMatch(sink.lines.join(), /private|650\d\d/)
})

t.test('below k nothing is told at all', async (t) => {
  const { side, sink } = counters()
  for (let i = 0; i < 9; i++) for (let round = 0; round < 50; round++) side.count(viewer(i))
  await side.close()
  t.same(sink.lines, [])
})

t.test('each service and day has a key of its own, and the key is drawn anew', async (t) => {
  const { side, keys } = counters()
  side.count(viewer(1))
  side.count(viewer(2))
  t.equal(keys(), 1)
  side.count(viewer(1, { service: 'hospital' }))
  t.equal(keys(), 2)
  side.count(viewer(1, { now: HOUR + 3_600_000 }))
  t.equal(keys(), 2)
  side.count(viewer(1, { now: HOUR + 86_400_000 }))
  t.equal(keys(), 3)
})

t.test('memory is bounded: too many networks are _other, too many services are not counted', async (t) => {
  const { side, sink } = counters({ maxValues: 5, maxServices: 2 })
  for (let i = 0; i < 500; i++) side.count(viewer(i, { asn: 64500 + (i % 100) }))
  side.count(viewer(1, { service: 'b' }))
  side.count(viewer(1, { service: 'c' }))
  t.equal(side.uncounted, 1)
  await side.close()
  t.ok(sink.of('asn').length <= 6)
  t.equal(sink.of('asn').reduce((sum, [, n]) => sum + n, 0), 500)
})

t.test('only the dimensions that were asked for are counted, and a clock that is set back does no harm', async (t) => {
  const { side, sink } = counters({ dimensions: ['device'] })
  for (let i = 0; i < 20; i++) side.count(viewer(i, { now: HOUR - (i % 3) * 7_200_000 }))
  await side.close()
  t.same(sink.records.map(({ dim, n, t: time }) => [dim, n, time]), [['device', 20, '2026-03-01T20Z']])
})

t.test('a clock that was ahead for a moment stops neither the hours nor the days, and each day has its key', async (t) => {
  for (const ahead of [2 * HOUR_MS, DAY_MS, 365 * DAY_MS]) {
    const { side, sink, keys } = counters()
    side.tick(HOUR)
    side.tick(HOUR + ahead)
    side.tick(HOUR)
    for (let hour = 0; hour < 52; hour++) {
      const now = HOUR + hour * HOUR_MS
      for (let i = 0; i < 20; i++) side.count(viewer(i, { now }))
      side.tick(now)
    }
    t.same(sink.of('device').map(([, n]) => n), new Array(51).fill(20))
    t.same(sink.records.filter(({ dim }) => dim === 'asn').map((record) => [record.t, record.n]), [['2026-03-01', 80], ['2026-03-02', 480]])
    t.equal(keys(), 3)
  }
})

t.test('when the clock is set back by more than an hour, what is there is told above the threshold alone, and never again', async (t) => {
  const { side, sink, keys } = counters()
  const count = (from: number, to: number, now: number) => {
    for (let i = from; i < to; i++) side.count(viewer(i, { now, userAgent: i % 10 === 0 ? 'curl/8.5' : 'Mozilla/5.0 (Windows NT 10.0)' }))
  }
  count(0, 40, HOUR)
  side.tick(HOUR - HOUR_MS)
  t.same([sink.lines, keys()], [[], 1], 'an hour is not yet more than an hour')
  side.tick(HOUR - HOUR_MS - 1)
  t.same([sink.of('device'), sink.of('asn')], [[['_other', 40]], [['64500', 40]]], 'four are too few')
  count(40, 49, HOUR - HOUR_MS - 1)
  t.equal(keys(), 2)
  side.tick(HOUR - 2 * DAY_MS)
  t.equal(sink.of('device').length, 1, 'nine are too few to be told at all')
  count(49, 109, HOUR)
  await side.close()
  for (const dim of ['device', 'ip', 'asn', 'ref']) t.equal(sink.of(dim).reduce((sum, [, n]) => sum + n, 0), 100, dim)
  t.ok(sink.records.every(({ n }) => n >= 10))
})

t.test('however the clock jumps, nobody is counted twice and nothing is told of fewer than k', async () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(72), fc.nat(25), fc.boolean()), { maxLength: 30 }), (steps) => {
    const { side, sink } = counters()
    let people = 0
    for (const [hour, visits, ticks] of steps) {
      const now = HOUR + hour * HOUR_MS
      for (let i = 0; i < visits; i++) side.count(viewer(people++, { now }))
      if (ticks) side.tick(now)
    }
    void side.close()
    return ['device', 'asn'].every((dim) => sink.of(dim).every(([, n]) => n >= 10) && sink.of(dim).reduce((sum, [, n]) => sum + n, 0) <= people)
  }), { numRuns: 300 })
})
