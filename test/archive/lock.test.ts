import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { files } from '../../src/archive/files.ts'
import { DirectoryLock } from '../../src/archive/lock.ts'
import { NOON } from './archive.ts'

const MINUTE = 60_000
const dead = spawnSync(process.execPath, ['--version']).pid
const LOCKED = { name: 'ArchiveError', code: 'LOCKED' }

t.test('a lock is taken over where its process is dead for certain, or has been silent for long', async (t) => {
  const root = t.testdir()
  const here = { token: 'x', host: hostname(), pid: process.ppid, at: NOON }
  for (const [what, text, isTaken] of [
    ['of a process that runs', JSON.stringify(here), false],
    ['of a process that is dead', JSON.stringify({ ...here, pid: dead }), true],
    ['of a process that was silent for three minutes, so its id is another\'s now', JSON.stringify({ ...here, at: NOON - 3 * MINUTE }), true],
    ['of a former process with this one\'s id', JSON.stringify({ ...here, pid: process.pid }), true],
    ['of another machine', JSON.stringify({ ...here, host: 'fra-1', pid: dead }), false],
    ['of another machine that was silent for three minutes', JSON.stringify({ ...here, host: 'fra-1', at: NOON - 3 * MINUTE }), true],
    ['of a clock that was ahead', JSON.stringify({ ...here, host: 'fra-1', at: NOON + 3 * MINUTE }), true],
    ['of nobody', '', true],
    ['of something else', '{"token":1,"host":"x","pid":1,"at":1}', true],
  ] as const) {
    const directory = `${root}/${what}`
    mkdirSync(directory)
    writeFileSync(`${directory}/lock`, text)
    const lock = new DirectoryLock(files, directory, () => NOON)
    if (isTaken) t.equal(await lock.hold(), true, what)
    else await t.rejects(lock.hold(), LOCKED, what)
    t.equal(readFileSync(`${directory}/lock`, 'utf8') === text, !isTaken, what)
    await lock.release()
    t.equal(existsSync(`${directory}/lock`), !isTaken, what)
  }
})

t.test('one holder at a time, which renews it, and sees when it has lost it', async (t) => {
  const directory = `${t.testdir()}/ams-1`
  let now = NOON
  const at = () => (JSON.parse(readFileSync(`${directory}/lock`, 'utf8')) as { at: number }).at
  const one = new DirectoryLock(files, directory, () => now)
  const two = new DirectoryLock(files, directory, () => now)
  await two.keep()
  t.notOk(existsSync(directory), 'what is not held is not renewed')
  t.equal(await one.hold(), true)
  t.equal(await one.hold(), false)
  await t.rejects(two.hold(), LOCKED)
  now += 10 * MINUTE
  await one.keep()
  t.equal(at(), now)
  await t.rejects(two.hold(), LOCKED)
  now += 10 * MINUTE
  t.equal(await two.hold(), true, 'silent for too long')
  await t.rejects(one.hold(), LOCKED)
  await one.release()
  t.equal(await two.hold(), false, 'only its holder gives it back')
  await two.release()
  t.equal(await one.hold(), true)
  await one.release()
  t.notOk(existsSync(`${directory}/lock`))
})

t.test('a renewal takes nothing: who writes learns that somebody else did meanwhile', async (t) => {
  const directory = `${t.testdir()}/ams-1`
  let now = NOON
  const one = new DirectoryLock(files, directory, () => now)
  const two = new DirectoryLock(files, directory, () => now)
  await one.hold()
  now += 10 * MINUTE
  await two.hold()
  await two.release()
  await one.keep()
  t.notOk(existsSync(`${directory}/lock`))
  t.equal(await one.hold(), true)
  now += MINUTE
  t.same(await Promise.all([one.keep(), one.hold(), one.keep(), one.hold()]), [undefined, false, undefined, false], 'at once, one after the other')
  await one.release()
})

t.test('of many that find a dead process\'s lock one gets it', async (t) => {
  for (let run = 0; run < 20; run++) {
    const directory = t.testdir({ lock: JSON.stringify({ token: 'x', host: hostname(), pid: dead, at: NOON }) })
    const locks = Array.from({ length: 8 }, () => new DirectoryLock(files, directory, () => NOON))
    await Promise.allSettled(locks.map((lock) => lock.hold()))
    const again = await Promise.allSettled(locks.map((lock) => lock.hold()))
    t.ok(again.filter(({ status }) => status === 'fulfilled').length <= 1)
    for (const lock of locks) await lock.release()
  }
})
