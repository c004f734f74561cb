import fc from 'fast-check'
import t from 'tap'
import { AwakeClock } from '../../src/health/awake-clock.ts'
import { MemoryExchange, Reports, freshFor, readProberReport } from '../../src/health/exchange.ts'
import type { ProberReport } from '../../src/health/exchange.ts'
import { LoadRelay } from '../../src/health/load-relay.ts'

function report(prober: string, seq: number, rest: Partial<ProberReport> = {}): ProberReport {
  return { prober, epoch: 'e1', seq, intervalMs: 2000, withheld: false, up: ['a'], down: [], loads: {}, ...rest }
}

const names = (reports: Reports, now: number) => reports.fresh(now).map((seen) => seen.report.prober).join(' ')

t.test('a report counts once it has changed, for three intervals after the latest change', async (t) => {
  const reports = new Reports('me')
  reports.take([report('b', 7)], 0)
  t.equal(names(reports, 0), '', 'at first sight it may be a dead prober\'s')
  reports.take([report('b', 8)], 2000)
  t.equal(names(reports, 2000), 'b')
  reports.take([report('b', 8)], 7900)
  t.equal(names(reports, 8000), 'b')
  t.equal(names(reports, 8001), '', 'it did not change, however often it was read')
  reports.take([report('b', 9)], 9000)
  t.equal(names(reports, 9000), 'b')
})

t.test('a report that is missing ages like one that does not change', async (t) => {
  const reports = new Reports('me')
  reports.take([report('b', 1)], 0)
  reports.take([report('b', 2)], 1000)
  reports.take([], 2000)
  t.equal(names(reports, 7000), 'b')
  reports.take([], 7001)
  t.equal(names(reports, 7001), '')
})

t.test('one\'s own report, a withheld one and an older one that comes back say nothing', async (t) => {
  const reports = new Reports('me')
  const all = (seq: number) => [report('me', seq, { down: ['a'] }), report('b', seq, { withheld: true }), report('c', seq, { up: [`v${seq}`] })]
  reports.take(all(1), 0)
  reports.take(all(5), 1000)
  t.equal(names(reports, 1000), 'c')
  reports.take(all(3), 2000)
  t.same(reports.fresh(2000)[0]?.report.up, ['v5'])
  t.equal(names(reports, 7001), '', 'an older report is no sign of life')
})

t.test('a prober that was restarted counts from its new epoch', async (t) => {
  const reports = new Reports('me')
  reports.take([report('b', 90)], 0)
  reports.take([report('b', 1, { epoch: 'e2' })], 1000)
  t.equal(names(reports, 1000), 'b')
})

t.test('no clock of a prober is looked at, and an interval that it claims is bounded', async (t) => {
  t.same([1, 2000, 10_000, 1e12].map(freshFor), [3000, 6000, 30_000, 60_000])
})

t.test('what is not a report is told from one', async (t) => {
  const right = JSON.stringify(report('b', 1, { loads: { a: { nth: 1, report: { bandwidthMbps: 5 } } } }))
  t.same(readProberReport(right), JSON.parse(right))
  const change = (field: string, value: unknown) => JSON.stringify({ ...JSON.parse(right), [field]: value })
  for (const [field, values] of Object.entries({
    prober: ['', 'A B', 7, null], epoch: [7, 'x'.repeat(65)], seq: [1.5, '1', null], intervalMs: [0, -1, 'x'], withheld: [1], up: ['a', [7], ['A b'], {}], down: [null],
    loads: [[], 7, { a: 1 }, { a: { nth: 1, report: {} } }, { 'A b': { nth: 1, report: { bandwidthMbps: 5 } } }],
  })) {
    for (const value of values) t.equal(readProberReport(change(field, value)), undefined, `${field} ${JSON.stringify(value)}`)
  }
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => readProberReport(text) === undefined))
})

t.test('what one publishes the others read', async (t) => {
  const exchange = new MemoryExchange()
  await exchange.publish(report('a', 1))
  await exchange.publish(report('b', 1))
  await exchange.publish(report('a', 2))
  t.same((await exchange.read()).map(({ prober, seq }) => `${prober} ${seq}`), ['a 2', 'b 1'])
})

t.test('a relayed load is taken once, and again when the target has said the same again', async (t) => {
  const relay = new LoadRelay()
  const taken: string[] = []
  const hear = (epoch: string, nth: number) => {
    const reports = [{ report: report('b', 1, { epoch, loads: { a: { nth, report: { bandwidthMbps: 5 } } } }), changedAt: 0, states: new Map() }]
    relay.heard(reports, (target, { bandwidthMbps }) => taken.push(`${target} ${bandwidthMbps}`))
  }
  for (const [epoch, nth] of [['e1', 1], ['e1', 1], ['e1', 2], ['e2', 2]] as const) hear(epoch, nth)
  t.same(taken, ['a 5', 'a 5', 'a 5'])
  relay.took('x', { bandwidthMbps: 1 })
  relay.took('x', { bandwidthMbps: 1 })
  t.same(relay.told(), { x: { nth: 2, report: { bandwidthMbps: 1 } } })
  relay.keep(() => false)
  t.same(relay.told(), {})
})

t.test('a router that doubts its own network for a while passes on what it is told, and nothing is taken for new because of it', async (t) => {
  const [reports, relay] = [new Reports('me'), new LoadRelay()]
  const taken: string[] = []
  const loads = (nth: number, target = 'a') => ({ [target]: { nth, report: { bandwidthMbps: 5 } } })
  const hear = (seconds: number, withheld: boolean, told: ReturnType<typeof loads>) => {
    reports.take([report('b', seconds, { withheld, loads: told })], seconds * 1000)
    relay.heard(reports.heard(seconds * 1000), (target) => taken.push(`${seconds} ${target}`))
  }
  hear(1, false, loads(1))
  hear(2, false, loads(1))
  hear(4, true, loads(1))
  hear(6, false, loads(1))
  hear(8, true, { ...loads(1), ...loads(1, 'told while it doubts') })
  // Nothing is heard of it for a minute.
  reports.take([], 68_000)
  relay.heard(reports.heard(68_000), () => t.fail('nobody said anything'))
  hear(70, false, loads(1))
  hear(72, false, loads(2))
  t.same(taken, ['2 a', '8 told while it doubts', '72 a'])
})

t.test('while the process sleeps nothing grows old, and a clock that goes back makes nothing younger', async (t) => {
  let monotonic = 1000
  const clock = new AwakeClock(() => monotonic)
  monotonic += 700
  t.equal(clock.now(), 700)
  monotonic += 3_600_000
  t.equal(clock.now(), 5700)
  monotonic -= 10_000
  t.equal(clock.now(), 5700)
  monotonic += 100
  t.equal(clock.now(), 5800)
})
