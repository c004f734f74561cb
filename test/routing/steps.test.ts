import fc from 'fast-check'
import t from 'tap'
import { capacity, distribute } from '../../src/routing/spill.ts'
import { asks, draws, sketches } from './fleets.ts'
import { chosen, situation, told, viewers } from './situation.ts'

const DRAWS = viewers(40_000)

/** A step of a hundred targets, so many of which are healthy. */
function hundred(letter: string, healthy: number) {
  return Array.from({ length: 100 }, (_, i) => [`${letter}${i}`, { state: i < healthy ? 'up' as const : 'down' as const }] as const)
}

// Percentages of healthy targets in each step; which steps panic, by Envoy's rule.
const cases: [healthy: number[], panics: number[]][] = [
  [[100, 100], []],
  [[72, 72], []],
  [[71, 71], []],
  [[50, 60], []],
  [[25, 100], []],
  [[25, 25], [0, 1]],
  [[5, 65], [0]],
  [[25, 25, 100], []],
  [[25, 25, 20], [0, 1, 2]],
  [[0, 100], []],
  [[0, 0], [0]],
]
for (const [healthy, panics] of cases) {
  const loads = distribute(healthy.map(capacity))
  const panicking = panics.length === 0 ? 'no step panics' : `${panics.map((step) => step + 1).join(' and ')} in panic`
  t.test(`steps that are ${healthy.join(', ')} % healthy get ${loads.join(', ')} % of real decisions, and ${panicking}`, async (t) => {
    const { decide } = situation({
      targets: Object.fromEntries(healthy.flatMap((percent, step) => hundred('abc'[step] ?? '', percent))),
      services: { tv: { steps: healthy.map((_, step) => ({ targets: hundred('abc'[step] ?? '', 0).map(([id]) => id) })) } },
    })
    const counts = healthy.map(() => ({ redirect: 0, panic: 0 }))
    for (const random of DRAWS) {
      const decision = decide({}, random)
      const count = counts['abc'.indexOf(chosen(decision)[0] ?? '?')]
      if (count !== undefined && (decision.outcome === 'redirect' || decision.outcome === 'panic')) count[decision.outcome]++
    }
    for (const [step, { redirect, panic }] of counts.entries()) {
      const share = (100 * (redirect + panic)) / DRAWS.length
      t.ok(Math.abs(share - (loads[step] ?? 0)) < 1, `step ${step + 1}: ${share} %`)
      t.equal(panics.includes(step) ? redirect : panic, 0, `step ${step + 1}: ${panic} in panic`)
    }
  })
}

t.test('viewers that spilled stay where they are when health gets a little worse', async (t) => {
  const answers = [50, 45].map((healthy) => {
    const { decide } = situation({
      targets: Object.fromEntries([...hundred('a', healthy), ...hundred('b', 100)]),
      services: { tv: { steps: ['a', 'b'].map((letter) => ({ targets: hundred(letter, 0).map(([id]) => id) })) } },
    })
    return DRAWS.map((random) => chosen(decide({}, random)))
  })
  const [before = [], after = []] = answers
  t.equal(before.filter((id, viewer) => id.startsWith('b') && after[viewer] !== id).length, 0)
})

t.test('spilling does not choose the same viewers in every service', async (t) => {
  const { decide } = situation({
    targets: Object.fromEntries([...hundred('a', 36), ...hundred('b', 100)]),
    services: Object.fromEntries(['tv', 'radio'].map((id) => [id, { steps: ['a', 'b'].map((letter) => ({ targets: hundred(letter, 0).map(([target]) => target) })) }])),
  })
  const spilled = (host: string, random: number) => chosen(decide({ host }, random)).startsWith('b')
  const both = DRAWS.filter((random) => spilled('tv.example', random) && spilled('radio.example', random))
  t.ok(Math.abs(both.length / DRAWS.length - 0.25) < 0.01, `${both.length} of ${DRAWS.length} spill in both`)
})

t.test('an ordered list is made by excluding what it already holds, from the best to the last resort', async (t) => {
  const { decide } = situation({
    targets: { a: {}, b: {}, c: { state: 'down' }, d: { admin: 'drain' }, e: { admin: 'down' }, f: {}, o: {} },
    services: { tv: { steps: [{ targets: ['a', 'c', 'd', 'e'], select: 'failover' }, { targets: ['b', 'f'], select: 'failover' }], bypass: { target: 'o' } } },
  })
  const list: string[] = []
  const said: string[] = []
  for (;;) {
    const decision = decide({ exclude: list })
    said.push(told(decision))
    if (decision.outcome === 'refuse') break
    list.push(chosen(decision))
  }
  t.same(said, ['redirect a', 'redirect b', 'redirect f', 'panic c', 'last_resort d', 'bypass o', 'refuse no_target 503'])
})

t.test('an ordered list never repeats a target, starts with the decision\'s own answer, and holds every lawful target of its steps', async (t) => {
  fc.assert(fc.property(sketches, asks, draws, (sketch, ask, random) => {
    const { decide } = situation(sketch)
    const list: string[] = []
    for (let length = 0; length <= Object.keys(sketch.targets).length; length++) {
      const next = chosen(decide({ ...ask, exclude: list }, random))
      if (next === '') break
      if (list.includes(next)) return false
      list.push(next)
    }
    return list[0] === (chosen(decide({ ...ask, exclude: [] }, random)) || undefined) && chosen(decide({ ...ask, exclude: list }, random)) === ''
  }), { numRuns: 1500 })
  t.pass('for random fleets')
})
