import t from 'tap'
import { DOUBT_MS, HealthChecker } from '../../src/health/checker.ts'
import type { CheckerOptions } from '../../src/health/checker.ts'
import type { CheckSpec, ProbeResult } from '../../src/health/probe.ts'
import type { Target } from '../../src/routing/model.ts'
import { settle } from '../log/clock.ts'
import { targetNamed } from '../log/decisions.ts'
import { ABSENT, HEALTH, OK, REFUSED, World, chance, checked, edges, groupNamed } from './fleet.ts'

function setUp(targets: readonly Target[], rest: Partial<CheckerOptions> = {}) {
  const world = new World()
  const changes: string[] = []
  const quarantines: string[] = []
  const checker = new HealthChecker({
    probe: world.probe, setTimer: world.clock.setTimer, monotonic: () => world.clock.now, random: () => 0.5,
    onOpinion: (target, state, why) => changes.push(`${target.id} ${state} ${why}`),
    onQuarantine: (on, failed, total) => quarantines.push(`${on ? 'on' : 'off'} ${failed}/${total}`), ...rest,
  })
  checker.watch(targets)
  const states = () => targets.map(({ id }) => checker.opinion(id)).join(' ')
  /** Every target once, an interval after the last time. */
  const round = async (times = 1) => {
    for (let i = 0; i < times; i++) {
      for (const { id } of targets) await checker.check(id)
      world.clock.now += 2000
    }
  }
  return { world, checker, changes, quarantines, states, round }
}

t.test('opinions follow the checks by rise and fall', async (t) => {
  const { world, round, states, changes } = setUp(edges(3))
  t.equal(states(), 'unknown unknown unknown')
  await round(2)
  t.equal(states(), 'up up up')
  world.broken.add('edge-1')
  await round(2)
  t.equal(states(), 'up up up')
  await round()
  t.equal(states(), 'up down up')
  world.broken.clear()
  await round(2)
  t.equal(states(), 'up up up')
  t.same(changes.slice(3), ['edge-1 down refused', 'edge-1 up ok'])
})

t.test('a target without a check is not asked, and nothing is known of it', async (t) => {
  const bare = { ...targetNamed(1, 'bare'), health: { ...HEALTH, check: undefined } }
  const { world, round, states } = setUp([checked(0, 'edge-0'), bare, targetNamed(2, 'cdn')])
  await round(3)
  t.equal(states(), 'up unknown unknown')
  t.same(new Set(world.asked), new Set(['edge-0']))
})

t.test('each family is judged on its own, and a target is down when every family that was ever up is down', async (t) => {
  const { world, checker, round, states } = setUp(edges(1, { check: { families: ['ipv4', 'ipv6'] } }))
  const view = () => JSON.stringify(checker.families('edge-0'))
  await round(2)
  t.match(view(), /"ipv4":\{"state":"up".*"ipv6":\{"state":"up"/)
  world.says('edge-0', 'ipv6', REFUSED)
  await round(3)
  t.equal(states(), 'up', 'IPv4 still works')
  t.match(view(), /"ipv6":\{"state":"down","why":"refused"/)
  world.says('edge-0', 'ipv4', REFUSED)
  await round(3)
  t.equal(states(), 'down')
  world.says('edge-0', 'ipv6', OK)
  await round(2)
  t.equal(states(), 'up')
})

t.test('a family that never worked counts for nothing once another one did', async (t) => {
  const { world, round, states } = setUp(edges(1, { check: { families: undefined } }))
  world.says('edge-0', 'ipv6', { ok: false, why: 'unreachable' })
  await round(3)
  t.equal(states(), 'up')
  world.says('edge-0', 'ipv4', REFUSED)
  await round(3)
  t.equal(states(), 'down')
})

t.test('a family that the name does not have is not shown and holds nothing up', async (t) => {
  const { world, checker, round, states } = setUp(edges(1, { check: { families: undefined } }))
  await round(2)
  world.says('edge-0', 'ipv6', ABSENT)
  await round()
  t.same(Object.keys(checker.families('edge-0')), ['ipv4'])
  world.says('edge-0', 'ipv4', REFUSED)
  await round(3)
  t.equal(states(), 'down')
})

t.test('a name with none of the families that are asked for fails', async (t) => {
  const { world, round, changes } = setUp(edges(1, { check: { families: ['ipv6'] } }))
  world.says('edge-0', 'ipv6', ABSENT)
  await round(3)
  t.same(changes, ['edge-0 down dns'])
})

t.test('when more than half fail at once the prober doubts itself, and those failures count for nothing', async (t) => {
  const { world, round, states, quarantines, checker } = setUp(edges(5))
  await round(2)
  for (const id of ['edge-0', 'edge-1', 'edge-2']) world.broken.add(id)
  await round(50)
  t.equal(states(), 'up up up up up')
  t.ok(checker.quarantined)
  world.broken.delete('edge-2')
  await round()
  t.notOk(checker.quarantined)
  t.equal(states(), 'up up up up up')
  await round(2)
  t.equal(states(), 'up up up up up', 'two failures since')
  await round(1)
  t.equal(states(), 'down down up up up', 'and three')
  t.same(quarantines, ['on 3/5', 'off 2/5'])
})

t.test('a doubt ends where two others answer all the while: after five minutes what fails is down, and what fails later is watched', async (t) => {
  const { world, round, states, quarantines, checker } = setUp(edges(6))
  await round(2)
  for (const id of ['edge-0', 'edge-1', 'edge-2', 'edge-3']) world.broken.add(id)
  await round(2 + DOUBT_MS / 2000)
  t.ok(checker.quarantined)
  t.equal(states(), 'up up up up up up')
  await round(4)
  t.equal(states(), 'down down down down up up')
  t.same(quarantines, ['on 4/6', 'off 4/6'])
  world.broken.add('edge-4')
  await round(3)
  t.equal(states(), 'down down down down down up')
  world.broken.clear()
  await round(10)
  t.equal(states(), 'up up up up up up')
  for (const id of ['edge-0', 'edge-1', 'edge-2', 'edge-3']) world.broken.add(id)
  await round(3)
  t.ok(checker.quarantined, 'and doubts itself anew')
})

t.test('a prober that reaches one target or none has lost its network, however long', async (t) => {
  for (const reached of [0, 1]) {
    const { world, round, states, checker } = setUp(edges(4))
    await round(2)
    for (let i = reached; i < 4; i++) world.broken.add(`edge-${i}`)
    await round(DOUBT_MS / 1000)
    t.ok(checker.quarantined)
    t.equal(states(), 'up up up up')
  }
})

t.test('a prober that lost its network for a while harms nobody afterwards, however often', async (t) => {
  const { world, round, changes } = setUp(edges(10))
  await round(2)
  for (let i = 0; i < 50; i++) {
    for (let n = 0; n < 10; n++) world.broken.add(`edge-${n}`)
    await round(5)
    world.broken.clear()
    await round(1)
  }
  t.same(changes.slice(10), [])
})

t.test('targets with long intervals do not hide that everything that was checked lately fails', async (t) => {
  const fast = edges(6)
  const slow = Array.from({ length: 6 }, (_, i) => checked(6 + i, `slow-${i}`, { check: { intervalMs: 60_000 } }))
  const { world, checker, states } = setUp([...fast, ...slow])
  for (let i = 0; i < 2; i++) for (const { id } of [...fast, ...slow]) await checker.check(id)
  world.clock.now += 20_000
  for (const { id } of fast) world.broken.add(id)
  for (let i = 0; i < 20; i++) {
    for (const { id } of fast) await checker.check(id)
    world.clock.now += 2000
  }
  t.ok(checker.quarantined)
  t.notMatch(states(), /down/)
})

t.test('exactly half may fail, and fewer than four targets are too few to doubt the prober', async (t) => {
  const four = setUp(edges(4))
  await four.round(2)
  four.world.broken.add('edge-0').add('edge-1')
  await four.round(3)
  t.equal(four.states(), 'down down up up')
  const three = setUp(edges(3))
  await three.round(2)
  for (const id of ['edge-0', 'edge-1', 'edge-2']) three.world.broken.add(id)
  await three.round(3)
  t.equal(three.states(), 'down down down')
})

t.test('targets that were down before are no sign of a fault here: the others are still watched', async (t) => {
  const { world, round, states, quarantines } = setUp(edges(6))
  await round(2)
  for (const ids of [['edge-0', 'edge-1'], ['edge-2', 'edge-3'], ['edge-4']]) {
    for (const id of ids) world.broken.add(id)
    await round(3)
  }
  t.equal(states(), 'down down down down down up')
  t.same(quarantines, [])
})

/** A group whose targets fail every other time, half of them now and half of them then. */
async function flapping(count: number, bad: number, group = groupNamed('ams')) {
  const made = setUp(edges(count, { group }))
  await made.round(2)
  for (let turn = 0; turn < 60; turn++) {
    for (let i = 0; i < bad; i++) {
      if ((turn + i) % 2 === 0) made.world.broken.add(`edge-${i}`)
      else made.world.broken.delete(`edge-${i}`)
    }
    await made.round()
  }
  return made.states().split(' ').filter((state) => state === 'down').length
}

t.test('of the chronic flappers in a group a fifth is ejected at most, and one in any case', async (t) => {
  for (const [count, bad, ejected] of [[10, 3, 2], [10, 4, 2], [20, 6, 4], [4, 2, 1], [1, 1, 1], [10, 1, 1]] as const) {
    t.equal(await flapping(count, bad), ejected, `${bad} of ${count} flap`)
  }
})

t.test('clean failures are not capped', async (t) => {
  const { world, round, states } = setUp(edges(10, { group: groupNamed('ams') }))
  await round(2)
  for (let i = 0; i < 5; i++) world.broken.add(`edge-${i}`)
  await round(3)
  t.equal(states().match(/down/g)?.length, 5)
})

t.test('a probe that throws is a failed check', async (t) => {
  const { round, states, changes } = setUp(edges(1), { probe: async () => { throw new Error('a bug') } })
  await round(3)
  t.equal(states(), 'down')
  t.same(changes, ['edge-0 down other'])
})

t.test('stopping ends the checks that are under way, and they count for nothing', async (t) => {
  const probe = (_spec: CheckSpec, cancel: AbortSignal) => new Promise<ProbeResult>((resolve) => cancel.addEventListener('abort', () => resolve(REFUSED)))
  const { checker, world, changes } = setUp(edges(3, { check: { rise: 1, fall: 2 } }), { probe })
  for (let i = 0; i < 3; i++) {
    checker.start()
    world.clock.advance(2000)
    await settle()
    t.equal(checker.running, 3)
    checker.stop()
    await settle()
    t.equal(checker.running, 0)
  }
  t.same(changes, [])
  t.equal(world.clock.waiting, 0)
})

t.test('opinions outlive a swap of the snapshot, and a target that left is forgotten', async (t) => {
  const { world, checker, round } = setUp(edges(3))
  await round(2)
  world.broken.add('edge-1')
  await round(3)
  checker.watch([checked(0, 'edge-new'), checked(1, 'edge-2'), checked(2, 'edge-1')])
  t.same(['edge-new', 'edge-2', 'edge-1', 'edge-0'].map((id) => checker.opinion(id)), ['unknown', 'up', 'down', 'unknown'])
})

t.test('a check of the former address counts for nothing, one of the same does', async (t) => {
  const pending: ((result: ProbeResult) => void)[] = []
  const probe = () => new Promise<ProbeResult>((resolve) => pending.push(resolve))
  const { checker } = setUp(edges(1, { check: { rise: 1 } }), { probe })
  const first = checker.check('edge-0')
  checker.watch(edges(1, { check: { rise: 1, url: 'http://elsewhere.example/' } }))
  pending.shift()?.(OK)
  await first
  t.equal(checker.opinion('edge-0'), 'unknown')
  const second = checker.check('edge-0')
  checker.watch(edges(1, { check: { rise: 1, url: 'http://elsewhere.example/' } }))
  pending.shift()?.(OK)
  await second
  t.equal(checker.opinion('edge-0'), 'up')
})

// How long each kind of failure takes to answer, in milliseconds; a target that hangs answers at the timeout.
const kinds: [kind: string, why: ProbeResult['why'], takes: number][] = [
  ['refuses', 'refused', 1], ['resets', 'reset', 5], ['answers 500', 'status', 30], ['answers the wrong text', 'body', 30],
  ['has an expired certificate', 'tls', 60], ['is slow', 'timeout', 2000], ['is a black hole', 'connect_timeout', 2000],
]
for (const [kind, why, takes] of kinds) {
  t.test(`a target that ${kind} is out within fall × interval + timeout`, async (t) => {
    const worst: number[] = []
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World()
      const probe = ({ target }: CheckSpec) => new Promise<ProbeResult>((resolve) => {
        const bad = world.broken.has(target.id)
        world.clock.setTimer(() => resolve(bad ? { ok: false, why } : OK), bad ? takes : 10)
      })
      let downAt: number | undefined
      const onOpinion = (_target: Target, state: string) => void (state === 'down' && (downAt ??= world.clock.now))
      const checker = new HealthChecker({ probe, setTimer: world.clock.setTimer, monotonic: () => world.clock.now, random: chance(seed), onOpinion })
      checker.watch(edges(6))
      checker.start()
      const pass = async (ms: number) => {
        for (let at = 0; at < ms; at += 50) {
          world.clock.advance(50)
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      await pass(8000)
      world.broken.add('edge-3')
      const since = world.clock.now
      await pass(10_000)
      checker.stop()
      if (downAt === undefined) return t.fail('never')
      worst.push(downAt - since)
    }
    const most = Math.max(...worst)
    t.comment(`${kind}: mean ${Math.round(worst.reduce((a, b) => a + b) / worst.length)} ms, most ${most} ms`)
    t.ok(most <= 3 * 2000 * 1.1 + 2000, `${most} ms`)
  })
}
