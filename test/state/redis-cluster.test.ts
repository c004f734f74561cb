import t from 'tap'
import { keysOf } from '../../src/state/keys.ts'
import { RedisStore } from '../../src/state/redis-store.ts'
import { stateStoreContract } from './contract.ts'
import { link, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'

t.test('the store in a Redis cluster keeps the contract of every store', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t, [['cluster-enabled', 'yes'], ['cluster-config-file', 'nodes.conf'], ['cluster-announce-ip', '127.0.0.1']])
  const node = await link(t, server.url)
  await node.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
  await until(async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  const url = server.url.replace('redis:', 'redis+cluster:')
  let prefix = 0
  stateStoreContract(t, async () => new RedisStore({ link: await link(t, url), hints: await link(t, url, 'blocking'), keys: keysOf(`test-${prefix++}`), setTimer }))
})
