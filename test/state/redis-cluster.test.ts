import t from 'tap'
import { follow } from '../../src/state/following.ts'
import { keysOf } from '../../src/state/keys.ts'
import { RedisStore } from '../../src/state/redis-store.ts'
import { openRedisState } from '../../src/state/redis-state.ts'
import { bytesOf, followerOf } from './bundles.ts'
import { StaleWriterError } from '../../src/state/store.ts'
import { stateStoreContract } from './contract.ts'
import { formCluster, IN_CLUSTER, link, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'

t.test('the store in a Redis cluster keeps the contract of every store', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t, [['cluster-enabled', 'yes'], ['cluster-config-file', 'nodes.conf'], ['cluster-announce-ip', '127.0.0.1']])
  const node = await link(t, server.url)
  await node.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
  await until(async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  const url = server.url.replace('redis:', 'redis+cluster:')
  let prefix = 0
  stateStoreContract(t, async () => new RedisStore({ link: await link(t, url), hints: await link(t, url, 'blocking'), keys: keysOf(`test-${prefix++}`), setTimer }))
})

t.test('when the master of the deployment\'s slot dies, its replica is published to and followed', { skip: REDIS_ABSENT }, async (t) => {
  const master = await startServer(t, IN_CLUSTER)
  const url = await formCluster(t, master)
  const common = { now: Date.now, random: Math.random, setTimer }
  const [publisher, router] = await Promise.all([openRedisState({ url }, { role: 'publisher', ...common }), openRedisState({ url }, { role: 'router', ...common })])
  const { follower } = followerOf(router.store)
  await Promise.all([publisher.link.whenUp(60_000), router.link.whenUp(60_000)])
  const after = await publisher.store.publish({ bytes: bytesOf({ a: undefined }), created: 1, after: undefined })
  const stop = follow({ poll: () => follower.poll(), hints: [(listener) => router.store.onHint(listener), (listener) => router.link.onUp(listener)], setTimer, random: Math.random })
  t.teardown(async () => {
    stop()
    await Promise.all([publisher.close(), router.close()])
  })
  await until(() => follower.applied?.version === 1, 60_000)
  // What the replica does not have yet is lost with the master, and with it the version that the next one follows.
  const atMaster = await link(t, master.url)
  await until(async () => isReplicated(String(await atMaster.call('INFO', 'replication'))), 60_000)
  master.signal('SIGKILL')
  const bytes = bytesOf({ a: undefined, b: undefined })
  // A writer whose answer was lost is told that somebody was quicker: itself.
  const published = await until(() => publisher.store.publish({ bytes, created: 2, after }).then(() => true, (error: unknown) => error instanceof StaleWriterError), 120_000)
  const followed = await until(() => follower.applied?.version === 2, 120_000)
  t.comment(`published to the replica after ${published} ms, followed ${followed} ms later`)
})

/** Whether the one replica has all that the master has. */
function isReplicated(info: string): boolean {
  const [, own] = /master_repl_offset:(\d+)/.exec(info) ?? []
  const [, others] = /slave0:.*offset=(\d+)/.exec(info) ?? []
  return own !== undefined && Number(others) >= Number(own)
}
