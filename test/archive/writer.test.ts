import fc from 'fast-check'
import t from 'tap'
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readCheckpoint, signCheckpoint } from '../../src/archive/chain.ts'
import type { Checkpoint } from '../../src/archive/chain.ts'
import { dayOf } from '../../src/archive/day.ts'
import { files } from '../../src/archive/files.ts'
import type { ArchiveFiles } from '../../src/archive/files.ts'
import { RecipientList } from '../../src/archive/recipients.ts'
import { makeIdentity, recipientOf } from '../../src/archive/seal.ts'
import { WorkerSealer } from '../../src/archive/sealer.ts'
import { verifyChain } from '../../src/archive/verify-chain.ts'
import { entriesIn } from '../../src/archive/verify.ts'
import { ArchiveWriter } from '../../src/archive/writer.ts'
import type { ArchiveWriterOptions } from '../../src/archive/writer.ts'
import { Clock, settle } from '../log/clock.ts'
import { until } from '../log/segment-disk.ts'
import { facts, FakeSealer, fakeList, filesUnder, NOON, signingPair } from './archive.ts'

const pair = signingPair()
const DAY = '2026-03-01'
const NEXT = NOON + 4 * 3_600_000

function setUp(directory: string, change: Partial<ArchiveWriterOptions> = {}) {
  const clock = new Clock()
  clock.now = NOON
  const sealer = new FakeSealer()
  const states: string[] = []
  const writer = new ArchiveWriter({
    router: 'ams-1', directory, recipients: fakeList(DAY, '2026-03-02'), signingKey: pair.signingKey, sealer, setTimer: clock.setTimer, now: () => clock.now,
    onState: (state, code) => states.push(`${state} ${code}`), ...change,
  })
  return { clock, sealer, writer, states }
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)

async function faultsIn(directory: string): Promise<string[]> {
  const report = verifyChain(await entriesIn(files, `${directory}/ams-1`), { router: 'ams-1', publicKey: pair.publicKey, keptFrom: DAY })
  return report.problems.map(({ segment, fault }) => `${segment} ${fault}`)
}

t.test('records of a minute become one segment of that day, in a chain that verifies', async (t) => {
  const directory = t.testdir()
  const { clock, sealer, writer } = setUp(directory)
  for (let i = 0; i < 10; i++) writer.add(facts({ time: NOON + i }))
  clock.advance(59_999)
  await settle()
  t.equal(writer.segments, 0, 'not before the minute is over')
  clock.advance(1)
  await until(() => writer.segments === 1)
  writer.add(facts({ time: NOON + 60_000 }))
  await writer.close()
  t.equal(writer.written, 11)
  t.equal(writer.waiting, 0)
  t.equal(writer.memory, 0)
  t.equal(sealer.lines.length, 11)
  t.ok(sealer.closed)
  t.same(await faultsIn(directory), [])
  t.same(filesUnder(directory).map((path) => path.slice(directory.length).replace(/\d{15}/, 'N')), [
    '/ams-1/2026-03-01/N.age', '/ams-1/2026-03-01/N.checkpoint', '/ams-1/2026-03-01/N.age', '/ams-1/2026-03-01/N.checkpoint',
  ])
})

t.test('records of another day go to another segment, sealed to that day\'s keys', async (t) => {
  const directory = t.testdir()
  const { sealer, writer } = setUp(directory)
  const midnight = Date.UTC(2026, 2, 2)
  for (const time of [midnight - 1, midnight, midnight + 1]) writer.add(facts({ time }))
  await writer.close()
  t.same(sealer.recipients, ['a of 2026-03-01,b of 2026-03-01', 'a of 2026-03-02,b of 2026-03-02'])
  t.same(sealer.plaintexts.map((text) => text.split('\n')[0]), ['{"archive":1,"router":"ams-1","day":"2026-03-01"}', '{"archive":1,"router":"ams-1","day":"2026-03-02"}'])
  t.same(sealer.plaintexts.map((text) => text.split('\n').filter((line) => line !== '').length - 1), [1, 2])
  t.same(await faultsIn(directory), [])
})

t.test('what comes late from before midnight goes before what came since, and days never go back', async (t) => {
  const midnight = Date.UTC(2026, 2, 2)
  const root = t.testdir()
  const late = (...times: readonly number[]) => times.map((time) => midnight + time)
  for (const [what, times, segments, dropped] of [
    ['two threads that tell their requests in turn', late(-90, -10, 5, -50, 60, -1, 80), [4, 3], 0],
    ['only the first one after midnight is early', late(3, -1), [1, 1], 0],
    ['a clock that is set back by days', late(0, -86_400_001, -2 * 86_400_000), [1], 2],
    ['a clock that jumps ahead while two days are open', late(3, -1, 86_400_000 + 120_000), [1, 1, 1], 0],
    ['a clock that was two days ahead for a moment', late(-86_400_000, 86_400_000, -1, 1), [1, 1, 1], 1],
  ] as const) {
    const directory = `${root}/${segments.join('-')}-${times.length}`
    const { sealer, writer } = setUp(directory, { recipients: fakeList('2026-02-27', '2026-02-28', DAY, '2026-03-02', '2026-03-03') })
    for (const time of times) writer.add(facts({ time }))
    await writer.close()
    t.same(sealer.plaintexts.map((text) => text.split('\n').filter((line) => line !== '').length - 1).sort(), [...segments].sort(), what)
    t.equal(writer.dropped.late, dropped, what)
    const report = verifyChain(await entriesIn(files, `${directory}/ams-1`), { router: 'ams-1', publicKey: pair.publicKey, keptFrom: '2026-02-01' })
    t.same(report.problems, [], what)
    t.equal(report.records, times.length - dropped, what)
  }
})

t.test('the day before is open for a minute: meanwhile the new one is sealed and waits, and then neither does', async (t) => {
  const directory = t.testdir()
  const { clock, sealer, writer } = setUp(directory)
  const midnight = Date.UTC(2026, 2, 2)
  clock.now = midnight
  writer.add(facts({ time: midnight }))
  clock.advance(30_000)
  for (let i = 0; i < 6000; i++) writer.add(facts({ time: midnight + i }))
  await until(() => sealer.plaintexts.length === 1)
  await settle()
  t.equal(writer.segments, 0, 'a mebibyte of the new day is sealed and not written')
  writer.add(facts({ time: midnight - 1 }))
  clock.advance(29_999)
  writer.add(facts({ time: midnight - 2 }))
  clock.advance(1)
  await until(() => writer.segments >= 2)
  writer.add(facts({ time: midnight - 3 }))
  t.equal(writer.dropped.late, 1)
  await writer.close()
  t.equal(writer.written, 6003)
  t.same(await faultsIn(directory), [])
})

t.test('away from midnight nothing waits for the day before', async (t) => {
  const directory = t.testdir()
  const { writer } = setUp(directory)
  for (let i = 0; i < 6000; i++) writer.add(facts({ time: NOON + i }))
  await until(() => writer.segments === 1)
  writer.add(facts({ time: NOON - 86_400_000 }))
  t.equal(writer.dropped.late, 1)
  await writer.close()
  t.same(await faultsIn(directory), [])
})

t.test('where half of the memory waits, the day before is closed at once', async (t) => {
  const directory = t.testdir()
  const { writer } = setUp(directory, { maxBytes: 3 * 1024 * 1024 })
  const midnight = Date.UTC(2026, 2, 2)
  writer.add(facts({ time: midnight - 1 }))
  for (let i = 0; i < 40_000; i++) {
    writer.add(facts({ time: midnight + i }))
    if (i % 500 === 0) await until(() => writer.memory <= 2 * 1024 * 1024)
  }
  writer.add(facts({ time: midnight - 1 }))
  t.equal(writer.dropped.late, 1)
  await writer.close()
  t.equal(writer.dropped.full, 0)
  t.equal(writer.written, 40_001)
  t.same(await faultsIn(directory), [])
})

t.test('both days together hold a mebibyte at most that is not sealed', async (t) => {
  const { sealer, writer } = setUp(t.testdir())
  const midnight = Date.UTC(2026, 2, 2)
  for (let i = 0; i < 3000; i++) for (const time of [midnight - 1, midnight]) writer.add(facts({ time }))
  await settle()
  const sealed = sealer.plaintexts.reduce((bytes, text) => bytes + text.length, 0)
  t.ok(sealed >= 512 * 1024)
  t.ok(writer.memory - sealed <= 1024 * 1024, `${writer.memory} bytes, ${sealed} of them sealed`)
  await writer.close()
})

t.test('a day without keys is not archived and is counted, and a new list ends that', async (t) => {
  const directory = t.testdir()
  const { writer } = setUp(directory, { recipients: fakeList('2026-02-28') })
  t.equal(writer.daysLeft, 0)
  for (let i = 0; i < 3; i++) writer.add(facts())
  t.equal(writer.dropped.no_keys, 3)
  t.equal(writer.memory, 0)
  writer.use(fakeList(DAY))
  t.equal(writer.daysLeft, 1)
  writer.add(facts())
  await writer.close()
  t.equal(writer.written, 1)
})

t.test('the size of a segment tells little: it is a multiple of 64 KiB, whatever is in it', async (t) => {
  for (const [records, size] of [[1, 65_536], [100, 65_536], [400, 131_072], [2000, 524_288]] as const) {
    const { sealer, writer } = setUp(t.testdir())
    for (let i = 0; i < records; i++) writer.add(facts())
    await writer.close()
    t.equal(sealer.plaintexts.length, 1)
    t.equal(sealer.plaintexts[0]?.length, size, `${records} records`)
  }
})

t.test('a mebibyte is sealed at once, and no record is cut by it', async (t) => {
  const { sealer, writer } = setUp(t.testdir())
  for (let i = 0; i < 10_000; i++) writer.add(facts({ time: NOON + i }))
  await writer.close()
  t.equal(writer.written, 10_000)
  t.ok(sealer.plaintexts.length > 1)
  t.ok(sealer.plaintexts.every((text) => text.length <= 1024 * 1024))
  t.same(sealer.lines.map((line) => JSON.parse(line).time), Array.from({ length: 10_000 }, (_, i) => NOON + i))
})

t.test('a disk that hangs costs the newest records, a bounded memory and no request', async (t) => {
  let hang = true
  const stuck: { resolve?: () => void } = {}
  const io: ArchiveFiles = { ...files, write: (path, bytes) => (hang ? new Promise((resolve) => void (stuck.resolve = () => resolve(files.write(path, bytes)))) : files.write(path, bytes)) }
  const { sealer, writer } = setUp(t.testdir(), { io, maxBytes: 3 * 1024 * 1024 })
  for (let i = 0; i < 40_000; i++) {
    writer.add(facts({ time: NOON + i }))
    if (writer.memory > 3 * 1024 * 1024) t.fail(`${writer.memory} bytes in memory`)
    if (i % 5000 === 0) await settle()
  }
  t.ok(writer.dropped.full > 0)
  t.equal(writer.added, writer.written + sum(writer.dropped) + writer.waiting)
  const kept = writer.waiting
  hang = false
  stuck.resolve?.()
  await until(() => writer.memory < 1024 * 1024)
  writer.add(facts({ time: NOON + 50_000 }))
  await writer.close()
  t.equal(writer.written, kept + 1, 'what was kept is written, and so is what comes after')
  t.equal(JSON.parse(sealer.lines[0] ?? '').time, NOON, 'the oldest were kept')
})

t.test('a batch that grows stays within the bound too', async (t) => {
  const { writer } = setUp(t.testdir(), { maxBytes: 200 * 1024 })
  for (let i = 0; i < 2000; i++) writer.add(facts())
  t.equal(writer.memory, 128 * 1024)
  t.ok(writer.dropped.full > 1000)
  await writer.close()
  t.equal(writer.added, writer.written + writer.dropped.full)
})

t.test('a disk that never comes back does not hold up the end', async (t) => {
  const io: ArchiveFiles = { ...files, write: () => new Promise(() => undefined) }
  const { clock, writer } = setUp(t.testdir(), { io })
  writer.add(facts())
  const closed = writer.close()
  await settle()
  clock.advance(10_000)
  await closed
  t.equal(writer.dropped.closed, 1)
  writer.add(facts())
  t.equal(writer.dropped.closed, 2)
  t.equal(writer.added, sum(writer.dropped))
})

t.test('after an error of the disk it tries again until it works, loses nothing, and says both once', async (t) => {
  const directory = t.testdir()
  const steps = [['makeDirectory', ''], ['write', 'lock'], ['link', 'lock'], ['write', '.age'], ['link', '.age'], ['write', '.checkpoint'], ['link', '.checkpoint'], ['syncDirectory', ''], ['list', '']] as const
  for (const [step, file] of steps) {
    let failing = 3
    const fail = () => Promise.reject(Object.assign(new Error('canary 203.0.113.7'), { code: 'ENOSPC' }))
    const io: ArchiveFiles = { ...files, [step]: (...given: [string, never]) => (given[0].includes(file) && failing-- > 0 ? fail() : (files[step] as (...given: [string, never]) => Promise<never>)(...given)) }
    const { clock, writer, states } = setUp(`${directory}/${step}${file}`, { io, windowMs: 1000 })
    writer.add(facts())
    clock.advance(1000)
    for (let i = 0; i < 5; i++) {
      await until(() => clock.waiting > 1 || writer.segments > 0)
      writer.add(facts())
      clock.advance(5000)
      await settle()
    }
    await writer.close()
    t.equal(writer.written, 6, step + file)
    t.same(states, ['failed ENOSPC', 'recovered ENOSPC'], step + file)
    t.same(await faultsIn(`${directory}/${step}${file}`), [], step + file)
  }
})

t.test('while the disk fails, what waits for it is ciphertext, but for the last minute', async (t) => {
  let full = true
  const io: ArchiveFiles = { ...files, write: (path, bytes) => (full ? Promise.reject(Object.assign(new Error('no'), { code: 'ENOSPC' })) : files.write(path, bytes)) }
  const { clock, sealer, writer } = setUp(t.testdir(), { io })
  for (let minute = 0; minute < 20; minute++) {
    writer.add(facts({ time: clock.now }))
    clock.advance(60_000)
    await until(() => sealer.lines.length === minute + 1)
  }
  writer.add(facts({ time: clock.now }))
  t.equal(writer.waiting, 21)
  t.equal(writer.written, 0)
  full = false
  await writer.close()
  t.equal(writer.written, 21)
})

t.test('a segment that cannot be sealed is counted and the next one is written', async (t) => {
  const { sealer, writer, states } = setUp(t.testdir())
  sealer.before = () => Promise.reject(new Error('203.0.113.7'))
  writer.add(facts())
  writer.flush()
  await until(() => writer.dropped.seal === 1)
  sealer.before = async () => undefined
  writer.add(facts())
  await writer.close()
  t.equal(writer.written, 1)
  t.equal(writer.memory, 0)
  t.same(states, ['failed SEAL', 'recovered SEAL'])
})

t.test('after a restart the chain goes on, and what a crash left half done is gone', async (t) => {
  const directory = t.testdir()
  for (let run = 0; run < 3; run++) {
    const { clock, writer } = setUp(directory)
    clock.now = NOON + run
    writer.add(facts({ time: NOON + run * 86_400_000 / 3 * 1.5 }))
    await writer.close()
    const newest = filesUnder(directory).at(-1)?.replace(/\d{15}\.checkpoint/, '') ?? ''
    writeFileSync(`${newest}.000009999999999.age.part`, 'half')
    writeFileSync(`${newest}000009999999999.age`, 'without a checkpoint')
    mkdirSync(`${directory}/ams-1/2026-02-${27 - run}`)
    writeFileSync(`${directory}/ams-1/2026-02-${27 - run}/.000009999999999.age.part`, 'half, and the day has nothing else')
  }
  const { writer } = setUp(directory)
  writer.add(facts({ time: NEXT }))
  await writer.close()
  t.same(await faultsIn(directory), [])
  t.notOk(filesUnder(directory).some((path) => path.includes('part')))
})

t.test('a router that lost its place starts a chain anew and never takes a number twice', async (t) => {
  const directory = t.testdir()
  const first = setUp(`${directory}/a`)
  first.writer.add(facts())
  await first.writer.close()
  const second = setUp(`${directory}/b`)
  second.clock.now = NOON + 5
  second.writer.add(facts())
  await second.writer.close()
  const numbers = filesUnder(directory).filter((path) => path.endsWith('.age')).map((path) => path.slice(-19, -4))
  t.same(numbers, [String(NOON).padStart(15, '0'), String(NOON + 5).padStart(15, '0')])
})

t.test('a newest checkpoint that cannot be read is left alone, and the chain begins anew beyond it', async (t) => {
  const root = t.testdir()
  for (const [what, spoil] of [
    ['empty', () => ''],
    ['another router\'s', (text: string) => signCheckpoint({ ...read(text), router: 'fra-1' }, pair.signingKey)],
    ['signed by another key', (text: string) => signCheckpoint(read(text), signingPair().signingKey)],
    ['of another number', (text: string) => signCheckpoint({ ...read(text), seq: 7 }, pair.signingKey)],
  ] as const) {
    const directory = `${root}/${what}`
    for (let run = 0; run < 3; run++) {
      const { writer } = setUp(directory)
      writer.add(facts())
      await writer.close()
    }
    const newest = filesUnder(directory).at(-1) ?? ''
    const segment = newest.replace(/checkpoint$/, 'age')
    const before = readFileSync(segment)
    writeFileSync(newest, spoil(readFileSync(newest, 'latin1')))
    const { writer } = setUp(directory)
    writer.add(facts())
    await writer.close()
    t.equal(writer.written, 1, what)
    t.ok(readFileSync(segment).equals(before), `${what}: the segment is as it was`)
    const names = filesUnder(directory).filter((path) => path.endsWith('.age')).map((path) => path.slice(-19, -4))
    t.same(names, [0, 1, 2, 3].map((more) => String(NOON + more).padStart(15, '0')), what)
    t.ok((await faultsIn(directory)).includes(`${DAY}/${String(NOON + 3).padStart(15, '0')} gap`), what)
  }

  function read(text: string): Checkpoint {
    const checkpoint = readCheckpoint(text, pair.publicKey)
    if (checkpoint === undefined) throw new Error('no checkpoint')
    return checkpoint
  }
})

t.test('a name that is taken stays what it is, and the router goes on behind it', async (t) => {
  for (const ending of ['age', 'checkpoint']) {
    const directory = t.testdir()
    const { clock, writer, states } = setUp(directory)
    writer.add(facts())
    writer.flush()
    await until(() => writer.segments === 1)
    const taken = `${directory}/ams-1/${DAY}/${String(NOON + 1).padStart(15, '0')}.${ending}`
    writeFileSync(taken, 'somebody else\'s')
    writer.add(facts())
    writer.flush()
    await until(() => states.length > 0)
    t.equal(readFileSync(taken, 'utf8'), 'somebody else\'s', ending)
    clock.advance(5000)
    await until(() => writer.segments === 2)
    await writer.close()
    t.same(states, ['failed EEXIST', 'recovered EEXIST'], ending)
    t.equal(writer.written, 2, ending)
  }
})

t.test('of two processes on one directory one writes and the other one waits for its end', async (t) => {
  const directory = t.testdir()
  const one = setUp(directory)
  const two = setUp(directory)
  one.writer.add(facts())
  one.writer.flush()
  await until(() => one.writer.segments === 1)
  for (let i = 0; i < 3; i++) {
    two.writer.add(facts())
    two.writer.flush()
    await settle()
    two.clock.advance(5000)
  }
  await until(() => two.states.length > 0)
  one.writer.add(facts())
  await one.writer.close()
  t.same(two.states, ['failed LOCKED'])
  t.equal(two.writer.segments, 0)
  two.clock.advance(5000)
  await until(() => two.writer.segments === 3)
  await two.writer.close()
  t.same(two.states, ['failed LOCKED', 'recovered LOCKED'])
  t.same(await faultsIn(directory), [])
  t.equal(one.writer.written + two.writer.written, 5)
})

t.test('a local segment is deleted after an hour, shipped or not, and is counted', async (t) => {
  const directory = t.testdir()
  const { clock, writer } = setUp(directory)
  for (let i = 0; i < 2; i++) {
    writer.add(facts({ time: NOON + i }))
    writer.flush()
    await until(() => writer.segments === i + 1)
  }
  const [older = '', newer = ''] = filesUnder(directory).filter((path) => path.endsWith('.age'))
  utimesSync(older, NOON / 1000, (NOON - 3_600_000) / 1000)
  utimesSync(newer, NOON / 1000, NOON / 1000)
  clock.advance(60_000)
  await until(() => writer.expired > 0)
  t.equal(writer.expired, 1)
  t.same(filesUnder(directory).filter((path) => path.endsWith('.age')), [newer])
  t.same((await faultsIn(directory)).map((fault) => fault.replace(/.* /, '')), ['missing'], 'its checkpoint shows that it was there')
  await writer.close()
})

t.test('what is older than an hour goes, of whatever day and however unfinished, and nothing else does', async (t) => {
  const directory = t.testdir()
  const { writer } = setUp(directory)
  const names = [
    '2026-02-27/001772197060000.age', '2026-02-27/001772197060000.checkpoint', '2026-02-27/notes.txt', '2026-02-26/.001772097060000.age.part',
    '2026-02-26/.001772097060000.checkpoint.part', '.lock.0a1b-2c.part', 'elsewhere/001772197060000.age', '001772197060000.age',
  ]
  for (const [router, age] of [['ams-1', 3_600_001], ['fra-1', 3_600_001], ['ams-1', 3_599_999]] as const) {
    for (const name of names) {
      const path = `${directory}/${router}/${age === 3_599_999 ? name.replace('001772', '001773').replace('0a1b', '1a1b') : name}`
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, 'x')
      utimesSync(path, NOON / 1000, (NOON - age) / 1000)
    }
  }
  const before = filesUnder(directory)
  await writer.sweep()
  const after = new Set(filesUnder(directory))
  t.same(before.filter((path) => !after.has(path)).map((path) => path.slice(directory.length)), [
    '/ams-1/.lock.0a1b-2c.part', '/ams-1/2026-02-26/.001772097060000.age.part', '/ams-1/2026-02-26/.001772097060000.checkpoint.part', '/ams-1/2026-02-27/001772197060000.age',
  ])
  t.equal(writer.expired, 1, 'segments are counted, parts are not')
  await writer.close()
})

t.test('a file that cannot be removed does not keep the others', async (t) => {
  const directory = t.testdir({ 'ams-1': { '2026-02-27': { '001772197060000.age': '', '001772197060001.age': '' } } })
  const io: ArchiveFiles = { ...files, modified: async () => 0, remove: (path) => (path.endsWith('0.age') ? Promise.reject(new Error('no')) : files.remove(path)) }
  const { writer } = setUp(directory, { io })
  await writer.sweep()
  t.same(filesUnder(directory).map((path) => path.slice(-7)), ['000.age'])
  t.equal(writer.expired, 1)
  await writer.close()
})

t.test('what is no record costs itself alone', async (t) => {
  const { sealer, writer } = setUp(t.testdir())
  writer.add({ ...facts(), get path(): string { throw new Error('203.0.113.7') } })
  writer.add(facts({ time: Number.NaN }))
  writer.addLine('x'.repeat(2 * 1024 * 1024), NOON)
  writer.add(facts({ path: '/'.repeat(5_000_000), query: '&'.repeat(5_000_000), userAgent: '\u0000'.repeat(100_000) }))
  writer.add(facts())
  await writer.close()
  t.equal(writer.dropped.invalid, 2)
  t.equal(writer.dropped.no_keys, 1, 'no day, no keys')
  t.equal(writer.written, 2)
  t.ok(sealer.lines.every((line) => line.length < 8000))
})

t.test('added = written + dropped + waiting, whatever happens in whatever order, and every written record comes out once', async (t) => {
  const directory = t.testdir()
  let runs = 0
  const event = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 300 }), hours: fc.nat(72) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(120_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('disk' as const, 'seal' as const, 'flush' as const, 'settle' as const) }) },
  )
  await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
    let diskFails = false
    let sealFails = false
    const io: ArchiveFiles = { ...files, write: (path, bytes) => (diskFails ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) : files.write(path, bytes)) }
    const place = `${directory}/${runs++}`
    const { clock, sealer, writer } = setUp(place, { io, maxBytes: 512 * 1024 })
    sealer.before = async () => {
      if (sealFails) throw new Error('no')
    }
    const check = () => {
      if (writer.added !== writer.written + sum(writer.dropped) + writer.waiting) throw new Error('a record is not accounted for')
      if (writer.memory > 512 * 1024) throw new Error('too much memory')
    }
    for (const happened of events) {
      if (happened.kind === 'add') for (let i = 0; i < happened.count; i++) writer.add(facts({ time: NOON + happened.hours * 3_600_000 + i }))
      else if (happened.kind === 'advance') clock.advance(happened.ms)
      else if (happened.kind === 'disk') diskFails = !diskFails
      else if (happened.kind === 'seal') sealFails = !sealFails
      else if (happened.kind === 'flush') writer.flush()
      else await settle()
      check()
    }
    diskFails = false
    await writer.close()
    check()
    if (writer.waiting !== 0 || writer.memory !== 0) throw new Error('something waits after the end')
    if (sealer.lines.length !== writer.written) throw new Error('not every record that was sealed was written once')
    const report = verifyChain(await entriesIn(files, `${place}/ams-1`), { router: 'ams-1', publicKey: pair.publicKey, keptFrom: DAY })
    if (report.problems.length > 0 || report.records !== writer.written) throw new Error(JSON.stringify(report.problems))
  }), { numRuns: 40 })
})

t.test('nothing that is given to the disk holds a plaintext, under whatever name, also where the disk fails in between', async (t) => {
  const directory = t.testdir()
  const recipients = new RecipientList(['alice', 'bob'], [[DAY, [await recipientOf(await makeIdentity()), await recipientOf(await makeIdentity())]]])
  const given: Buffer[] = []
  let failing = 2
  const io: ArchiveFiles = {
    ...files,
    write: async (path, bytes) => {
      given.push(Buffer.from(path), Buffer.from(bytes))
      if (failing-- > 0) throw Object.assign(new Error('no'), { code: 'ENOSPC' })
      await files.write(path, bytes)
    },
  }
  const clockless = (run: () => void, ms: number) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  }
  let recover = () => undefined as void
  const recovered = new Promise<void>((resolve) => { recover = resolve })
  const onState = (state: string) => {
    if (state === 'recovered') recover()
  }
  const setTimer = (run: () => void, ms: number) => clockless(run, ms === 10_000 ? 120_000 : Math.min(ms, 50))
  const { writer } = setUp(directory, { io, recipients, sealer: new WorkerSealer(clockless), setTimer, onState })
  const canaries = ['canary-7f3a', '203.0.113.7', 'master.m3u8', 'edge-fra-2', '"time"', '"archive"']
  for (let i = 0; i < 500; i++) writer.add(facts({ userAgent: 'canary-7f3a', time: NOON + i }))
  await recovered
  await writer.close()
  t.equal(writer.written, 500)
  t.ok(given.length >= 8)
  for (const canary of canaries) t.notOk(given.some((bytes) => bytes.includes(canary) || bytes.includes(Buffer.from(canary, 'utf16le')) || bytes.includes(Buffer.from(canary).toString('hex'))), canary)
})

t.test('segments and checkpoints are for their owner alone', async (t) => {
  const directory = t.testdir()
  const { writer } = setUp(directory)
  writer.add(facts())
  await writer.close()
  for (const path of filesUnder(directory)) t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(`${directory}/ams-1/${dayOf(NOON)}`).mode & 0o777, 0o700)
  t.match(await readFile(filesUnder(directory)[1] ?? '', 'utf8'), /^wissel-archive-checkpoint\/1\nrouter ams-1\nepoch 2026-03-01\nseq \d+\nprev 0{64}\nsegment [0-9a-f]{64}\nn 1\nfrom 2026-03-01T20:31Z\nto 2026-03-01T20:31Z\nsignature \S+\n$/)
})
