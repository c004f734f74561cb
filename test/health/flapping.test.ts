// How targets that fail now and then are judged, over simulated hours of checks at 2 s ± 10 %.
import t from 'tap'
import { FOLD, UNPROVEN, fold } from '../../src/health/fold.ts'
import { chance } from './fleet.ts'

const HOURS = 50

/** Transitions per hour and the share of time out, where `works(at, n)` says whether the nth check at that moment succeeds. */
function judged(works: (at: number, n: number) => boolean, seed = 5) {
  const random = chance(seed)
  let state = UNPROVEN
  let transitions = 0
  let out = 0
  let firstOut: number | undefined
  let at = 0
  let n = 0
  for (; at < HOURS * 3_600_000; n++) {
    at += 2000 * (0.9 + 0.2 * random())
    const next = fold(state, works(at, n), FOLD)
    if (next.state !== state.state && state.state !== 'unknown') transitions++
    if (next.state === 'down') {
      out++
      firstOut ??= at / 1000
    }
    state = next
  }
  return { perHour: transitions / HOURS, out: out / n, firstOut }
}

const random = chance(11)
const cases: [title: string, works: (at: number, n: number) => boolean, expected: { perHour: number; out: [least: number, most: number] }][] = [
  ['a target that works stays in', () => true, { perHour: 0, out: [0, 0] }],
  ['a target that is up and down once a second is put out and stays out', (at) => Math.floor(at / 500) % 2 === 0, { perHour: 60, out: [0.8, 1] }],
  ['a target that fails every other time is put out once', (_at, n) => n % 2 === 0, { perHour: 0.1, out: [0.99, 1] }],
  ['a target that fails one time in three is put out', (_at, n) => n % 3 !== 0, { perHour: 0.1, out: [0.99, 1] }],
  ['a target that fails at random one time in three is put out most of the time', () => random() >= 1 / 3, { perHour: 60, out: [0.8, 1] }],
  ['a target that fails at random one time in ten stays in', () => random() >= 0.1, { perHour: 4, out: [0, 0.02] }],
  ['a target that fails every fifth time is tolerated', (_at, n) => n % 5 !== 0, { perHour: 0, out: [0, 0] }],
]
for (const [title, works, { perHour, out: [least, most] }] of cases) {
  t.test(title, async (t) => {
    const found = judged(works)
    t.comment(`${found.perHour.toFixed(2)} transitions per hour, out ${(100 * found.out).toFixed(1)} %${found.firstOut === undefined ? '' : `, first after ${Math.round(found.firstOut)} s`}`)
    t.ok(found.perHour <= perHour, `${found.perHour} transitions per hour`)
    t.ok(found.out >= least && found.out <= most, `out ${found.out}`)
  })
}
