import fc from 'fast-check'
import t from 'tap'
import { keyOf } from '../../src/log/record.ts'
import type { DecisionFacts } from '../../src/log/record.ts'
import { Window } from '../../src/log/window.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import type { Reason } from '../../src/routing/reasons.ts'
import { NOW, WORLD, facts, factsOf, redirectTo, refusalOf } from './decisions.ts'

const [service] = WORLD.services
const [target] = WORLD.targets
if (service === undefined || target === undefined) throw new Error('the world is too small')

/** Which of the facts are one group, by the first that is in it. */
function grouped(all: readonly DecisionFacts[]): number[] {
  const window = new Window(Infinity)
  // Each has a title of its own, by which it is found again.
  const titled = all.map((given, i): DecisionFacts => ({ ...given, content: `t${i}` as ContentId }))
  for (const each of titled) if (!window.count(each)) window.add(each, each.content)
  const firsts = new Map(window.turn().groups.flatMap(({ titles }) => titles.map(({ content }) => [content, Number(titles[0]?.content.slice(1))] as const)))
  return titled.map(({ content }) => firsts.get(content) ?? -1)
}

/** The same by the text that tells records apart. */
function byKey(all: readonly DecisionFacts[]): number[] {
  const first = new Map<string, number>()
  return all.map((each, i) => {
    const key = keyOf(each)
    if (!first.has(key)) first.set(key, i)
    return first.get(key) ?? i
  })
}

t.test('decisions are one group when, and only when, their keys are equal', async (t) => {
  // Each twice, so that there is something to find.
  fc.assert(fc.property(fc.array(facts, { maxLength: 60 }), (all) => {
    const list = [...all, ...all.map((each) => structuredCloneOf(each))]
    t.same(grouped(list), byKey(list))
  }), { numRuns: 300 })
})

/** What a window counted, which ends it: of each group the status, and its titles with their counts. */
function told(window: Window<unknown>): (string | number)[][] {
  const { groups, counts } = window.turn()
  return groups.map(({ facts: { status }, titles }) => [status, ...titles.flatMap(({ content, record }) => ((counts[record] ?? 0) > 0 ? [`${content} ${counts[record]}`] : []))]).filter(({ length }) => length > 1)
}

/** Equal, and not the same: what is known by itself must not be all that is known. */
function structuredCloneOf(given: DecisionFacts): DecisionFacts {
  return { ...given, decision: { ...given.decision, why: [...given.decision.why], rejected: { ...given.decision.rejected } } }
}

t.test('what differs in one thing alone is two groups', async (t) => {
  const base = factsOf(redirectTo(service, target))
  const others: [string, DecisionFacts][] = [
    ['status', { ...base, status: 307 }], ['a status that is none', { ...base, status: 299 }], ['agent', { ...base, agent: 'bot' }], ['object', { ...base, object: 'key' }], ['format', { ...base, format: 'mss' }],
    ['snapshot', { ...base, snapshot: '43:00000000' }], ['minute', { ...base, now: NOW + 60_000 }], ['country', factsOf(redirectTo(service, target, { country: 'FR' }))],
    ['outcome', factsOf(redirectTo(service, target, { outcome: 'panic' }))], ['localization', factsOf(redirectTo(service, target, { localization: 'zone' }))], ['refusal', factsOf(refusalOf(service))],
    ['why', factsOf(redirectTo(service, target, { why: ['nearest', 'load'] }))], ['why, in another order', factsOf(redirectTo(service, target, { why: ['load', 'nearest'] }))],
    ['many reasons', factsOf(redirectTo(service, target, { why: ['nearest', 'load', 'spill', 'panic'] }))], ['rejected', factsOf(redirectTo(service, target, { rejected: { down: 1 } }))],
    ['another count', factsOf(redirectTo(service, target, { rejected: { down: 2 } }))], ['target', factsOf(redirectTo(service, { ...target, index: 70_000 }))],
  ]
  const all = [base, ...others.map(([, each]) => each)]
  t.same(grouped(all), all.map((_, i) => i), others.map(([name]) => name).join())
  t.same(grouped([base, { ...base, now: NOW + 999 }]), [0, 0], 'the same minute')
})

t.test('more rejected counts and minutes than there are numbers for are told apart all the same', async (t) => {
  const many = Array.from({ length: 400 }, (_, i) => factsOf(redirectTo(service, target, { rejected: { down: i } as Partial<Record<Reason, number>> })))
  const minutes = Array.from({ length: 20 }, (_, i) => ({ ...factsOf(redirectTo(service, target)), now: NOW + i * 60_000 }))
  const all = [...many, ...minutes, ...many.map(structuredCloneOf), ...minutes.map(structuredCloneOf)]
  t.same(grouped(all), byKey(all))
})

t.test('each title of a group has its count, and the next window begins with none', (t) => {
  const window = new Window(Infinity)
  const count = (given: DecisionFacts) => window.count(given) || window.add(given, given.content)
  // More than the first tables hold.
  const titles = Array.from({ length: 2000 }, (_, i) => `t${i}` as ContentId)
  for (let round = 0; round < 2; round++) {
    for (const status of [302, 307]) for (const content of titles) for (let i = 0; i < (status === 302 ? 2 : 1); i++) count({ ...factsOf(redirectTo(service, target)), status, content })
    t.equal(window.size, 4000)
    t.same(told(window), [[302, ...titles.map((title) => `${title} 2`)], [307, ...titles.map((title) => `${title} 1`)]])
    t.same([told(window), window.size], [[], 0])
  }
  t.end()
})

t.test('what is only looked for leaves nothing, and what is counted no path', (t) => {
  const window = new Window(Infinity)
  const unnumbered = (i: number) => ({ ...factsOf(redirectTo(service, target, { why: ['nearest', 'load', 'spill', 'panic'], path: '/secret' })), now: NOW + i * 60_000 })
  for (let i = 0; i < 100; i++) t.equal(window.count(unnumbered(i)), false)
  window.add(unnumbered(99), 'a' as ContentId)
  t.equal(window.countAs('a' as ContentId), true)
  t.equal(window.count({ ...unnumbered(99), content: 'a' as ContentId }), true)
  t.equal(window.count({ ...unnumbered(98), content: 'a' as ContentId }), false)
  t.notMatch(JSON.stringify(window.turn()), /secret/)
  t.end()
})

t.test('a decision that is one more of another title is counted there', (t) => {
  const window = new Window(Infinity)
  const given = { ...factsOf(redirectTo(service, target)), content: 'a' as ContentId }
  t.equal(window.count(given), false)
  t.equal(window.countAs('_other' as ContentId), false)
  window.add(given, '_other' as ContentId)
  t.equal(window.count(given), false, 'its own title is not there')
  t.equal(window.countAs('_other' as ContentId), true)
  t.same(told(window), [[302, '_other 2']])
  t.end()
})

t.test('what was counted is known to the next window of the same minute and snapshot, and no longer', (t) => {
  const base = { ...factsOf(redirectTo(service, target)), content: 'a' as ContentId }
  /** Whether the group of the first window is there in the second one, which begins with other facts. */
  const stays = (next: DecisionFacts, most = Infinity) => {
    const window = new Window(most)
    const count = (given: DecisionFacts) => window.count(given) || window.add(given, given.content)
    count(base)
    count({ ...base, content: 'b' as ContentId })
    const { groups } = window.turn()
    count(next)
    const second = window.turn()
    count(next)
    return second.groups === groups && window.turn().groups === groups
  }
  t.equal(stays(base), true)
  t.equal(stays(base, 1), false, 'too many')
  t.equal(stays({ ...base, now: NOW + 60_000 }), false, 'another minute')
  t.equal(stays({ ...base, snapshot: '43:00000000' }), false, 'another snapshot')
  const window = new Window(Infinity)
  window.count(base)
  window.add(base, base.content)
  const { groups } = window.turn()
  t.equal(window.turn().groups, groups, 'handed over once more, without a count')
  t.not(window.turn().groups, groups, 'nobody came')
  t.end()
})

t.test('a record that is known and not counted yet is no record of this window', (t) => {
  const window = new Window(Infinity)
  const given = { ...factsOf(redirectTo(service, target)), content: 'a' as ContentId }
  t.equal(window.count(given), false)
  window.add(given, given.content)
  t.equal(window.size, 1)
  window.turn()
  t.same([window.size, window.count(given), window.countAs(given.content)], [0, false, false])
  window.add(given, given.content)
  t.same([window.count(given), window.size], [true, 1])
  t.same(told(window), [[302, 'a 2']])
  t.end()
})
