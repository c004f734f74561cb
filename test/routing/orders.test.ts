// What is remembered of titles' orders holds for every list with the same members and weights, and for no other.
import t from 'tap'
import { combine } from '../../src/routing/hash.ts'
import type { Member } from '../../src/routing/model.ts'
import { Orders } from '../../src/routing/orders.ts'
import { standing } from '../../src/routing/standing.ts'
import { NOW, situation } from './situation.ts'

/** @param weights one for each member */
function fleet(weights: readonly number[]): ReturnType<typeof situation> {
  const targets = weights.map((weight, i) => [`t${i}`, weight] as const)
  return situation({ targets: Object.fromEntries(targets.map(([id]) => [id, {}])), services: { tv: { steps: [{ targets: Object.fromEntries(targets), select: 'rendezvous' }] } } })
}

function members(weights: readonly number[]): readonly Member[] {
  return fleet(weights).snapshot.pools[0]?.members ?? []
}

const EVEN = new Array<number>(40).fill(1)

/** Tells how many of its members were looked at in order to rank a title. */
function watched(list: readonly Member[]): { readonly list: readonly Member[], looked: number } {
  const found = { list: new Proxy([...list], { get: (all, key, self) => (found.looked++, Reflect.get(all, key, self) as unknown) }), looked: 0 }
  return found
}

t.test('a title is ranked once in each list that it is asked for in, however many there are', async (t) => {
  const all = members(EVEN)
  const orders = new Orders()
  const lists = all.map((_, i) => watched([...all.slice(i), ...all.slice(0, i)])).map((each) => ({ each, roster: orders.roster(each.list) }))
  const ranked = () => {
    for (const { each } of lists) each.looked = 0
    for (const { each, roster } of lists) orders.slot(each.list, roster, 7)
    return lists.reduce((sum, { each }) => sum + each.looked, 0)
  }
  t.ok(ranked() >= 40 * 40, 'every member of every list is looked at')
  t.equal(ranked(), 0)
})

t.test('and not again in a list that has the same members, of another snapshot or once health is what it was', async (t) => {
  const { snapshot, health, target } = fleet(EVEN)
  const [pool] = snapshot.pools
  if (pool === undefined) return t.fail('there is a pool')
  const orders = new Orders()
  const eligible = () => watched(standing(pool, health, 'https', NOW).eligible)
  const costs = (each: ReturnType<typeof watched>) => {
    const roster = orders.roster(each.list)
    each.looked = 0
    orders.slot(each.list, roster, 7)
    return each.looked
  }
  t.ok(costs(eligible()) >= 40)
  health.setState(target('t3'), 'down')
  t.ok(costs(eligible()) >= 39, 'one less: another list')
  health.setState(target('t3'), 'up')
  t.equal(costs(eligible()), 0)
  t.equal(costs(watched(members(EVEN))), 0)
  t.ok(costs(watched(members(EVEN.with(0, 2)))) >= 40, 'another weight: another list')
})

t.test('what is ranked is a title\'s own order in its own list, among many of both', async (t) => {
  const all = members(EVEN)
  const lists = all.map((_, i) => [...all.slice(i), ...all.slice(0, i)].slice(0, 30))
  const orders = new Orders()
  let wrong = 0
  for (let key = 0; key < 2000; key++) {
    for (const list of lists) {
      const [first] = list.toSorted((a, b) => combine(key, b.target.seed) - combine(key, a.target.seed))
      if (orders.at(list, orders.slot(list, orders.roster(list), key), 0) !== first) wrong++
    }
  }
  t.equal(wrong, 0)
})

t.test('lists whose hashes meet are two lists', async (t) => {
  // Of so small a weight nothing is left in a hash.
  const [one, other] = [members(EVEN.map(() => 1e-6)), members(EVEN.map((_, i) => (i === 0 ? 1e-6 : 2e-6)))]
  const orders = new Orders()
  const first = orders.roster(one)
  t.ok(first.even)
  const second = orders.roster(other)
  t.not(second.number, first.number)
  t.notOk(second.even)
  t.not(orders.roster(one).number, first.number, 'only the latest is known')
})

t.test('weights of nothing are not even, nor is an empty list', async (t) => {
  const orders = new Orders()
  t.notOk(orders.roster(members([0, 0, 0])).even)
  t.notOk(orders.roster([]).even)
  t.ok(orders.roster(members([3, 3])).even)
})

t.test('no more lists are known than there is room for, and no number comes twice', async (t) => {
  const all = members(EVEN)
  const orders = new Orders(1000)
  const lists = all.map((_, i) => all.slice(0, i + 1))
  const numbers = () => lists.map((list) => orders.roster(list).number)
  const [first, again] = [numbers(), numbers()]
  t.equal(new Set([...first, ...again]).size, first.length + again.length)
  t.equal(orders.roster(lists.at(-1) ?? []).number, again.at(-1), 'the latest is known')
})
