import t from 'tap'
import { parseRedisUrl, RedisUrlError } from '../../src/state/redis-settings.ts'
import { retryDelay } from '../../src/state/redis-connection.ts'

t.test('an address says where Redis is and how it is laid out', async (t) => {
  const nothing = { tls: false, username: undefined, password: undefined, db: 0 }
  const cases: [string, object][] = [
    ['redis://localhost', { ...nothing, layout: { kind: 'plain', at: { host: 'localhost', port: 6379 } } }],
    ['redis://[::1]:7000/3', { ...nothing, layout: { kind: 'plain', at: { host: '::1', port: 7000 } }, db: 3 }],
    ['rediss://ada:p%40ss@cache.example', { ...nothing, tls: true, username: 'ada', password: 'p@ss', layout: { kind: 'plain', at: { host: 'cache.example', port: 6379 } } }],
    ['redis://:secret@h', { ...nothing, password: 'secret', layout: { kind: 'plain', at: { host: 'h', port: 6379 } } }],
    ['redis+sentinel://a,b:7/mymaster/2', { ...nothing, db: 2, layout: { kind: 'sentinel', sentinels: [{ host: 'a', port: 26379 }, { host: 'b', port: 7 }], master: 'mymaster' } }],
    ['rediss+cluster://a:1,b:2', { ...nothing, tls: true, layout: { kind: 'cluster', nodes: [{ host: 'a', port: 1 }, { host: 'b', port: 2 }] } }],
  ]
  for (const [url, address] of cases) t.same(parseRedisUrl(url), address, url.replace(/\/\/.*@/, '//'))
})

t.test('an address that is not usable is refused without being repeated', async (t) => {
  for (const url of ['', 'http://h', 'redis://', 'redis://a,b', 'redis://h:99999', 'redis://h/x', 'redis://h/1/2', 'redis+sentinel://a', 'redis+cluster://a/1', 'redis://us%zzer@h', 'redis://secret@@h', 'redis://a b']) {
    try {
      parseRedisUrl(url)
      t.fail(url)
    } catch (error) {
      t.ok(error instanceof RedisUrlError, url)
      t.notMatch(String(error), /secret|zzer/)
    }
  }
})

t.test('routers that lost Redis together come back anywhere within the delay, which grows to ten seconds', async (t) => {
  t.equal(retryDelay(1, () => 1), 200)
  t.equal(retryDelay(5, () => 1), 3200)
  t.equal(retryDelay(1000, () => 1), 10_000)
  t.equal(retryDelay(1000, () => 0), 1, 'never nothing: that would be a loop')
  t.equal(retryDelay(1000, () => 0.5), 5000)
})
