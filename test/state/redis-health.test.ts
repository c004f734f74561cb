import t from 'tap'
import { keysOf } from '../../src/state/keys.ts'
import { RedisHealth } from '../../src/state/redis-health.ts'
import { RedisOverrides } from '../../src/state/redis-overrides.ts'
import { link, REDIS_ABSENT, startServer } from './redis-server.ts'

t.test('health and commands in Redis', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  const raw = await link(t, server.url)
  const keys = keysOf('health')
  const report = (prober: string, seq: number) => ({ prober, epoch: 'e', seq, intervalMs: 2000, withheld: false, up: ['a'], down: ['b'], loads: {} })

  await t.test('each prober finds the latest report of all', async (t) => {
    const [ams, fra] = [new RedisHealth(raw, keys), new RedisHealth(await link(t, server.url), keys)]
    await ams.publish(report('ams', 1))
    await fra.publish(report('fra', 1))
    await fra.publish(report('fra', 2))
    const found = await ams.read()
    t.same([...found].sort((a, b) => (a.prober < b.prober ? -1 : 1)), [report('ams', 1), report('fra', 2)])
  })

  await t.test('what is no report, or another\'s under this name, is left out', async (t) => {
    await raw.call('SET', keys.health('ams'), JSON.stringify(report('fra', 9)))
    await raw.call('SET', keys.health('fra'), '{"prober":"fra"}')
    t.same(await new RedisHealth(raw, keys).read(), [])
  })

  await t.test('reports do not outlive their prober for long', async (t) => {
    await new RedisHealth(raw, keys).publish(report('ams', 3))
    const left = Number(await raw.call('PTTL', keys.health('ams')))
    t.ok(left > 0 && left <= 120_000)
  })

  await t.test('the latest command of each target is kept', async (t) => {
    const overrides = new RedisOverrides(raw, keys)
    t.same(await overrides.read(), [])
    const drain = { target: 'a', state: 'drain', who: 'op', when: 1 } as const
    await overrides.write({ ...drain, state: 'down' })
    await overrides.write(drain)
    t.same(await overrides.read(), [drain])
  })

  await t.test('half of what operators said is not taken for all of it', async (t) => {
    await raw.call('HSET', keys.overrides, 'b', '{"target":"b"}')
    await t.rejects(new RedisOverrides(raw, keys).read())
  })
})
