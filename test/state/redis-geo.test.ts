import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { fileIO } from '../../src/state/durable-file.ts'
import { RedisError } from '../../src/state/redis-connection.ts'
import type { RedisLink } from '../../src/state/redis-connection.ts'
import { MOVE_HEAD } from '../../src/state/redis-scripts.ts'
import { keysOf } from '../../src/state/keys.ts'
import { PIECE_BYTES, pushGeo, RedisGeo } from '../../src/state/redis-geo.ts'
import { link, REDIS_ABSENT, startServer } from './redis-server.ts'

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

t.test('geo databases by way of Redis', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  let prefix = 0
  const setup = async (t: Test) => {
    const directory = await mkdtemp(join(tmpdir(), 'geo-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const keys = keysOf(`test-${prefix++}`)
    return { directory, keys, raw: await link(t, server.url, 'publish'), reader: await link(t, server.url) }
  }

  await t.test('a database of several pieces arrives whole, once, and is known after a restart', async (t) => {
    const { directory, keys, raw, reader } = await setup(t)
    const geo = new RedisGeo({ link: reader, keys, kind: 'geo', directory })
    t.same(await geo.poll(), { outcome: 'empty' })
    t.equal(await geo.open(), false)
    const file = randomBytes(2 * PIECE_BYTES + 12_345)
    const head = await pushGeo(raw, keys, { kind: 'geo', file: file, created: Date.now() })
    t.equal(head.pieces.length, 3)
    t.match(await geo.poll(), { outcome: 'fetched', path: geo.path })
    t.equal(sha(await readFile(geo.path)), sha(file))
    t.same(await geo.poll(), { outcome: 'same' })
    const again = new RedisGeo({ link: reader, keys, kind: 'geo', directory })
    t.equal(await again.open(), true)
    t.same(await again.poll(), { outcome: 'same' })
    t.same((await readdir(directory)).sort(), ['geo.mmdb', 'geo.mmdb.json'])
  })

  await t.test('a database that was damaged on disk since is fetched again', async (t) => {
    const { directory, keys, raw, reader } = await setup(t)
    const file = randomBytes(PIECE_BYTES + 12_345)
    await pushGeo(raw, keys, { kind: 'geo', file: file, created: Date.now() })
    await new RedisGeo({ link: reader, keys, kind: 'geo', directory }).poll()
    const path = join(directory, 'geo.mmdb')
    const altered = Buffer.from(file)
    altered[5000] = 1 + (altered[5000] ?? 0)
    const damages: [string, () => Promise<unknown>][] = [
      ['cut off', () => truncate(path, 1000)], ['altered', () => writeFile(path, altered)], ['gone', () => rm(path)], ['with a head that is none', () => writeFile(`${path}.json`, '{')],
    ]
    for (const [title, damage] of damages) {
      await damage()
      const geo = new RedisGeo({ link: reader, keys, kind: 'geo', directory })
      t.equal(await geo.open(), false, title)
      t.match(await geo.poll(), { outcome: 'fetched' }, title)
      t.equal(sha(await readFile(path)), sha(file), title)
    }
    const geo = new RedisGeo({ link: reader, keys, kind: 'geo', directory })
    void geo.open()
    t.same(await geo.poll(), { outcome: 'same' }, 'a look waits until it is known what is there')
  })

  await t.test('a piece that is missing, short or other leaves the file that is there', async (t) => {
    const { directory, keys, raw, reader } = await setup(t)
    const geo = new RedisGeo({ link: reader, keys, kind: 'geo', directory })
    const good = randomBytes(1000)
    await pushGeo(raw, keys, { kind: 'geo', file: good, created: Date.now() })
    await geo.poll()
    const next = randomBytes(PIECE_BYTES + 10)
    const head = await pushGeo(raw, keys, { kind: 'geo', file: next, created: Date.now() + 5000 })
    const piece = keys.geoPiece(head.sha256, 1)
    await raw.call('DEL', piece)
    t.match(await geo.poll(), { outcome: 'refused', reason: 'missing' })
    await raw.call('SET', piece, 'short')
    t.match(await geo.poll(), { outcome: 'refused', reason: 'torn' })
    t.equal(sha(await readFile(geo.path)), sha(good))
    t.same((await readdir(directory)).sort(), ['geo.mmdb', 'geo.mmdb.json'])
    await raw.call('SET', piece, next.subarray(PIECE_BYTES))
    t.match(await geo.poll(), { outcome: 'fetched' }, 'and it is taken once it is whole')
  })

  await t.test('a version that goes back, one that is too large and a full disk are refused', async (t) => {
    const { directory, keys, raw, reader } = await setup(t)
    const geo = new RedisGeo({ link: reader, keys, kind: 'geo', directory, maxBytes: 5000 })
    const first = await pushGeo(raw, keys, { kind: 'geo', file: randomBytes(100), created: Date.now() })
    await pushGeo(raw, keys, { kind: 'geo', file: randomBytes(100), created: Date.now() })
    await geo.poll()
    await raw.call('SET', keys.geoHead('geo'), JSON.stringify(first))
    t.match(await geo.poll(), { outcome: 'refused', reason: 'regress' })
    await raw.call('DEL', keys.geoHead('geo'))
    await pushGeo(raw, keys, { kind: 'geo', file: randomBytes(6000), created: Date.now() + 10_000 })
    t.match(await geo.poll(), { outcome: 'refused', reason: 'oversize' })
    const full = new RedisGeo({ link: reader, keys, kind: 'geo', directory: `${directory}/full`, io: { ...fileIO, write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) } })
    t.match(await full.poll(), { outcome: 'refused', reason: 'disk', code: 'ENOSPC' })
  })

  await t.test('of two publishers at once one is told that it was late', async (t) => {
    const { keys, raw } = await setup(t)
    const other = await link(t, server.url, 'publish')
    const tries = await Promise.allSettled([pushGeo(raw, keys, { kind: 'geo', file: randomBytes(10), created: 1 }), pushGeo(other, keys, { kind: 'geo', file: randomBytes(10), created: 1 })])
    t.same(tries.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  await t.test('whoever was late leaves nothing behind, and takes nothing away that is named', async (t) => {
    const { keys, raw } = await setup(t)
    const there = async (head: { sha256: string }) => raw.call('EXISTS', keys.geoPiece(head.sha256, 0))
    const files = ['first', 'second', 'third'].map((text) => Buffer.from(text))
    const [first = Buffer.of(), second = Buffer.of(), third = Buffer.of()] = files
    for (const [kind, file] of [['geo', first], ['asn', second]] as const) await pushGeo(raw, keys, { kind, file, created: 1000 })
    for (const [title, file, left] of [['a new one', third, 0], ['one that was named meanwhile', first, 1], ['one of the other kind', second, 1]] as const) {
      let raced = false
      const late: RedisLink = {
        ...raw,
        call: async (command, ...args) => {
          if (command === 'EVAL' && !raced) {
            raced = true
            await pushGeo(raw, keys, { kind: 'geo', file: Buffer.from(`quicker than ${title}`), created: 2000 })
            if (file === first) await pushGeo(raw, keys, { kind: 'asn', file, created: 2000 })
          }
          return raw.call(command, ...args)
        },
        callBytes: (command, ...args) => raw.callBytes(command, ...args),
      }
      await t.rejects(pushGeo(late, keys, { kind: 'geo', file, created: 3000 }), { code: 'STALE' }, title)
      t.equal(await there({ sha256: sha(file) }), left, title)
    }
  })

  await t.test('a push that breaks off leaves nothing behind', async (t) => {
    const { keys, raw } = await setup(t)
    const broken: RedisLink = { ...raw, call: async (command, ...args) => (args[0] === MOVE_HEAD ? Promise.reject(new RedisError('OOM')) : raw.call(command, ...args)), callBytes: (command, ...args) => raw.callBytes(command, ...args) }
    await t.rejects(pushGeo(broken, keys, { kind: 'geo', file: randomBytes(100), created: 1 }), { code: 'OOM' })
    t.same(await raw.call('KEYS', keys.geoPiece('*', 0)), [])
  })

  await t.test('pieces that someone else took meanwhile are sent once more', async (t) => {
    const { keys, raw } = await setup(t)
    const file = randomBytes(100)
    let taken = false
    const robbed: RedisLink = {
      ...raw,
      call: async (command, ...args) => {
        if (command === 'EVAL' && !taken) {
          taken = true
          await raw.call('DEL', keys.geoPiece(sha(file), 0))
        }
        return raw.call(command, ...args)
      },
      callBytes: (command, ...args) => raw.callBytes(command, ...args),
    }
    await pushGeo(robbed, keys, { kind: 'geo', file, created: 1 })
    t.equal(await raw.call('EXISTS', keys.geoPiece(sha(file), 0)), 1)
  })

  await t.test('what is no head to a router is replaced, above its version', async (t) => {
    const { keys, raw } = await setup(t)
    for (const [found, version] of [['garbage', 1], [JSON.stringify({ epoch: 1, version: 41, sha256: 'ab'.repeat(32), bytes: 7 }), 42]] as const) {
      await raw.call('SET', keys.geoHead('geo'), found)
      t.equal((await pushGeo(raw, keys, { kind: 'geo', file: randomBytes(10), created: 1 })).version, version)
    }
  })

  await t.test('pieces of the last two databases are kept and no others', async (t) => {
    const { keys, raw } = await setup(t)
    const heads = []
    for (let i = 0; i < 5; i++) heads.push(await pushGeo(raw, keys, { kind: 'geo', file: Buffer.from(`database ${i}`), created: i }))
    const there = await Promise.all(heads.map(({ sha256 }) => raw.call('EXISTS', keys.geoPiece(sha256, 0))))
    t.same(there, [0, 0, 0, 1, 1])
  })

  await t.test('after Redis forgot everything a new push is newer than what routers have', async (t) => {
    const { directory, keys, raw, reader } = await setup(t)
    const geo = new RedisGeo({ link: reader, keys, kind: 'geo', directory })
    for (let i = 0; i < 3; i++) await pushGeo(raw, keys, { kind: 'geo', file: randomBytes(10), created: Date.now() })
    await geo.poll()
    await raw.call('DEL', keys.geoHead('geo'), keys.geoHeads('geo'))
    await pushGeo(raw, keys, { kind: 'geo', file: randomBytes(10), created: Date.now() + 10_000 })
    t.match(await geo.poll(), { outcome: 'fetched' })
  })
})
