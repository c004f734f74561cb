import t from 'tap'
import type { Test } from 'tap'
import { Heartbeat } from '../../src/state/heartbeat.ts'
import type { HeartbeatOptions } from '../../src/state/heartbeat.ts'
import { keysOf } from '../../src/state/keys.ts'
import { forgetRouters, readRouters } from '../../src/state/router-report.ts'
import { createSealer } from '../../src/state/sealed-key.ts'
import { dayOf, SharedDrawKey } from '../../src/state/shared-draw-key.ts'
import { randomBytes } from 'node:crypto'
import { link, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'

t.test('heartbeats by way of Redis', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  let prefix = 0
  const beating = async (t: Test, keys: ReturnType<typeof keysOf>, router: string, more: Partial<HeartbeatOptions> = {}) => {
    const drawKey = new SharedDrawKey({ router, sealer: createSealer(), random: randomBytes })
    const heartbeat = new Heartbeat({
      link: await link(t, server.url), keys, router, instance: `${router}-${Math.random()}`, drawKey, now: Date.now, setTimer, random: Math.random,
      report: () => ({ started: 1, applied: { epoch: 1, version: 2, sha256: 'f'.repeat(64) }, refused: { epoch: 1, version: 3, reason: 'invalid' }, quarantined: ['tv'] }),
      ...more,
    })
    t.teardown(() => heartbeat.close())
    return { heartbeat, drawKey, key: () => Buffer.from(drawKey.key(dayOf(Date.now()))).toString('hex') }
  }

  await t.test('what a router reports is what is read, with its age', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const { heartbeat } = await beating(t, keys, 'ams-1')
    t.equal(await heartbeat.beat(), 'sent')
    const raw = await link(t, server.url)
    const [seen] = await readRouters(raw, keys, { ages: true })
    t.match(seen?.report, { router: 'ams-1', started: 1, applied: { version: 2 }, refused: { version: 3, reason: 'invalid' }, quarantined: ['tv'] })
    t.ok((seen?.ageMs ?? -1) >= 0 && (seen?.ageMs ?? Infinity) < 15_000)
  })

  await t.test('a report that nobody renews is gone with its time, and its router is forgotten', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const { heartbeat } = await beating(t, keys, 'ams-1')
    await heartbeat.beat()
    const raw = await link(t, server.url)
    t.ok(Number(await raw.call('PTTL', keys.router('ams-1'))) <= 15_000)
    await raw.call('PEXPIRE', keys.router('ams-1'), 1)
    await until(async () => (await readRouters(raw, keys)).length === 0)
    t.equal(await raw.call('SCARD', keys.routers), 1)
    await forgetRouters(raw, keys)
    t.equal(await raw.call('SCARD', keys.routers), 0)
  })

  await t.test('garbage where a report should be is no router and hurts nobody', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const { heartbeat } = await beating(t, keys, 'ams-1')
    const raw = await link(t, server.url)
    for (const [id, text] of [['x', 'garbage'], ['y', '{"router":"z"}'], ['w', '{"router":"w","instance":"i","started":1,"draw":{"publicKey":"no","marks":[7],"sealed":"no"}}']] as const) {
      await raw.call('SADD', keys.routers, id)
      await raw.call('SET', keys.router(id), text)
    }
    t.equal(await heartbeat.beat(), 'sent')
    t.same((await readRouters(raw, keys)).map(({ report }) => report.router), ['ams-1', 'w'])
  })

  await t.test('routers that start together come to one key, and Redis never holds it', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const routers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => beating(t, keys, id)))
    const raw = await link(t, server.url)
    const kept: string[] = []
    for (let round = 0; round < 6; round++) {
      await Promise.all(routers.map(({ heartbeat }) => heartbeat.beat()))
      for (const id of ['a', 'b', 'c', 'd', 'e']) kept.push(String(await raw.call('GET', keys.router(id))))
    }
    const shared = [...new Set(routers.map(({ key }) => key()))]
    t.equal(shared.length, 1)
    const secret = Buffer.from(shared[0] ?? '', 'hex')
    t.equal(secret.length, 16)
    const all = kept.join('\n')
    for (const form of ['hex', 'base64', 'base64url'] as const) t.notOk(all.includes(secret.toString(form).replace(/=+$/, '')), form)
  })

  await t.test('the next router has the key after a few beats of its own', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const [one, two] = [await beating(t, keys, 'z', { intervalMs: 200 }), await beating(t, keys, 'y', { intervalMs: 200 })]
    one.heartbeat.start()
    two.heartbeat.start()
    await until(() => one.key() === two.key())
    const late = await beating(t, keys, 'a', { intervalMs: 200 })
    const before = one.key()
    late.heartbeat.start()
    t.comment(`shared after ${await until(() => late.key() === before)} ms at a beat every 200 ms`)
    t.equal(one.key(), before)
  })

  await t.test('two processes under one name are told of', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    let told = 0
    const one = await beating(t, keys, 'same', { onDuplicate: () => told++ })
    const two = await beating(t, keys, 'same', { onDuplicate: () => told++ })
    for (let i = 0; i < 6; i++) for (const { heartbeat } of [one, two]) await heartbeat.beat()
    t.equal(told, 2, 'once by each')
  })

  await t.test('without Redis a beat fails and nothing else does', async (t) => {
    const { heartbeat, key } = await beating(t, keysOf('x'), 'ams-1', { link: await dead(t) })
    t.equal(await heartbeat.beat(), 'failed')
    t.equal(key().length, 32)
  })
})

async function dead(t: Test) {
  const opened = await link(t, (await startServer(t)).url)
  await opened.close()
  return opened
}
