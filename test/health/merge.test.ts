import fc from 'fast-check'
import t from 'tap'
import { merge } from '../../src/health/merge.ts'
import type { Report } from '../../src/health/merge.ts'
import { HEALTH_STATES } from '../../src/routing/model.ts'
import type { HealthState } from '../../src/routing/model.ts'

const NOW = 1_000_000
const FRESH = 10_000
const STATES: Record<string, HealthState> = { u: 'up', d: 'down', '?': 'unknown' }

/** `u d ?` fresh, in capitals stale. */
function merged(reports: string): HealthState {
  const list = [...reports].map((letter, i): [string, Report] => {
    const stale = letter !== letter.toLowerCase()
    return [`prober-${i}`, { state: STATES[letter.toLowerCase()] ?? 'unknown', at: NOW - (stale ? FRESH + 1 : FRESH) }]
  })
  return merge(new Map(list), NOW, FRESH)
}

t.test('down only by most of the fresh probers, and two of them where there are two', async (t) => {
  const rows: [string, HealthState][] = [
    ['', 'unknown'], ['u', 'up'], ['d', 'down'], ['?', 'unknown'],
    ['uu', 'up'], ['ud', 'up'], ['dd', 'down'], ['d?', 'unknown'], ['u?', 'up'],
    ['udd', 'down'], ['uud', 'up'], ['ddd', 'down'], ['dd?', 'down'], ['d??', 'unknown'],
    ['uudd', 'up'], ['uddd', 'down'], ['dd??', 'unknown'],
    ['U', 'unknown'], ['D', 'unknown'], ['DD', 'unknown'], ['Ud', 'unknown'], ['Dd', 'unknown'], ['uD', 'up'], ['uDD', 'up'], ['Udd', 'down'], ['UUUdd', 'down'],
  ]
  for (const [reports, expected] of rows) t.equal(merged(reports), expected, reports || 'none')
})

t.test('a report from a clock that is far ahead counts for nothing, and one without a time neither', async (t) => {
  const at = (time: number) => merge(new Map([['a', { state: 'down', at: time }]]), NOW, FRESH)
  t.same([at(NOW + FRESH), at(NOW + FRESH + 1), at(NaN), at(Infinity)], ['down', 'unknown', 'unknown', 'unknown'])
})

t.test('one prober alone among several never takes a target down', async () => {
  const report = fc.record({ state: fc.constantFrom(...HEALTH_STATES), at: fc.integer({ min: NOW - 2 * FRESH, max: NOW + 2 * FRESH }) })
  fc.assert(fc.property(fc.array(report, { minLength: 1, maxLength: 6 }), (others) => {
    const view = others.map((other) => (other.state === 'down' ? { ...other, state: 'up' as const } : other))
    return merge(new Map([['lost', { state: 'down' as const, at: NOW }], ...view.map((other, i): [string, Report] => [String(i), other])]), NOW, FRESH) !== 'down'
  }))
})
