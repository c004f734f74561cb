import t from 'tap'
import { DURATION_BUCKETS, METRICS } from '../../src/stats/definitions.ts'
import { Metrics } from '../../src/stats/metrics.ts'
import type { MetricsOptions } from '../../src/stats/metrics.ts'
import { RequestCounts } from '../../src/stats/request-counts.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import type { Snapshot } from '../../src/routing/model.ts'
import { NOW, WORLD, redirectTo, refusalOf, snapshotOf, targetNamed } from '../log/decisions.ts'

const [omroep, hospital] = WORLD.services
const [fra, us] = WORLD.targets
if (!omroep || !hospital || !fra || !us) throw new Error('the world is too small')

/** The metrics of a router that answers in one thread, and what that thread counts. */
function metricsOf(options: Partial<MetricsOptions> = {}, lookupFailures = () => 0) {
  const counts = new RequestCounts({ httpReasons: ['method', 'host'] })
  const metrics = new Metrics({ now: () => NOW, requests: () => counts.totals(lookupFailures()), snapshotReasons: ['torn'], process: false, ...options })
  const reset = (snapshot: Snapshot, health = new HealthTable(snapshot)) => {
    metrics.reset(snapshot, health, NOW)
    counts.reset(snapshot)
  }
  return { metrics, counts, reset }
}

/** Samples by their text, such as `name{a="b"}`. */
async function read({ metrics }: { readonly metrics: Metrics }): Promise<Map<string, number>> {
  const { text } = await metrics.render()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

t.test('every metric is rendered as its definition says, and no other', async (t) => {
  const made = metricsOf()
  made.reset(WORLD)
  const { contentType, text } = await made.metrics.render()
  t.match(contentType, /^text\/plain; version=0\.0\.4/)
  const told = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]))
  t.same(new Map(Object.entries(METRICS).map(([name, { type }]) => [name, type])), told)
  for (const [name, { help, labels }] of Object.entries(METRICS)) {
    t.ok(text.includes(`# HELP ${name} ${help}\n`), name)
    t.match(name, /^wissel_[a-z_]+$/)
    for (const label of Object.keys(labels)) t.match(label, /^[a-z]+$/)
  }
})

t.test('a decision counts once by service, outcome and target, and by each of its reasons', async (t) => {
  const made = metricsOf()
  made.reset(WORLD)
  made.counts.decision(redirectTo(omroep, fra, { why: ['nearest', 'load'], rejected: { jurisdiction: 3, down: 1 } }), 3e-6)
  made.counts.decision(redirectTo(omroep, fra, { why: ['nearest'], rejected: { down: 1 } }), 3e-6)
  made.counts.decision(redirectTo(hospital, us, { outcome: 'panic', why: ['nearest', 'panic'] }), 1)
  made.counts.decision(refusalOf(undefined), 1e-6)
  made.counts.decision(refusalOf(omroep, { reason: 'country', why: ['country'] }), 1e-6)
  const samples = await read(made)
  const expected = {
    'wissel_decisions_total{service="omroep-live",outcome="redirect",target="edge-fra-2"}': 2,
    'wissel_decisions_total{service="hospital",outcome="panic",target="cdn-us"}': 1,
    'wissel_decisions_total{service="",outcome="refuse",target=""}': 1,
    'wissel_decisions_total{service="omroep-live",outcome="refuse",target=""}': 1,
    'wissel_refusals_total{service="",reason="unknown_service"}': 1,
    'wissel_refusals_total{service="omroep-live",reason="country"}': 1,
    'wissel_decision_reasons_total{reason="nearest"}': 3,
    'wissel_decision_reasons_total{reason="load"}': 1,
    'wissel_decision_reasons_total{reason="spill"}': 0,
    'wissel_rejections_total{reason="jurisdiction"}': 3,
    'wissel_rejections_total{reason="down"}': 2,
    'wissel_decision_duration_seconds_count': 5,
    'wissel_decision_duration_seconds_sum': [3e-6, 3e-6, 1, 1e-6, 1e-6].reduce((sum, seconds) => sum + seconds),
    'wissel_decision_duration_seconds_bucket{le="0.000001"}': 2,
    'wissel_decision_duration_seconds_bucket{le="0.000005"}': 4,
    'wissel_decision_duration_seconds_bucket{le="+Inf"}': 5,
  }
  for (const [name, value] of Object.entries(expected)) t.equal(samples.get(name), value, name)
  t.equal([...samples.keys()].filter((name) => name.startsWith('wissel_decisions_total')).length, 4)
  const again = await read(made)
  t.same(again, samples, 'reading changes nothing')
})

t.test('when a snapshot is swapped, what stays keeps its totals and what left has no series', async (t) => {
  const made = metricsOf()
  made.reset(WORLD)
  made.counts.decision(redirectTo(omroep, fra), 0)
  made.counts.decision(redirectTo(omroep, us), 0)
  made.counts.decision(redirectTo(hospital, fra), 0)
  made.counts.decision(refusalOf(undefined), 0)
  made.counts.decision(refusalOf(hospital, { reason: 'country' }), 0)
  const next = snapshotOf(['new', 'omroep-live'], [targetNamed(0, 'edge-new'), targetNamed(1, 'edge-fra-2')], 43)
  made.reset(next)
  const service = [...next.services].find(({ id }) => id === 'omroep-live')
  const target = next.targets[1]
  if (!service || !target) throw new Error('the world is too small')
  made.counts.decision(redirectTo(service, target), 0)
  const samples = await read(made)
  t.same([...samples].filter(([name]) => /decisions_total|refusals_total/.test(name)), [
    ['wissel_decisions_total{service="",outcome="refuse",target=""}', 1],
    ['wissel_decisions_total{service="omroep-live",outcome="redirect",target="edge-fra-2"}', 2],
    ['wissel_refusals_total{service="",reason="unknown_service"}', 1],
  ])
  t.equal(samples.get('wissel_snapshot_version'), 43)
  t.same([...samples.keys()].filter((name) => name.startsWith('wissel_target_state') && name.includes('cdn-us')), [])
})

t.test('a decision of a snapshot that is gone opens no series that nobody would close', async (t) => {
  const made = metricsOf()
  const next = snapshotOf(['new'], [targetNamed(0, 'edge-new')], 43)
  made.reset(next)
  made.counts.decision(redirectTo(omroep, fra), 0)
  const [service] = next.services
  if (service) made.counts.decision(redirectTo(service, fra), 0)
  made.counts.decision(refusalOf(hospital, { reason: 'country' }), 0)
  t.same([...(await read(made)).keys()].filter((name) => /decisions_total|refusals_total/.test(name)), [])
})

t.test('the number of series does not follow the traffic', async (t) => {
  const made = metricsOf()
  made.reset(WORLD)
  const flood = (from: number) => {
    for (let i = from; i < from + 1000; i++) {
      made.counts.decision(redirectTo(omroep, fra, { country: `C${i}`, path: `/${i}` }), i / 1e6)
      made.counts.httpRejected(`reason ${i}`)
      made.metrics.snapshotRefused(`reason ${i}`)
    }
  }
  flood(0)
  const before = (await read(made)).size
  flood(1000)
  const samples = await read(made)
  t.equal(samples.size, before)
  t.equal(samples.get('wissel_http_rejected_total{reason="other"}'), 2000)
  t.equal(samples.get('wissel_snapshot_refused_total{reason="other"}'), 2000)
})

t.test('states, ages and counts of other parts are as they are when somebody asks', async (t) => {
  let now = NOW
  const sinks = [{ name: 'file', dropped: 5, write: () => undefined, close: async () => undefined }]
  const log = { decided: 10, recorded: 7, dropped: 3, sinks }
  const geo: { builtAt: number | undefined } = { builtAt: undefined }
  let failures = 0
  const made = metricsOf({ now: () => now, log, geo }, () => failures)
  const empty = await read(made)
  for (const name of ['wissel_snapshot_version', 'wissel_snapshot_age_seconds', 'wissel_geo_database_age_seconds']) t.notOk(empty.has(name), `${name} is absent before there is one`)
  const health = new HealthTable(WORLD)
  made.reset(WORLD, health)
  geo.builtAt = NOW - 86_400_000
  failures++
  made.counts.requestFailed()
  made.counts.httpRejected('method')
  health.setState(fra, 'down')
  now += 90_000
  log.decided++
  const samples = await read(made)
  const expected = {
    wissel_snapshot_version: 42, wissel_snapshot_age_seconds: 90, wissel_geo_database_age_seconds: 86_490, wissel_geo_lookup_failures_total: 1, wissel_requests_failed_total: 1,
    wissel_records_decided_total: 11, wissel_records_recorded_total: 7, wissel_records_dropped_total: 3, 'wissel_sink_dropped_total{sink="file"}': 5,
    'wissel_http_rejected_total{reason="method"}': 1, 'wissel_http_rejected_total{reason="host"}': 0,
    'wissel_target_state{target="edge-fra-2",state="down"}': 1, 'wissel_target_state{target="edge-fra-2",state="up"}': 0, 'wissel_target_state{target="cdn-us",state="unknown"}': 1,
  }
  for (const [name, value] of Object.entries(expected)) t.equal(samples.get(name), value, name)
  geo.builtAt = undefined
  t.notOk((await read(made)).has('wissel_geo_database_age_seconds'))
})

t.test('what is told of Redis is absent until it is known', async (t) => {
  let now = NOW
  const { metrics } = metricsOf({ now: () => now })
  const names = ['wissel_redis_up', 'wissel_redis_state_seconds', 'wissel_redis_evicts', 'wissel_state_seen_seconds']
  const empty = await read({ metrics })
  for (const name of names) t.notOk(empty.has(name), name)
  metrics.link(() => ({ up: true, since: NOW }))
  metrics.redisEvicts(true)
  metrics.stateSeen(NOW)
  now += 10_000
  const samples = await read({ metrics })
  t.same(names.map((name) => samples.get(name)), [1, 10, 1, 10])
  metrics.redisEvicts(false)
  t.equal((await read({ metrics })).get('wissel_redis_evicts'), 0)
})

t.test('two sets of metrics do not share anything', async (t) => {
  const [a, b] = [metricsOf(), metricsOf()]
  a.counts.requestFailed()
  t.equal((await read(b)).get('wissel_requests_failed_total'), 0)
})

t.test('the process\'s own metrics can be added, and say nothing of a request', async (t) => {
  const { text } = await metricsOf({ process: true }).metrics.render()
  t.match(text, /^process_cpu_seconds_total /m)
  const labels = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label))
  t.same([...labels].filter((label) => !['type', 'space', 'kind', 'le', 'version', 'major', 'minor', 'patch', 'reason', 'state'].includes(label ?? '')), [])
})

t.test('durations are told apart from a microsecond to ten milliseconds', async (t) => {
  t.equal(DURATION_BUCKETS[0], 1e-6)
  t.equal(DURATION_BUCKETS.at(-1), 1e-2)
  t.same(DURATION_BUCKETS, [...DURATION_BUCKETS].sort((a, b) => a - b))
})
