/** Reads a whole archive and checks every router's chain. Needs no private key. */
import { CHECKPOINT, AGE, readIfThere, routersIn, segmentsIn } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import { hashOf } from './chain.ts'
import { UNREAD, verifyChain } from './verify-chain.ts'
import type { ChainEntry, ChainProblem, ChainReport } from './verify-chain.ts'
import type { KeyObject } from './keys.ts'

export interface VerifyArchiveOptions {
  readonly directory: string
  /** Public keys by router. */
  readonly keys: ReadonlyMap<string, KeyObject>
  /** Signed checkpoints by router, that were kept elsewhere. */
  readonly witnesses: ReadonlyMap<string, readonly string[]>
  /** Segments of days before this one may be gone. */
  readonly keptFrom: string
  readonly io: ArchiveFiles
}

/** Of a router of which no checkpoint is there, whatever the time. */
const EMPTY: ChainProblem = { segment: '-', fault: 'empty', from: '0000-01-01T00:00Z', to: '9999-12-31T23:59Z' }

/**
 * A report for each router with a key; undefined for one in the archive without.
 * @throws ArchiveError where the archive is not there
 */
export async function verifyArchive({ directory, keys, witnesses, keptFrom, io }: VerifyArchiveOptions): Promise<Map<string, ChainReport | undefined>> {
  const reports = new Map<string, ChainReport | undefined>()
  for (const router of await routersIn(io, directory)) reports.set(router, undefined)
  for (const [router, publicKey] of keys) {
    const entries = await entriesIn(io, `${directory}/${router}`)
    const report = verifyChain(entries, { router, publicKey, keptFrom, witnesses: witnesses.get(router) ?? [] })
    reports.set(router, report.head === undefined && report.problems.length === 0 ? { ...report, problems: [EMPTY] } : report)
  }
  return reports
}

/** What stands in a router's directory. @param only `checkpoints` leaves the segments unread */
export async function entriesIn(io: ArchiveFiles, directory: string, only?: 'checkpoints'): Promise<ChainEntry[]> {
  const entries: ChainEntry[] = []
  for (const { day, name, age } of await segmentsIn(io, directory)) {
    const bytes = only === undefined ? await readIfThere(io, `${directory}/${day}/${name}${AGE}`) : undefined
    const checkpoint = await readIfThere(io, `${directory}/${day}/${name}${CHECKPOINT}`)
    entries.push({
      day,
      name,
      checkpoint: checkpoint === undefined ? undefined : Buffer.from(checkpoint).toString('latin1'),
      sha256: bytes !== undefined ? hashOf(bytes) : only !== undefined && age ? UNREAD : undefined,
    })
  }
  return entries
}
