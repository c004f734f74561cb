import fc from 'fast-check'
import t from 'tap'
import { MAX_AGE_MS, MIN_AGE_MS, isStale, lifetime, readLoadReport, receive, shedShare, utilisation } from '../../src/health/load.ts'
import type { LoadReport, LoadState } from '../../src/health/load.ts'
import { LEAST, acceptedShare } from '../../src/health/slow-start.ts'
import { HEALTH } from './fleet.ts'

const state = (report: LoadReport, at = 0, intervalMs?: number): LoadState => ({ report, at, intervalMs })

t.test('the share that is turned away rises evenly from shedLow to shedHigh', async (t) => {
  const marks = { shedLow: 0.8, shedHigh: 1 }
  const rows: [used: number | undefined, share: number][] = [[undefined, 0], [0, 0], [0.8, 0], [0.85, 0.25], [0.9, 0.5], [0.95, 0.75], [1, 1], [5, 1], [Infinity, 1]]
  for (const [used, share] of rows) t.ok(Math.abs(shedShare(used, marks) - share) < 1e-9, String(used))
  fc.assert(fc.property(fc.double({ min: 0, max: 3, noNaN: true }), fc.double({ min: 0, max: 3, noNaN: true }), (a, b) =>
    (a <= b) === (shedShare(a, marks) <= shedShare(b, marks)) || shedShare(a, marks) === shedShare(b, marks)))
})

t.test('utilisation is what was reported and what was sent since, of the capacity that was reported or else configured', async (t) => {
  const health = { ...HEALTH, capacityMbps: 1000, bitrateMbps: 4 }
  const rows: [report: LoadReport, sent: number, used: number][] = [
    [{ bandwidthMbps: 500 }, 0, 0.5], [{ bandwidthMbps: 500 }, 50, 0.7], [{ bandwidthMbps: 500, capacityMbps: 2000 }, 50, 0.35], [{ bandwidthMbps: 0 }, 1000, 4],
  ]
  for (const [report, sent, used] of rows) t.equal(utilisation(state(report), sent, health, 0), used)
  t.equal(utilisation(undefined, 1000, health, 0), undefined, 'without a report nobody knows when viewers leave')
  t.equal(utilisation(state({ bandwidthMbps: 1 }), 0, HEALTH, 0), undefined, 'without a capacity there is no share of it')
})

t.test('a report counts for three of its own intervals, for half a minute at least and a quarter of an hour at most', async (t) => {
  const report = { bandwidthMbps: 990 }
  t.equal(lifetime(state(report)), MIN_AGE_MS)
  t.equal(lifetime(state(report, 0, 1000)), MIN_AGE_MS)
  t.equal(lifetime(state(report, 0, 20_000)), 60_000)
  t.equal(lifetime(state(report, 0, 1e9)), MAX_AGE_MS)
  t.notOk(isStale(state(report), MIN_AGE_MS))
  t.ok(isStale(state(report), MIN_AGE_MS + 1))
  t.equal(utilisation(state(report), 0, { ...HEALTH, capacityMbps: 1000 }, MIN_AGE_MS + 1), undefined)
})

t.test('an older report that arrives late changes nothing, until the newer one is stale', async (t) => {
  const first = receive(undefined, { bandwidthMbps: 1, sequence: 5 }, 0)
  t.equal(receive(first, { bandwidthMbps: 2, sequence: 4 }, 1000), undefined)
  t.equal(receive(first, { bandwidthMbps: 2, sequence: 5 }, 1000), undefined)
  t.match(receive(first, { bandwidthMbps: 2, sequence: 6 }, 10_000), { at: 10_000, intervalMs: 10_000 })
  t.match(receive(first, { bandwidthMbps: 2 }, 1000), { at: 1000 })
  t.match(receive(first, { bandwidthMbps: 2, sequence: 0 }, MIN_AGE_MS + 1), { intervalMs: undefined }, 'a target that was restarted counts anew')
})

t.test('only JSON with the fields of a report, in range, is one', async (t) => {
  for (const text of ['{"bandwidthMbps":0}', '{"bandwidthMbps":1.5,"capacityMbps":10,"connections":3,"sequence":0}']) t.ok(readLoadReport(text), text)
  for (const text of [
    '', '{', 'null', '[]', '7', '"x"', '{}', '{"bandwidthMbps":"1"}', '{"bandwidthMbps":-1}', '{"bandwidthMbps":1e300}', '{"bandwidthMbps":null}', '{"bandwidthMbps":1e999}',
    '{"bandwidthMbps":1,"capacityMbps":0}', '{"bandwidthMbps":1,"connections":1.5}', '{"bandwidthMbps":1,"sequence":-1}', '{"bandwidthMbps":1,"extra":1}', '{"__proto__":{"bandwidthMbps":1}}',
  ]) t.equal(readLoadReport(text), undefined, text)
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
    const report = readLoadReport(text)
    return report === undefined || Number.isFinite(report.bandwidthMbps)
  }))
})

t.test('slow start goes from a tenth to all, as Envoy\'s does with aggression 1', async (t) => {
  const rows: [sinceMs: number, windowMs: number, share: number][] = [
    [0, 30_000, 0.1], [3000, 30_000, 0.1], [6000, 30_000, 0.2], [15_000, 30_000, 0.5], [29_999, 30_000, 29_999 / 30_000], [30_000, 30_000, 1], [60_000, 30_000, 1], [0, 0, 1], [0, NaN, 1],
  ]
  for (const [since, window, share] of rows) t.equal(acceptedShare(since, window), share, `${since} of ${window} ms`)
  fc.assert(fc.property(fc.nat(), fc.nat(), (since, window) => acceptedShare(since, window) >= LEAST && acceptedShare(since, window) <= 1))
})
