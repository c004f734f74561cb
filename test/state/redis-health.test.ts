import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { overrideFile } from '../../src/app/override-files.ts'
import { MirroredOverrides } from '../../src/health/override-file.ts'
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

  await t.test('a command given by a slow clock is obeyed, not the one that it replaces', async (t) => {
    const at = await mkdtemp(join(tmpdir(), 'overrides-'))
    t.teardown(() => rm(at, { recursive: true, force: true }))
    const slow = keysOf('slow')
    const overrides = new RedisOverrides(raw, slow)
    const mirrored = new MirroredOverrides(overrides, overrideFile(at), () => 10_000)
    await overrides.write({ target: 'a', state: 'down', who: 'ahead', when: 9000 })
    t.match(await mirrored.read(), [{ state: 'down' }])
    await overrides.write({ target: 'a', state: 'auto', who: 'right', when: 5000 })
    t.match(await mirrored.read(), [{ state: 'auto', who: 'right' }])
  })

  await t.test('a command that cannot be read is left out and named once, and the others count', async (t) => {
    const good = { target: 'a', state: 'drain', who: 'op', when: 1 }
    const rows: [title: string, field: string, text: string][] = [
      ['half a command', 'b', '{"target":"b"}'], ['no JSON', 'b', '{'], ['an unknown state', 'b', JSON.stringify({ ...good, target: 'b', state: 'off' })],
      ['a command on another target', 'b', JSON.stringify({ ...good, when: 9 })], ['nothing', 'b', 'null'],
    ]
    const told: string[] = []
    const overrides = new RedisOverrides(raw, keys, (target) => void told.push(target))
    for (const [title, field, text] of rows) {
      told.length = 0
      await raw.call('HSET', keys.overrides, field, text)
      t.same(await overrides.read(), [good], title)
      await overrides.read()
      t.same(told, ['b'], `${title}: told once`)
    }
    await overrides.write({ target: 'b', state: 'down', who: 'op', when: 2 })
    t.same((await overrides.read()).map(({ state }) => state).sort(), ['down', 'drain'])
  })

  await t.test('a key that a later version adds to a command does not make it unreadable', async (t) => {
    await raw.call('HSET', keys.overrides, 'c', '{"target":"c","state":"down","who":"x","when":1,"ticket":"OPS-1"}')
    const read = await new RedisOverrides(raw, keys).read()
    t.same(read.find(({ target }) => target === 'c'), { target: 'c', state: 'down', who: 'x', when: 1 })
  })

  await t.test('a router keeps the last command that it could read', async (t) => {
    const at = await mkdtemp(join(tmpdir(), 'overrides-'))
    t.teardown(() => rm(at, { recursive: true, force: true }))
    const mirrored = new MirroredOverrides(new RedisOverrides(raw, keys), overrideFile(at), () => 100)
    const stateOf = async (target: string) => (await mirrored.read()).find((command) => command.target === target)?.state
    t.equal(await stateOf('b'), 'down')
    await raw.call('HSET', keys.overrides, 'b', '{"target":"b","state":"off"}', 'd', '{"target":"d","state":"down","who":"x","when":3}')
    t.same([await stateOf('b'), await stateOf('d')], ['down', 'down'])
  })

  await t.test('what is no hash is no command', async (t) => {
    await raw.call('SET', keys.overrides, 'x')
    await t.rejects(new RedisOverrides(raw, keys).read())
  })
})
