import fc from 'fast-check'
import t from 'tap'
import { Repeating } from '../../src/health/repeating.ts'
import { Schedule } from '../../src/health/schedule.ts'
import { Clock, settle } from '../log/clock.ts'
import { chance } from './fleet.ts'

interface Item {
  readonly id: string
  readonly intervalMs: number
}

function setUp(run: (item: Item) => Promise<void>, concurrency = 100, jitter = 0, random = chance()) {
  const clock = new Clock()
  const schedule = new Schedule<Item>({
    run, timing: ({ intervalMs }) => ({ intervalMs, jitter }), setTimer: clock.setTimer, monotonic: () => clock.now, random, concurrency,
  })
  return { clock, schedule }
}

const items = (count: number, intervalMs = 1000) => new Map(Array.from({ length: count }, (_, i) => [`t${i}`, { id: `t${i}`, intervalMs }]))

async function pass(clock: Clock, ms: number, step = 10): Promise<void> {
  for (let at = 0; at < ms; at += step) {
    clock.advance(step)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('every target is checked at its own interval, and the first checks are spread over it', async (t) => {
  const starts = new Map<string, number[]>()
  const { clock, schedule } = setUp(async ({ id }) => void starts.set(id, [...(starts.get(id) ?? []), clock.now]))
  schedule.set(new Map([...items(50), ['slow', { id: 'slow', intervalMs: 4000 }]]))
  schedule.start()
  await pass(clock, 12_000)
  for (const [id, times] of starts) t.equal(times.length, id === 'slow' ? 3 : 12, id)
  const firsts = [...starts.values()].map(([first = 0]) => first)
  t.ok(firsts.filter((at) => at <= 500).length > 15 && firsts.filter((at) => at > 500).length > 15, 'half of them in each half of the interval')
  schedule.stop()
})

t.test('jitter moves a check, and never the rate', async (t) => {
  const times: number[] = []
  const { clock, schedule } = setUp(async () => void times.push(clock.now), 1, 0.2)
  schedule.set(items(1))
  schedule.start()
  await pass(clock, 100_000)
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0))
  t.ok(gaps.every((gap) => gap >= 790 && gap <= 1210), `${Math.min(...gaps)} to ${Math.max(...gaps)}`)
  t.ok(Math.abs(times.length - 100) <= 3, String(times.length))
  t.ok(new Set(gaps).size > 10)
  schedule.stop()
})

t.test('no more run at once than are allowed, no target twice at once, and every one gets its turn', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 400 }), async (count, concurrency, takes) => {
    const running = new Set<string>()
    const turns = new Map<string, number>()
    let most = 0
    let twice = false
    const { clock, schedule } = setUp(({ id }) => {
      twice ||= running.has(id)
      running.add(id)
      most = Math.max(most, running.size)
      turns.set(id, (turns.get(id) ?? 0) + 1)
      return new Promise((resolve) => clock.setTimer(() => {
        running.delete(id)
        resolve()
      }, takes))
    }, concurrency)
    schedule.set(items(count))
    schedule.start()
    await pass(clock, 1000 + Math.ceil((count * takes) / concurrency) + 500, 20)
    schedule.stop()
    return !twice && most <= concurrency && turns.size === count
  }), { numRuns: 30 })
})

t.test('what was removed is not checked again, and what came is', async (t) => {
  const seen: string[] = []
  const { clock, schedule } = setUp(async ({ id }) => void seen.push(id))
  schedule.set(items(2))
  schedule.start()
  await pass(clock, 2000)
  schedule.set(new Map([['t1', { id: 't1', intervalMs: 1000 }], ['new', { id: 'new', intervalMs: 1000 }]]))
  seen.length = 0
  await pass(clock, 2000)
  t.same(new Set(seen), new Set(['t1', 'new']))
  t.equal(seen.length, 4)
  schedule.stop()
  t.equal(clock.waiting, 0)
})

t.test('what was removed while it was checked does not come back', async (t) => {
  let ended = () => {}
  let runs = 0
  const { clock, schedule } = setUp(() => {
    runs++
    return new Promise((resolve) => (ended = resolve))
  })
  schedule.set(items(1))
  schedule.start()
  await pass(clock, 1500)
  schedule.set(new Map())
  ended()
  await pass(clock, 5000)
  t.equal(runs, 1)
  t.equal(clock.waiting, 0)
})

t.test('after the process slept for a minute each target is checked once, spread anew, not thirty times', async (t) => {
  const times: number[] = []
  const { clock, schedule } = setUp(async () => void times.push(clock.now))
  schedule.set(items(100))
  schedule.start()
  await pass(clock, 3000)
  times.length = 0
  clock.now += 60_000
  const awake = clock.now
  await pass(clock, 1000)
  const atOnce = times.filter((at) => at <= awake + 10).length
  t.ok(atOnce <= 100, `${atOnce} at once`)
  t.ok(times.length <= 200, `${times.length} in the first second`)
  schedule.stop()
})

t.test('stopping and starting again leaves one check at a time', async (t) => {
  let running = 0
  const pending: (() => void)[] = []
  const { clock, schedule } = setUp(() => {
    running++
    return new Promise<void>((resolve) => pending.push(() => {
      running--
      resolve()
    }))
  })
  schedule.set(items(1))
  for (let i = 0; i < 3; i++) {
    schedule.start()
    await pass(clock, 1500)
    schedule.stop()
  }
  t.equal(running, 1)
  schedule.start()
  for (const end of pending.splice(0)) end()
  await pass(clock, 2000)
  t.equal(running, 1)
  schedule.stop()
})

t.test('a repeated task keeps its rate, never runs twice at once, and tells when it begins to fail and stops to', async (t) => {
  const clock = new Clock()
  const states: boolean[] = []
  const starts: number[] = []
  const pending: { resolve: () => void; reject: (error: Error) => void }[] = []
  const task = new Repeating({
    run: () => new Promise((resolve, reject) => {
      starts.push(clock.now)
      pending.push({ resolve, reject })
    }),
    everyMs: 1000, setTimer: clock.setTimer, random: () => 0.5, onState: (failed) => states.push(failed),
  })
  task.start()
  clock.advance(5000)
  t.same(starts, [1000], 'it hangs, and is not begun again')
  pending.shift()?.reject(new Error('x'))
  await settle()
  clock.advance(1000)
  pending.shift()?.reject(new Error('x'))
  await settle()
  clock.advance(1000)
  pending.shift()?.resolve()
  await settle()
  t.same(starts, [1000, 6000, 7000])
  t.same(states, [true, false])
  task.soon(50)
  task.soon(50)
  clock.advance(50)
  t.equal(starts.at(-1), 7050)
  task.soon(50)
  clock.advance(60)
  t.equal(starts.length, 4, 'one is under way')
  pending.shift()?.resolve()
  await settle()
  t.equal(starts.length, 5, 'and the next follows at once')
  task.stop()
  pending.shift()?.resolve()
  await settle()
  t.equal(clock.waiting, 0)
})
