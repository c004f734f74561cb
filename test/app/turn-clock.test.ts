import t from 'tap'
import { turnClock } from '../../src/app/turn-clock.ts'

t.test('within a turn the time stands still, and is asked for once', async (t) => {
  let asked = 0
  const later: (() => void)[] = []
  const now = turnClock(() => ++asked, (forget) => void later.push(forget))
  t.same([now(), now(), now()], [1, 1, 1])
  t.equal(later.length, 1)
  later.pop()?.()
  t.same([now(), now()], [2, 2])
  t.equal(later.length, 1)
})

t.test('a turn is what runs to its end: the next one has a time of its own', async (t) => {
  let asked = 0
  const now = turnClock(() => ++asked, queueMicrotask)
  const turns = [now(), now()]
  await new Promise((resolve) => setImmediate(resolve))
  turns.push(now())
  await new Promise((resolve) => setTimeout(resolve))
  turns.push(now())
  t.same(turns, [1, 1, 2, 3])
})
