/** The audit log's file: one writer at a time, each line on the disk before anything is printed. */
import { open, readFile, unlink } from 'node:fs/promises'
import { ArchiveError, codeOf } from './archive-error.ts'
import { auditLine, verifyAudit } from './audit.ts'
import type { AuditFacts, AuditHead } from './audit.ts'

/** @throws ArchiveError where the log cannot be read, does not verify, or somebody else writes to it */
export async function appendAudit(path: string, facts: AuditFacts): Promise<void> {
  const lock = `${path}.lock`
  try {
    await (await open(lock, 'wx', 0o600)).close()
  } catch (error) {
    throw new ArchiveError(`the audit log ${path} cannot be locked (${codeOf(error)}); where no other command runs, remove ${lock}`)
  }
  try {
    const head = await checkAudit(path, undefined, true)
    const file = await open(path, 'a', 0o600)
    try {
      await file.writeFile(auditLine(facts, head))
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await unlink(lock)
  }
}

/** The newest link. @param mayBeNew whether a log that is not there is an empty one */
export async function checkAudit(path: string, witness: AuditHead | undefined, mayBeNew = false): Promise<AuditHead> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (mayBeNew && codeOf(error) === 'ENOENT') return ''
    throw new ArchiveError(`the audit log ${path} cannot be read (${codeOf(error)})`)
  })
  return verifyAudit(text, witness)
}
