import t from 'tap'
import { combine, fraction } from '../../src/routing/hash.ts'
import { LoadTally } from '../../src/routing/load.ts'
import type { StepSketch } from './situation.ts'
import { chosen, situation, viewers } from './situation.ts'

const TARGETS = ['t0', 't1', 't2', 't3', 't4', 't5', 't6', 't7', 't8', 't9']
const TICK = 10_000
const TICKS = 30

/** Ten thousand titles of which the k-th is asked for 1/k as often as the first: Zipf's law with exponent 1. */
const CUMULATIVE = new Float64Array(10_000)
let running = 0
for (const k of CUMULATIVE.keys()) {
  running += 1 / (k + 1)
  CUMULATIVE[k] = running
}

function title(random: number): string {
  const value = fraction(random) * running
  let low = 0
  let high = CUMULATIVE.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((CUMULATIVE[middle] ?? 0) > value) high = middle
    else low = middle + 1
  }
  return `/vod/${low}/main.m3u8`
}

interface Asked {
  readonly path: string
  readonly random: number
}

function asked(i: number): Asked {
  return { path: title(combine(i, 1)), random: combine(i, 2) }
}

function fleet(step: Omit<StepSketch, 'targets'>, targets: StepSketch['targets'] = TARGETS) {
  const ids = Array.isArray(targets) ? targets as readonly string[] : Object.keys(targets)
  const made = situation({ targets: Object.fromEntries(ids.map((id) => [id, { at: [50, 8] as const }])), services: { tv: { steps: [{ ...step, targets }] } } })
  return { ...made, tally: new LoadTally() }
}

/** Asks for so many ticks of steady load and gives each target's share of the last half, relative to what is fair. */
function pressure({ decide, health, tally, snapshot }: ReturnType<typeof fleet>, ticks = TICKS): Map<string, number> {
  const counts = new Map<string, number>()
  for (let tick = 0; tick < ticks; tick++) {
    for (let i = tick * TICK; i < (tick + 1) * TICK; i++) {
      const { path, random } = asked(i)
      const id = chosen(decide({ path }, random, tally))
      if (tick >= ticks / 2) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    tally.tick(health)
  }
  const members = snapshot.pools[0]?.members ?? []
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const weight = members.reduce((sum, member) => sum + member.weight, 0)
  return new Map(members.map((member) => [member.target.id, (counts.get(member.target.id) ?? 0) / total / (member.weight / weight)]))
}

for (const step of [{ select: 'rendezvous', key: 'path' }, { select: 'nearest', key: 'prefix' }] as const) {
  t.test(`${step.select}: without a bound the target of the hottest title gets far more than 1.25 of its share`, async (t) => {
    const hottest = Math.max(...pressure(fleet(step)).values())
    t.ok(hottest > 1.4, `${hottest}`)
  })

  t.test(`${step.select}: with a bound of 1.25 no target gets more than 1.25 of its share`, async (t) => {
    const hottest = Math.max(...pressure(fleet({ ...step, factor: 1.25 })).values())
    t.ok(hottest <= 1.25 * 1.02, `${hottest}`)
    t.ok(hottest > 1.15, `and the bound is used, not undercut: ${hottest}`)
  })
}

t.test('the bound is of a member\'s own fair share, which follows its weight', async (t) => {
  const weights = { big: 6, middle: 3, small: 1 }
  const found = pressure(fleet({ select: 'rendezvous', key: 'path', factor: 1.1 }, weights), 20)
  for (const [id, ratio] of found) t.ok(ratio <= 1.1 * 1.03, `${id}: ${ratio}`)
})

for (const [sheds, ways] of [[[0, 0, 1, 1], 'all of their viewers'], [[0, 0, 0.5, 0.5], 'half of them'], [[0, 0.9, 0, 0], 'nine of ten']] as const) {
  t.test(`where others turn away ${ways}, those that are left are not over their share, and hand nobody on`, async (t) => {
    for (const threaded of [false, true]) {
      const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 }, ['a', 'b', 'c', 'd'])
      for (const [i, share] of sheds.entries()) made.health.setShed(made.target('abcd'[i] ?? ''), share)
      const path = (i: number) => `/vod/${i % 997}/main.m3u8`
      const thread = new LoadTally()
      for (let tick = 0; tick < 10; tick++) {
        for (const [i, random] of viewers(4000).entries()) made.decide({ path: path(i) }, random, threaded ? thread : made.tally)
        if (threaded) made.tally.absorb(thread.take(made.health), made.snapshot.pools)
        made.tally.tick(made.health)
      }
      const handed = viewers(4000).filter((random, i) => made.decide({ path: path(i) }, random).why.includes('load')).length
      t.ok(handed < 40, `${handed} of 4000`)
    }
  })
}

t.test('under a steady load next to no viewer gets another answer at the next tick', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 })
  pressure(made, 12)
  const panel = viewers(10_000).map((random, i) => ({ random, path: title(combine(i, 3)) }))
  const answers = () => panel.map(({ path, random }) => chosen(made.decide({ path }, random)))
  let before = answers()
  t.ok(before.some((id, i) => id !== chosen(fleet({ select: 'rendezvous', key: 'path' }).decide({ path: panel[i]?.path ?? '' }))), 'some are handed on')
  for (let tick = 12; tick < 20; tick++) {
    for (let i = tick * TICK; i < (tick + 1) * TICK; i++) {
      const { path, random } = asked(i)
      made.decide({ path }, random, made.tally)
    }
    made.tally.tick(made.health)
    const after = answers()
    const moved = after.filter((id, i) => id !== before[i]).length
    t.ok(moved / panel.length < 0.03, `${moved} of ${panel.length}`)
    before = after
  }
})

t.test('between two ticks nobody moves, however hot a title is', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 })
  pressure(made, 4)
  const draws = viewers(2000)
  const first = draws.map((random) => chosen(made.decide({ path: '/vod/0/main.m3u8' }, random, made.tally)))
  t.same(draws.map((random) => chosen(made.decide({ path: '/vod/0/main.m3u8' }, random, made.tally))), first)
  t.ok(new Set(first).size > 1, 'the hottest title is on more than one target')
})

t.test('what was handed on says so, and what was not does not', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 })
  const path = '/vod/0/main.m3u8'
  const home = chosen(made.decide({ path }))
  for (const random of viewers(5000)) made.decide({ path }, random, made.tally)
  made.tally.tick(made.health)
  let handed = 0
  for (const random of viewers(2000)) {
    const decision = made.decide({ path }, random)
    t.equal(decision.why.includes('load'), chosen(decision) !== home)
    handed += Number(chosen(decision) !== home)
  }
  // One title alone may load its home with 1.25 of a tenth.
  t.ok(Math.abs(handed / 2000 - 0.875) < 0.03, `${handed} of 2000`)
})

t.test('a bound that no member can meet leaves a viewer with the title\'s home', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 }, ['t0', 't1'])
  const home = chosen(made.decide())
  made.health.pass[0] = Float64Array.of(0, 0)
  t.equal(chosen(made.decide()), home)
})

t.test('a member without a weight takes nothing of what a full one hands on', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 }, { t0: 1, t1: 0 })
  made.health.pass[0] = Float64Array.of(0, 1)
  t.ok(viewers(1000).every((random) => chosen(made.decide({}, random)) === 't0'))
})

t.test('when the load goes away the bound goes with it', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 })
  const path = '/vod/0/main.m3u8'
  const home = chosen(made.decide({ path }))
  for (const random of viewers(5000)) made.decide({ path }, random, made.tally)
  made.tally.tick(made.health)
  t.ok(viewers(1000).some((random) => chosen(made.decide({ path }, random)) !== home))
  for (let tick = 0; tick < 40; tick++) {
    for (let i = 0; i < 2000; i++) made.decide({ path: `/vod/${i}/main.m3u8` }, i, made.tally)
    made.tally.tick(made.health)
  }
  t.ok(viewers(1000).every((random) => chosen(made.decide({ path }, random)) === home))
})

t.test('in panic the bound is ignored', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path', factor: 1.25 })
  const home = chosen(made.decide())
  made.health.pass[0] = new Float64Array(TARGETS.length)
  for (const id of TARGETS) made.health.setState(made.target(id), 'down')
  const decision = made.decide()
  t.equal(decision.outcome, 'panic')
  t.equal(chosen(decision), home)
  t.notOk(decision.why.includes('load'))
})

t.test('steps that share a pool obey the strictest of their bounds', async (t) => {
  const made = situation({
    targets: { t0: {}, t1: {} },
    services: {
      tv: { steps: [{ targets: ['t0', 't1'], select: 'rendezvous', key: 'path', factor: 1.9 }] },
      radio: { steps: [{ targets: ['t0', 't1'], select: 'rendezvous', key: 'path', factor: 1.1 }] },
    },
  })
  const tally = new LoadTally()
  for (const random of viewers(1000)) made.decide({ host: 'tv.example' }, random, tally)
  tally.tick(made.health)
  t.equal(Math.min(...(made.health.pass[0] ?? [])), 0.55)
})

t.test('a step without a bound does not loosen the bound of a step that shares its pool', async (t) => {
  const made = situation({
    targets: { t0: {}, t1: {} },
    services: {
      tv: { steps: [{ targets: ['t0', 't1'], select: 'rendezvous', key: 'path', factor: 1.1 }] },
      radio: { steps: [{ targets: ['t0', 't1'], select: 'nearest', key: 'none' }] },
    },
  })
  const tally = new LoadTally()
  for (const random of viewers(1000)) {
    made.decide({ host: 'tv.example' }, random, tally)
    made.decide({ host: 'radio.example' }, random, tally)
  }
  tally.tick(made.health)
  t.equal(Math.min(...(made.health.pass[0] ?? [])), 0.55)
})

t.test('each pool is counted on its own, also when their decisions alternate', async (t) => {
  const step = { select: 'rendezvous', key: 'path', factor: 1.25 } as const
  const made = situation({
    targets: { t0: {}, t1: {}, t2: {}, t3: {} },
    services: { tv: { steps: [{ ...step, targets: ['t0', 't1'] }] }, radio: { steps: [{ ...step, targets: ['t2', 't3'] }] } },
  })
  const tally = new LoadTally()
  for (const [i, random] of viewers(4000).entries()) {
    made.decide({ host: 'tv.example' }, random, tally)
    made.decide({ host: 'radio.example', path: `/vod/${i}/main.m3u8` }, random, tally)
  }
  tally.tick(made.health)
  t.equal(Math.min(...(made.health.pass[0] ?? [])), 0.625, 'one title on two targets')
  t.same(made.health.pass[1], Float64Array.of(1, 1), 'many titles on two targets')
})

t.test('a step without a bound is not counted', async (t) => {
  const made = fleet({ select: 'rendezvous', key: 'path' })
  for (const random of viewers(100)) made.decide({}, random, made.tally)
  made.tally.tick(made.health)
  t.equal(made.health.pass[0], undefined)
})

t.test('what threads counted apart gives the shares that one count of all of it gives', async (t) => {
  const step = { select: 'rendezvous', key: 'path', factor: 1.25 } as const
  const alone = fleet(step)
  const [first, second, together] = [fleet(step), fleet(step), fleet(step)]
  for (let tick = 0; tick < 3; tick++) {
    for (let i = tick * 2000; i < (tick + 1) * 2000; i++) {
      const { path, random } = asked(i)
      alone.decide({ path }, random, alone.tally)
      const thread = i % 3 === 0 ? first : second
      thread.decide({ path }, random, thread.tally)
    }
    for (const { tally, health } of [first, second]) together.tally.absorb(structuredClone(tally.take(health)), together.snapshot.pools)
    alone.tally.tick(alone.health)
    together.tally.tick(together.health)
    for (const { health } of [first, second]) health.pass[0] = together.health.pass[0]
    const rounded = ({ health }: typeof alone) => [...(health.pass[0] ?? [])].map((share) => Math.round(share * 1e9))
    t.same(rounded(together), rounded(alone))
    t.ok(Math.min(...rounded(alone)) < 1e9, 'and some viewers are handed on')
  }
  t.same(first.tally.take(first.health), [], 'what was taken is not taken twice')
})
