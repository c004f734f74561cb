import t from 'tap'
import { Deaths } from '../../src/app/threads/deaths.ts'
import type { StartThread, ThreadEvents } from '../../src/app/threads/handle.ts'
import type { FromThread, ThreadInit, ToThread } from '../../src/app/threads/messages.ts'
import { Threads } from '../../src/app/threads/threads.ts'
import type { ThreadsOptions } from '../../src/app/threads/threads.ts'
import { linesOf } from '../../src/log/sinks/sink.ts'
import { RecordHub } from '../../src/log/relay.ts'
import { Assembly } from '../../src/policy/pieces.ts'
import type { World } from '../../src/router.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { LoadTally } from '../../src/routing/load.ts'
import type { Snapshot } from '../../src/routing/model.ts'
import { RequestCounts } from '../../src/stats/request-counts.ts'
import { Clock } from '../log/clock.ts'
import { SERVICE, build } from '../policy/base.ts'

/** A thread that does what it is told when the test says so, and nothing else. */
class Puppet {
  readonly init: ThreadInit
  readonly told: ToThread[] = []
  killed = false
  hanging = false
  snapshot: Snapshot | undefined
  health: HealthTable | undefined
  sent: Float64Array | undefined
  readonly #events: ThreadEvents
  #assembly = new Assembly()
  #read = 0

  constructor(init: ThreadInit, events: ThreadEvents) {
    this.init = init
    this.#events = events
  }

  tell(message: FromThread): void {
    this.#events.onMessage(structuredClone(message))
  }

  /** It says that it lives, unless it hangs. */
  hear(message: ToThread): void {
    if (message.kind !== 'ping') this.told.push(message)
    else if (!this.hanging) this.tell({ kind: 'pong' })
  }

  kill(): void {
    this.killed = true
    this.die('ended')
  }

  die(why = 'ERR_WORKER_OUT_OF_MEMORY'): void {
    this.#events.onGone(why)
  }

  kinds(): string[] {
    return this.told.map(({ kind }) => kind)
  }

  /** Takes pieces, as many as come or as are wanted, and the world behind them. */
  take(most = Infinity): number {
    let taken = 0
    for (; this.#read < this.told.length && taken < most; this.#read++) {
      const message = this.told[this.#read]
      if (message?.kind === 'pieces') {
        if (message.first) this.#assembly = new Assembly()
        for (const piece of structuredClone(message.pieces)) this.snapshot = this.#assembly.add(piece)
        taken++
        this.tell({ kind: 'taken' })
      } else if (message?.kind === 'world' && this.snapshot !== undefined) {
        this.health = new HealthTable(this.snapshot, message.columns)
        this.sent = message.sent
        this.tell({ kind: 'applied' })
      } else if (message?.kind === 'listen') {
        const { host, port } = message.options
        this.tell({ kind: 'listening', host, port: port === 0 ? 8080 : port })
      }
    }
    return taken
  }
}

function world(title = 'a'): World {
  const { snapshot } = build({ 'services/tv.yaml': `${SERVICE}content: [{ match: "/live/**", id: ${title} }]\n` })
  if (snapshot === undefined) throw new Error('the configuration is not usable')
  const own = { ...snapshot, label: `1:${title.padStart(8, '0')}` }
  return { snapshot: own, health: new HealthTable(own), tally: new LoadTally() }
}

function stage(count: number, rest: Partial<ThreadsOptions> = {}) {
  const clock = new Clock()
  const puppets: Puppet[] = []
  const died: string[] = []
  const sent: string[] = []
  const hub = new RecordHub([])
  const start: StartThread = (init, events) => {
    const puppet = new Puppet(init, events)
    puppets.push(puppet)
    return { post: (message) => puppet.hear(message), kill: () => puppet.kill() }
  }
  const key = Uint32Array.of(1, 2, 3, 4)
  const threads = new Threads({
    count, start, hub, setTimer: clock.setTimer, monotonic: () => clock.now, drawKey: () => key,
    settings: { router: 'ams-1', trustedProxies: [], proxyProtocol: false, fastLane: true, maxConnections: undefined, windowMs: 1000, shuffled: false },
    onSent: (target, viewers) => void sent.push(`${viewers} to ${target.id}`),
    onDropped: () => undefined,
    onError: () => undefined,
    onDied: (thread, why, waitMs) => void died.push(`${thread} ${why} ${waitMs}`),
    takeBack: () => false,
    ...rest,
  })
  const puppet = (position: number): Puppet => puppets[position] ?? t.bailout('there is no such thread') as never
  return { clock, threads, puppets, puppet, died, sent, hub, key }
}

t.test('a snapshot goes to every thread, some pieces when the former ones were taken, and then decides there', async (t) => {
  const { threads, puppets } = stage(2)
  const first = world()
  const applied = threads.apply(first)
  for (const puppet of puppets) {
    t.same(puppet.kinds(), ['draw', 'pieces'], 'nobody decides without a key, and some pieces are on their way')
    puppet.take()
    t.equal(puppet.snapshot?.label, first.snapshot.label)
  }
  await applied
})

t.test('a change of health is in the table of every thread before the call returns', async (t) => {
  const { threads, puppets } = stage(2)
  const first = world()
  const applied = threads.apply(first)
  for (const puppet of puppets) puppet.take()
  await applied
  const [target] = first.snapshot.targets
  if (target === undefined) return t.fail('there is no target')
  first.health.setState(target, 'down')
  first.health.setShed(target, 0.5)
  for (const { health } of puppets) t.same([health?.state(target), health?.shed(target), health?.version], ['down', 0.5, first.health.version])
})

t.test('a newer snapshot takes the place of one that is still on its way', async (t) => {
  const { threads, puppet } = stage(1)
  const [first, second, third] = [world('a'), world('b'), world('c')]
  const done = [threads.apply(first)]
  puppet(0).take(1)
  t.equal(puppet(0).kinds().at(-1), 'pieces', 'there is more of it')
  done.push(threads.apply(second), threads.apply(third))
  puppet(0).take()
  t.equal(puppet(0).snapshot?.label, third.snapshot.label)
  t.equal(puppet(0).kinds().filter((kind) => kind === 'world').length, 1, 'neither of the other two ever decided')
  await Promise.all(done)
})

t.test('all threads listen on the port that the first one was given', async (t) => {
  const { threads, puppet } = stage(2)
  const listening = threads.listen({ host: '127.0.0.1', port: 0 })
  puppet(0).take()
  await new Promise((resolve) => setImmediate(resolve))
  puppet(1).take()
  t.same(await listening, { kind: 'listening', host: '127.0.0.1', port: 8080 })
  t.match(puppet(1).told.at(-1), { kind: 'listen', options: { port: 8080, reusePort: true } })
  const alone = stage(1)
  void alone.threads.listen({ host: '127.0.0.1', port: 0 })
  t.match(alone.puppet(0).told.at(-1), { options: { reusePort: false } }, 'one thread shares its port with nobody')
})

t.test('a thread that cannot listen is said to, by the system\'s code', async (t) => {
  const { threads, puppet } = stage(1)
  const listening = threads.listen({ host: '127.0.0.1', port: 80 })
  puppet(0).tell({ kind: 'deaf', code: 'EACCES' })
  await t.rejects(listening, { code: 'EACCES' })
})

t.test('a thread that dies is replaced; the new one has everything before it listens', async (t) => {
  const { threads, puppets, puppet, died, clock } = stage(2)
  const first = world()
  const applied = threads.apply(first)
  for (const each of puppets) each.take()
  await applied
  const listening = threads.listen({ host: '127.0.0.1', port: 0 })
  puppet(0).take()
  await new Promise((resolve) => setImmediate(resolve))
  puppet(1).take()
  await listening
  threads.place({ kind: 'asn' } as never)
  puppet(1).die()
  t.same(died, ['1 ERR_WORKER_OUT_OF_MEMORY 100'])
  t.equal(threads.alive, 1)
  clock.advance(99)
  t.equal(puppets.length, 2)
  clock.advance(1)
  t.same(puppet(2).kinds(), ['place', 'draw', 'pieces'])
  puppet(2).take()
  await new Promise((resolve) => setImmediate(resolve))
  t.match(puppet(2).told.at(-1), { kind: 'listen', options: { port: 8080, reusePort: true } })
  t.equal(threads.alive, 1, 'who does not listen yet answers nobody')
  puppet(2).take()
  t.equal(threads.alive, 2)
})

t.test('a thread that dies before there is a snapshot is replaced by one that listens, and decides once there is', async (t) => {
  const { threads, puppet, clock } = stage(1)
  const listening = threads.listen({ host: '127.0.0.1', port: 0 })
  puppet(0).take()
  await listening
  puppet(0).die()
  clock.advance(100)
  await new Promise((resolve) => setImmediate(resolve))
  puppet(1).take()
  t.equal(threads.alive, 1)
  const applied = threads.apply(world())
  puppet(1).take()
  await applied
  t.ok(puppet(1).snapshot !== undefined)
})

t.test('a thread that dies before it listens says nothing of the address: the next one is told to listen, once', async (t) => {
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  for (const snapshot of [true, false]) {
    const { threads, puppet, puppets, clock } = stage(2)
    if (snapshot) {
      const applied = threads.apply(world())
      for (const each of puppets) each.take()
      await applied
    }
    const listening = threads.listen({ host: '127.0.0.1', port: 0 })
    puppet(0).die()
    await settled()
    clock.advance(100)
    await settled()
    puppet(2).take()
    await settled()
    puppet(2).take()
    await settled()
    puppet(1).die()
    await settled()
    clock.advance(10_000)
    await settled()
    puppet(3).take()
    await settled()
    puppet(3).take()
    t.match(await listening, { host: '127.0.0.1', port: 8080 })
    for (const [position, reusePort] of [[2, false], [3, true]] as const) t.match(puppet(position).told.filter(({ kind }) => kind === 'listen'), [{ options: { reusePort } }])
    t.equal(threads.alive, 2)
  }
})

t.test('who stops while no thread listens is not kept waiting', async (t) => {
  const { threads, puppet } = stage(1)
  const listening = threads.listen({ host: '127.0.0.1', port: 0 })
  puppet(0).die()
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.all([t.rejects(listening), threads.close()])
})

t.test('when a snapshot is taken back, threads that wait for long are started at once', async (t) => {
  const [good, bad] = [world('a'), world('b')]
  const made = stage(2, {
    takeBack: () => {
      void made.threads.apply(good)
      return true
    },
  })
  const { threads, puppets, puppet, clock, died } = made
  const first = threads.apply(good)
  for (const each of puppets) each.take()
  await first
  // The first one has died many times already, of something else.
  clock.advance(120_000)
  for (let i = 0; i < 7; i++) {
    puppets.at(i === 0 ? 0 : -1)?.die()
    clock.advance(10_000)
    puppets.at(-1)?.take()
  }
  void threads.apply(bad)
  puppets.at(-1)?.die()
  t.match(died.at(-1), /^0 \S+ \d{4,}$/, 'its next one would be long in coming')
  const count = puppets.length
  puppet(1).die()
  clock.advance(100)
  t.equal(puppets.length, count + 2)
})

t.test('a thread that says nothing for ten seconds hangs, and is replaced', async (t) => {
  const { threads, puppet, puppets, clock, died } = stage(2)
  const first = world()
  const applied = threads.apply(first)
  for (const each of puppets) each.take()
  await applied
  clock.advance(60_000)
  t.notOk(puppets.some(({ killed }) => killed))
  puppet(1).hanging = true
  clock.advance(14_000)
  t.ok(puppet(1).killed)
  t.notOk(puppet(0).killed)
  t.equal(died.length, 1)
  t.equal(puppets.length, 3)
})

t.test('a port that is taken is not blamed on the snapshot', async (t) => {
  let taken = 0
  const { threads, puppet, clock, died } = stage(1, { takeBack: () => ++taken > 0 })
  const listening = threads.listen({ host: '127.0.0.1', port: 0 })
  puppet(0).take()
  await listening
  const applied = threads.apply(world())
  puppet(0).take()
  await applied
  puppet(0).die()
  clock.advance(100)
  puppet(1).take()
  await new Promise((resolve) => setImmediate(resolve))
  puppet(1).tell({ kind: 'deaf', code: 'EADDRINUSE' })
  await new Promise((resolve) => setImmediate(resolve))
  t.same(died, ['0 ERR_WORKER_OUT_OF_MEMORY 100', '0 EADDRINUSE 200'])
  t.equal(taken, 0)
})

t.test('viewers that were counted while a snapshot is on its way are counted by the one that they were sent by', async (t) => {
  const seen: string[] = []
  const { threads, puppet } = stage(1, { onViewer: ({ service }) => void seen.push(service.id) })
  const first = world('a')
  const applied = threads.apply(first)
  puppet(0).take()
  await applied
  void threads.apply(world('b'))
  puppet(0).take(2)
  puppet(0).tell({ kind: 'seen', label: first.snapshot.label, viewers: [{ service: 0, family: 4, words: [0, 0, 0, 0], asn: 0, userAgent: undefined, referer: undefined, now: 0 }] })
  t.same(seen, ['tv'])
})

t.test('what a dead thread had decided is lost unless it was recorded, and its counts stay', async (t) => {
  const { threads, puppet, hub } = stage(1)
  const { decided } = puppet(0).init
  puppet(0).tell({ kind: 'records', batch: { ...linesOf('{"n":3}\n', [3]), decided: 3, dropped: 0 } })
  const asked = threads.totals()
  const counts = new RequestCounts({ httpReasons: ['host'] })
  counts.httpRejected('host')
  puppet(0).tell({ kind: 'totals', id: 1, totals: counts.totals(0) })
  t.equal((await asked).httpRejected.get('host'), 1)
  decided[0] = 5
  puppet(0).die()
  t.same([hub.decided, hub.recorded, hub.dropped], [5, 3, 0])
  t.equal((await threads.totals()).httpRejected.get('host'), 1)
})

t.test('a thread that does not answer counts as it was when it did, and nobody waits long', async (t) => {
  const { threads, puppet, clock } = stage(2)
  const asked = threads.totals()
  const counts = new RequestCounts({ httpReasons: ['host'] })
  counts.httpRejected('host')
  puppet(0).tell({ kind: 'totals', id: 1, totals: counts.totals(0) })
  clock.advance(1000)
  t.equal((await asked).httpRejected.get('host'), 1)
})

t.test('viewers that threads sent to targets are told of within 50 ms, each once', async (t) => {
  const { threads, puppets, clock, sent } = stage(2)
  const first = world()
  const applied = threads.apply(first)
  for (const each of puppets) each.take()
  await applied
  for (const each of puppets) if (each.sent !== undefined) each.sent[1] = 7
  clock.advance(50)
  t.same(sent, ['7 to edge-fra', '7 to edge-fra'])
  clock.advance(50)
  t.equal(sent.length, 2)
  for (const each of puppets.slice(1)) if (each.sent !== undefined) each.sent[1] = 8
  clock.advance(50)
  t.same(sent.slice(2), ['1 to edge-fra'])
})

t.test('what two threads offered a target counts together, and both get the share that follows', async (t) => {
  const bounded = build({ 'services/tv.yaml': SERVICE.replace('select: nearest', 'select: rendezvous\n    key: path\n    loadFactor: 1.1') }).snapshot
  if (bounded === undefined) return t.fail('the configuration is not usable')
  const { threads, puppets, clock } = stage(2)
  const first: World = { snapshot: bounded, health: new HealthTable(bounded), tally: new LoadTally() }
  const applied = threads.apply(first)
  for (const each of puppets) each.take()
  await applied
  for (const each of puppets) each.tell({ kind: 'load', label: bounded.label, counts: [{ index: 0, offered: Float64Array.of(50, 0), fair: Float64Array.of(25, 25) }] })
  puppets[0]?.tell({ kind: 'load', label: 'of a snapshot that is gone', counts: [{ index: 0, offered: Float64Array.of(1e6, 0), fair: Float64Array.of(0, 0) }] })
  clock.advance(1000)
  for (const each of puppets) t.match(each.told.at(-1), { kind: 'pass', label: bounded.label, shares: [[0, Float64Array.of(0.55, 1)]] })
})

t.test('a snapshot that threads die of is taken back once, and threads go on with the former one', async (t) => {
  const [good, bad] = [world('a'), world('b')]
  let taken = 0
  const made = stage(2, {
    takeBack: () => {
      taken++
      void made.threads.apply(good)
      return true
    },
  })
  const { threads, puppets, clock, died } = made
  const first = threads.apply(good)
  for (const each of puppets) each.take()
  await first
  clock.advance(120_000)
  void threads.apply(bad)
  made.puppet(0).take()
  made.puppet(0).die()
  t.equal(taken, 0, 'one death may be anything')
  made.puppet(1).die('ERR_WORKER_OUT_OF_MEMORY')
  t.equal(taken, 1)
  clock.advance(100)
  const replaced = puppets.slice(2)
  t.equal(replaced.length, 2)
  for (const each of replaced) {
    each.take()
    t.equal(each.snapshot?.label, good.snapshot.label)
  }
  t.equal(died.length, 2)
})

t.test('closing lets every thread finish, and kills it then', async (t) => {
  const { threads, puppet, puppets, clock } = stage(2)
  const closing = threads.close()
  t.same(puppets.map((each) => each.told.at(-1)?.kind), ['close', 'close'])
  t.notOk(puppet(0).killed)
  puppet(0).tell({ kind: 'closed' })
  puppet(1).die('ended')
  await closing
  t.ok(puppet(0).killed)
  clock.advance(60_000)
  t.equal(puppets.length, 2, 'nobody is replaced any more')
  t.equal(clock.waiting, 0, 'no timer is left')
})

t.test('a thread that does not finish is killed in the end', async (t) => {
  const { threads, puppet, clock, hub } = stage(1)
  const { decided } = puppet(0).init
  decided[0] = 7
  const closing = threads.close()
  clock.advance(8000)
  await closing
  t.ok(puppet(0).killed)
  t.same([hub.decided, hub.recorded], [7, 0], 'what it had decided and not told is lost, and shows')
})

t.test('deaths in a row make the next wait twice as long, up to ten seconds, and a long life forgets them', async (t) => {
  const deaths = new Deaths()
  const world = {}
  const long = 3_600_000
  t.same(Array.from({ length: 10 }, () => deaths.died(world, 0, long, long).waitMs), [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000])
  t.equal(deaths.died(world, 0, long, long + 60_000).waitMs, 100)
})

t.test('a snapshot is blamed for deaths soon after it came, not for those of a day later, nor for another one\'s', async (t) => {
  const [a, b] = [{}, {}]
  const rows: [string, readonly (readonly [world: object | undefined, appliedAt: number, now: number])[], boolean][] = [
    ['two deaths within a minute', [[a, 0, 10], [a, 0, 59_000]], true],
    ['one death', [[a, 0, 10]], false],
    ['the second one much later', [[a, 0, 10], [a, 0, 61_000]], false],
    ['one of each', [[a, 0, 10], [b, 20, 30]], false],
    ['before there is a snapshot', [[undefined, 0, 10], [undefined, 0, 20]], false],
  ]
  for (const [name, all, expected] of rows) {
    const deaths = new Deaths()
    t.equal(all.map(([world, appliedAt, now]) => deaths.died(world, appliedAt, now, now).takeBack).at(-1), expected, name)
  }
})
