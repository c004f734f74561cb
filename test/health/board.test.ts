import t from 'tap'
import { HealthBoard } from '../../src/health/board.ts'
import type { BoardOptions } from '../../src/health/board.ts'
import { MemoryExchange } from '../../src/health/exchange.ts'
import type { HealthExchange } from '../../src/health/exchange.ts'
import { LiveTarget } from '../../src/health/live-target.ts'
import type { Override } from '../../src/health/overrides.ts'
import { decide } from '../../src/routing/decide.ts'
import type { AdminState, HealthState, Target } from '../../src/routing/model.ts'
import { World, chance, checked, edges, tableOf } from './fleet.ts'
import { targetNamed } from '../log/decisions.ts'

const NOW = Date.UTC(2026, 2, 1)

function setUp(targets: readonly Target[], rest: Partial<BoardOptions> = {}, world = new World()) {
  const { snapshot, table } = tableOf(targets)
  const told: string[] = []
  const board = new HealthBoard({
    prober: 'ams-1', epoch: 'e1', probe: world.probe, setTimer: world.clock.setTimer, monotonic: () => world.clock.now, now: () => NOW + world.clock.now, random: chance(),
    onChange: (target, state, why) => told.push(`${target.id} ${state} ${why}`),
    onOverride: ({ target, state, who }, inForce) => {
      told.push(`${target} ${state} ${who} ${inForce ? 'begins' : 'ends'}`)
      const [obeyed] = targets.filter(({ id }) => id === target)
      if (obeyed !== undefined && (table.admin(obeyed) === state) !== inForce) told.push(`${target} is ${table.admin(obeyed)} still`)
    },
    onQuarantine: (on, failed, total) => told.push(`quarantine ${on ? 'on' : 'off'} ${failed}/${total}`),
    onTrouble: (what, failed) => told.push(`${what} ${failed ? 'failed' : 'works'}`),
    ...rest,
  })
  board.watch(snapshot, table)
  t.teardown(() => board.close())
  return { world, snapshot, table, board, told, states: () => targets.map((target) => table.state(target)).join(' ') }
}

async function pass({ clock }: World, ms: number, step = 50): Promise<void> {
  for (let at = 0; at < ms; at += step) {
    clock.advance(step)
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The share of 100,000 viewers that each target gets. */
function shares({ snapshot, table }: Pick<ReturnType<typeof setUp>, 'snapshot' | 'table'>, viewers = 100_000): Record<string, number> {
  const counts: Record<string, number> = {}
  const random = chance(7)
  const client = { place: { country: 'NL', continent: 'EU', at: undefined }, zone: undefined, asn: 0 }
  for (let i = 0; i < viewers; i++) {
    const decision = decide({ scheme: 'https', host: 's.example', path: '/a.m3u8', query: '', client, now: NOW }, snapshot, table, Math.floor(random() * 2 ** 32))
    const id = decision.outcome === 'refuse' ? 'refused' : decision.member.target.id
    counts[id] = (counts[id] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).map(([id, count]) => [id, count / viewers]))
}

t.test('a target that fails loses its viewers and gets them back', async (t) => {
  const made = setUp(edges(3))
  const { world, board, states, told } = made
  await board.start()
  await pass(world, 5000)
  t.equal(states(), 'up up up')
  world.broken.add('edge-1')
  await pass(world, 9000)
  t.equal(states(), 'up down up')
  t.notOk(shares(made, 1000)['edge-1'])
  world.broken.clear()
  await pass(world, 5000)
  t.equal(states(), 'up up up')
  t.same(told.slice(3), ['edge-1 down refused', 'edge-1 up ok'])
})

t.test('what is learned is in the next decision: nothing waits between them', async (t) => {
  const targets = edges(2, { check: { rise: 1, fall: 2 } })
  const order: string[] = []
  const made = setUp(targets, { onChange: (target, state) => order.push(`${target.id} is ${made.table.state(target)} when ${state} is told`) })
  const [first] = targets
  if (first === undefined) return t.fail()
  await made.board.start()
  await pass(made.world, 4000)
  made.world.broken.add('edge-0')
  await pass(made.world, 6000)
  t.ok(order.includes('edge-0 is down when down is told'), order.join())
  const before = made.table.shed(first)
  made.board.watch(made.snapshot, made.table)
  t.equal(before, 0)
})

t.test('every opinion, command and share is in a new snapshot\'s table when the swap returns', async (t) => {
  const commands: Override[] = [{ target: 'edge-2', state: 'drain', who: 'anna', when: NOW }]
  const { world, board } = setUp(edges(3, { health: { capacityMbps: 100 } }), { overrides: { read: async () => commands, write: async () => undefined } })
  await board.start()
  await pass(world, 3000)
  world.broken.add('edge-0')
  await pass(world, 9000)
  board.report('edge-1', { bandwidthMbps: 200 })
  const next = [checked(0, 'edge-1', { health: { capacityMbps: 100 } }), checked(1, 'edge-0'), checked(2, 'edge-2'), checked(3, 'edge-new')]
  const { snapshot, table } = tableOf(next)
  board.watch(snapshot, table)
  t.same(next.map((target) => `${target.id} ${table.state(target)} ${table.admin(target)} ${table.shed(target)}`), ['edge-1 up auto 1', 'edge-0 down auto 0', 'edge-2 up drain 0', 'edge-new unknown auto 0'])
})

t.test('a target that comes back takes the share that slow start gives, and none takes it at the start of the router', async (t) => {
  const made = setUp(edges(2, { health: { slowStartMs: 30_000 } }))
  const { world, board, table } = made
  const [first] = made.snapshot.targets
  if (first === undefined) return t.fail()
  await board.start()
  await pass(world, 5000)
  t.same([table.shed(first), Math.abs((shares(made)['edge-0'] ?? 0) - 0.5) < 0.01], [0, true], 'at the start there is no ramp')
  world.broken.add('edge-0')
  await pass(world, 9000)
  world.broken.clear()
  let since = 0
  while (table.state(first) === 'down') await pass(world, 50)
  const figures: string[] = []
  for (const [at, accepted] of [[0, 0.1], [15_000, 0.5], [27_000, 0.9], [31_000, 1]] as const) {
    await pass(world, at - since)
    since = at
    const got = (shares(made)['edge-0'] ?? 0) * 2
    figures.push(`${at / 1000} s: ${got.toFixed(3)} of ${accepted}`)
    // A second between two ticks is a thirtieth of the ramp.
    t.ok(got <= accepted + 0.02 && got >= accepted - 0.055, `after ${at} ms`)
  }
  t.comment(figures.join('; '))
})

t.test('the shares of load and of slow start are one share, and both are told', async (t) => {
  const made = setUp(edges(2, { health: { slowStartMs: 30_000, capacityMbps: 1000, shedLow: 0.8, shedHigh: 1 } }))
  await made.board.start()
  await pass(made.world, 5000)
  made.world.broken.add('edge-0')
  await pass(made.world, 9000)
  made.world.broken.clear()
  const [first] = made.snapshot.targets
  if (first === undefined) return t.fail()
  while (made.table.state(first) === 'down') await pass(made.world, 50)
  made.board.report('edge-0', { bandwidthMbps: 900, connections: 12 })
  const [status] = made.board.states()
  t.equal(status?.shed.load.toFixed(3), '0.500')
  t.equal(status?.shed.slowStart.toFixed(3), '0.900')
  t.equal(status?.shed.share.toFixed(3), '0.950')
  t.match(status?.load, { bandwidthMbps: 900, connections: 12, sentSince: 0, utilisation: 0.9 })
})

t.test('what is sent between two reports is reserved from the capacity, and the next report starts anew', async (t) => {
  const { board, table, snapshot, world } = setUp(edges(2, { health: { capacityMbps: 1000, bitrateMbps: 5, shedLow: 0.8, shedHigh: 1 } }))
  await board.start()
  const [first] = snapshot.targets
  if (first === undefined) return t.fail()
  board.report('edge-0', { bandwidthMbps: 700 })
  const after = (viewers: number) => {
    for (let i = 0; i < viewers; i++) board.onDecision(first)
    return Number(table.shed(first).toFixed(2))
  }
  t.same([after(20), after(20), after(20), after(100)], [0, 0.5, 1, 1], 'at 800, 900, 1000 and 1500 Mbps')
  t.match(board.report('edge-0', { bandwidthMbps: 850 }), { accepted: true, utilisation: 0.85 })
  t.equal(table.shed(first).toFixed(2), '0.25')
  await pass(world, 40_000, 500)
  t.equal(table.shed(first), 0, 'a report that is not renewed counts for nothing')
  t.equal(board.report('nobody', { bandwidthMbps: 1 }), undefined)
})

t.test('a rush of viewers between two ticks does not get past the capacity', async (t) => {
  const targets = edges(2, { health: { capacityMbps: 1000, bitrateMbps: 5 } })
  const { board, snapshot, table } = setUp(targets)
  const [first] = snapshot.targets
  if (first === undefined) return t.fail()
  board.report('edge-0', { bandwidthMbps: 0 })
  const random = chance(3)
  for (let i = 0; i < 10_000; i++) if (random() >= table.shed(first)) board.onDecision(first)
  const used = board.states()[0]?.load?.utilisation ?? 0
  t.ok(used <= 0.96, `${used}`)
})

t.test('commands are obeyed within a poll, end by themselves, and outlive a store that fails', async (t) => {
  let commands: Override[] = []
  let gone = false
  const read = async () => (gone ? Promise.reject(new Error('gone')) : commands)
  const targets = [checked(0, 'edge-0'), { ...checked(1, 'edge-1'), adminState: 'drain' as const }]
  const { board, world, told, table } = setUp(targets, { overrides: { read, write: async () => undefined } })
  const admin = () => targets.map((target) => table.admin(target)).join(' ')
  await board.start()
  t.equal(admin(), 'auto drain')
  commands = [{ target: 'edge-0', state: 'down', who: 'anna', when: NOW, until: NOW + 60_000, why: 'disk' }, { target: 'edge-1', state: 'up', who: 'bert', when: NOW }]
  await pass(world, 1200)
  t.equal(admin(), 'down up', 'a command wins over the configuration')
  gone = true
  await pass(world, 30_000, 500)
  t.equal(admin(), 'down up')
  t.match(board.states()[0]?.override, { state: 'down', who: 'anna', why: 'disk', inForce: true })
  await pass(world, 30_000, 500)
  t.equal(admin(), 'auto up', 'its end needs no store')
  t.match(board.states()[0]?.override, { who: 'anna', inForce: false })
  gone = false
  commands = [{ target: 'edge-1', state: 'auto', who: 'carl', when: NOW + 70_000 }]
  await pass(world, 1200)
  t.equal(admin(), 'auto drain')
  t.same(told.filter((line) => /begins|ends|overrides|still/.test(line)), ['edge-0 down anna begins', 'edge-1 up bert begins', 'overrides failed', 'edge-0 down anna ends', 'edge-1 auto carl ends', 'overrides works'])
})

t.test('an operator\'s down is obeyed even in panic', async (t) => {
  const commands: Override[] = [{ target: 'edge-0', state: 'down', who: 'anna', when: NOW }]
  const made = setUp(edges(3), { overrides: { read: async () => commands, write: async () => undefined } })
  await made.board.start()
  for (const target of made.snapshot.targets) made.world.broken.add(target.id)
  await pass(made.world, 12_000)
  t.equal(made.states(), 'down down down')
  const got = shares(made, 1000)
  t.same(Object.keys(got).sort(), ['edge-1', 'edge-2'])
})

t.test('a target that an operator puts back comes back slowly, one that is forced up at once', async (t) => {
  let commands: Override[] = [{ target: 'edge-0', state: 'drain', who: 'anna', when: 1 }, { target: 'edge-1', state: 'drain', who: 'anna', when: 1 }]
  const { board, world, table, snapshot } = setUp(edges(2, { health: { slowStartMs: 30_000 } }), { overrides: { read: async () => commands, write: async () => undefined } })
  await board.start()
  await pass(world, 5000)
  commands = [{ target: 'edge-0', state: 'auto', who: 'anna', when: 2 }, { target: 'edge-1', state: 'up', who: 'anna', when: 2 }]
  await pass(world, 1200)
  t.same(snapshot.targets.map((target) => Number(table.shed(target).toFixed(1))), [0.9, 0])
})

t.test('a ramp begins only after a target was out, and an operator\'s up ends it', async (t) => {
  const target = checked(0, 'edge-0', { health: { slowStartMs: 30_000 } })
  const { table } = tableOf([target])
  const live = new LiveTarget(target)
  const rows: [measured: HealthState, admin: AdminState, now: number, shed: number][] = [
    ['up', 'auto', 0, 0], ['down', 'auto', 1, 0], ['unknown', 'auto', 2, 0], ['up', 'auto', 3, 0],
    ['down', 'auto', 4, 0], ['up', 'auto', 1000, 0.9], ['up', 'auto', 16_000, 0.5], ['up', 'up', 16_001, 0], ['up', 'auto', 16_002, 0],
    ['down', 'up', 16_003, 0], ['down', 'auto', 16_004, 0], ['up', 'auto', 20_000, 0.9], ['down', 'auto', 20_001, 0.9], ['up', 'auto', 35_000, 0.9], ['up', 'auto', 65_000, 0],
  ]
  for (const [measured, admin, now, shed] of rows) {
    live.set(table, measured, admin, now)
    if (measured !== 'down') t.equal(Number(table.shed(target).toFixed(6)), shed, `${measured} ${admin} at ${now}`)
  }
})

t.test('a store of commands that hangs holds up the start for a second and nothing else', async (t) => {
  const { board, world, states } = setUp(edges(2), { overrides: { read: () => new Promise(() => undefined), write: async () => undefined } })
  let started = false
  void board.start().then(() => (started = true))
  await pass(world, 900)
  t.notOk(started)
  await pass(world, 200)
  t.ok(started)
  await pass(world, 5000)
  t.equal(states(), 'up up')
})

/** Several routers with one exchange, each with a world of its own that shares the clock of the first. */
function routers(count: number, targets: readonly Target[], exchangeOf: (i: number, shared: MemoryExchange) => HealthExchange = (_i, shared) => shared) {
  const shared = new MemoryExchange()
  const first = new World()
  return Array.from({ length: count }, (_, i) => {
    const world = i === 0 ? first : Object.assign(new World(), { clock: first.clock })
    return setUp(targets, { prober: `r${i}`, epoch: `e${i}`, exchange: exchangeOf(i, shared), random: chance(i + 1) }, world)
  })
}

t.test('of three probers one that lies changes nothing, and two that lie decide', async (t) => {
  const all = routers(3, edges(8))
  const [a, b, c] = all
  if (a === undefined || b === undefined || c === undefined) return t.fail()
  for (const { board } of all) await board.start()
  await pass(a.world, 8000)
  for (const id of ['edge-0', 'edge-1', 'edge-2']) a.world.broken.add(id)
  await pass(a.world, 15_000)
  for (const { states } of all) t.notMatch(states(), /down/)
  t.match(b.board.states()[0], { own: 'up', peers: { up: 1, down: 1 }, state: 'up' })
  for (const id of ['edge-0', 'edge-1', 'edge-2']) b.world.broken.add(id)
  await pass(a.world, 15_000)
  for (const { states } of all) t.equal(states(), 'down down down up up up up up')
  t.ok(c.told.includes('edge-0 down peers'), c.told.join())
})

t.test('a prober that sees everything fail withholds its opinion, and follows the others', async (t) => {
  const all = routers(3, edges(8))
  const [a, b, c] = all
  if (a === undefined || b === undefined || c === undefined) return t.fail()
  for (const { board } of all) await board.start()
  await pass(a.world, 8000)
  for (let i = 0; i < 8; i++) a.world.broken.add(`edge-${i}`)
  for (const made of [b, c]) made.world.broken.add('edge-7')
  await pass(a.world, 20_000)
  t.ok(a.board.status().quarantined)
  for (const { states } of all) t.equal(states(), 'up up up up up up up down')
  t.match(b.board.status().peers.find(({ prober }) => prober === 'r0'), { withheld: true })
})

t.test('of two probers one that doubts itself leaves the decision to the other', async (t) => {
  const [a, b] = routers(2, edges(8))
  if (a === undefined || b === undefined) return t.fail()
  for (const { board } of [a, b]) await board.start()
  await pass(a.world, 8000)
  for (let i = 0; i < 8; i++) a.world.broken.add(`edge-${i}`)
  b.world.broken.add('edge-7')
  await pass(a.world, 20_000)
  for (const { states } of [a, b]) t.equal(states(), 'up up up up up up up down')
})

t.test('a prober that died is stale after six seconds, and the others decide without it', async (t) => {
  const all = routers(2, edges(8))
  const [a, b] = all
  if (a === undefined || b === undefined) return t.fail()
  for (const { board } of all) await board.start()
  await pass(a.world, 8000)
  for (const made of all) made.world.broken.add('edge-0')
  await pass(a.world, 10_000)
  b.board.close()
  await pass(a.world, 10_000)
  t.match(a.states(), /^down up/)
  t.same(a.board.status().peers.filter(({ fresh }) => fresh), [])
})

t.test('a partitioned prober decides alone, and hears the others again when it can', async (t) => {
  let cut = false
  const all = routers(3, edges(8), (i, shared) => (i !== 0 ? shared : {
    publish: (report) => (cut ? Promise.reject(new Error('cut')) : shared.publish(report)),
    read: () => (cut ? Promise.reject(new Error('cut')) : shared.read()),
  }))
  const [a] = all
  if (a === undefined) return t.fail()
  for (const { board } of all) await board.start()
  await pass(a.world, 8000)
  cut = true
  a.world.broken.add('edge-0')
  await pass(a.world, 15_000)
  t.match(a.states(), /^down up/)
  t.ok(a.told.includes('exchange failed'))
  cut = false
  await pass(a.world, 8000)
  t.match(a.states(), /^up up/)
  t.ok(a.told.includes('exchange works'))
})

t.test('an exchange that takes nothing may still be read, and one that hangs costs nothing but its opinions', async (t) => {
  const all = routers(2, edges(8), (i, shared) => (i !== 0 ? shared : { publish: () => Promise.reject(new Error('READONLY')), read: () => shared.read() }))
  const [a] = all
  if (a === undefined) return t.fail()
  for (const { board } of all) await board.start()
  await pass(a.world, 10_000)
  t.match(a.board.states()[0], { peers: { up: 1, down: 0 } })
  const alone = setUp(edges(3), { exchange: { publish: () => new Promise(() => undefined), read: () => new Promise(() => undefined) } })
  await alone.board.start()
  await pass(alone.world, 5000)
  alone.world.broken.add('edge-0')
  await pass(alone.world, 9000)
  t.equal(alone.states(), 'down up up')
})

t.test('a load report that one router took counts in all of them', async (t) => {
  const all = routers(2, edges(4, { health: { capacityMbps: 100 } }))
  const [a, b] = all
  if (a === undefined || b === undefined) return t.fail()
  for (const { board } of all) await board.start()
  await pass(a.world, 6000)
  a.board.report('edge-0', { bandwidthMbps: 100 })
  await pass(a.world, 4500)
  const [first] = b.snapshot.targets
  t.equal(first === undefined ? 0 : b.table.shed(first), 1)
  await pass(a.world, 40_000, 500)
  t.equal(first === undefined ? 1 : b.table.shed(first), 0, 'and in none when it is not renewed')
})

t.test('after the process slept for a minute no state has changed', async (t) => {
  const all = routers(2, edges(6))
  const [a, b] = all
  if (a === undefined || b === undefined) return t.fail()
  for (const { board } of all) await board.start()
  for (const made of all) made.world.broken.add('edge-0')
  await pass(a.world, 12_000)
  t.equal(a.states(), 'down up up up up up')
  const before = [a.told.length, b.told.length]
  a.world.clock.now += 60_000
  await pass(a.world, 10_000)
  t.same([a.told.length, b.told.length], before, a.told.join())
})

t.test('clocks that jump move no state: only commands know the time of day', async (t) => {
  let jump = 0
  const world = new World()
  const { board, told } = setUp(edges(5), { now: () => NOW + jump + world.clock.now }, world)
  await board.start()
  await pass(world, 6000)
  const before = told.length
  for (const by of [3_600_000, -7_200_000, 3.15e11, -6.3e11]) {
    jump += by
    await pass(world, 6000)
  }
  t.same(told.slice(before), [])
})

t.test('a board without checks, exchange or store leaves everything as it is configured', async (t) => {
  const { board, states, world, told } = setUp([targetNamed(0, 'a'), targetNamed(1, 'b')])
  await board.start()
  await pass(world, 5000)
  t.equal(states(), 'unknown unknown')
  t.same([told, world.asked], [[], []])
})
