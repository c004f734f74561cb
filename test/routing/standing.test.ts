import t from 'tap'
import { rejectedTogether, rejectedWith, standing } from '../../src/routing/standing.ts'
import type { Sketch, TargetSketch } from './situation.ts'
import { NOW, situation } from './situation.ts'

function one(target: TargetSketch, policy: NonNullable<Sketch['policies']>[string] = {}) {
  const made = situation({ targets: { a: target }, policies: { p: policy }, services: { tv: { policy: 'p', steps: [{ targets: ['a'] }] } } })
  const [pool] = made.snapshot.pools
  if (pool === undefined) throw new Error('no pool')
  return { ...made, pool }
}

// Which of the three lists a target is in: e(ligible), u(nproven: what panic may use), l(ast resort).
const cases: [name: string, target: TargetSketch, lists: string, reason: string | undefined][] = [
  ['a target that nobody has looked at may be used', {}, 'eul', undefined],
  ['a healthy target may be used', { state: 'up' }, 'eul', undefined],
  ['a failed target waits for panic', { state: 'down' }, 'ul', 'down'],
  ['an operator\'s up is stronger than a failed check', { state: 'down', admin: 'up' }, 'eul', undefined],
  ['a draining target is the last resort', { admin: 'drain' }, 'l', 'drain'],
  ['a draining target that fails is the last resort too', { admin: 'drain', state: 'down' }, 'l', 'drain'],
  ['a forced-down target is never used', { admin: 'down', state: 'up' }, '', 'forced_down'],
  ['a target without the scheme is never used', { schemes: ['http'] }, '', 'scheme'],
  ['a target under a forbidden jurisdiction is never used', { jurisdiction: { operator: 'US' } }, '', 'jurisdiction'],
  ['jurisdiction is the reason that is given first', { jurisdiction: { operator: 'US' }, admin: 'down', schemes: [] }, '', 'jurisdiction'],
  ['load alone rejects nobody from a list', { shed: 1 }, 'eul', undefined],
]
for (const [name, target, lists, reason] of cases) {
  t.test(name, async (t) => {
    const { pool, health } = one(target, { operator: ['NL'] })
    const found = standing(pool, health, 'https', NOW)
    const letters = (found.eligible.length > 0 ? 'e' : '') + (found.unproven.length > 0 ? 'u' : '') + (found.lastResort.length > 0 ? 'l' : '')
    t.equal(letters, lists)
    t.same(found.rejected, reason === undefined ? {} : { [reason]: 1 })
    t.equal(found.mask[0], lists.startsWith('e') ? 1 : 0)
  })
}

t.test('the share of health is of the targets that are not draining or forbidden, in whole percent', async (t) => {
  const { snapshot, health } = situation({
    targets: { a: {}, b: { state: 'down' }, c: { state: 'down' }, d: { admin: 'drain' }, e: { admin: 'down' }, f: { schemes: [] } },
    services: { tv: { steps: [{ targets: { a: 1, b: 2, c: 0, d: 4, e: 5, f: 6 } }] } },
  })
  const [pool] = snapshot.pools
  const found = pool && standing(pool, health, 'https', NOW)
  t.equal(Math.floor(found?.healthy ?? 0), 33)
  t.same(found?.cumulative, Float64Array.of(1, 3, 3, 7, 12, 18))
  t.same(found?.rejected, { down: 2, drain: 1, forced_down: 1, scheme: 1 })
})

t.test('a standing is kept while nothing changes, per scheme', async (t) => {
  const { pool, health } = one({ schemes: ['https'] })
  const first = standing(pool, health, 'https', NOW)
  t.equal(standing(pool, health, 'https', NOW + 1e12), first)
  t.equal(standing(pool, health, 'http', NOW).eligible.length, 0)
  t.equal(standing(pool, health, 'https', NOW), first)
})

for (const [name, change] of [
  ['state', (made: ReturnType<typeof one>) => made.health.setState(made.target('a'), 'down')],
  ['admin state', (made: ReturnType<typeof one>) => made.health.setAdmin(made.target('a'), 'drain')],
] as const) {
  t.test(`a changed ${name} shows in the next decision`, async (t) => {
    const made = one({})
    t.equal(standing(made.pool, made.health, 'https', NOW).eligible.length, 1)
    change(made)
    t.equal(standing(made.pool, made.health, 'https', NOW).eligible.length, 0)
  })
}

t.test('a standing ends with the first evidence that does', async (t) => {
  const { snapshot, health } = situation({
    targets: { a: { jurisdiction: { evidenceUntil: NOW + 20 } }, b: { jurisdiction: { evidenceUntil: NOW + 10 } } },
    policies: { p: { evidence: true } },
    services: { tv: { policy: 'p', steps: [{ targets: ['a', 'b'] }] } },
  })
  const [pool] = snapshot.pools
  if (pool === undefined) return t.fail('no pool')
  const eligible = (now: number) => standing(pool, health, 'https', now).eligible.map((member) => member.target.id)
  t.same(eligible(NOW), ['a', 'b'])
  t.same(eligible(NOW + 9), ['a', 'b'])
  t.same(eligible(NOW + 10), ['a'])
  t.same(eligible(NOW + 20), [])
})

t.test('a clock that goes back brings back the evidence that was in force', async (t) => {
  const { pool, health } = one({ jurisdiction: { evidenceUntil: NOW } }, { evidence: true })
  t.equal(standing(pool, health, 'https', NOW).eligible.length, 0)
  t.equal(standing(pool, health, 'https', NOW - 1).eligible.length, 1)
})

t.test('of the same counts together there is one object, in which reasons of both are added up', async (t) => {
  const { pool, health } = one({ state: 'down' })
  const stand = standing(pool, health, 'https', NOW)
  const [first, other] = [rejectedWith(2, stand), Object.freeze({ down: 3, scheme: 1 })]
  t.same(rejectedTogether(first, other), { overload: 2, down: 4, scheme: 1 })
  t.equal(rejectedTogether(rejectedWith(2, stand), other), rejectedTogether(first, other))
  t.same(rejectedTogether(rejectedWith(1, stand), other), { overload: 1, down: 4, scheme: 1 })
  t.ok(Object.isFrozen(rejectedTogether(first, other)))
})
