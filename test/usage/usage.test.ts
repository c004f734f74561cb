import fc from 'fast-check'
import t from 'tap'
import { usageReport } from '../../src/usage/endpoint.ts'
import { readReport } from '../../src/usage/report.ts'
import { UsageBuckets } from '../../src/usage/usage.ts'

/** 2026-03-01T20:33:00Z */
const NOW = Date.UTC(2026, 2, 1, 20, 33)
const rules = { now: NOW, isService: (id: string) => id === 'omroep-live', isTarget: (id: string) => id === 'edge-fra-2' }
const bucket = { t: '2026-03-01T20:30Z', service: 'omroep-live', target: 'edge-fra-2', bytes: 123456789, requests: 3210 }
const report = (...buckets: unknown[]) => JSON.stringify({ v: 1, buckets })

t.test('what is reported for a bucket of five minutes is added up and told once it is over', async (t) => {
  const buckets = new UsageBuckets()
  t.match(usageReport(report(bucket, { ...bucket, bytes: 1, requests: 1 }), buckets, rules), { status: 202, body: '{"taken":2}\n' })
  t.same(buckets.take(NOW), [], 'the bucket is not over')
  t.same(buckets.take(NOW + 120_000), ['{"v":1,"t":"2026-03-01T20:30Z","service":"omroep-live","target":"edge-fra-2","bytes":123456790,"requests":3211}\n'])
  t.same(buckets.take(Infinity), [])
  usageReport(report({ ...bucket, bytes: 5, requests: 1 }), buckets, rules)
  t.match(buckets.take(NOW + 120_000), [/"bytes":5,"requests":1\}/], 'what comes late is a further line')
})

t.test('a report is taken whole or not at all, and the answer names the place and never the value', async (t) => {
  const rows: [RegExp, unknown][] = [
    [/buckets\[1\]: service: is not/, { ...bucket, service: 'somebody' }],
    [/buckets\[1\]: target: is not/, { ...bucket, target: '192.0.2.1' }],
    [/buckets\[1\]: t: is in the future/, { ...bucket, t: '2026-03-01T20:45Z' }],
    [/buckets\[1\]: t: is more than 168 hours ago/, { ...bucket, t: '2026-02-01T20:30Z' }],
    [/buckets\[1\]: t: must be/, { ...bucket, t: '2026-03-01T20:31Z' }],
    [/buckets\[1\]: t: is no date/, { ...bucket, t: '2026-13-01T20:30Z' }],
    [/buckets\[1\]: t: is no date/, { ...bucket, t: '2026-02-29T20:30Z' }],
    [/buckets\[1\]: t: is no date/, { ...bucket, t: '2026-02-28T24:00Z' }],
    [/buckets\[1\]: bytes/, { ...bucket, bytes: -1 }],
    [/buckets\[1\]: requests/, { ...bucket, requests: 1.5 }],
    [/buckets\[1\]: has an unknown field/, { ...bucket, ip: '192.0.2.1' }],
    [/buckets\[1\]: must be an object/, ['192.0.2.1']],
  ]
  for (const [expected, row] of rows) {
    const buckets = new UsageBuckets()
    const answer = usageReport(report(bucket, row), buckets, rules)
    t.equal(answer.status, 400)
    t.match(answer.body, expected)
    t.notMatch(answer.body, /192\.0\.2|somebody/)
    t.same(buckets.take(Infinity), [], 'nothing of it was taken')
    t.same(readReport(report(bucket, row), rules).usage, [])
  }
  for (const body of ['', 'x', '[]', '{}', '{"v":2,"buckets":[]}', '{"v":1,"buckets":{}}', '{"v":1,"buckets":[],"more":1}', `{"v":1,"buckets":[${'0,'.repeat(20_000)}0]}`, ' '.repeat(2 << 20)]) {
    t.equal(readReport(body, rules).problems.length, 1)
  }
})

t.test('whatever is posted, there is an answer, and what is taken is of the configuration', async () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.array(fc.record({ t: fc.constantFrom(bucket.t, 'x'), service: fc.constantFrom('omroep-live', 'x'), target: fc.constant('edge-fra-2'), bytes: fc.oneof(fc.nat(), fc.double()), requests: fc.nat() })).map((rows) => report(...rows))), (body) => {
    const buckets = new UsageBuckets()
    const { status } = usageReport(body, buckets, rules)
    return (status === 202 || status === 400) && buckets.take(Infinity).every((line) => JSON.parse(line).service === 'omroep-live')
  }), { numRuns: 1000 })
})

t.test('memory is bounded: rows beyond it are dropped and counted', async (t) => {
  const buckets = new UsageBuckets(10)
  for (let i = 0; i < 25; i++) buckets.add({ at: NOW + i * 300_000, service: 'a', target: 'b', bytes: 1, requests: 1 })
  t.equal(buckets.take(Infinity).length, 10)
  t.equal(buckets.dropped, 15)
})

t.test('a report for which there is no room is refused whole, and rows that wait already are still added to', async (t) => {
  const buckets = new UsageBuckets(2)
  const more = (...targets: string[]) => usageReport(report(...targets.map((target) => ({ ...bucket, target }))), buckets, { ...rules, isTarget: () => true })
  t.equal(more('a').status, 202)
  t.match(more('b', 'c'), { status: 503, body: /there is no room.*again in five minutes/ })
  t.equal(more('a', 'b', 'b').status, 202)
  t.equal(more('c').status, 503)
  t.equal(more('a', 'b').status, 202)
  t.same(buckets.take(Infinity).map((line) => JSON.parse(line)).map(({ target, requests }) => [target, requests / bucket.requests]), [['a', 3], ['b', 3]])
  t.equal(more('c').status, 202, 'once they are written there is room')
  t.equal(buckets.dropped, 0)
})

t.test('a sum that no number holds exactly refuses the report that would make it, and keeps the ones before', async (t) => {
  for (const field of ['bytes', 'requests']) {
    const buckets = new UsageBuckets()
    const half = { ...bucket, [field]: 2 ** 52 }
    t.equal(usageReport(report(bucket), buckets, rules).status, 202)
    t.match(usageReport(report({ ...bucket, t: '2026-03-01T20:25Z' }, half, half), buckets, rules), { status: 400, body: new RegExp(`buckets\\[2\\]: ${field}: is above 9007199254740991`) })
    t.match(usageReport(report({ ...bucket, [field]: Number.MAX_SAFE_INTEGER }), buckets, rules), { status: 400 })
    t.match(buckets.take(Infinity), [/"bytes":123456789,"requests":3210\}/])
    t.equal(buckets.dropped, 0)
  }
  const buckets = new UsageBuckets()
  for (const bytes of [5, Number.MAX_SAFE_INTEGER]) buckets.add({ at: NOW, service: 'a', target: 'b', bytes, requests: 1 })
  t.match(buckets.take(Infinity), [/"bytes":5,/], 'neither does a log lose what was read before')
  t.equal(buckets.dropped, 1)
})
