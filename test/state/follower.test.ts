import t from 'tap'
import { digest } from '../../src/policy/bundle.ts'
import type { PollResult } from '../../src/state/follower.ts'
import { MemoryStore } from '../../src/state/memory.ts'
import type { Head, StateStore } from '../../src/state/store.ts'
import { buildAt, bytesOf, followerOf, servicesOf } from './bundles.ts'

/** A store that says what it is told to say. */
class Said implements StateStore {
  at: Head | undefined
  bytes: Uint8Array | undefined
  pinned: Head | undefined
  reads = 0
  failing = false

  say(bytes: Uint8Array, more: Partial<Head> = {}): Head {
    this.bytes = bytes
    this.at = { epoch: 1, version: 1, sha256: digest(bytes), bytes: bytes.length, created: 0, schema: 1, ...more }
    return this.at
  }
  head(): Promise<Head | undefined> {
    return this.failing ? Promise.reject(new Error('away')) : Promise.resolve(this.at)
  }
  read(): Promise<Uint8Array | undefined> {
    this.reads++
    return Promise.resolve(this.bytes)
  }
  pin(): Promise<Head | undefined> {
    return Promise.resolve(this.pinned)
  }
  publish(): Promise<Head> {
    return Promise.reject(new Error('nobody publishes here'))
  }
  onHint(): () => void {
    return () => undefined
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

const small = bytesOf({ a: undefined })
const large = bytesOf({ a: undefined, b: undefined, c: undefined, d: undefined })
const reasonOf = (result: PollResult) => ('reason' in result ? result.reason : result.outcome)

t.test('each thing that can be wrong with a publication is refused by its name, and what runs goes on running', async (t) => {
  const cases: Readonly<Record<string, (store: Said) => void>> = {
    unreadable: (store) => (store.failing = true),
    missing: (store) => {
      store.say(large, { version: 5 })
      store.bytes = undefined
    },
    torn: (store) => {
      store.say(large, { version: 5 })
      store.bytes = large.subarray(0, -1)
    },
    'torn ': (store) => {
      store.say(large, { version: 5 })
      store.bytes = Buffer.from(large.toString().replace('spread', 'spreaD').replace('own', 'owN'))
    },
    oversize: (store) => store.say(large, { version: 5, bytes: 1e9 }),
    regress: (store) => store.say(small, { version: 1 }),
    format: (store) => store.say(Buffer.from('{"schema":7,"files":[]}'), { version: 5 }),
    invalid: (store) => store.say(bytesOf({ a: undefined }, { 'targets/all.yaml': 'targets: 7' }), { version: 5 }),
    shrunk: (store) => store.say(small, { version: 5 }),
    empty: (store) => (store.at = undefined),
  }
  for (const [reason, spoil] of Object.entries(cases)) {
    const store = new Said()
    const { follower, applied } = followerOf(store)
    store.say(large, { version: 3 })
    await follower.poll()
    spoil(store)
    t.equal(reasonOf(await follower.poll()), reason.trim())
    t.equal(applied.length, 1, `${reason}: nothing else was applied`)
    t.equal(follower.applied?.version, 3, reason)
  }
})

t.test('a head of a format that is not known yet is refused unread', async (t) => {
  const store = new Said()
  const { follower } = followerOf(store)
  store.say(small, { schema: 2 })
  t.equal(reasonOf(await follower.poll()), 'format')
  t.equal(store.reads, 0)
})

t.test('the same version with another content is a regress', async (t) => {
  const store = new Said()
  const { follower } = followerOf(store)
  store.say(small, { version: 3 })
  await follower.poll()
  store.say(large, { version: 3 })
  t.equal(reasonOf(await follower.poll()), 'regress')
})

t.test('a lower version in a higher epoch is newer', async (t) => {
  const store = new Said()
  const { follower } = followerOf(store)
  store.say(small, { version: 30 })
  await follower.poll()
  store.say(small, { epoch: 2, version: 1 })
  t.equal((await follower.poll()).outcome, 'applied')
})

t.test('half of the services may leave when somebody puts a name to it', async (t) => {
  const store = new Said()
  const { follower } = followerOf(store)
  store.say(large, { version: 1 })
  await follower.poll()
  store.say(small, { version: 2, force: 'ada' })
  t.equal((await follower.poll()).outcome, 'applied')
})

t.test('a snapshot that fails its golden queries is never applied, and one that makes them throw neither', async (t) => {
  for (const prove of [() => 'tv goes nowhere', () => { throw new TypeError('no') }]) {
    const store = new Said()
    const { follower, applied } = followerOf(store, { prove })
    store.say(small)
    t.match(await follower.poll(), { outcome: 'refused', reason: 'unproven' })
    t.equal(applied.length, 0)
  }
})

t.test('a build that takes too long is given up', async (t) => {
  const store = new Said()
  let expire: () => void = () => undefined
  const { follower, applied } = followerOf(store, {
    build: () => new Promise(() => undefined),
    setTimer: (run) => {
      expire = run
      return () => undefined
    },
  })
  store.say(small)
  const polled = follower.poll()
  await new Promise(setImmediate)
  expire()
  t.equal(reasonOf(await polled), 'slow')
  t.equal(applied.length, 0)
})

t.test('a build may come from elsewhere, later', async (t) => {
  const store = new Said()
  const { follower } = followerOf(store, { build: async (bundle, version) => buildAt(bundle, version) })
  store.say(small)
  t.equal((await follower.poll()).outcome, 'applied')
})

t.test('a blob that is not whole is tried again, ever more seldom', async (t) => {
  const store = new Said()
  const { follower } = followerOf(store)
  store.say(large)
  store.bytes = undefined
  for (let i = 0; i < 100; i++) await follower.poll()
  t.ok(store.reads >= 6 && store.reads <= 10, `${store.reads} reads in 100 polls`)
  store.bytes = large
  for (let i = 0; i < 40; i++) await follower.poll()
  t.equal(follower.applied?.version, 1, 'and taken once it is')
})

t.test('a head for some routers is applied by those and by no other', async (t) => {
  const store = new Said()
  const base = store.say(small, { version: 1 })
  const meant = followerOf(store, { router: 'ams-1' }).follower
  const other = followerOf(store, { router: 'fra-1' }).follower
  await Promise.all([meant.poll(), other.poll()])
  store.say(large, { version: 2, stage: { routers: ['ams-1'] }, base })
  t.equal((await meant.poll()).outcome, 'applied')
  t.match(await other.poll(), { outcome: 'held', reason: 'staged' })
  t.match([meant.applied?.version, other.applied?.version], [2, 1])
})

t.test('a router that starts while a head is meant for others runs what the others ran before', async (t) => {
  const store = new Said()
  const base = store.say(small, { version: 1 })
  store.say(large, { version: 2, stage: { percent: 0 }, base })
  store.bytes = small
  const { follower } = followerOf(store, { router: 'fra-1' })
  t.equal((await follower.poll()).outcome, 'applied')
  t.equal(follower.applied?.version, 1)
})

t.test('what somebody put a name to is taken by a router that was away, also where a head for others followed', async (t) => {
  const store = new MemoryStore()
  const first = await store.publish({ bytes: large, created: 1, after: undefined })
  const { follower } = followerOf(store, { router: 'fra-1' })
  await follower.poll()
  const halved = await store.publish({ bytes: small, created: 2, after: first, force: 'ada', note: 'clean-up' })
  const canary = await store.publish({ bytes: small, created: 3, after: halved, stage: { routers: ['ams-1'] } })
  t.same(canary.base, halved)
  t.equal((await follower.poll()).outcome, 'applied')
  t.equal(follower.applied?.version, 2)
})

t.test('a router does not go past a frozen version, goes up to it, and goes on when it is let go', async (t) => {
  const store = new Said()
  const first = store.say(small, { version: 1 })
  const ahead = followerOf(store).follower
  await ahead.poll()
  store.pinned = first
  store.say(large, { version: 2 })
  t.match(await ahead.poll(), { outcome: 'held', reason: 'frozen' })
  store.bytes = small
  const fresh = followerOf(store).follower
  t.equal((await fresh.poll()).outcome, 'applied')
  t.equal(fresh.applied?.version, 1)
  store.pinned = undefined
  store.bytes = large
  t.equal((await ahead.poll()).outcome, 'applied')
  store.pinned = first
  t.equal((await ahead.poll()).outcome, 'same', 'what is beyond the frozen version stays where it is')
})

t.test('a frozen version that is for some routers reaches those only, with a former version and without one', async (t) => {
  for (const based of [true, false]) {
    const store = new Said()
    const before = store.say(small, { version: 7 })
    const [meant, other] = ['ams-1', 'fra-1'].map((router) => followerOf(store, { router }).follower)
    await Promise.all([meant?.poll(), other?.poll()])
    store.pinned = store.say(large, { version: 8, stage: { routers: ['ams-1'] }, ...(based ? { base: before } : {}) })
    await Promise.all([meant?.poll(), other?.poll()])
    store.say(large, { version: 9 })
    t.match([await meant?.poll(), await other?.poll()], [{ outcome: 'held', reason: 'frozen' }, { outcome: 'held', reason: 'frozen' }])
    t.same([meant?.applied?.version, other?.applied?.version], [8, 7], based ? 'with one' : 'without one')
  }
})

t.test('what a poll found is told once, not at every poll', async (t) => {
  const store = new Said()
  const told: string[] = []
  const { follower } = followerOf(store, { onResult: (result) => void told.push(reasonOf(result)) })
  store.say(large, { version: 3 })
  await follower.poll()
  store.failing = true
  for (let i = 0; i < 50; i++) await follower.poll()
  store.failing = false
  await follower.poll()
  store.failing = true
  await follower.poll()
  t.same(told, ['applied', 'unreadable', 'unreadable'])
})

t.test('a router starts from the newest generation that still builds', async (t) => {
  const { follower, applied } = followerOf(new MemoryStore())
  const headOf = (bytes: Uint8Array, version: number): Head => ({ epoch: 1, version, sha256: digest(bytes), bytes: bytes.length, created: 0, schema: 1 })
  const bad = bytesOf({ a: 'service: 7' })
  const garbage = Buffer.from('garbage')
  await follower.boot([
    { head: headOf(garbage, 3), bytes: garbage, quarantined: [] },
    { head: headOf(bad, 2), bytes: bad, quarantined: [] },
    { head: headOf(small, 1), bytes: small, quarantined: ['x'] },
  ])
  t.equal(follower.applied?.version, 1)
  t.same([applied.length, follower.quarantined], [1, ['x']])
})

t.test('one service that cannot be built stays as it was; the others move on', async (t) => {
  const store = new Said()
  const saved: string[][] = []
  const { follower, applied } = followerOf(store, { save: ({ quarantined }) => void saved.push([...quarantined]) })
  store.say(bytesOf({ a: undefined, b: undefined }))
  await follower.poll()
  store.say(bytesOf({ a: 'service: a\nsteps: 7\n', b: undefined, c: undefined }), { version: 2 })
  t.match(await follower.poll(), { outcome: 'applied', quarantined: ['a'] })
  t.same(servicesOf(applied.at(-1)), ['a', 'b', 'c'])
  t.match(applied.at(-1)?.version, { number: 2 })
  t.not(applied.at(-1)?.version.digest, store.at?.sha256, 'records tell what decided, which is not what was published')
  store.say(bytesOf({ a: undefined, b: undefined, c: undefined }), { version: 3 })
  t.match(await follower.poll(), { outcome: 'applied', quarantined: [] })
  t.same(saved, [[], ['a'], []])
})

t.test('what the router fails with is taken back: the former one decides, is kept, and the bad one is not applied again', async (t) => {
  const store = new Said()
  const saved: number[] = []
  const told: string[] = []
  const { follower, applied } = followerOf(store, { save: ({ head }) => void saved.push(head.version), onResult: (result) => void told.push(reasonOf(result)) })
  t.notOk(follower.takeBack(), 'nothing runs')
  store.say(small, { version: 1 })
  await follower.poll()
  t.notOk(follower.takeBack(), 'nothing ran before')
  store.say(large, { version: 2 })
  await follower.poll()
  t.ok(follower.takeBack())
  t.same(applied.map(servicesOf).map(({ length }) => length), [1, 4, 1])
  t.equal(follower.applied?.version, 1)
  t.same(saved, [1, 2, 1])
  t.equal(told.at(-1), 'crashed')
  t.equal(reasonOf(await follower.poll()), 'same')
  t.equal(applied.length, 3, 'the head is still there, and is left alone')
  t.notOk(follower.takeBack(), 'what ran before is what runs')
  store.say(large, { version: 3 })
  await follower.poll()
  t.equal(follower.applied?.version, 3, 'what is published anew is tried')
})
