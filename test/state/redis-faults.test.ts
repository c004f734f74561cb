// What a router sees when Redis hangs, dies, forgets or lies. Each case ends with the router on its last good version.
import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { follow } from '../../src/state/following.ts'
import { keysOf } from '../../src/state/keys.ts'
import { connectRedis, RedisError } from '../../src/state/redis-connection.ts'
import type { LinkState } from '../../src/state/redis-connection.ts'
import { openRedisState } from '../../src/state/redis-state.ts'
import { RedisStore } from '../../src/state/redis-store.ts'
import { bytesOf, followerOf } from './bundles.ts'
import { freePort } from '../free-port.ts'
import { link, pause, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'
import type { Server } from './redis-server.ts'

const keys = keysOf('test')
const one = bytesOf({ a: undefined })
const two = bytesOf({ a: undefined, b: undefined })

/** A follower as a router runs it, on connections of its own. */
async function running(t: Test, url: string) {
  const states: LinkState[] = []
  const state = await openRedisState({ url, prefix: 'test' }, { role: 'router', now: Date.now, random: Math.random, setTimer, onState: (next) => void states.push(next) })
  const { follower, applied } = followerOf(state.store)
  const stop = follow({ poll: () => follower.poll(), hints: [(listener) => state.store.onHint(listener), (listener) => state.link.onUp(listener)], setTimer, random: Math.random })
  t.teardown(async () => {
    stop()
    await state.close()
  })
  return { state, follower, applied, states }
}

async function publishing(t: Test, server: Server) {
  const raw = await link(t, server.url, 'publish')
  return { raw, store: new RedisStore({ link: raw, keys, setTimer }) }
}

t.test('Redis and its faults', { skip: REDIS_ABSENT, jobs: 1 }, async (t) => {
  await t.test('a stopped server: every call settles with a code, nothing is kept of it, and it is followed again when it goes on', async (t) => {
    const server = await startServer(t)
    const { store } = await publishing(t, server)
    await store.publish({ bytes: one, created: 1, after: undefined })
    const { state, follower } = await running(t, server.url)
    await until(() => follower.applied?.version === 1)
    server.signal('SIGSTOP')
    const start = performance.now()
    const results = await Promise.allSettled(Array.from({ length: 2000 }, () => state.link.call('GET', keys.head)))
    const took = Math.round(performance.now() - start)
    const codes = new Set(results.map((result) => (result.status === 'rejected' && result.reason instanceof RedisError ? result.reason.code : 'answered')))
    t.comment(`2,000 calls settled after ${took} ms: ${[...codes].join(', ')}`)
    t.notOk(codes.has('answered'))
    const unreadable = await follower.poll()
    t.match(unreadable, { outcome: 'refused', reason: 'unreadable' })
    await until(() => !state.link.state.up)
    t.match(state.link.state, { up: false }, 'a socket that stays silent is given up')
    const opened = await connectRedis({ url: server.url }, { use: 'request', name: 'late', now: Date.now, random: Math.random })
    t.teardown(() => opened.close())
    t.equal(await opened.whenUp(800), false, 'a connection that is made now does not seem to work')
    server.signal('SIGCONT')
    const before = await (await publishing(t, server)).store.head()
    await store.publish({ bytes: two, created: 2, after: before }).catch(async () => (await publishing(t, server)).store.publish({ bytes: two, created: 2, after: before }))
    t.comment(`followed ${await until(() => follower.applied?.version === 2)} ms after it went on`)
    t.equal(await opened.whenUp(60_000), true, 'and the one that was made meanwhile works')
  })

  await t.test('a killed server that comes back with something newer', async (t) => {
    const server = await startServer(t)
    const first = await publishing(t, server)
    await first.store.publish({ bytes: one, created: 1, after: undefined })
    const { follower, states } = await running(t, server.url)
    await until(() => follower.applied?.version === 1)
    server.signal('SIGKILL')
    await until(() => states.at(-1)?.up === false)
    await pause(500)
    t.equal(follower.applied?.version, 1)
    await server.restart()
    t.comment(`usable ${await until(() => states.at(-1)?.up === true)} ms after its restart`)
    const again = await publishing(t, server)
    await again.store.publish({ bytes: two, created: 2, after: undefined, above: follower.applied })
    t.comment(`applied ${await until(() => follower.applied?.version === 2)} ms after it was published`)
    t.ok(states.length < 30, `${states.length} changes of state were told`)
  })

  await t.test('a server that forgot everything, or holds garbage, changes nothing', async (t) => {
    const server = await startServer(t)
    const { store, raw } = await publishing(t, server)
    const head = await store.publish({ bytes: one, created: 1, after: undefined })
    const { follower, applied } = followerOf(store)
    await follower.poll()
    await raw.call('FLUSHALL')
    t.same(await follower.poll(), { outcome: 'empty' })
    for (const garbage of ['', '{}', '[]', 'null', 'x']) {
      await raw.call('SET', keys.head, garbage)
      t.match(await follower.poll(), { outcome: 'refused', reason: 'unreadable' }, `"${garbage}"`)
    }
    await raw.call('DEL', keys.head)
    await raw.call('LPUSH', keys.head, 'x')
    t.match(await follower.poll(), { outcome: 'refused', reason: 'unreadable' }, 'another type')
    await raw.call('DEL', keys.head)
    await raw.call('SET', keys.head, JSON.stringify({ ...head, version: 9, sha256: 'f'.repeat(64) }))
    t.match(await follower.poll(), { outcome: 'refused', reason: 'missing' }, 'a head without its blob')
    await raw.call('SET', keys.head, JSON.stringify({ ...head, version: 10, bytes: 1e9 }))
    t.match(await follower.poll(), { outcome: 'refused', reason: 'oversize' })
    await raw.call('SET', keys.blob('e'.repeat(64)), one.subarray(1))
    await raw.call('SET', keys.head, JSON.stringify({ ...head, version: 11, sha256: 'e'.repeat(64) }))
    t.match(await follower.poll(), { outcome: 'refused', reason: 'torn' })
    t.match([applied.length, follower.applied?.version], [1, 1])
  })

  await t.test('a version that goes back is refused', async (t) => {
    const server = await startServer(t)
    const { store, raw } = await publishing(t, server)
    const first = await store.publish({ bytes: one, created: 1, after: undefined })
    await store.publish({ bytes: two, created: 2, after: first })
    // Polled by this test alone: a poll that was under way already would have read the head before it went back.
    const { follower } = followerOf(store)
    await follower.poll()
    t.equal(follower.applied?.version, 2)
    await raw.call('SET', keys.head, JSON.stringify(first))
    t.match(await follower.poll(), { outcome: 'refused', reason: 'regress' })
    t.equal(follower.applied?.version, 2)
  })

  await t.test('every hint lost: the poll finds it', async (t) => {
    const server = await startServer(t)
    const { store } = await publishing(t, server)
    const first = await store.publish({ bytes: one, created: 1, after: undefined })
    const state = await openRedisState({ url: server.url, prefix: 'test' }, { role: 'publisher', now: Date.now, random: Math.random, setTimer })
    const { follower } = followerOf(state.store)
    const stop = follow({ poll: () => follower.poll(), hints: [(listener) => state.link.onUp(listener)], setTimer, random: Math.random })
    t.teardown(async () => {
      stop()
      await state.close()
    })
    await until(() => follower.applied?.version === 1)
    await store.publish({ bytes: two, created: 2, after: first })
    t.comment(`found after ${await until(() => follower.applied?.version === 2)} ms`)
    t.equal(follower.applied?.version, 2)
  })

  await t.test('with hints a publication is applied at once', async (t) => {
    const server = await startServer(t)
    const { store } = await publishing(t, server)
    let head = await store.publish({ bytes: one, created: 1, after: undefined })
    const { follower } = await running(t, server.url)
    await until(() => follower.applied?.version === 1)
    await pause(300)
    const took: number[] = []
    for (let i = 0; i < 10; i++) {
      head = await store.publish({ bytes: i % 2 === 0 ? two : one, created: i, after: head, force: 'test' })
      took.push(await until(() => follower.applied?.version === head.version))
    }
    t.comment(`applied after ${took.join(', ')} ms`)
    t.equal(follower.applied?.version, 11)
  })

  await t.test('a link that is cut before each answer leaves no call unsettled', async (t) => {
    const server = await startServer(t)
    const sockets: Socket[] = []
    let swallow = false
    const proxy = createServer((socket) => {
      const to = createConnection(server.port, '127.0.0.1')
      sockets.push(socket)
      socket.pipe(to)
      to.on('data', (data) => void (swallow ? socket.destroy() : socket.write(data)))
      for (const end of [socket, to]) end.on('error', () => undefined).on('close', () => (socket.destroy(), to.destroy()))
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    t.teardown(() => proxy.close())
    const opened = await link(t, `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`, 'request')
    swallow = true
    const results = await Promise.race([
      Promise.allSettled(Array.from({ length: 1000 }, (_, i) => opened.call('RPUSH', 'list', i))),
      pause(60_000).then(() => undefined),
    ])
    t.equal(results?.filter(({ status }) => status === 'rejected').length, 1000, 'all settled')
    swallow = false
    const raw = await link(t, server.url)
    await opened.whenUp(60_000)
    await pause(300)
    t.ok(Number(await raw.call('LLEN', 'list')) <= 1000, 'and none was applied twice')
  })

  await t.test('a server that is not there costs no memory', async (t) => {
    const opened = await connectRedis({ url: `redis://127.0.0.1:${await freePort()}` }, { use: 'request', name: 'none', now: Date.now, random: Math.random })
    t.teardown(() => opened.close())
    let settled = 0
    for (let i = 0; i < 20_000; i++) void opened.call('GET', 'x').catch(() => settled++)
    await until(() => settled === 20_000)
    await until(() => opened.state.code === 'ECONNREFUSED')
    t.match(opened.state, { up: false, code: 'ECONNREFUSED' })
  })

  await t.test('an error that Redis answers is a code without what was sent', async (t) => {
    const server = await startServer(t)
    const opened = await link(t, server.url)
    await opened.call('SET', 'text', 'x')
    const error = await opened.call('LPUSH', 'text', 'secret-value').catch((caught: unknown) => caught)
    t.ok(error instanceof RedisError)
    t.notMatch(JSON.stringify(error) + String(error) + (error instanceof Error ? `${error.stack} ${String(error.cause)}` : ''), /secret-value/)
    t.equal(error instanceof RedisError && error.code, 'WRONGTYPE')
  })
})
