// The audit log as a file: what a full disk and several commands at the same time leave of it.
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { checkAudit, withAuditLog } from '../../src/archive/audit-log.ts'
import type { AuditFacts } from '../../src/archive/audit.ts'

const facts: AuditFacts = {
  at: '2026-03-02T08:00:00.000Z', who: 'officer', approvers: [], list: null, case: 'C-1', window: ['2026-03-01T20:26:00.000Z', '2026-03-01T20:36:00.000Z'],
  predicate: '0'.repeat(64), outcome: 'opened', rows: 1, segments: [], problems: [], unread: [],
}

/** A log with one line. */
async function begun(directory: string): Promise<string> {
  const path = `${directory}/audit.log`
  await withAuditLog(path, { isNew: true }, (append) => append(facts))
  return path
}

t.test('a disk that is full leaves the log as it was, and the next line follows', async (t) => {
  const directory = t.testdir()
  const path = await begun(directory)
  const before = readFileSync(path, 'utf8')
  const failed = withAuditLog(path, {
    isNew: false,
    write: async (file, line) => {
      await file.writeFile(line.slice(0, 100))
      throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    },
  }, (append) => append(facts))
  await t.rejects(failed, { name: 'ArchiveError', message: /cannot be written \(ENOSPC\), so nothing is shown/ })
  t.equal(readFileSync(path, 'utf8'), before)
  await withAuditLog(path, { isNew: false }, (append) => append(facts))
  t.equal((await checkAudit(path, undefined)).seq, 2)
  t.same(readdirSync(directory), ['audit.log'], 'no lock stays')
})

t.test('a log that goes away while somebody looks is not begun anew', async (t) => {
  const directory = t.testdir()
  const path = await begun(directory)
  const entered = withAuditLog(path, { isNew: false }, async (append) => {
    rmSync(path)
    await append(facts)
  })
  await t.rejects(entered, { name: 'ArchiveError', message: /cannot be read \(ENOENT\)/ })
  t.same(readdirSync(directory), [])
})

t.test('nothing is looked at before the log is locked and found whole', async (t) => {
  const directory = t.testdir()
  const path = await begun(directory)
  const never = () => Promise.reject(new Error('it was looked at'))
  const dead = spawnSync(process.execPath, ['--version']).pid
  for (const [lock, message] of [
    [`${process.pid} ${hostname()}\n`, /in use by process \d+ on .*try again when that is done$/],
    [`${process.pid} another-machine\n`, /in use by process \d+ on another-machine .*try again/],
    ['', /does not say by whom .*find out who made it before/],
    [`${dead} ${hostname()}\n`, /ended without unlocking it .*remove .*audit\.log\.lock$/],
  ] as const) {
    writeFileSync(`${path}.lock`, lock)
    await t.rejects(withAuditLog(path, { isNew: false, waitMs: 0 }, never), { name: 'ArchiveError', message }, lock)
    t.equal(readFileSync(`${path}.lock`, 'utf8'), lock, 'and the lock is left to whoever holds it')
  }
})

t.test('a holder that is at work is waited for, and its lock goes with it', async (t) => {
  const directory = t.testdir()
  const path = await begun(directory)
  let release = () => undefined as void
  const released = new Promise<void>((resolve) => { release = resolve })
  let order = ''
  const first = withAuditLog(path, { isNew: false }, async (append) => {
    await released
    order += 'first '
    await append(facts)
  })
  const second = withAuditLog(path, { isNew: false }, async (append) => {
    order += 'second'
    await append(facts)
  })
  release()
  await Promise.all([first, second])
  t.equal((await checkAudit(path, undefined)).seq, 3)
  t.ok(['first second', 'secondfirst '].includes(order), order)
  await t.rejects(withAuditLog(path, { isNew: false }, () => Promise.reject(new Error('no'))), { message: 'no' })
  t.same(readdirSync(directory), ['audit.log'])
})
