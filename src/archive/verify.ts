/** Reads a whole archive and checks every router's chain. Needs no private key. */
import { CHECKPOINT, AGE, namesIn, readIfThere, segmentsIn } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import { hashOf } from './chain.ts'
import { verifyChain } from './verify-chain.ts'
import type { ChainEntry, ChainReport } from './verify-chain.ts'
import type { KeyObject } from './keys.ts'

export interface VerifyArchiveOptions {
  readonly directory: string
  /** Public keys by router. */
  readonly keys: ReadonlyMap<string, KeyObject>
  /** Signed checkpoints by router, that were kept elsewhere. */
  readonly witnesses: ReadonlyMap<string, string>
  /** Segments of days before this one may be gone. */
  readonly keptFrom: string
  readonly io: ArchiveFiles
}

/** A report for each router with a key; undefined for one in the archive without. */
export async function verifyArchive({ directory, keys, witnesses, keptFrom, io }: VerifyArchiveOptions): Promise<Map<string, ChainReport | undefined>> {
  const reports = new Map<string, ChainReport | undefined>()
  for (const router of await namesIn(io, directory)) reports.set(router, undefined)
  for (const [router, publicKey] of keys) {
    const entries = await entriesIn(io, `${directory}/${router}`)
    reports.set(router, verifyChain(entries, { router, publicKey, keptFrom, witness: witnesses.get(router) }))
  }
  return reports
}

export async function entriesIn(io: ArchiveFiles, directory: string): Promise<ChainEntry[]> {
  const entries: ChainEntry[] = []
  for (const { day, name } of await segmentsIn(io, directory)) {
    const bytes = await readIfThere(io, `${directory}/${day}/${name}${AGE}`)
    const checkpoint = await readIfThere(io, `${directory}/${day}/${name}${CHECKPOINT}`)
    entries.push({
      day,
      name,
      checkpoint: checkpoint === undefined ? undefined : Buffer.from(checkpoint).toString('latin1'),
      sha256: bytes === undefined ? undefined : hashOf(bytes),
    })
  }
  return entries
}
