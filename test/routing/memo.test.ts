// What selectors remember gives what a look at every member gives.
import fc from 'fast-check'
import t from 'tap'
import { vector } from '../../src/routing/distance.ts'
import { combine, hashString } from '../../src/routing/hash.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { Memo } from '../../src/routing/memo.ts'
import type { KeyMode, Member } from '../../src/routing/model.ts'
import { RANKS } from '../../src/routing/ranking.ts'
import { selectors } from '../../src/routing/select/index.ts'
import type { Draw } from '../../src/routing/select/selector.ts'
import { standing } from '../../src/routing/standing.ts'
import { chosen, NOW, situation } from './situation.ts'

const PLACES = [[52, 5], [50, 8], [48, 2], [40, -74], [-33, 151], [52, 13], [41, 2], [60, 25], [38, -9], [45, 9], [35, 139]] as const
const ORIGINS = [...PLACES, [0, 0], [89, 10]].map(([north = 0, east = 0]) => vector(north, east))

const ZONES = ['campus', 'country', 'one']

interface Fleet {
  readonly weights: readonly number[]
  readonly sheds: readonly number[]
  readonly down: readonly number[]
  readonly factor: number | undefined
  readonly key: KeyMode
}

const fleets: fc.Arbitrary<Fleet> = fc.oneof(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 60, max: 120 })).chain((size) => fc.record({
  weights: fc.oneof(fc.constant(new Array<number>(size).fill(1)), fc.nat(4).map((some) => Array.from({ length: size }, (_, i) => (i < some ? 1 : 0))), fc.array(fc.constantFrom(0, 0, 1, 2, 7), { minLength: size, maxLength: size })),
  sheds: fc.oneof(fc.constant(new Array<number>(size).fill(0)), fc.array(fc.constantFrom(0, 0, 0.5, 1), { minLength: size, maxLength: size })),
  down: fc.array(fc.nat(size - 1), { maxLength: Math.min(4, size - 1) }),
  factor: fc.constantFrom(undefined, 1.25),
  key: fc.constantFrom<KeyMode>('path', 'none'),
}))

/** @param room of what is remembered; absent: as in a router. @param former of the snapshot before */
function made({ weights, sheds, down, factor, key }: Fleet, room?: number, former?: HealthTable) {
  const ids = weights.map((_, i) => `t${i}`)
  const sketch = situation({
    groups: { all: {}, some: { parent: 'all' } },
    targets: Object.fromEntries(ids.map((id, i) => [id, { group: i % 3 === 0 ? 'some' : 'all', ...(i % 7 === 6 ? {} : { at: PLACES[i % PLACES.length] ?? [0, 0] }) }])),
    zones: { campus: { group: 'some' }, country: { group: 'all' }, one: { target: 't1' } },
    services: { tv: { steps: [{ targets: Object.fromEntries(ids.map((id, i) => [id, weights[i] ?? 0])), select: 'nearest', key, factor }] } },
  })
  const { snapshot } = sketch
  const health = Object.assign(former === undefined ? sketch.health : new HealthTable(snapshot, undefined, former), room === undefined ? {} : { memo: new Memo(undefined, room) })
  for (const [i, share] of sheds.entries()) health.setShed(sketch.target(`t${i}`), share)
  for (const i of down) health.setState(sketch.target(`t${i}`), 'down')
  const step = snapshot.services.at(0)?.steps[0]
  if (step === undefined) throw new Error('there is a step')
  // Half of the members are full, so that titles overflow.
  health.pass[step.pool.index] = Float64Array.from(step.pool.members, (_, i) => (i % 2 === 0 ? 1 : 0.3))
  return { ...sketch, health, step }
}

/** A copy of the list is one that nothing is remembered of. */
function both(select: 'nearest' | 'rendezvous', fleet: ReturnType<typeof made>, i: number): [remembered: Member | undefined, plain: Member | undefined, overflowed: boolean] {
  const { step, health, snapshot } = fleet
  const stand = standing(step.pool, health, 'https', NOW)
  const list = i % 4 === 1 ? stand.unproven : stand.eligible
  const random = combine(i, 9)
  const exclude = i % 5 === 0 ? new Set(snapshot.targets.filter(({ index }) => index % 3 === i % 3)) : undefined
  const draw = (): Draw => ({
    step, standing: stand, list, health, key: step.key === 'none' ? combine(random, step.seed) : hashString(`/${i % 11}`), random,
    origin: i % 13 === 0 ? undefined : ORIGINS[i % ORIGINS.length], zone: i % 3 === 0 ? fleet.request({ zone: ZONES[(i / 3) % ZONES.length] ?? '' }).client.zone : undefined, exclude, ignoreLoad: i % 8 === 1, observer: undefined, overflowed: false, overloaded: undefined,
  })
  const [fast, slow] = [draw(), { ...draw(), list: [...list] }]
  const pair = [selectors[select](fast), selectors[select](slow)] as const
  return [...pair, fast.overflowed === slow.overflowed]
}

for (const select of ['nearest', 'rendezvous'] as const) {
  t.test(`${select} chooses the same with what it remembers, while health, loads and exclusions change`, async (t) => {
    fc.assert(fc.property(fleets, fc.option(fc.nat(2000), { nil: undefined }), (sketch, room) => {
      const fleet = made(sketch, room)
      for (let i = 0; i < 120; i++) {
        if (i === 60) fleet.health.setState(fleet.target('t1'), 'down')
        if (i === 90) fleet.health.setState(fleet.target('t1'), 'up')
        const [remembered, plain, alike] = both(select, fleet, i)
        if (remembered !== plain || !alike) return false
      }
      return true
    }), { numRuns: 300 })
    t.pass('for random fleets')
  })
}

t.test('and the same where snapshots come and go whose targets differ in some, or in weights', async (t) => {
  const several = fleets.chain((fleet) => fc.tuple(fc.constant(fleet), fc.constantFrom(fleet, { ...fleet, weights: fleet.weights.map((weight, i) => (i === 1 ? weight + 1 : weight)) }, fleet.weights.length === 2 ? fleet : { ...fleet, weights: fleet.weights.slice(1), sheds: fleet.sheds.slice(1) }, { ...fleet, down: [0] })))
  fc.assert(fc.property(several, ([one, other]) => {
    const first = made(one)
    const second = made({ ...other, down: other.down.filter((i) => i < other.weights.length) }, undefined, first.health)
    const third = made(one, undefined, second.health)
    for (const fleet of [first, second, third, first]) {
      for (let i = 0; i < 40; i++) {
        for (const select of ['nearest', 'rendezvous'] as const) {
          const [remembered, plain, alike] = both(select, fleet, i)
          if (remembered !== plain || !alike) return false
        }
      }
    }
    return true
  }), { numRuns: 100 })
  t.pass('for random fleets')
})

t.test('a title whose first members all turn the viewer away goes to the next of them all the same', async (t) => {
  const fleet = made({ weights: new Array<number>(30).fill(1), sheds: new Array<number>(30).fill(0), down: [], factor: undefined, key: 'path' })
  const gone = new Set<string>()
  for (let i = 0; i < 3 * RANKS; i++) {
    const [remembered, plain] = both('rendezvous', fleet, 2)
    t.equal(remembered, plain)
    t.notOk(gone.has(remembered?.target.id ?? ''))
    gone.add(remembered?.target.id ?? '')
    if (remembered !== undefined) fleet.health.setShed(remembered.target, 1)
  }
})

t.test('two routers choose alike, whatever they were asked before', async (t) => {
  const ids = Array.from({ length: 60 }, (_, i) => `t${i}`)
  const router = () => situation({ targets: Object.fromEntries(ids.map((id) => [id, {}])), services: { tv: { steps: [{ targets: ids, select: 'rendezvous', key: 'path' }] } } })
  const [one, two] = [router(), router()]
  const titles = Array.from({ length: 500 }, (_, i) => `/a/${i}.m3u8`)
  const first = titles.map((path) => chosen(one.decide({ path }, 7)))
  t.ok(new Set(first).size > 50)
  t.same(titles.toReversed().map((path) => chosen(two.decide({ path }, 8))), first.toReversed())
  t.same(titles.map((path) => chosen(one.decide({ path }, 9))), first)
})

t.test('no more is remembered than there is room for, and health makes room', async (t) => {
  const { step } = made({ weights: new Array<number>(40).fill(1), sheds: new Array<number>(40).fill(0), down: [], factor: undefined, key: 'path' })
  const { members } = step.pool
  const memo = new Memo(undefined, 5000)
  const origins = Array.from({ length: 1000 }, (_, i) => vector(i / 12, i / 7))
  const held = () => origins.filter((origin) => {
    const [ring] = memo.around(members, origin, 1.5) ?? []
    if (ring !== undefined) memo.circle(members, origin, 1.5, ring)
    return ring !== undefined
  }).length
  const first = held()
  t.ok(first > 20 && first < 80, `${first} places`)
  t.equal(held(), first, 'those are known, others are not')
  t.equal(memo.slot([...members], 1), undefined)
  memo.at(1)
  t.equal(held(), first)
})
