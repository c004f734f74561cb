import fc from 'fast-check'
import t from 'tap'
import { merge } from '../../src/health/merge.ts'
import { combine } from '../../src/health/families.ts'
import { HEALTH_STATES } from '../../src/routing/model.ts'
import type { HealthState } from '../../src/routing/model.ts'

const STATES: Record<string, HealthState> = { u: 'up', d: 'down', '?': 'unknown' }
const statesOf = (letters: string) => [...letters].map((letter) => STATES[letter] ?? 'unknown')

t.test('down only by most of the probers that have an opinion, and two of them where there are two', async (t) => {
  const rows: [opinions: string, HealthState][] = [
    ['', 'unknown'], ['u', 'up'], ['d', 'down'], ['?', 'unknown'],
    ['uu', 'up'], ['ud', 'up'], ['dd', 'down'], ['d?', 'down'], ['u?', 'up'],
    ['udd', 'down'], ['uud', 'up'], ['ddd', 'down'], ['dd?', 'down'], ['ud?', 'up'],
    ['uudd', 'up'], ['uddd', 'down'], ['uuudd', 'up'], ['uuddd', 'down'],
  ]
  for (const [opinions, expected] of rows) t.equal(merge(statesOf(opinions)), expected, opinions || 'none')
})

t.test('one prober alone among several never takes a target down, and one that says up never alone holds it up', async () => {
  const states = fc.array(fc.constantFrom(...HEALTH_STATES), { maxLength: 6 })
  fc.assert(fc.property(states, (others) => {
    const rest = others.map((state) => (state === 'down' ? 'up' : state))
    return merge(['down', ...rest]) !== 'down' || !rest.includes('up')
  }))
  fc.assert(fc.property(states, (opinions) => merge(opinions) === merge([...opinions].reverse())))
  fc.assert(fc.property(states, (opinions) => merge([...opinions, 'up']) !== 'unknown'))
})

// Families: state and whether it was ever up, in capitals.
t.test('families count once they have worked', async (t) => {
  const rows: [families: string, HealthState][] = [
    ['', 'unknown'], ['?', 'unknown'], ['d', 'down'], ['U', 'up'], ['D', 'down'], ['dd', 'down'], ['d?', 'unknown'],
    ['Ud', 'up'], ['Dd', 'down'], ['D?', 'down'], ['DU', 'up'], ['DD', 'down'],
  ]
  for (const [families, expected] of rows) {
    const views = [...families].map((letter) => ({ state: STATES[letter.toLowerCase()] ?? ('unknown' as const), proven: letter !== letter.toLowerCase() }))
    t.equal(combine(views), expected, families || 'none')
  }
})
