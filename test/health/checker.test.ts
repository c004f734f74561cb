import fc from 'fast-check'
import t from 'tap'
import { HealthChecker } from '../../src/health/checker.ts'
import type { CheckerOptions } from '../../src/health/checker.ts'
import type { CheckSpec, ProbeResult } from '../../src/health/probe.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import type { Target } from '../../src/routing/model.ts'
import { Clock, settle } from '../log/clock.ts'
import { snapshotOf, targetNamed } from '../log/decisions.ts'

const OK: ProbeResult = { ok: true, why: 'ok' }
const REFUSED: ProbeResult = { ok: false, why: 'refused' }

function setUp(count: number, rest: Partial<CheckerOptions> = {}) {
  const targets = Array.from({ length: count }, (_, i) => targetNamed(i, `edge-${i}`))
  const table = new HealthTable(snapshotOf(['s'], targets))
  const clock = new Clock()
  const broken = new Set<string>()
  const changes: string[] = []
  const quarantines: string[] = []
  const asked: string[] = []
  const checker = new HealthChecker({
    probe: async ({ target }) => {
      asked.push(target.id)
      return broken.has(target.id) ? REFUSED : OK
    },
    setTimer: clock.setTimer, random: () => 0.5,
    onChange: (target, state, why) => changes.push(`${target.id} ${state} ${why}`), onQuarantine: (failed, total) => quarantines.push(`${failed}/${total}`), ...rest,
  })
  const specsOf = (list: readonly Target[]): CheckSpec[] => list.map((target) => ({ target, url: `https://${target.id}.example/` }))
  checker.watch(specsOf(targets), table)
  const states = () => targets.map((target) => table.state(target)).join(' ')
  return { targets, table, clock, broken, changes, quarantines, asked, checker, specsOf, states }
}

t.test('states follow the checks by rise and fall', async (t) => {
  const { checker, broken, states, changes } = setUp(3)
  t.equal(states(), 'unknown unknown unknown')
  await checker.round()
  await checker.round()
  t.equal(states(), 'up up up')
  broken.add('edge-1')
  await checker.round()
  await checker.round()
  t.equal(states(), 'up up up')
  await checker.round()
  t.equal(states(), 'up down up')
  broken.clear()
  await checker.round()
  await checker.round()
  t.equal(states(), 'up up up')
  t.same(changes.slice(3), ['edge-1 down refused', 'edge-1 up ok'])
})

t.test('when more than half fail at once, nothing is published and it is said', async (t) => {
  const { checker, broken, states, quarantines } = setUp(5)
  await checker.round()
  await checker.round()
  for (const id of ['edge-0', 'edge-1', 'edge-2']) broken.add(id)
  for (let i = 0; i < 10; i++) t.equal((await checker.round()).published, false)
  t.equal(states(), 'up up up up up')
  t.same(quarantines, Array(10).fill('3/5'))
  broken.delete('edge-2')
  for (let i = 0; i < 3; i++) await checker.round()
  t.equal(states(), 'down down up up up', 'the rounds in quarantine count for nothing: three more are needed')
})

t.test('exactly half may fail, and fewer than four targets are too few to doubt the prober', async (t) => {
  const four = setUp(4)
  four.broken.add('edge-0').add('edge-1')
  for (let i = 0; i < 3; i++) await four.checker.round()
  t.equal(four.states(), 'down down up up')
  const three = setUp(3)
  for (const id of ['edge-0', 'edge-1', 'edge-2']) three.broken.add(id)
  for (let i = 0; i < 3; i++) await three.checker.round()
  t.equal(three.states(), 'down down down')
})

t.test('targets that were down before are no sign of a fault here: the others are still watched', async (t) => {
  const { checker, broken, states, quarantines } = setUp(6)
  for (const ids of [['edge-0', 'edge-1'], ['edge-2', 'edge-3'], ['edge-4']]) {
    for (const id of ids) broken.add(id)
    for (let i = 0; i < 3; i++) await checker.round()
  }
  t.equal(states(), 'down down down down down up')
  broken.delete('edge-0')
  for (let i = 0; i < 2; i++) await checker.round()
  t.equal(states(), 'up down down down down up')
  t.same(quarantines, [])
})

t.test('no more checks run at once than are allowed, and each target is checked once a round', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 8 }), async (count, concurrency) => {
    let running = 0
    let most = 0
    const asked: string[] = []
    const probe = async ({ target }: CheckSpec) => {
      most = Math.max(most, ++running)
      asked.push(target.id)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return OK
    }
    const { checker } = setUp(count, { probe, concurrency })
    await checker.round()
    return most === Math.min(count, concurrency) && asked.length === count && new Set(asked).size === count
  }), { numRuns: 30 })
})

t.test('a probe that throws is a failed check', async (t) => {
  const { checker, states, changes } = setUp(1, { probe: async () => { throw new Error('a bug') } })
  for (let i = 0; i < 3; i++) await checker.round()
  t.equal(states(), 'down')
  t.same(changes, ['edge-0 down other'])
})

t.test('rounds start an interval apart, give or take the jitter', async (t) => {
  const chances = [0.5, 0, 1, 0.5]
  const { checker, clock, asked } = setUp(1, { intervalMs: 1000, jitter: 0.1, random: () => chances.shift() ?? 0.5 })
  checker.start()
  checker.start()
  const starts: number[] = []
  for (let ms = 0; ms < 4000; ms += 10) {
    clock.advance(10)
    await settle()
    if (asked.length > starts.length) starts.push(clock.now)
  }
  t.same(starts, [50, 950, 2050, 3050])
  checker.stop()
  t.equal(clock.waiting, 0)
})

t.test('a slow round delays the next one, and two never overlap', async (t) => {
  const pending: (() => void)[] = []
  let started = 0
  const probe = async () => {
    started++
    await new Promise<void>((resolve) => pending.push(resolve))
    return OK
  }
  const { checker, clock } = setUp(1, { probe, intervalMs: 1000, jitter: 0 })
  checker.start()
  clock.advance(0)
  clock.advance(5000)
  await settle()
  t.equal(started, 1)
  pending.shift()?.()
  await settle()
  t.equal(started, 2, 'the next one is overdue and starts at once')
  checker.stop()
})

t.test('stopping ends a round that is under way and publishes nothing of it', async (t) => {
  let cancelled = 0
  const probe = async (_spec: CheckSpec, cancel: AbortSignal) => {
    await new Promise<void>((resolve) => cancel.addEventListener('abort', () => resolve()))
    cancelled++
    return REFUSED
  }
  const { checker, clock, states, changes } = setUp(2, { probe, jitter: 0, fold: { rise: 1, fall: 1 } })
  checker.start()
  clock.advance(0)
  await settle()
  checker.stop()
  await settle()
  t.equal(cancelled, 2)
  t.equal(states(), 'unknown unknown')
  t.same(changes, [])
  t.equal(clock.waiting, 0)
})

t.test('a checker that was stopped can be started again, and then runs once', async (t) => {
  const { checker, clock, asked } = setUp(1, { intervalMs: 1000, jitter: 0 })
  for (let i = 0; i < 3; i++) {
    checker.start()
    checker.stop()
  }
  checker.start()
  clock.advance(0)
  await settle()
  for (let i = 0; i < 3; i++) {
    clock.advance(1000)
    await settle()
  }
  t.equal(asked.length, 4)
  checker.stop()
})

t.test('a round that outlives its stop does not go on beside the next start', async (t) => {
  const pending: (() => void)[] = []
  let started = 0
  const probe = async () => {
    started++
    await new Promise<void>((resolve) => pending.push(resolve))
    return OK
  }
  const { checker, clock } = setUp(1, { probe, intervalMs: 1000, jitter: 0 })
  checker.start()
  clock.advance(0)
  clock.advance(1000)
  checker.stop()
  checker.start()
  clock.advance(0)
  await settle()
  t.equal(started, 2)
  pending.shift()?.()
  await settle()
  t.equal(started, 2)
  checker.stop()
})

t.test('a new snapshot begins with the states that were measured under the old one', async (t) => {
  const { checker, broken, specsOf } = setUp(3)
  broken.add('edge-1')
  for (let i = 0; i < 3; i++) await checker.round()
  const targets = [targetNamed(0, 'edge-new'), targetNamed(1, 'edge-2'), targetNamed(2, 'edge-1')]
  const table = new HealthTable(snapshotOf(['s'], targets))
  checker.watch(specsOf(targets), table)
  t.same(targets.map((target) => table.state(target)), ['unknown', 'up', 'down'])
  broken.clear()
  await checker.round()
  await checker.round()
  t.same(targets.map((target) => table.state(target)), ['up', 'up', 'up'])
})

t.test('checks of a snapshot that was swapped out meanwhile change nothing', async (t) => {
  const pending: (() => void)[] = []
  const probe = async () => {
    await new Promise<void>((resolve) => pending.push(resolve))
    return REFUSED
  }
  const { checker, specsOf, targets, states } = setUp(1, { probe, fold: { rise: 1, fall: 1 } })
  const round = checker.round()
  const table = new HealthTable(snapshotOf(['s'], targets))
  checker.watch(specsOf(targets), table)
  pending.shift()?.()
  t.equal((await round).published, false)
  t.equal(states(), 'unknown')
})
