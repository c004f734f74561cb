import t from 'tap'
import { mkdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { files } from '../../src/archive/files.ts'
import type { ArchiveFiles } from '../../src/archive/files.ts'
import { ship } from '../../src/archive/ship.ts'
import { verifyChain } from '../../src/archive/verify-chain.ts'
import { entriesIn } from '../../src/archive/verify.ts'
import { ArchiveWriter } from '../../src/archive/writer.ts'
import { Clock } from '../log/clock.ts'
import { facts, FakeSealer, fakeList, filesUnder, NOON, signingPair } from './archive.ts'

const pair = signingPair()
const DAY = 86_400_000

/** A router's directory with a segment for each of the times. */
async function archived(directory: string, times: readonly number[], router = 'ams-1'): Promise<void> {
  for (const time of times) {
    const writer = new ArchiveWriter({
      router, directory, recipients: fakeList('2026-03-01', '2026-03-02', '2026-04-15'), signingKey: pair.signingKey, sealer: new FakeSealer(), setTimer: new Clock().setTimer, now: () => NOON,
    })
    writer.add(facts({ time }))
    await writer.close()
  }
}

const ages = (directory: string) => filesUnder(directory).filter((path) => path.endsWith('.age'))
const faults = async (directory: string, keptFrom = '2026-03-01') =>
  verifyChain(await entriesIn(files, `${directory}/ams-1`), { router: 'ams-1', publicKey: pair.publicKey, keptFrom }).problems.map(({ fault }) => fault)

t.test('what was shipped is there, verifies, and is no longer on the router; the chain goes on', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  await archived(from, [NOON, NOON + 1, NOON + 2])
  const options = { from, to, keepDays: 30, now: NOON + DAY, io: files }
  t.match(await ship(options), { segments: 3, conflicts: [], lost: 0, expired: 0, deleted: 0 })
  t.same(ages(from), [])
  t.equal(filesUnder(from).length, 1, 'the newest checkpoint stays')
  await archived(from, [NOON + 3])
  t.match(await ship(options), { segments: 1, lost: 0 })
  t.match(await ship(options), { segments: 0, lost: 0 })
  t.equal(ages(to).length, 4)
  t.same(await faults(to), [])
})

t.test('a copy that did not arrive as it was is not acknowledged, and the original stays', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  await archived(from, [NOON])
  const io: ArchiveFiles = { ...files, write: (path, bytes) => files.write(path, path.endsWith('.age.part') ? bytes.slice(1) : bytes) }
  t.match(await ship({ from, to, keepDays: 30, now: NOON, io }), { segments: 0, lost: 0, failures: [{ code: 'COPY' }] })
  t.equal(ages(from).length, 1)
  t.match(await ship({ from, to, keepDays: 30, now: NOON, io: files }), { segments: 1 })
  t.same(await faults(to), [])
})

t.test('a segment whose copy was wrong stays with its checkpoint, and is shipped the next time', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  await archived(from, [NOON, NOON + 1])
  let wrong = 1
  const io: ArchiveFiles = { ...files, write: (path, bytes) => files.write(path, wrong-- > 0 ? bytes.slice(1) : bytes) }
  const [first = ''] = ages(from)
  t.same((await ship({ from, to, keepDays: 30, now: NOON, io })).failures, [{ what: first.slice(from.length + 1, -4), code: 'COPY' }])
  t.same(ages(from), [first])
  t.match(await ship({ from, to, keepDays: 30, now: NOON, io }), { segments: 1, lost: 0, failures: [] })
  t.same(ages(from), [])
  t.same(await faults(to), [])
})

t.test('what is past its retention or its hour is deleted also where nothing can be shipped', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  await archived(from, [NOON])
  await ship({ from, to, keepDays: 30, now: NOON, io: files })
  await archived(from, [Date.UTC(2026, 3, 15)])
  for (const path of ages(from)) utimesSync(path, NOON / 1000, NOON / 1000)
  writeFileSync(`${to}/ams-1/2026-03-01/.000009999999999.age.part`, 'what a crash left')
  const io: ArchiveFiles = { ...files, write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) }
  t.match(await ship({ from, to, keepDays: 30, now: Date.UTC(2026, 3, 15, 12), io }), { segments: 0, deleted: 1, expired: 1, failures: [{ code: 'ENOSPC' }] })
  t.same([...ages(to), ...ages(from)], [])
  t.same(filesUnder(to).filter((path) => path.endsWith('.part')), [])
})

t.test('a router or a directory that cannot be read holds up no other', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  for (const router of ['ams-1', 'bru-1', 'fra-1']) await archived(from, [NOON], router)
  await ship({ from, to, keepDays: 30, now: NOON, io: files })
  for (const router of ['ams-1', 'bru-1', 'fra-1']) await archived(from, [Date.UTC(2026, 3, 15)], router)
  for (const directory of [from, to]) mkdirSync(`${directory}/lost+found`)
  writeFileSync(`${to}/notes`, '')
  const fail = /lost\+found|bru-1/
  const io: ArchiveFiles = { ...files, list: (path) => (fail.test(path) ? Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) : files.list(path)) }
  t.match(await ship({ from, to, keepDays: 30, now: Date.UTC(2026, 3, 15, 12), io }), { segments: 2, deleted: 2, failures: [{ what: `${to}/bru-1`, code: 'EACCES' }, { what: 'bru-1', code: 'EACCES' }] })
})

t.test('a segment older than an hour goes from the router in any case, and is counted', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  await archived(from, [NOON, NOON + 1])
  const [first = '', second = ''] = ages(from)
  writeFileSync(first, 'altered on the router')
  unlinkSync(second)
  utimesSync(first, NOON / 1000, NOON / 1000)
  t.match(await ship({ from, to, keepDays: 180, now: NOON + 3_600_000, io: files }), { segments: 0, lost: 2, expired: 0 })
  t.match(await ship({ from, to, keepDays: 180, now: NOON + 3_600_001, io: files }), { expired: 1 })
  t.same(ages(from), [])
  t.same(await faults(to), ['missing', 'missing'], 'the archive shows that they were there')
})

t.test('two routers of one name never replace each other\'s segments', async (t) => {
  const root = t.testdir()
  const [one, two, to] = [`${root}/one`, `${root}/two`, `${root}/kept`]
  await archived(one, [NOON])
  await archived(two, [NOON + 1])
  await ship({ from: one, to, keepDays: 30, now: NOON, io: files })
  const before = readFileSync(ages(to)[0] ?? '')
  const { conflicts } = await ship({ from: two, to, keepDays: 30, now: NOON, io: files })
  t.equal(conflicts.length, 1)
  t.ok(before.equals(readFileSync(ages(to)[0] ?? '')))
  t.equal(ages(two).length, 1)
})

t.test('what is older than its retention is deleted, and more than 180 days are refused', async (t) => {
  const root = t.testdir()
  const [from, to] = [`${root}/router`, `${root}/kept`]
  await archived(from, [NOON, NOON + DAY, Date.UTC(2026, 3, 15)])
  const now = Date.UTC(2026, 3, 1, 12)
  t.match(await ship({ from, to, keepDays: 30, now, io: files }), { segments: 3, deleted: 1 })
  t.equal(ages(to).length, 2)
  t.same(await faults(to, '2026-03-02'), [], 'whole without what is past its retention')
  for (const keepDays of [0, -1, 181, 1.5, Number.NaN]) await t.rejects(ship({ from, to, keepDays, now, io: files }), { name: 'ArchiveError' })
})
