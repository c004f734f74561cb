/** The audit log's file: one writer at a time, each line on the disk before anything is printed. */
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { auditLine, verifyAudit } from './audit.ts'
import type { AuditFacts, AuditHead } from './audit.ts'
import { files } from './files.ts'
import { withLock } from './audit-lock.ts'

export interface AuditLogOptions {
  /** Whether this begins a log. One that is not there is otherwise taken for a mistyped path, and one that is there is never begun anew. */
  readonly isNew: boolean
  /** Milliseconds that another command is waited for; default ten seconds. */
  readonly waitMs?: number
  /** Appends to the file; rejects where the disk does. */
  readonly write?: (file: FileHandle, line: string) => Promise<void>
}

const WAIT_MS = 10_000

/**
 * Runs `work`, which looks into the archive, while nobody else writes to the log, and gives it what appends a line. The log
 * is locked and checked before: what could not be entered is not begun.
 * @throws ArchiveError where the log cannot be read or written, does not verify, is not there or somebody else writes to it
 */
export async function withAuditLog<T>(path: string, options: AuditLogOptions, work: (append: (facts: AuditFacts) => Promise<void>) => Promise<T>): Promise<T> {
  const { isNew, waitMs = WAIT_MS, write = (file, line) => file.writeFile(line) } = options
  return withLock(`${path}.lock`, `the audit log ${path}`, waitMs, async () => {
    const { seq } = await checkAudit(path, undefined, isNew)
    if (seq === 0 && !isNew) throw new ArchiveError(`the audit log ${path} is empty; check its path, or give --new-audit where this is its first line`)
    if (seq > 0 && isNew) throw new ArchiveError(`the audit log ${path} has ${seq} lines already; leave --new-audit away`)
    return work((facts) => append(path, facts, { isNew, write }))
  })
}

/** The newest link. @param mayBeNew whether a log that is not there is an empty one */
export async function checkAudit(path: string, witness: AuditHead | undefined, mayBeNew = false): Promise<AuditHead> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (mayBeNew && codeOf(error) === 'ENOENT') return ''
    const absent = codeOf(error) === 'ENOENT' ? '; check its path; the first line of a new one needs open --new-audit' : ''
    throw new ArchiveError(`the audit log ${path} cannot be read (${codeOf(error)})${absent}`)
  })
  return verifyAudit(text, witness)
}

async function append(path: string, facts: AuditFacts, { isNew, write }: Required<Pick<AuditLogOptions, 'isNew' | 'write'>>): Promise<void> {
  const line = auditLine(facts, await checkAudit(path, undefined, isNew))
  try {
    const file = await open(path, 'a', 0o600)
    try {
      const { size } = await file.stat()
      try {
        await write(file, line)
        await file.sync()
      } catch (error) {
        // Half a line would make every later check fail. What it stands for was not shown to anybody.
        await file.truncate(size)
        await file.sync()
        throw error
      }
    } finally {
      await file.close()
    }
    await files.syncDirectory(dirname(path))
  } catch (error) {
    throw new ArchiveError(`the audit log ${path} cannot be written (${codeOf(error)}), so nothing is shown`)
  }
}
