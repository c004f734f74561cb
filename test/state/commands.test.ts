// The commands on the published state, against a real Redis, with routers that follow it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { apply, LISTEN_MS } from '../../src/cli/apply.ts'
import { diff } from '../../src/cli/diff.ts'
import { freeze, unfreeze } from '../../src/cli/freeze.ts'
import { geoPush } from '../../src/cli/geo-push.ts'
import { rollback } from '../../src/cli/rollback.ts'
import { routers } from '../../src/cli/routers.ts'
import { targetCommand } from '../../src/cli/target.ts'
import { withCommands } from '../../src/cli/target-place.ts'
import type { CommandIO } from '../../src/cli/with-state.ts'
import type { Override } from '../../src/health/overrides.ts'
import type { Bundle } from '../../src/policy/bundle.ts'
import { MAX_BLOB_BYTES } from '../../src/state/follower.ts'
import { follow } from '../../src/state/following.ts'
import { Heartbeat } from '../../src/state/heartbeat.ts'
import { keysOf } from '../../src/state/keys.ts'
import { openRedisState } from '../../src/state/redis-state.ts'
import { formatReport, parseReport } from '../../src/state/router-report.ts'
import type { RefusedHead } from '../../src/state/router-report.ts'
import { createSealer } from '../../src/state/sealed-key.ts'
import { SharedDrawKey } from '../../src/state/shared-draw-key.ts'
import { writeMmdb } from '../geo/mmdb-writer.ts'
import { TARGETS } from '../policy/base.ts'
import { bundleOfServices, followerOf, serviceText } from './bundles.ts'
import { freePort } from '../free-port.ts'
import { link, REDIS_ABSENT, setTimer, startServer, until } from './redis-server.ts'

/**
 * Its clock goes at a tenth of the speed, so that the seconds which a command waits for routers are enough on any machine.
 *
 * @param meanwhile what happens while a command listens for routers, which takes no longer here
 */
function terminal(meanwhile: () => Promise<unknown> = async () => undefined): CommandIO & { said: () => string } {
  let text = ''
  const say = (more: string) => void (text += more)
  const began = Date.now()
  const timer: CommandIO['setTimer'] = (run, ms) => {
    if (ms !== LISTEN_MS) return setTimer(run, ms)
    void meanwhile().then(run)
    return () => undefined
  }
  return { out: say, err: say, now: () => began + (Date.now() - began) / 10, random: Math.random, setTimer: timer, said: () => text.replace(/\S*\/dir-\w+/g, 'DIR') }
}

async function written(t: Test, bundle: Bundle): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'dir-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const { path, text } of bundle.files) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

async function startRouter(t: Test, url: string, router: string, more: Parameters<typeof followerOf>[1] = {}, forgotten: readonly Override[] = []) {
  const state = await openRedisState({ url }, { role: 'router', now: Date.now, random: Math.random, setTimer })
  let refused: RefusedHead | null = null
  let beat = async () => {}
  let silent = false
  const { follower } = followerOf(state.store, {
    router,
    onResult: (result) => {
      refused = result.outcome === 'refused' && result.head !== undefined ? { epoch: result.head.epoch, version: result.head.version, reason: result.reason } : null
      if (!silent) void beat()
    },
    ...more,
  })
  const heartbeat = new Heartbeat({
    link: state.link, keys: state.keys, router, instance: router, now: Date.now, random: Math.random,
    setTimer: (run, ms) => {
      const look = () => {
        if (silent) cancel = setTimer(look, 50)
        else run()
      }
      let cancel = setTimer(look, ms)
      return () => cancel()
    },
    report: () => ({ started: 0, applied: follower.applied ?? null, refused, quarantined: follower.quarantined, forgotten }),
    drawKey: new SharedDrawKey({ router, sealer: createSealer(), random: (count) => new Uint8Array(count) }),
  })
  beat = async () => void (await heartbeat.beat())
  heartbeat.start()
  const stop = follow({ poll: () => follower.poll(), hints: [(listener) => state.store.onHint(listener), (listener) => state.link.onUp(listener)], setTimer, random: Math.random })
  const reported = async () => {
    silent = false
    await until(async () => (await heartbeat.beat()) === 'sent')
  }
  /** Until it has to report, nobody hears of this router. */
  const hush = async () => {
    silent = true
    await heartbeat.beat()
  }
  await reported()
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    stop()
    await heartbeat.close()
    await state.close()
  }
  t.teardown(close)
  return { follower, close, reported, hush }
}

const ids = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]))

t.test('the commands on the published state', { skip: REDIS_ABSENT }, async (t) => {
  const setup = async (t: Test) => {
    const server = await startServer(t)
    const redis = { url: server.url }
    const run = async (command: (io: CommandIO) => Promise<number>, status: number, meanwhile?: () => Promise<unknown>) => {
      const io = terminal(meanwhile)
      t.equal(await command(io), status, io.said())
      return io.said()
    }
    return { server, redis, run, directory: (names: Parameters<typeof bundleOfServices>[0]) => written(t, bundleOfServices(names)) }
  }

  await t.test('apply publishes, waits for the routers and says what each did', async (t) => {
    const { redis, run, directory } = await setup(t)
    const dir = await directory(ids('a', 'b'))
    t.match(await run((io) => apply({ directory: dir, redis }, io), 0), /published 1:[0-9a-f]{8}: 2 services.*\nno router is running/)
    await startRouter(t, redis.url, 'ams-1')
    await startRouter(t, redis.url, 'fra-1')
    const next = await directory(ids('a', 'b', 'c'))
    t.match(await run((io) => apply({ directory: next, redis }, io), 0), /published 2:.*\n  ams-1 +applied\n  fra-1 +applied\n/)
    t.match(await run((io) => apply({ directory: next, redis }, io), 0), /^unchanged: 2:/, 'and nobody is listened for who has reported')
    t.match(await run((io) => routers({ redis }, io), 0), /published 2:[^]*ams-1 +2:[0-9a-f]{8}[^]*fra-1 +2:/)
  })

  await t.test('apply publishes again what redis has lost or damaged', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const dir = await directory(ids('a', 'b'))
    const raw = await link(t, server.url)
    await run((io) => apply({ directory: dir, redis }, io), 0)
    const damages: [string, (blob: string) => Promise<unknown>][] = [
      ['gone', (blob) => raw.call('DEL', blob)],
      ['cut off', (blob) => raw.call('SET', blob, 'x')],
      ['altered', (blob) => raw.call('SETRANGE', blob, 5, 'x')],
    ]
    for (const [i, [title, damage]] of damages.entries()) {
      await damage(String(await raw.call('KEYS', '*:blob:*')))
      const { follower, close } = await startRouter(t, redis.url, 'ams-1')
      t.match(await run((io) => apply({ directory: dir, redis }, io), 0), new RegExp(`lost or damaged the content of ${i + 1}:[^]*published ${i + 2}:[^]*ams-1 +applied`), title)
      t.equal(follower.applied?.version, i + 2, title)
      t.match(await run((io) => apply({ directory: dir, redis }, io), 0), new RegExp(`^unchanged: ${i + 2}:`), title)
      await close()
    }
  })

  await t.test('apply publishes nothing that check would refuse', async (t) => {
    const { redis, run, directory } = await setup(t)
    t.match(await run(async (io) => apply({ directory: await directory({ a: 'service: a\nsteps: 7\n' }), redis }, io), 1), /services\/a\.yaml:2: steps[^]*nothing is published: 1 problem/)
    t.match(await run((io) => routers({ redis }, io), 0), /published nothing/)
  })

  await t.test('apply publishes nothing that every router would refuse as too large', async (t) => {
    const { redis, run, directory } = await setup(t)
    const half = `#${'x'.repeat(MAX_BLOB_BYTES / 2)}\n`
    const dir = await directory({ a: `${serviceText('a')}${half}`, b: `${serviceText('b')}${half}` })
    t.match(await run((io) => apply({ directory: dir, redis }, io), 1), new RegExp(`nothing is published: it is \\d+ bytes, and routers refuse more than ${MAX_BLOB_BYTES} `))
    t.match(await run((io) => routers({ redis }, io), 0), /published nothing/)
  })

  await t.test('apply does not take half of the services away unless somebody puts a name to it', async (t) => {
    const { redis, run, directory } = await setup(t)
    const [large, small] = [await directory(ids('a', 'b', 'c', 'd')), await directory(ids('a'))]
    await run((io) => apply({ directory: large, redis }, io), 0)
    const { follower } = await startRouter(t, redis.url, 'ams-1')
    await until(() => follower.applied?.version === 1)
    t.match(await run((io) => apply({ directory: small, redis }, io), 1), /would leave 1 of 4 services/)
    t.match(await run((io) => apply({ directory: small, redis, force: 'ada' }, io), 0), /ams-1 +applied/)
  })

  await t.test('a router that refuses is told of, with its reason', async (t) => {
    const { redis, run, directory } = await setup(t)
    await startRouter(t, redis.url, 'ams-1', { prove: (snapshot) => (snapshot.services.length > 1 ? 'tv goes nowhere' : undefined) })
    await run(async (io) => apply({ directory: await directory(ids('a')), redis }, io), 0)
    t.match(await run(async (io) => apply({ directory: await directory(ids('a', 'b')), redis }, io), 2), /ams-1 +refused: unproven/)
    t.match(await run((io) => routers({ redis }, io), 2), /ams-1 +1:[0-9a-f]{8} +1\.2: unproven/)
    t.match(await run(async (io) => apply({ directory: await directory(ids('a', 'b')), redis }, io), 2), /^unchanged: 2:[^]*ams-1 +refused: unproven/, 'also where nothing is published')
  })

  await t.test('a stage reaches its routers only, and the whole fleet with the next apply', async (t) => {
    const { redis, run, directory } = await setup(t)
    await run(async (io) => apply({ directory: await directory(ids('a')), redis }, io), 0)
    const [ams, fra] = [await startRouter(t, redis.url, 'ams-1'), await startRouter(t, redis.url, 'fra-1')]
    const next = await directory(ids('a', 'b'))
    const said = await run((io) => apply({ directory: next, redis, stage: 'ams-1' }, io), 0)
    t.match(said, /for ams-1\n  ams-1 +applied\n$/)
    t.match([ams.follower.applied?.version, fra.follower.applied?.version], [2, 1])
    await run((io) => apply({ directory: next, redis }, io), 0)
    t.match([ams.follower.applied?.version, fra.follower.applied?.version], [3, 3])
    await run((io) => apply({ directory: next, redis, stage: '200%' }, io), 1)
  })

  await t.test('rollback publishes an old version under a new number', async (t) => {
    const { redis, run, directory } = await setup(t)
    await run(async (io) => apply({ directory: await directory(ids('a')), redis }, io), 0)
    await run(async (io) => apply({ directory: await directory(ids('a', 'b', 'c')), redis }, io), 0)
    const { follower } = await startRouter(t, redis.url, 'ams-1')
    await until(() => follower.applied?.version === 2)
    t.match(await run((io) => rollback({ version: '1', redis }, io), 0), /published 3:([0-9a-f]{8}), which is 1:\1 again\n  ams-1 +applied/)
    t.match(await run((io) => rollback({ version: '9', redis }, io), 1), /there is no version 9; known are 3:/)
  })

  await t.test('freeze holds the routers, unfreeze lets them go', async (t) => {
    const { redis, run, directory } = await setup(t)
    await run(async (io) => apply({ directory: await directory(ids('a')), redis }, io), 0)
    const { follower } = await startRouter(t, redis.url, 'ams-1')
    await until(() => follower.applied?.version === 1)
    t.match(await run((io) => freeze({ redis }, io), 0), /frozen: routers go no further than 1:/)
    t.match(await run(async (io) => apply({ directory: await directory(ids('a', 'b')), redis }, io), 0), /the routers are frozen at 1:/)
    await follower.poll()
    t.equal(follower.applied?.version, 1)
    t.match(await run((io) => routers({ redis }, io), 0), /published 2:[0-9a-f]{8}, frozen at 1:/)
    t.match(await run((io) => unfreeze({ redis }, io), 0), /no longer frozen at 1:/)
    await until(() => follower.applied?.version === 2)
  })

  await t.test('a freeze at a version for some routers, with nothing before it, says that the others stay', async (t) => {
    const { redis, run, directory } = await setup(t)
    await run(async (io) => apply({ directory: await directory(ids('a')), redis, stage: 'ams-1', isNew: true }, io), 0)
    t.match(await run((io) => freeze({ redis }, io), 0), /no further than 1:\w+; [^;]*; it is for ams-1 and nothing was published before it, so all others stay where they are too\n/)
    const { follower } = await startRouter(t, redis.url, 'fra-1')
    await run(async (io) => apply({ directory: await directory(ids('a', 'b')), redis }, io), 0)
    await follower.poll()
    t.equal(follower.applied, undefined)
  })

  await t.test('after Redis lost everything the next apply is above what routers run', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    for (const names of [['a'], ['a', 'b'], ['a', 'b', 'c']]) await run(async (io) => apply({ directory: await directory(ids(...names)), redis }, io), 0)
    const { follower, reported } = await startRouter(t, redis.url, 'ams-1')
    await until(() => follower.applied?.version === 3)
    await reported()
    const raw = await link(t, server.url)
    for (const key of [keysOf().head, keysOf().heads]) await raw.call('DEL', key)
    t.match(await run(async (io) => apply({ directory: await directory(ids('a', 'b')), redis }, io), 0), /published 4:[^]*ams-1 +applied/)
    t.equal(follower.applied?.version, 4)
  })

  await t.test('a Redis that has just come back empty is listened to before anything is published', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const dir = await directory(ids('a', 'b'))
    for (const names of [['a'], ['a', 'b'], ['a', 'b', 'c']]) await run(async (io) => apply({ directory: await directory(ids(...names)), redis }, io), 0)
    const { follower, reported } = await startRouter(t, redis.url, 'ams-1')
    await until(() => follower.applied?.version === 3)
    const raw = await link(t, server.url)
    await raw.call('FLUSHALL')
    const said = await run((io) => apply({ directory: dir, redis }, io), 0, reported)
    t.match(said, /^nothing is published yet: listening 12 s for routers[^\n]*\npublished 4:[^]*ams-1 +applied/)
  })

  await t.test('a Redis that has just come back with an old copy is listened to before anything is published or rolled back', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const raw = await link(t, server.url)
    await run(async (io) => apply({ directory: await directory(ids('a')), redis }, io), 0)
    const old = String(await raw.call('GET', keysOf().head))
    for (const names of [['a', 'b'], ['a', 'b', 'c']]) await run(async (io) => apply({ directory: await directory(ids(...names)), redis }, io), 0)
    const { follower, reported, hush } = await startRouter(t, redis.url, 'ams-1')
    const forget = async () => {
      await hush()
      await raw.call('SET', keysOf().head, old)
      await raw.call('DEL', keysOf().router('ams-1'))
    }
    await until(() => follower.applied?.version === 3)
    await forget()
    t.match(await run(async (io) => apply({ directory: await directory(ids('a', 'b')), redis }, io), 0, reported), /^no router is known yet: listening[^]*published 4:[^]*ams-1 +applied/)
    await forget()
    t.match(await run((io) => rollback({ version: '3', redis }, io), 0, reported), /^no router is known yet: listening[^]*published 5:[^]*ams-1 +applied/)
  })

  await t.test('who publishes into a Redis that evicts is warned', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const dir = await directory(ids('a'))
    const raw = await link(t, server.url)
    await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    t.match(await run((io) => apply({ directory: dir, redis }, io), 0), /warning: redis throws keys away [^\n]*allkeys-lru[^]*published 1:/)
    await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    t.notMatch(await run((io) => apply({ directory: dir, redis }, io), 0), /warning/)
  })

  await t.test('a deployment that is said to be new is not listened for', async (t) => {
    const { redis, run, directory } = await setup(t)
    const silent = () => Promise.reject(new Error('it was'))
    t.match(await run(async (io) => apply({ directory: await directory(ids('a')), redis, isNew: true }, io), 0, silent), /^published 1:/)
  })

  await t.test('garbage in place of the head needs a name to be replaced, and is replaced by what is above it', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const raw = await link(t, server.url)
    const dir = await directory(ids('a'))
    const right = { epoch: 1, version: 41, sha256: 'ab'.repeat(32), bytes: 7, created: 1, schema: 1 }
    const rows: [title: string, found: string | Buffer, published: string][] = [
      ['no head at all', 'garbage', '1'], ['nothing', '', '1'], ['no text', Buffer.from([0xff, 0xfe, 0x22]), '1'], ['half a head', '{"epoch":2,"version":7}', '2.8'],
      ['a stage that is not known', JSON.stringify({ ...right, stage: { country: 'NL' } }), '42'], ['no format', JSON.stringify({ ...right, schema: undefined }), '42'],
      ['a version between two', JSON.stringify({ ...right, version: 41.5 }), '42'], ['no version', JSON.stringify({ ...right, version: -1 }), '1'],
      ['a version that nothing is above', JSON.stringify({ ...right, version: 1e300 }), '1'],
    ]
    for (const [title, found, published] of rows) {
      await raw.call('SET', keysOf().head, found)
      t.match(await run((io) => apply({ directory: dir, redis }, io), 1), /cannot be read/, title)
      t.match(await run((io) => apply({ directory: dir, redis, force: 'ada' }, io), 0), new RegExp(`published ${published.replace('.', '\\.')}:`), title)
    }
  })

  await t.test('who replaces garbage is told where it is something else by now', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const raw = await link(t, server.url)
    const dir = await directory(ids('a'))
    const garbage = (version: number) => JSON.stringify({ epoch: 1, version, sha256: 'ab'.repeat(32), bytes: 7, created: 1, schema: 0 })
    await raw.call('SET', keysOf().head, garbage(4))
    t.match(await run((io) => apply({ directory: dir, redis, force: 'ada' }, io), 1, () => raw.call('SET', keysOf().head, garbage(5))), /read it and publish again/)
  })

  await t.test('a frozen version that cannot be read is told apart from what is published', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    await (await link(t, server.url)).call('SET', keysOf().pin, 'garbage')
    t.match(await run(async (io) => apply({ directory: await directory(ids('a')), redis, isNew: true }, io), 1), /published 1:[^]*frozen at cannot be read [^]*with wissel unfreeze/)
    await run((io) => unfreeze({ redis }, io), 0)
    await run(async (io) => apply({ directory: await directory(ids('a')), redis, isNew: true }, io), 0)
  })

  await t.test('diff says what changes and which share of the traffic moves where', async (t) => {
    const { redis, run, directory } = await setup(t)
    const dir = await directory(ids('a', 'b', 'c'))
    await run((io) => apply({ directory: dir, redis }, io), 0)
    t.match(await run((io) => diff({ directory: dir, redis }, io), 0), /nothing is configured differently\n0\.0 % of 20000/)
    const moved = serviceText('a').replace('{ group: eu }', '[edge-fra]')
    const next = await directory({ a: moved, b: '# a comment is no change\n' + serviceText('b'), aa: undefined })
    const said = await run((io) => diff({ directory: next, redis }, io), 3)
    t.match(said, /added +service +aa\n/)
    t.match(said, /removed +service +c\n/)
    t.match(said, /changed +step +a \/ own\n/)
    t.notMatch(said, /service +b\n/)
    t.match(said, /\na: (\d\d\.\d) %\n +\1 % +edge-ams +-> +edge-fra\n/)
    t.match(said, /\nc: 100\.0 %[^]*edge-\w+ +-> +no such service/)
    t.notMatch(said, /\nb: /)
    t.equal(await run((io) => diff({ directory: next, redis }, io), 3), said, 'the same every time')
    t.match(await run((io) => diff({ directory: next, base: dir }, io), 3), /compared with DIR/, 'also between two directories')
  })

  await t.test('what diff cannot compare with is not nothing: it says so', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const dir = await directory(ids('a'))
    const wrong = await directory({ a: serviceText('a').replace('nearest', 'neerest') })
    t.match(await run((io) => diff({ directory: dir, base: wrong }, io), 1), /^DIR: services\/a\.yaml:6: steps\[0\]\.select: "neerest".*\nDIR is not usable, so it cannot be said what would change\n$/)
    t.match(await run((io) => diff({ directory: dir, redis }, io), 3), /compared with nothing:\n[^]*added/, 'where nothing was published all is new')
    await run((io) => apply({ directory: dir, redis, isNew: true }, io), 0)
    const there = await link(t, server.url)
    const [blob = ''] = await there.call('KEYS', '*:blob:*').then((keys) => (Array.isArray(keys) ? keys.map(String) : []))
    await there.call('SET', blob, 'torn')
    t.match(await run((io) => diff({ directory: dir, redis }, io), 1), /^1:[0-9a-f]{8} is torn or gone, so it cannot be said/)
  })

  await t.test('what was published is compared with also after its evidence expired', async (t) => {
    const { redis, run } = await setup(t)
    const constrained = { a: serviceText('a', 'jurisdiction: eu-only\n') }
    const dir = await written(t, bundleOfServices(constrained))
    await run((io) => apply({ directory: dir, redis, isNew: true }, io), 0)
    const renewed = await written(t, bundleOfServices(constrained, { 'targets/all.yaml': TARGETS.replaceAll('2030-01-01', '2040-01-01') }))
    const later = { ...terminal(), now: () => Date.parse('2031-06-01') }
    t.equal(await diff({ directory: renewed, redis }, later), 3)
    t.match(later.said(), /changed +target +edge-ams\n/)
    t.notMatch(later.said(), /added/)
    const bare = { ...terminal(), now: () => Date.parse('2031-06-01') }
    t.equal(await diff({ directory: renewed, base: dir }, bare), 1)
    t.match(bare.said(), /evidence-expired[^]*it cannot be said/)
  })

  await t.test('diff of recorded traffic weighs by what was recorded', async (t) => {
    const { run, directory } = await setup(t)
    const [before, after] = [await directory(ids('a', 'b')), await directory({ a: serviceText('a').replace('{ group: eu }', '[edge-fra]'), b: undefined })]
    const record = (service: string, country: string, n: number) => JSON.stringify({
      v: 1, t: '2026-03-01T20:31Z', service, content: 'live-main', object: 'master', format: 'hls', country, agent: 'human', outcome: 'redirect', step: 'own', target: 'edge-ams', localization: 'geo',
      why: ['nearest'], status: 302, policy: null, compliant: null, rejected: {}, jurisdiction: null, snapshot: '1:01234567', router: 'ams-1', n,
    })
    const records = join(before, 'records.jsonl')
    await writeFile(records, [record('a', 'NL', 300), record('a', 'DE', 100), record('b', 'NL', 600), 'no record', ''].join('\n'))
    const said = await run((io) => diff({ directory: after, base: before, records }, io), 3)
    t.match(said, /1 lines are not decision records/)
    t.match(said, /30\.0 % of 1000 recorded requests/)
    t.match(said, /\na: 75\.0 %\n +75\.0 % +edge-ams +-> +edge-fra/)
  })

  await t.test('a command on a target is held against what is published', async (t) => {
    const { redis, run, directory } = await setup(t)
    const command = (id: string) => (io: CommandIO) =>
      withCommands({ directory: undefined, redis, stateDirectory: undefined }, io, (store, known) => targetCommand({ words: ['drain', id], for: undefined, why: undefined, store, known, who: 'anna', now: 1000, out: io.out }))
    t.match(await run(command('edge-any'), 0), /warning: what is published cannot be read, so it is not known whether there is such a target\nedge-any: drain/)
    const dir = await directory(ids('a'))
    await run((io) => apply({ directory: dir, redis, isNew: true }, io), 0)
    t.match(await run(command('edge-ams'), 0), /edge-ams: drain/)
    await t.rejects(command('edge-amx')(terminal()), { code: 'WISSEL_NO_TARGET', message: /there is no target "edge-amx" in 1:[0-9a-f]{8} \(did you mean "edge-ams"\?\)/ })
  })

  await t.test('geo push publishes what a router could use and nothing else', async (t) => {
    const { redis, run, directory } = await setup(t)
    const dir = await directory(ids('a'))
    const [good, bad] = [join(dir, 'good.mmdb'), join(dir, 'bad.mmdb')]
    await writeFile(good, writeMmdb({ networks: [['192.0.2.0/24', { country_code: 'NL' }]] }))
    await writeFile(bad, 'nonsense')
    t.match(await run((io) => geoPush({ file: good, redis }, io), 0), /published geo database \d+:[0-9a-f]{8} in 1 piece\n/)
    t.match(await run((io) => geoPush({ file: bad, redis }, io), 1), /nothing is published/)
    t.match(await run((io) => geoPush({ file: good, redis, asn: true }, io), 1), /nothing is published/)
    t.match(await run((io) => geoPush({ file: `${dir}/none`, redis }, io), 1), /cannot be read \(ENOENT\)/)
  })

  await t.test('commands that routers obey and redis has forgotten are told, to be said again', async (t) => {
    const { redis, run, directory } = await setup(t)
    const dir = await directory(ids('a'))
    await startRouter(t, redis.url, 'ams-1', {}, [{ target: 'edge-ams', state: 'down', who: 'anna', why: 'secret', when: 1 }, { target: 'edge-fra', state: 'drain', until: Date.UTC(2099, 0, 1), who: 'anna', when: 1 }])
    await startRouter(t, redis.url, 'fra-1', {}, [{ target: 'edge-ams', state: 'down', who: 'anna', when: 1 }])
    const expected = /warning: redis has forgotten commands [^\n]*wissel target[^\n]*\n  edge-ams: down, obeyed by ams-1, fra-1\n  edge-fra: drain until 2099-01-01T00:00:00.000Z, obeyed by ams-1\n/
    t.match(await run((io) => apply({ directory: dir, redis }, io), 0), expected)
    const said = await run((io) => routers({ redis }, io), 0)
    t.match(said, expected)
    t.notMatch(said, /secret|anna/)
  })

  await t.test('geo push goes above what routers have, whatever clock that was numbered by', async (t) => {
    const { server, redis, run, directory } = await setup(t)
    const raw = await link(t, server.url)
    const file = join(await directory(ids('a')), 'good.mmdb')
    await writeFile(file, writeMmdb({ networks: [['192.0.2.0/24', { country_code: 'NL' }]] }))
    const ahead = 4_000_000_000
    const report = { router: 'ams-1', instance: 'x', started: 1, applied: null, refused: null, quarantined: [], geo: { geo: ahead, asn: 7 }, draw: { publicKey: '', marks: [], sealed: [] } }
    t.same(parseReport(formatReport(report)), report)
    await raw.call('SET', keysOf().router('ams-1'), formatReport(report))
    await raw.call('SADD', keysOf().routers, 'ams-1')
    t.match(await run((io) => geoPush({ file, redis }, io), 0), new RegExp(`published geo database ${ahead + 1}:`))
  })

  await t.test('without a Redis that answers each command says so and ends', async (t) => {
    const io = terminal()
    t.equal(await routers({ redis: { url: `redis://:secret@127.0.0.1:${await freePort()}` } }, io), 1)
    t.match(io.said(), /redis does not answer \(ECONNREFUSED\)/)
    t.notMatch(io.said(), /secret/)
    const other = terminal()
    t.equal(await routers({ redis: { url: 'http://secret' } }, other), 1)
    t.notMatch(other.said(), /secret/)
  })
})
