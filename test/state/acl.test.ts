import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { publisherUser, routerUser } from '../../src/state/acl.ts'
import { Heartbeat } from '../../src/state/heartbeat.ts'
import { keysOf } from '../../src/state/keys.ts'
import { pushGeo, readGeoHead } from '../../src/state/redis-geo.ts'
import { redisTime } from '../../src/state/redis-time.ts'
import { readRouters } from '../../src/state/router-report.ts'
import { createSealer } from '../../src/state/sealed-key.ts'
import { SharedDrawKey } from '../../src/state/shared-draw-key.ts'
import { RedisStore } from '../../src/state/redis-store.ts'
import { bytesOf, followerOf } from './bundles.ts'
import { link, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'

t.test('the users for routers and publishers', { skip: REDIS_ABSENT }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'acl-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const file = async (name: string, text: string) => {
    await writeFile(join(directory, name), text)
    return join(directory, name)
  }
  const users = await file('users.acl', [routerUser('ams-1', 'router-password'), publisherUser('publisher-password'), 'user default on >default-password ~* &* +@all', ''].join('\n'))
  const server = await startServer(t, [['aclfile', users]])
  const as = async (username: string, password: string, use: 'publish' | 'blocking' = 'publish') => link(t, server.url, use, { username, passwordFile: await file(username, `${password}\n`) })
  const keys = keysOf()
  const publisher = await as('wissel-publisher', 'publisher-password')
  const router = await as('wissel-ams-1', 'router-password')
  const root = await as('default', 'default-password')

  await t.test('are enough for what each of them does', async (t) => {
    const writing = new RedisStore({ link: publisher, keys, setTimer })
    const head = await writing.publish({ bytes: bytesOf({ a: undefined }), created: 1, after: undefined })
    await writing.freeze(head)
    await writing.freeze(undefined)
    await writing.collect([])
    await pushGeo(publisher, keys, { kind: 'geo', file: Buffer.from('a database'), created: 1000 })
    t.not(await redisTime(publisher, () => 0), 0)
    const reading = new RedisStore({ link: router, hints: await as('wissel-ams-1', 'router-password', 'blocking'), keys, setTimer })
    let hints = 0
    reading.onHint(() => hints++)
    await until(() => hints > 0)
    const { follower } = followerOf(reading)
    t.equal((await follower.poll()).outcome, 'applied')
    t.ok(await readGeoHead(router, keys, 'geo'))
    const beats = new Heartbeat({
      link: router, keys, router: 'ams-1', instance: 'x', setTimer, now: Date.now, random: Math.random,
      report: () => ({ started: 1, applied: head, refused: null, quarantined: [] }),
      drawKey: new SharedDrawKey({ router: 'ams-1', sealer: createSealer(), random: (count) => new Uint8Array(count) }),
    })
    t.equal(await beats.beat(), 'sent')
    t.match((await readRouters(publisher, keys)).map(({ report }) => report.applied?.version), [1])
    await beats.close()
    await reading.close()
  })

  await t.test('let a router write nothing but its own keys', async (t) => {
    const again = await as('wissel-ams-1', 'router-password')
    await again.call('SET', keys.health('ams-1'), 'x', 'PX', 1000)
    const refused: [string, ...string[]][] = [
      ['SET', keys.head, 'x'], ['DEL', keys.head], ['SET', keys.pin, 'x'], ['DEL', keys.blob('a')], ['SET', keys.router('fra-1'), 'x'], ['SET', keys.health('fra-1'), 'x'],
      ['SADD', keys.blobs, 'x'], ['XADD', keys.events, '*', 'a', 'b'], ['LPUSH', keys.heads, 'x'], ['HSET', keys.overrides, 'a', 'down'], ['SET', keys.geoHead('geo'), 'x'],
      ['EVAL', 'return 1', '0'], ['FLUSHALL'], ['CONFIG', 'GET', '*'], ['KEYS', '*'], ['GET', 'other'], ['SET', 'other', 'x'],
    ]
    for (const [command, ...args] of refused) {
      await t.rejects(again.call(command, ...args), { code: 'NOPERM' }, `${command} ${args[0] ?? ''}`)
    }
  })

  await t.test('let a publisher touch nobody else\'s keys', async (t) => {
    const again = await as('wissel-publisher', 'publisher-password')
    for (const [command, ...args] of [['SET', 'other', 'x'], ['GET', 'other'], ['FLUSHALL'], ['CONFIG', 'SET', 'save', '']] as const) {
      await t.rejects(again.call(command, ...args), { code: 'NOPERM' }, command)
    }
  })

  await t.test('a user that may not ask for the time goes by its own clock', async (t) => {
    t.equal(await redisTime(await as('wissel-ams-1', 'router-password'), () => 7), 7)
    const time = await redisTime(root, () => 7)
    t.ok(Math.abs(time - Date.now()) < 60_000, String(time))
  })

  await t.test('with a wrong password nothing works, and the reason is told without it', async (t) => {
    const { connectRedis } = await import('../../src/state/redis-connection.ts')
    const opened = await connectRedis({ url: server.url, username: 'wissel-ams-1', passwordFile: await file('wrong', 'wrong-password') }, { use: 'request', name: 'x', now: Date.now, random: Math.random })
    t.teardown(() => opened.close())
    await until(() => opened.state.code === 'WRONGPASS')
    t.match(opened.state, { up: false, code: 'WRONGPASS' })
  })
  t.ok(root.state.up)
})
