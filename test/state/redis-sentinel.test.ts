import t from 'tap'
import type { Test } from 'tap'
import { follow } from '../../src/state/following.ts'
import { connectRedis } from '../../src/state/redis-connection.ts'
import { openRedisState } from '../../src/state/redis-state.ts'
import { bytesOf, followerOf } from './bundles.ts'
import { link, REDIS_ABSENT, setTimer, startSentinel, startServer, until } from './redis-server.ts'

/** An election that a starved machine spoils is held again, each time later. */
const FAILOVER_MS = 180_000

async function deployment(t: Test) {
  const master = await startServer(t, [['repl-diskless-sync-delay', '0']])
  const replicas = await Promise.all([0, 1].map(() => startServer(t, [['replicaof', '127.0.0.1', String(master.port)]])))
  // So long that a master which is merely slow is not replaced.
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(t, master, 3000)))
  const watching = await Promise.all(sentinels.map((sentinel) => link(t, sentinel.url)))
  // Sentinels find the replicas and one another by way of the master; before that they cannot agree.
  await until(async () => {
    for (const sentinel of watching) {
      const reply = await sentinel.call('SENTINEL', 'MASTER', 'mymaster').catch(() => [])
      const facts = Array.isArray(reply) ? reply : []
      const of = (name: string) => Number(facts[facts.indexOf(name) + 1])
      if (of('num-slaves') !== 2 || of('num-other-sentinels') !== 2) return false
    }
    return true
  })
  return { master, replicas, sentinels, url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster` }
}

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  t.test(`after a failover by ${signal} the new master is followed`, { skip: REDIS_ABSENT }, async (t) => {
    const { master, url } = await deployment(t)
    const open = () => openRedisState({ url, prefix: 'test' }, { role: 'router', now: Date.now, random: Math.random, setTimer })
    const [router, publisher] = await Promise.all([open(), open()])
    const { follower, applied } = followerOf(router.store)
    const stop = follow({ poll: () => follower.poll(), hints: [(listener) => router.store.onHint(listener), (listener) => router.link.onUp(listener)], setTimer, random: Math.random })
    t.teardown(async () => {
      stop()
      await Promise.all([router.close(), publisher.close()])
    })
    // A publisher may be told that it failed although it did not, so it looks before it tries again.
    const published = (version: number, services: Parameters<typeof bytesOf>[0]) => until(async () => {
      const head = await publisher.store.head().catch(() => null)
      if (head === null || head?.version === version) return head !== null
      return (await publisher.store.publish({ bytes: bytesOf(services), created: version, after: head }).catch(() => undefined)) !== undefined
    }, FAILOVER_MS)
    await published(1, { a: undefined })
    await until(() => follower.applied?.version === 1)
    await until(async () => (await publisher.link.call('WAIT', 2, 400).catch(() => 0)) === 2)
    master.signal(signal)
    const start = performance.now()
    await until(async () => {
      const answer = await router.link.call('GET', '{test}:head').catch(() => undefined)
      const role = answer === undefined ? undefined : await router.link.call('ROLE').catch(() => undefined)
      return Array.isArray(role) && role[0] === 'master'
    }, FAILOVER_MS)
    t.comment(`readable again after ${Math.round(performance.now() - start)} ms`)
    await published(2, { a: undefined, b: undefined })
    await until(() => follower.applied?.version === 2, FAILOVER_MS)
    t.comment(`a publication is applied ${Math.round(performance.now() - start)} ms after the fault`)
    t.equal(applied.length, 2)
    if (signal === 'SIGSTOP') master.signal('SIGCONT')
  })
}

t.test('a first sentinel that accepts and never answers is passed over', { skip: REDIS_ABSENT }, async (t) => {
  const master = await startServer(t)
  const sentinel = await startSentinel(t, master)
  const mute = await startSentinel(t, master)
  mute.signal('SIGSTOP')
  const opened = await connectRedis({ url: `redis+sentinel://127.0.0.1:${mute.port},127.0.0.1:${sentinel.port}/mymaster` }, { use: 'request', name: 'test', now: Date.now, random: Math.random })
  t.teardown(() => opened.close())
  t.equal(await opened.whenUp(60_000), true)
  await until(async () => (await opened.call('PING').catch(() => undefined)) === 'PONG')
})
