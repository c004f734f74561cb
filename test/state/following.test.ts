import t from 'tap'
import { follow } from '../../src/state/following.ts'

/** Time that passes when it is told to. */
class Clock {
  now = 0
  #timers: { at: number; run: () => void }[] = []

  setTimer = (run: () => void, ms: number) => {
    const timer = { at: this.now + ms, run }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
  }

  async pass(ms: number): Promise<void> {
    await new Promise(setImmediate)
    const end = this.now + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.now = next.at
      this.#timers = this.#timers.filter((other) => other !== next)
      next.run()
      await new Promise(setImmediate)
    }
    this.now = end
  }

  get waiting(): number {
    return this.#timers.length
  }
}

t.test('the store is looked at once in about two seconds, whatever happens', async (t) => {
  const clock = new Clock()
  let polls = 0
  const stop = follow({ poll: async () => void polls++, hints: [], setTimer: clock.setTimer, random: () => 0.5 })
  await clock.pass(60_000)
  t.equal(polls, 31)
  stop()
  await clock.pass(60_000)
  t.equal(polls, 31)
  t.equal(clock.waiting, 0, 'and nothing waits after it was stopped')
})

t.test('two looks are 1.6 to 2.4 seconds apart', async (t) => {
  const clock = new Clock()
  const at: number[] = []
  let random = 0
  follow({ poll: async () => void at.push(clock.now), hints: [], setTimer: clock.setTimer, random: () => (random = 1 - random) })
  await clock.pass(10_000)
  t.same([...new Set(at.slice(1).map((time, i) => time - (at[i] ?? 0)))].sort(), [1600, 2400])
})

t.test('a hint is followed at once, and one that comes during a look by another look', async (t) => {
  const clock = new Clock()
  let hint: () => void = () => undefined
  let finish: () => void = () => undefined
  let polls = 0
  follow({
    poll: () => new Promise<void>((resolve) => {
      polls++
      finish = resolve
    }),
    hints: [(listener) => {
      hint = listener
      return () => undefined
    }],
    setTimer: clock.setTimer,
    random: () => 0.5,
  })
  t.equal(polls, 1)
  hint()
  hint()
  t.equal(polls, 1, 'looks do not overlap')
  finish()
  await new Promise(setImmediate)
  t.equal(polls, 2)
  finish()
  await new Promise(setImmediate)
  t.equal(polls, 2)
  hint()
  t.equal(polls, 3)
})

t.test('a look that hangs is not joined by others', async (t) => {
  const clock = new Clock()
  let polls = 0
  follow({ poll: () => new Promise(() => void polls++), hints: [], setTimer: clock.setTimer, random: () => 0.5 })
  await clock.pass(60_000)
  t.equal(polls, 1)
})
