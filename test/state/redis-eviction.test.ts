// A Redis that evicts is told of before it does, by whoever looks: routers, and the command that publishes.
import t from 'tap'
import { publisherUser, routerUser } from '../../src/state/acl.ts'
import { evictionPolicy, KEEPS } from '../../src/state/redis-eviction.ts'
import { link, REDIS_ABSENT, startServer } from './redis-server.ts'

t.test('the eviction policy of a Redis is read as it is set', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  const raw = await link(t, server.url)
  t.equal(await evictionPolicy(raw), KEEPS, 'as Redis comes')
  for (const policy of ['allkeys-lru', 'volatile-ttl']) {
    await raw.call('CONFIG', 'SET', 'maxmemory-policy', policy)
    t.equal(await evictionPolicy(raw), policy)
  }
  for (const user of [routerUser('ams-1', 'secret'), publisherUser('secret')]) {
    const [, name = '', ...rules] = user.split(' ')
    await raw.call('ACL', 'SETUSER', name, ...rules)
    const own = await link(t, server.url.replace('://', `://${name}:secret@`))
    t.equal(await evictionPolicy(own), 'volatile-ttl', `${name} may ask`)
  }
})

t.test('a Redis that does not say which policy it has is not said to evict', async (t) => {
  const silent = { call: async () => '# Memory\r\nused_memory:1\r\n' }
  t.equal(await evictionPolicy(silent), undefined)
})
