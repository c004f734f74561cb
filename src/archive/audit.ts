/**
 * The record of every look into the archive: lines of JSON, each of which names the one before it by its hash.
 *
 * It does not say which address was looked for. The predicate is there as a commitment: HMAC-SHA256 of case, window and
 * address under a nonce that goes into the case's own file and nowhere else. A bare hash, or one under the case's id, which
 * stands beside it, would give the address away to anybody who tries all of IPv4, a matter of minutes.
 */
import { createHmac } from 'node:crypto'
import { ArchiveError } from './archive-error.ts'
import { GENESIS, hashOf } from './chain.ts'

export interface AuditEntry {
  readonly v: 1
  readonly seq: number
  /** SHA-256 of the line before, without its line end. */
  readonly prev: string
  /** ISO 8601 with milliseconds. */
  readonly at: string
  /** Who ran the command, by the operating system's account. */
  readonly who: string
  /** Officer and fingerprint of each identity that was given; `?` for the officer where no list says who it is. */
  readonly approvers: readonly string[]
  /** SHA-256 of the signed list that names the officers; null where none was given. */
  readonly list: string | null
  readonly case: string
  /** ISO 8601, the end excluded. */
  readonly window: readonly [string, string]
  readonly predicate: string
  readonly outcome: 'opened' | 'refused'
  /** Rows that were printed. */
  readonly rows: number
  /** Segments that were decrypted. */
  readonly segments: readonly string[]
  /** What the rows may not hold: segments and faults that touch the window, such as `ams-1/2026-03-01/000001772323200000 gap`. */
  readonly problems: readonly string[]
  /** Routers in the archive whose segments were not looked at. */
  readonly unread: readonly string[]
}

export type AuditFacts = Omit<AuditEntry, 'v' | 'seq' | 'prev'>

/** What a witness keeps of an audit log. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

/** @param nonce 32 random bytes */
export function commitment(nonce: Uint8Array, facts: Pick<AuditFacts, 'case' | 'window'>, address: string): string {
  return createHmac('sha256', nonce).update([facts.case, ...facts.window, address].join('\n')).digest('hex')
}

/** The next line, with its line end. */
export function auditLine(facts: AuditFacts, head: AuditHead): string {
  const { at, who, approvers, list, case: id, window, predicate, outcome, rows, segments, problems, unread } = facts
  const entry: AuditEntry = { v: 1, seq: head.seq + 1, prev: head.hash, at, who, approvers, list, case: id, window, predicate, outcome, rows, segments, problems, unread }
  return `${JSON.stringify(entry)}\n`
}

/**
 * Checks every link and returns the newest one.
 * @param witness the head of an earlier check, to see that nothing was taken from the end
 * @throws ArchiveError naming the line
 */
export function verifyAudit(text: string, witness?: AuditHead): AuditHead {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new ArchiveError('the last line of the audit log was cut off')
  let head: AuditHead = { seq: 0, hash: GENESIS }
  let seen = witness === undefined || witness.seq === 0
  for (const line of lines) {
    const entry = read(line)
    if (entry?.seq !== head.seq + 1 || entry.prev !== head.hash) throw new ArchiveError(`line ${head.seq + 1} of the audit log does not follow from the one before it`)
    head = { seq: entry.seq, hash: hashOf(line) }
    if (head.seq === witness?.seq) {
      if (head.hash !== witness.hash) throw new ArchiveError(`line ${head.seq} of the audit log is not what was witnessed`)
      seen = true
    }
  }
  if (!seen) throw new ArchiveError(`the audit log ends at line ${head.seq}, but line ${witness?.seq} was witnessed`)
  return head
}

function read(line: string): Pick<AuditEntry, 'seq' | 'prev'> | undefined {
  try {
    const { v, seq, prev }: Record<string, unknown> = JSON.parse(line)
    return v === 1 && typeof seq === 'number' && typeof prev === 'string' ? { seq, prev } : undefined
  } catch {
    return undefined
  }
}
