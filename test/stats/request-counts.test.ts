import t from 'tap'
import { NO_REQUESTS, RequestCounts, sumOf, within } from '../../src/stats/request-counts.ts'
import { WORLD, redirectTo, refusalOf, snapshotOf, targetNamed } from '../log/decisions.ts'

function at<T>(list: { at(position: number): T | undefined }, position: number): T {
  const found = list.at(position)
  if (found === undefined) throw new Error('the world is too small')
  return found
}

const [omroep, hospital] = [at(WORLD.services, 0), at(WORLD.services, 1)]
const [fra, us] = [at(WORLD.targets, 0), at(WORLD.targets, 1)]

const OPTIONS = { httpReasons: ['method', 'host'], steering: { results: ['ok', 'unknown'], following: ['yes', 'no'], fallbacks: ['timeout'] } }

/** What happened, spread over so many threads. */
function counted(threads: number) {
  const all = Array.from({ length: threads }, () => new RequestCounts(OPTIONS))
  for (const counts of all) counts.reset(WORLD)
  const events: ((counts: RequestCounts) => void)[] = [
    (counts) => counts.decision(redirectTo(omroep, fra, { why: ['nearest', 'load'], rejected: { down: 2 } }), 0.25),
    (counts) => counts.decision(redirectTo(hospital, us), 0.5),
    (counts) => counts.decision(refusalOf(undefined), 1),
    (counts) => counts.decision(refusalOf(omroep, { reason: 'country', why: ['country'] }), 2),
    (counts) => counts.httpRejected('method'),
    (counts) => counts.httpRejected('no such reason'),
    (counts) => counts.steered({ result: 'ok', following: 'no' }),
    (counts) => counts.steeringFallback('timeout'),
    (counts) => counts.requestFailed(),
  ]
  for (let i = 0; i < 90; i++) at(events, i % events.length)(at(all, Math.floor(i / 9) % threads))
  return all.map((counts, i) => structuredClone(counts.totals(i === 0 ? 5 : 0)))
}

/** Rows in an order that does not depend on who counted first. */
function sorted(totals: ReturnType<RequestCounts['totals']>) {
  const rows = <T>(list: readonly T[]) => list.map((row) => JSON.stringify(row)).sort()
  return { ...totals, decisions: rows(totals.decisions), refusals: rows(totals.refusals) }
}

t.test('the counts of several threads together are those of one that did it all', async (t) => {
  const one = sorted(sumOf(counted(1)))
  t.same(sorted(sumOf(counted(2))), one)
  t.same(sorted(sumOf(counted(3))), one)
  t.equal(one.failed, 10)
  t.equal(one.lookupFailures, 5)
  t.equal(one.httpRejected.get('other'), 10)
  t.equal(one.steered.get('ok no'), 10)
  t.equal(one.durations.sum, 37.5)
})

t.test('nobody is nothing', async (t) => {
  t.same(sumOf([]), NO_REQUESTS)
  const some = sumOf(counted(1))
  t.same(sorted(sumOf([NO_REQUESTS, some])), sorted(some))
})

t.test('of a snapshot\'s services and targets only what the next one has is counted on', async (t) => {
  const next = snapshotOf(['omroep-live'], [targetNamed(0, 'edge-fra-2')], 43)
  const kept = within(sumOf(counted(2)), next)
  t.same(kept.decisions.map(({ service, target }) => `${service} ${target}`).sort(), [' ', 'omroep-live ', 'omroep-live edge-fra-2'])
  t.same(kept.refusals.map(({ service }) => service).sort(), ['', 'omroep-live'])
})
