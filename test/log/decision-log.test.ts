import fc from 'fast-check'
import t from 'tap'
import { DecisionLog } from '../../src/log/decision-log.ts'
import type { DecisionFacts } from '../../src/log/record.ts'
import { keyOf, recordOf } from '../../src/log/record.ts'
import { recordDecision } from '../../src/log/record-decision.ts'
import type { Lines, SetTimer, Sink } from '../../src/log/sinks/sink.ts'
import { TOGETHER } from '../../src/log/window.ts'
import { isRecord, serialise } from '../../src/privacy/record.ts'
import type { DecisionRecord } from '../../src/privacy/record.ts'
import { UserAgent } from '../../src/privacy/user-agent.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { Clock } from './clock.ts'
import { linesOneByOne } from './lines.ts'
import { NOW, WORLD, facts, factsOf, redirectTo, refusalOf, snapshotOf, targetNamed } from './decisions.ts'

class Memory implements Sink {
  readonly name = 'memory'
  readonly dropped = 0
  readonly lines: string[] = []
  counted = 0
  closed = false

  write(lines: Lines): void {
    for (const [line, count] of linesOneByOne(lines)) {
      this.lines.push(line)
      this.counted += count
    }
  }

  async close(): Promise<void> {
    this.closed = true
  }

  get records(): DecisionRecord[] {
    return this.lines.map((line) => {
      const value: unknown = JSON.parse(line)
      if (!isRecord(value)) throw new Error('not a record')
      return value
    })
  }

  get sum(): number {
    return this.records.reduce((sum, { n }) => sum + n, 0)
  }
}

function logInto(sink: Sink, options: { maxDistinct?: number, windowMs?: number, shuffle?: () => number, onDropped?: (count: number, why: string) => void, defer?: (count: () => void) => void } = {}) {
  const clock = new Clock()
  return { clock, log: new DecisionLog({ sinks: [sink], router: 'ams-1', setTimer: clock.setTimer, ...options }) }
}

const [omroep, hospital] = WORLD.services
const [fra, us, ams] = WORLD.targets
if (!omroep || !hospital || !fra || !us || !ams) throw new Error('the world is too small')
const toFra = redirectTo(omroep, fra)

t.test('equal decisions within a window are one line with their number', async (t) => {
  const sink = new Memory()
  const { log, clock } = logInto(sink)
  for (let i = 0; i < 41; i++) log.add(factsOf(redirectTo(omroep, fra), { now: NOW + i }))
  log.add(factsOf(redirectTo(omroep, ams)))
  log.add(factsOf(toFra))
  t.same(sink.lines, [], 'nothing before the window ends')
  clock.advance(999)
  t.same(sink.lines, [])
  clock.advance(1)
  t.same(sink.records.map(({ target, n }) => [target, n]), [['edge-ams-1', 1], ['edge-fra-2', 42]])
  log.add(factsOf(toFra))
  clock.advance(1000)
  t.same(sink.records.slice(2).map(({ target, n }) => [target, n]), [['edge-fra-2', 1]], 'the next window begins anew')
  t.equal(clock.waiting, 1)
  clock.advance(1000)
  t.equal(clock.waiting, 0, 'after a window in which nobody came there is no timer')
  t.equal(sink.lines.length, 3)
})

t.test('a full window is written in slices, between which requests are decided, and nothing is lost or told twice', async (t) => {
  const accounts: object[] = []
  const sink = Object.assign(new Memory(), { account: (totals: { readonly decided: number, readonly dropped: number }) => accounts.push({ ...totals }) })
  const { log, clock } = logInto(sink)
  const titled = (i: number) => ({ ...factsOf(toFra), content: `t${String(i).padStart(4, '0')}` as ContentId })
  for (let i = 0; i < 3000; i++) log.add(titled(i))
  // What comes while it is written belongs to the next window.
  const slices: number[] = []
  const write = sink.write.bind(sink)
  let last = -1
  sink.write = (lines) => {
    if (clock.slices !== last) slices.push(sink.lines.length)
    last = clock.slices
    write(lines)
    if (sink.lines.length >= 1000 && log.decided === 3000) for (let i = 0; i < 5; i++) log.add(titled(i))
  }
  clock.advance(1000)
  t.equal(sink.lines.length, 3000)
  t.ok(slices.length > 10 && Math.max(...slices.slice(1).map((at, i) => at - (slices[i] ?? 0))) <= 200, `${slices.length} slices`)
  t.same(accounts, [{ decided: 3000, dropped: 0 }], 'told once, as it was when the window ended')
  t.same([log.decided, log.recorded], [3005, 3000])

  sink.write = write
  for (let i = 0; i < 1000; i++) log.add(titled(i))
  clock.advance(1000)
  t.same([sink.sum, log.recorded], [4005, 4005])
  t.same(sink.lines.slice(0, 3000), sink.lines.slice(0, 3000).sort(), 'in order')

  for (let i = 0; i < 1000; i++) log.add(titled(i))
  clock.slice(1000)
  t.ok(sink.sum < 5005, 'a window is being written')
  log.add(titled(0))
  await log.close()
  t.same([sink.sum, log.recorded, accounts.at(-1)], [5006, 5006, { decided: 5006, dropped: 0 }], 'an end writes all of it')
})

t.test('the sum of n is the number of decisions, whatever comes', async () => {
  fc.assert(fc.property(fc.array(fc.tuple(facts, fc.integer({ min: 1, max: 3 }), fc.constantFrom('nothing', 'nothing', 'slice', 'flush')), { maxLength: 40 }), fc.integer({ min: 2, max: 12 }), (stream, maxDistinct) => {
    const sink = new Memory()
    let told = 0
    const { log, clock } = logInto(sink, { maxDistinct, onDropped: (count) => { told += count } })
    for (const [given, times, then] of stream) {
      for (let i = 0; i < times; i++) log.add(given)
      if (then === 'flush') log.flush()
      if (then === 'slice') clock.slice(0)
    }
    log.flush()
    const total = stream.reduce((sum, [, times]) => sum + times, 0)
    return log.decided === total && log.recorded + log.dropped === total && sink.sum === log.recorded && sink.counted === log.recorded && told === log.dropped
  }), { numRuns: 500 })
})

t.test('decisions that are counted together make the same lines and accounts as one by one', async (t) => {
  // The second has too many reasons for the numbers that most records go by.
  const decisions = [toFra, redirectTo(omroep, fra, { why: ['nearest', 'load', 'spill', 'panic'] }), redirectTo(omroep, fra, { why: ['nearest', 'load', 'panic', 'spill'] })]
  const few = fc.constantFrom(...['a', 'b', 'c'].flatMap((content) => decisions.flatMap((decision) => [NOW, NOW + 60_000].map((now) => factsOf(decision, { now, content: content as ContentId })))))
  const step = fc.tuple(fc.oneof(few, facts), fc.integer({ min: 1, max: 3 }), fc.constantFrom('nothing', 'nothing', 'nothing', 'turn', 'slice', 'second', 'flush'))
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 2, max: 12 }), (stream, maxDistinct) => {
    const runs = [false, true].map((together) => {
      const events: unknown[] = []
      const sink = Object.assign(new Memory(), { account: (totals: object) => events.push({ ...totals }) })
      let waiting: (() => void)[] = []
      const { log, clock } = logInto(sink, { maxDistinct, onDropped: (...told) => events.push(told), ...(together ? { defer: (count) => waiting.push(count) } : {}) })
      for (const [given, times, then] of stream) {
        for (let i = 0; i < times; i++) log.add(given)
        if (then === 'flush') log.flush()
        if (then === 'nothing') continue
        for (const count of waiting) count()
        waiting = []
        if (then === 'slice') clock.slice(0)
        if (then === 'second') clock.advance(1000)
      }
      log.flush()
      return { lines: sink.lines, events, totals: [log.decided, log.recorded, log.dropped] }
    })
    t.same(runs[1], runs[0])
  }), { numRuns: 500 })
})

t.test('a decision that cannot be counted is dropped and told, and those around it are counted', async (t) => {
  const broken = { ...factsOf(toFra), decision: { ...toFra, why: undefined } } as unknown as DecisionFacts
  for (const defer of [undefined, queueMicrotask]) {
    const sink = new Memory()
    const told: [number, string][] = []
    const { log, clock } = logInto(sink, { onDropped: (count, why) => told.push([count, why]), ...(defer === undefined ? {} : { defer }) })
    for (let i = 0; i < 100; i++) log.add(i % 30 === 5 ? broken : factsOf(toFra, { content: `t${i % 10}` as ContentId }))
    await Promise.resolve()
    clock.advance(1000)
    t.same([sink.sum, log.recorded, log.dropped, log.decided, told], [96, 96, 4, 100, Array(4).fill([1, 'invalid'])])
  }
})

t.test('after an error in the middle nothing is counted twice', async (t) => {
  const sink = new Memory()
  const clock = new Clock()
  let broken = true
  const setTimer: SetTimer = (run, ms) => {
    if (ms > 0 || !broken) return clock.setTimer(run, ms)
    broken = false
    throw new Error('no timer')
  }
  const log = new DecisionLog({ sinks: [sink], router: 'ams-1', setTimer, maxDistinct: 4, defer: queueMicrotask })
  // The fifth does not fit, and begins the next window.
  for (let i = 0; i < 7; i++) log.add(factsOf(toFra, { now: NOW + i * 60_000 }))
  await Promise.resolve()
  log.flush()
  t.equal(broken, false)
  t.same([sink.sum, log.recorded, log.dropped, log.decided], [7, 7, 0, 7])
})

t.test('what waits to be counted is counted before a window ends and before the log closes', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink, { defer: () => undefined })
  log.add(factsOf(toFra))
  log.flush()
  t.equal(sink.sum, 1)
  log.add(factsOf(toFra))
  await log.close()
  t.same([sink.sum, log.dropped], [2, 0])
})

t.test('as many as are counted together wait for nothing', async (t) => {
  const sink = new Memory()
  const { log, clock } = logInto(sink, { defer: () => undefined })
  for (let i = 0; i < TOGETHER + 1; i++) log.add(factsOf(toFra))
  clock.advance(1000)
  t.same([sink.records[0]?.n, log.decided], [TOGETHER + 1, TOGETHER + 1])
})

t.test('no two lines of a window are equal but for their number', async () => {
  fc.assert(fc.property(fc.array(facts, { maxLength: 40 }), (stream) => {
    const sink = new Memory()
    const { log } = logInto(sink)
    for (const given of stream) log.add(given)
    log.flush()
    const bare = sink.lines.map((line) => line.replace(/"n":\d+/, ''))
    return new Set(bare).size === bare.length
  }), { numRuns: 500 })
})

t.test('two decisions have the same key and title when, and only when, they have the same record', async () => {
  const groupOf = (given: DecisionFacts) => `${keyOf(given)}\n${given.content}`
  fc.assert(fc.property(facts, facts, (a, b) => {
    const line = (given: DecisionFacts) => serialise(recordOf(given, given.content, 'ams-1', 1))
    return (groupOf(a) === groupOf(b)) === (line(a) === line(b))
  }), { numRuns: 3000 })
  fc.assert(fc.property(facts, fc.constantFrom('object', 'format', 'agent', 'content', 'status', 'snapshot', 'now'), fc.constantFrom(0, 1), (given, name, choice) => {
    const others: Record<string, readonly unknown[]> = {
      object: ['key', 'media'], format: ['mss', 'ts'], agent: ['bot', 'tool'], content: ['sport', 'kids'], status: [200, 451], snapshot: ['43:9f2c17ab', '42:9f2c17ac'], now: [NOW - 1, NOW + 600_000],
    }
    const other: DecisionFacts = { ...given, [name]: others[name]?.[choice] }
    const line = (of: DecisionFacts) => serialise(recordOf(of, of.content, 'ams-1', 1))
    return (groupOf(other) === groupOf(given)) === (line(other) === line(given))
  }), { numRuns: 3000 })
})

t.test('the order in which rejections were counted does not make two lines of one', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink)
  log.add(factsOf(redirectTo(omroep, fra, { rejected: { down: 12, drain: 2 } })))
  log.add(factsOf(redirectTo(omroep, fra, { rejected: { drain: 2, overload: 0, down: 12 } })))
  log.add(factsOf(redirectTo(omroep, fra, { rejected: { drain: 12, down: 2 } })))
  log.flush()
  t.same(sink.records.map(({ rejected, n }) => [rejected, n]), [[{ drain: 12, down: 2 }, 1], [{ drain: 2, down: 12 }, 2]])
})

t.test('how many targets turned a viewer away, which follows from the viewer\'s draw, is told as a power of two', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink)
  for (let overload = 1; overload <= 40; overload++) log.add(factsOf(redirectTo(omroep, fra, { rejected: { overload, down: 3 } })))
  log.flush()
  t.same(new Map(sink.records.map(({ rejected, n }) => [rejected.overload, n])), new Map([[1, 1], [2, 2], [4, 4], [8, 8], [16, 16], [32, 9]]))
  t.ok(sink.records.every(({ rejected }) => rejected.down === 3))
})

t.test('the order in which viewers came does not show', async () => {
  fc.assert(fc.property(fc.array(facts, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (stream, shuffle) => {
    const write = (list: readonly DecisionFacts[]) => {
      const sink = new Memory()
      const { log } = logInto(sink)
      for (const given of list) log.add(given)
      log.flush()
      return sink.lines.join('')
    }
    const shuffled = stream.map((given) => ({ given, at: shuffle.next().value ?? 0 })).sort((a, b) => a.at - b.at).map(({ given }) => given)
    return write(stream) === write(shuffled)
  }))
})

t.test('viewers from two small countries are one line, for nobody there is a crowd', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink)
  for (const country of ['LI', 'SM', 'ZZ']) log.add(factsOf(redirectTo(omroep, fra, { country })))
  log.flush()
  t.same(sink.records.map(({ country, n }) => [country, n]), [['ZZ', 3]])
})

t.test('the minute of a line is the minute of its decisions, not of its writing', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink)
  log.add(factsOf(toFra, { now: NOW + 59_999 }))
  log.add(factsOf(toFra, { now: NOW + 60_000 }))
  log.flush()
  t.same(sink.records.map((record) => record.t), ['2026-03-01T20:31Z', '2026-03-01T20:32Z'])
})

t.test('a refusal has neither target, step nor jurisdiction, and its reason is the reason why', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink)
  log.add(factsOf(refusalOf(undefined)))
  log.add(factsOf(refusalOf(omroep, { reason: 'country', why: ['country'], status: 451 })))
  log.flush()
  t.match(sink.records, [
    { service: 'omroep-live', policy: 'eu-only', compliant: null, target: null, step: null, jurisdiction: null, outcome: 'refuse', why: ['country'], status: 451 },
    { service: null, policy: null, compliant: null, target: null, step: null, jurisdiction: null, outcome: 'refuse', why: ['unknown_service'], status: 404 },
  ])
})

t.test('a JSON answer is recorded with the status that was sent', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink)
  log.add(factsOf(toFra, { status: 200 }))
  log.add(factsOf(toFra, { status: 999 }))
  log.flush()
  t.same(sink.records.map(({ status }) => status).sort(), [200, 302], 'a status that no answer has is not believed')
})

t.test('a flood of titles becomes _other, and the memory for it is bounded', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink, { maxDistinct: 100 })
  for (let i = 0; i < 10_000; i++) log.add(factsOf(toFra, { content: `title-${i}` as ContentId }))
  log.flush()
  t.equal(sink.lines.length, 51)
  t.match(sink.records.find(({ content }) => content === '_other'), { n: 9950 })
  t.same([log.decided, log.recorded, log.dropped], [10_000, 10_000, 0])
})

t.test('a full window is written at once, and titles are _other until its time is over', async (t) => {
  const accounts: object[] = []
  const sink = Object.assign(new Memory(), { account: (totals: { readonly decided: number, readonly dropped: number }) => accounts.push({ ...totals }) })
  const { log, clock } = logInto(sink, { maxDistinct: 4 })
  const minute = (i: number) => factsOf(toFra, { now: NOW + i * 60_000, content: 'a' as ContentId })
  for (let i = 0; i < 5; i++) log.add(minute(i))
  clock.slice(0)
  t.same(sink.records.map(({ content, n }) => [content, n]), [['a', 1], ['a', 1], ['_other', 1], ['_other', 1]])
  t.same(accounts, [{ decided: 4, dropped: 0 }])
  for (let i = 5; i < 9; i++) log.add(minute(i))
  clock.slice(0)
  for (let i = 5; i < 9; i++) log.add(minute(i))
  clock.advance(1000)
  t.same(sink.records.slice(4).map(({ content, n }) => [content, n]), [1, 1, 1, 1, 1, 1, 1, 2].map((n) => ['_other', n]))
  t.same([log.decided, log.recorded, log.dropped], [13, 13, 0])
  log.add(minute(9))
  clock.advance(1000)
  t.match(sink.records.at(-1), { content: 'a' })
})

t.test('what has no place while a full window is still being written is dropped, counted and told, once per window', async (t) => {
  const sink = new Memory()
  const told: [number, string][] = []
  const { log } = logInto(sink, { maxDistinct: 4, onDropped: (count, why) => told.push([count, why]) })
  for (let i = 0; i < 10; i++) log.add(factsOf(toFra, { now: NOW + i * 60_000 }))
  log.flush()
  t.same([log.decided, log.recorded, log.dropped, sink.lines.length], [10, 8, 2, 8])
  t.same(told, [[2, 'too_many']])
})

t.test('lines in random order wait for the end of their window, full or not: an early end would tell who came first', async (t) => {
  const sink = new Memory()
  const { log, clock } = logInto(sink, { maxDistinct: 4, windowMs: 60_000, shuffle: () => 0 })
  for (let i = 0; i < 10; i++) log.add(factsOf(toFra, { now: NOW + i * 60_000 }))
  clock.advance(59_999)
  t.equal(sink.lines.length, 0)
  clock.advance(1)
  t.same([log.decided, log.recorded, log.dropped, sink.lines.length], [10, 4, 6, 4])
})

t.test('at the bound a record that is known still counts, and the next window has the bound to itself', async (t) => {
  const sink = new Memory()
  const { log } = logInto(sink, { maxDistinct: 2 })
  for (let window = 0; window < 2; window++) {
    for (const content of ['a', 'b', 'c', 'a']) log.add(factsOf(toFra, { content: content as ContentId }))
    log.flush()
  }
  t.same(sink.records.map(({ content, n }) => [content, n]), [['_other', 2], ['a', 2], ['_other', 2], ['a', 2]])
  t.equal(log.dropped, 0)
})

t.test('a record that is not one is dropped, not written', async (t) => {
  const sink = new Memory()
  const told: [number, string][] = []
  const { log } = logInto(sink, { onDropped: (count, why) => told.push([count, why]) })
  log.add(factsOf(toFra, { content: 'https://x/?token=1' as ContentId }))
  log.add(factsOf(toFra))
  log.flush()
  t.equal(sink.lines.length, 1)
  t.same(told, [[1, 'invalid']])
  t.same([log.decided, log.recorded, log.dropped], [2, 1, 1])
})

t.test('closing writes what waits and closes the sinks; what comes later is dropped', async (t) => {
  const sink = new Memory()
  const { log, clock } = logInto(sink)
  log.add(factsOf(toFra))
  await log.close()
  log.add(factsOf(toFra))
  t.equal(sink.sum, 1)
  t.ok(sink.closed)
  t.equal(clock.waiting, 0)
  t.same([log.decided, log.recorded, log.dropped], [2, 1, 1])
})

t.test('two steps that give the same target are two lines', async (t) => {
  const [first] = omroep.steps
  if (!first) throw new Error('the world is too small')
  const sink = new Memory()
  const { log } = logInto(sink)
  log.add(factsOf(toFra))
  log.add(factsOf(redirectTo(omroep, fra, { step: { ...first, index: 7, name: 'european CDNs' } })))
  log.add(factsOf(redirectTo(omroep, fra, { step: undefined })))
  log.flush()
  t.same(sink.records.map(({ step }) => step), ['european CDNs', 'own edges of omroep-live', null])
})

t.test('two snapshots within one window do not mix, though their indexes are equal', async (t) => {
  const next = snapshotOf(['hospital'], [targetNamed(0, 'edge-new')], 43)
  const [service] = next.services
  const [target] = next.targets
  if (!service || !target) throw new Error('the world is too small')
  const sink = new Memory()
  const { log } = logInto(sink)
  log.add(factsOf(toFra))
  log.add(factsOf(redirectTo(service, target), { snapshot: next.label }))
  log.flush()
  t.same(sink.records.map((record) => [record.service, record.target, record.snapshot]), [['hospital', 'edge-new', '43:9f2c17ab'], ['omroep-live', 'edge-fra-2', '42:9f2c17ab']])
})

t.test('without a sink nothing is made of a decision', async (t) => {
  let windows = 0
  const log = new DecisionLog({ sinks: [], router: 'ams-1', setTimer: () => (windows++, () => undefined) })
  const request = { scheme: 'https', host: 'omroep-live.example', path: '/a.m3u8', query: '', client: { place: { country: 'NL', continent: 'EU', at: undefined }, zone: undefined, asn: 0 }, now: NOW } as const
  recordDecision(log, { decision: toFra, request, snapshot: WORLD, status: 302, userAgent: UserAgent.of('curl/8') })
  t.same([log.decided, log.recorded, windows], [0, 0, 0])
  const sink = new Memory()
  const { log: other } = logInto(sink)
  recordDecision(other, { decision: toFra, request, snapshot: WORLD, status: 302, userAgent: UserAgent.of('curl/8') })
  other.flush()
  t.match(sink.records, [{ agent: 'tool', n: 1 }])
})
