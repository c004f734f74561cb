import fc from 'fast-check'
import t from 'tap'
import { FAILURE, FOLD, UNPROVEN, calm, fold, most } from '../../src/health/fold.ts'
import type { Fold } from '../../src/health/fold.ts'

/** Results as text: `+` success, `-` failure. The state after each, as `u`, `d` or `?`. */
function states(results: string, from: Fold = UNPROVEN, options = FOLD): string {
  let current = from
  let text = ''
  for (const result of results) {
    current = fold(current, result === '+', options)
    text += current.state === 'up' ? 'u' : current.state === 'down' ? 'd' : '?'
  }
  return text
}

function after(results: string, options = FOLD): Fold {
  return [...results].reduce((current, result) => fold(current, result === '+', options), UNPROVEN)
}

t.test('two successes in a row go up, three failures in a row go down', async (t) => {
  const rows: [string, string][] = [
    ['+', '?'], ['++', '?u'], ['-', '?'], ['--', '??'], ['---', '??d'], ['+-+-', '????'], ['+-++', '???u'],
    ['++--+', '?uuuu'], ['++---', '?uuud'], ['---+', '??dd'], ['---++', '??ddu'], ['---+-++', '??ddddd'], ['---+-+++++', '??dddddddu'],
  ]
  for (const [results, expected] of rows) t.equal(states(results), expected, results)
})

t.test('after one clean outage, however long, rise successes suffice', async (t) => {
  for (const length of [3, 4, 10, 1000]) t.equal(states(`++${'-'.repeat(length)}++`).slice(-2), 'du', String(length))
  for (const rise of [1, 2, 5]) {
    for (const fall of [1, 2, 3, 10]) {
      const options = { rise, fall }
      t.equal(states('+'.repeat(rise), after('-'.repeat(fall), options), options), 'd'.repeat(rise - 1) + 'u', `rise ${rise}, fall ${fall}`)
    }
  }
})

t.test('a target that fails every other time goes down, though never three times in a row', async (t) => {
  const seen = states(`++${'-+'.repeat(20)}`)
  t.match(seen, /d/)
  t.ok(seen.indexOf('d') < 16, seen)
  t.notMatch(states(`++${'-+'.repeat(200)}`).slice(20), /u/, 'and stays there while it goes on')
})

t.test('a target that fails one time in five is tolerated for ever', async (t) => {
  t.notMatch(states(`++${'-++++'.repeat(1000)}`), /d/)
})

t.test('a target that falls again and again takes longer to be trusted, and in the end is', async (t) => {
  const needed = (before: string) => {
    const from = after(before)
    for (let n = 1; n < 100; n++) if (states('+'.repeat(n), from).endsWith('u')) return n
    return Infinity
  }
  t.equal(needed('++---'), 2)
  t.equal(needed('++---++---'), 12)
  t.equal(needed('++---++---++++++++++++---'), 12)
  t.ok(needed(`++${'---++++++++++'.repeat(20)}---`) <= most(FOLD) - calm(FOLD), 'and never longer than this')
  t.equal(needed(`++---${'+'.repeat(30)}---`), 2, 'what is long past is forgotten')
})

t.test('whatever happened, rise and fall hold: enough of one kind always decides', async () => {
  const options = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) })
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 100 }), options, (history, given) => {
    const now = history.reduce((current, ok) => fold(current, ok, given), UNPROVEN)
    const many = (ok: boolean, times: number) => Array.from({ length: times }).reduce<Fold>((current) => fold(current, ok, given), now)
    return now.bucket >= 0 && now.bucket <= most(given) && many(false, given.fall).state === 'down'
      && many(true, Math.max(given.rise, most(given) - calm(given))).state === 'up'
  }), { numRuns: 1000 })
})

t.test('a state changes only by results that speak for the new one', async () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (history) => {
    let current = UNPROVEN
    return history.every((ok) => {
      const next = fold(current, ok)
      const sound = next.state === current.state || next.state === (ok ? 'up' : 'down')
      current = next
      return sound
    })
  }))
})

t.test('one failure weighs as much as four successes', async (t) => {
  t.equal(FAILURE, 4)
  t.equal(after('-++++').bucket, 0)
})
