import t from 'tap'
import { DecisionLog } from '../../src/log/decision-log.ts'
import { RecordHub, RelaySink } from '../../src/log/relay.ts'
import type { Sink } from '../../src/log/sinks/sink.ts'
import { Clock } from './clock.ts'
import { WORLD, factsOf, redirectTo } from './decisions.ts'
import { lineByLine } from './lines.ts'
import type { ContentId } from '../../src/privacy/values.ts'

const [service] = WORLD.services
const [target] = WORLD.targets
if (service === undefined || target === undefined) throw new Error('the world is too small')
const toFra = redirectTo(service, target)
const titled = (i: number) => factsOf(toFra, { content: `title-${i}` as ContentId })

/** A sink that keeps everything. */
function keeping() {
  const lines: string[] = []
  const totals: { decided: number, dropped: number }[] = []
  const sink: Sink = { name: 'kept', dropped: 0, write: lineByLine((line, n) => void lines.push(`${n} ${line}`)), account: (of) => void totals.push({ ...of }), close: async () => undefined }
  return { sink, lines, totals }
}

/** A thread's log whose windows end when the clock says so. */
function threadOf(hub: RecordHub, clock: Clock, maxDistinct = 100) {
  const told = hub.thread()
  const log = new DecisionLog({ sinks: [new RelaySink((batch) => told.take(structuredClone(batch)))], router: 'ams-1', setTimer: clock.setTimer, maxDistinct })
  return { log, end: told.end }
}

t.test('the sinks get the lines that a log of one thread would have given them', async (t) => {
  const [clock, alone, together] = [new Clock(), keeping(), keeping()]
  const plain = new DecisionLog({ sinks: [alone.sink], router: 'ams-1', setTimer: clock.setTimer })
  const hub = new RecordHub([together.sink])
  const { log } = threadOf(hub, clock)
  for (const i of [1, 2, 2, 3, 3, 3]) {
    plain.add(titled(i))
    log.add(titled(i))
  }
  clock.advance(1000)
  t.same(together.lines, alone.lines)
  t.equal(together.lines.length, 3)
  t.same([hub.decided, hub.recorded, hub.dropped], [6, 6, 0])
})

t.test('what threads decided, recorded and dropped adds up over all of them', async (t) => {
  const [clock, kept] = [new Clock(), keeping()]
  const hub = new RecordHub([kept.sink])
  const [first, second] = [threadOf(hub, clock), threadOf(hub, clock, 2)]
  for (let i = 0; i < 10; i++) first.log.add(titled(i))
  for (let i = 0; i < 10; i++) second.log.add(factsOf(toFra, { status: 200 + i }))
  await first.log.close()
  await second.log.close()
  t.equal(hub.decided, 20)
  t.ok(hub.dropped > 0, 'the second one has room for two')
  t.equal(hub.recorded + hub.dropped, 20)
  t.same(kept.totals.at(-1), { decided: 20, dropped: hub.dropped })
})

t.test('what a thread that died had decided and not told is lost, and shows', async (t) => {
  const [clock, dead, kept] = [new Clock(), new Clock(), keeping()]
  const hub = new RecordHub([kept.sink])
  const { log, end } = threadOf(hub, dead)
  log.add(titled(1))
  dead.advance(1000)
  log.add(titled(2))
  log.add(titled(3))
  end(3)
  end(3)
  t.same([hub.decided, hub.recorded, hub.dropped], [3, 1, 0])
  t.same(kept.totals.at(-1), { decided: 3, dropped: 0 })
  const next = threadOf(hub, clock)
  next.log.add(titled(4))
  clock.advance(1000)
  t.same([hub.decided, hub.recorded], [4, 2])
})

t.test('a large window comes in parts, after each of which what was decided is what is recorded and dropped', async (t) => {
  const [clock, kept] = [new Clock(), keeping()]
  const hub = new RecordHub([kept.sink])
  const [many, few] = [threadOf(hub, clock, 10_000), threadOf(hub, clock)]
  for (let i = 0; i < 1000; i++) many.log.add(titled(i))
  few.log.add(titled(1))
  clock.advance(1000)
  t.ok(kept.totals.length > 3, `${kept.totals.length} parts`)
  const lines = kept.lines.length
  t.same([lines, hub.recorded, hub.decided], [1001, 1001, 1001])
  t.ok(kept.totals.every(({ decided }, i) => i === 0 || decided > (kept.totals[i - 1]?.decided ?? 0)), 'no part is told of before it is there')
  t.same(kept.totals.at(-1), { decided: 1001, dropped: 0 })
})
