import t from 'tap'
import { digest } from '../../src/policy/bundle.ts'
import { UnreadableHeadError } from '../../src/state/head.ts'
import { keysOf } from '../../src/state/keys.ts'
import type { RedisLink } from '../../src/state/redis-connection.ts'
import { RedisStore } from '../../src/state/redis-store.ts'
import { compareHeads, StaleWriterError } from '../../src/state/store.ts'
import type { Head } from '../../src/state/store.ts'
import { stateStoreContract } from './contract.ts'
import { link, pause, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'

const nobody = (): never => {
  throw new Error('there is no such head')
}

t.test('the store in Redis', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  let prefix = 0
  const fresh = async (t: Parameters<typeof link>[0]) => {
    const keys = keysOf(`test-${prefix++}`)
    const raw = await link(t, server.url)
    return { keys, raw, store: new RedisStore({ link: raw, keys, setTimer }) }
  }
  const put = (raw: RedisLink, key: string, value: string) => raw.call('SET', key, value)

  await t.test('keeps the contract of every store', async (t) => {
    stateStoreContract(t, async () => new RedisStore({ link: await link(t, server.url), hints: await link(t, server.url, 'blocking'), keys: keysOf(`test-${prefix++}`), setTimer }))
  })

  await t.test('of twenty writers with connections of their own one wins each round, and its bytes are what is read', async (t) => {
    const { keys, store } = await fresh(t)
    const writers = await Promise.all(Array.from({ length: 20 }, async () => new RedisStore({ link: await link(t, server.url), keys, setTimer })))
    for (let round = 1; round <= 20; round++) {
      const after = await store.head()
      const tries = await Promise.allSettled(writers.map((writer, i) => writer.publish({ bytes: Buffer.from(`${round} by ${i}`), created: i, after })))
      const won = tries.filter((result) => result.status === 'fulfilled')
      const head = await store.head()
      const bytes = head && (await store.read(head))
      if (won.length !== 1 || head?.version !== round || bytes === undefined || digest(bytes) !== head.sha256) return t.fail(`round ${round}: ${won.length} won`)
    }
    t.pass('400 tries')
  })

  await t.test('a writer that wakes up late changes nothing', async (t) => {
    const { store } = await fresh(t)
    const seen = await store.publish({ bytes: Buffer.from('1'), created: 1, after: undefined })
    const newest = await store.publish({ bytes: Buffer.from('2'), created: 2, after: seen })
    const late = await store.publish({ bytes: Buffer.from('late'), created: 3, after: seen }).catch((error: unknown) => error)
    t.ok(late instanceof StaleWriterError && late.head?.version === 2)
    await t.rejects(store.publish({ bytes: Buffer.from('blind'), created: 3, after: undefined, above: { epoch: 1, version: 40 } }), StaleWriterError, 'nor does one that saw nothing, however high it goes')
    t.same(await store.head(), newest)
  })

  await t.test('what is there and is no head is neither a head nor nothing', async (t) => {
    const { store, raw, keys } = await fresh(t)
    for (const garbage of ['', '{}', '[]', 'null', '{"epoch":1', '{"epoch":1,"version":"2"}', '{"epoch":1,"version":2,"sha256":"x","bytes":1,"created":1,"schema":1}']) {
      await put(raw, keys.head, garbage)
      await t.rejects(store.head(), UnreadableHeadError, garbage)
    }
    const head = await store.publish({ bytes: Buffer.from('1'), created: 1, after: undefined, above: { epoch: 1, version: 41 } })
    t.equal(head.version, 42, 'it can be replaced, above what routers run')
  })

  await t.test('a blob that is shorter, longer, other or gone is told from a whole one', async (t) => {
    const { store, raw, keys } = await fresh(t)
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 7, 'x')
    const head = await store.publish({ bytes, created: 1, after: undefined })
    t.equal((await store.readWhole(head))?.length, bytes.length, 'one of several pieces')
    for (const [name, value] of [['shorter', 'xx'], ['longer', `${bytes.toString()}yyyy`], ['other', 'y'.repeat(bytes.length)]] as const) {
      await put(raw, keys.blob(head.sha256), value)
      t.equal(await store.readWhole(head), undefined, name)
      t.ok(((await store.read(head))?.length ?? 0) <= bytes.length + 1, `${name}: no more than one byte too many is fetched`)
    }
    await raw.call('DEL', keys.blob(head.sha256))
    t.equal(await store.read(head), undefined, 'gone')
  })

  await t.test('old blobs go; those of the last twenty heads, of a pin, of a base and of routers stay', async (t) => {
    const { store, raw, keys } = await fresh(t)
    const heads: Head[] = []
    for (let i = 0; i < 40; i++) heads.push(await store.publish({ bytes: Buffer.from(`blob ${i}`), created: i, after: heads.at(-1) }))
    const at = (i: number) => heads[i] ?? nobody()
    await store.freeze(at(3))
    t.equal(await store.collect([at(7).sha256]), 40 - 20 - 2)
    t.ok(await store.read(at(3)), 'pinned')
    t.ok(await store.read(at(7)), 'run by a router')
    t.ok(await store.read(at(20)), 'the twentieth')
    t.equal(await store.read(at(19)), undefined, 'the one before')
    t.equal(await raw.call('SCARD', keys.blobs), 22)
    t.equal((await store.history()).length, 40, 'heads are remembered longer')
  })

  await t.test('the collector never takes a blob from under a head, however they race', async (t) => {
    const { store, keys } = await fresh(t)
    const other = new RedisStore({ link: await link(t, server.url), keys, setTimer })
    let head = await store.publish({ bytes: Buffer.from('0'), created: 0, after: undefined })
    let torn = 0
    for (let i = 0; i < 200; i++) {
      const [next] = await Promise.all([store.publish({ bytes: Buffer.from(`${i % 30}`), created: i, after: head }), other.collect([]), other.collect([])])
      head = next
      if ((await store.readWhole(head)) === undefined) torn++
    }
    t.equal(torn, 0)
  })

  await t.test('a hint comes within milliseconds of its publication', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const writer = new RedisStore({ link: await link(t, server.url), keys, setTimer })
    const reader = new RedisStore({ link: await link(t, server.url), hints: await link(t, server.url, 'blocking'), keys, setTimer })
    t.teardown(() => reader.close())
    let hints = 0
    reader.onHint(() => hints++)
    await until(() => hints === 1)
    let head
    const took: number[] = []
    for (let i = 0; i < 20; i++) {
      const before = hints
      head = await writer.publish({ bytes: Buffer.from(`${i}`), created: i, after: head })
      took.push(await until(() => hints > before))
    }
    t.comment(`hints after ${Math.max(...took)} ms at most`)
    t.ok(hints >= 21)
  })

  await t.test('a stream that was deleted goes on hinting', async (t) => {
    const keys = keysOf(`test-${prefix++}`)
    const raw = await link(t, server.url)
    const writer = new RedisStore({ link: raw, keys, setTimer })
    const reader = new RedisStore({ link: await link(t, server.url), hints: await link(t, server.url, 'blocking'), keys, setTimer })
    t.teardown(() => reader.close())
    let hints = 0
    reader.onHint(() => hints++)
    const head = await writer.publish({ bytes: Buffer.from('1'), created: 1, after: undefined })
    await until(() => hints >= 1)
    await raw.call('DEL', keys.events)
    // Within the same millisecond the new stream's first entry would have the id of the old one's last.
    await pause(20)
    const before = hints
    await writer.publish({ bytes: Buffer.from('2'), created: 2, after: head })
    await until(() => hints > before)
    t.pass('it hinted')
  })

  await t.test('an epoch goes up by its own number and its versions go on', async (t) => {
    const { store } = await fresh(t)
    const one = await store.publish({ bytes: Buffer.from('1'), created: 1, after: undefined })
    const two = await store.publish({ bytes: Buffer.from('2'), created: 1, after: one, epoch: 2 })
    t.ok(compareHeads(two, one) > 0)
    t.match(two, { epoch: 2, version: 2 })
  })
})
