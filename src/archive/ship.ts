/**
 * Carries segments from a router to where they are kept. A local segment is deleted once its copy was read back and is what
 * the checkpoint says, and after an hour in any case: a stolen router holds an hour of ciphertext at most.
 */
import { ArchiveError } from './archive-error.ts'
import { dayOf, DAY_MS } from './day.ts'
import { AGE, CHECKPOINT, namesIn, place, readIfThere, removeOlder, routersIn, segmentsIn } from './files.ts'
import type { ArchiveFiles, SegmentFiles } from './files.ts'
import { hashOf } from './chain.ts'

export const DEFAULT_RETENTION_DAYS = 30
export const MAX_RETENTION_DAYS = 180

export interface ShipOptions {
  /** The router's archive directory, and where to. */
  readonly from: string
  readonly to: string
  /** Days that segments are kept there. */
  readonly keepDays: number
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly io: ArchiveFiles
}

export interface Shipped {
  /** Segments that arrived. */
  readonly segments: number
  /** Segments whose place is taken by something else; the local ones stay until their hour is over. */
  readonly conflicts: readonly string[]
  /** Checkpoints whose segment was deleted before it was shipped, or is not what was signed. */
  readonly lost: number
  /** Local segments that were deleted without having been shipped. */
  readonly expired: number
  /** Segments whose retention is over. */
  readonly deleted: number
}

const LOCAL_MS = 3_600_000

/** The first day whose segments are kept. Throws an ArchiveError for a retention that is not 1 to 180 days. */
export function keptFrom(now: number, keepDays: number): string {
  if (!Number.isInteger(keepDays) || keepDays < 1 || keepDays > MAX_RETENTION_DAYS) throw new ArchiveError(`a retention of ${keepDays} days is not between 1 and ${MAX_RETENTION_DAYS}`)
  return dayOf(now - keepDays * DAY_MS)
}

/** @throws ArchiveError where there is no router's directory to ship from: the router deletes meanwhile what nobody fetches */
export async function ship(options: ShipOptions): Promise<Shipped> {
  const { from, to, keepDays, now, io } = options
  const kept = keptFrom(now, keepDays)
  let segments = 0
  let lost = 0
  let expired = 0
  let deleted = 0
  const conflicts: string[] = []
  const routers = await routersIn(io, from)
  if (routers.length === 0) throw new ArchiveError(`${from} holds no router's directory; give with --from what the router has as archive.directory`)
  for (const router of routers) {
    const found = (await segmentsIn(io, `${from}/${router}`)).filter(({ checkpoint }) => checkpoint)
    const newest = found.map(({ name }) => name).sort().at(-1)
    for (const segment of found) {
      const result = await shipOne(options, router, segment)
      if (result === 'conflict') conflicts.push(`${router}/${segment.day}/${segment.name}`)
      else if (result === 'lost') lost++
      else if (result === 'shipped') segments++
      // The router finds its place in the chain by the newest.
      if (result !== 'conflict' && segment.name !== newest) await io.remove(`${from}/${router}/${segment.day}/${segment.name}${CHECKPOINT}`)
    }
    expired += await removeOlder(io, `${from}/${router}`, now - LOCAL_MS)
  }
  for (const router of await namesIn(io, to)) {
    for (const { day, name, age } of await segmentsIn(io, `${to}/${router}`)) {
      if (!age || day >= kept) continue
      await io.remove(`${to}/${router}/${day}/${name}${AGE}`)
      deleted++
    }
  }
  return { segments, conflicts, lost, expired, deleted }
}

async function shipOne({ from, to, io }: ShipOptions, router: string, { day, name }: SegmentFiles): Promise<'shipped' | 'known' | 'lost' | 'conflict'> {
  const source = `${from}/${router}/${day}/${name}`
  const target = `${to}/${router}/${day}`
  const checkpoint = await io.read(source + CHECKPOINT)
  const bytes = await readIfThere(io, source + AGE)
  const there = await readIfThere(io, `${target}/${name}${CHECKPOINT}`)
  if (there !== undefined && hashOf(there) !== hashOf(checkpoint)) return 'conflict'
  const signed = new TextDecoder().decode(checkpoint)
  const intact = bytes !== undefined && signed.includes(`\nsegment ${hashOf(bytes)}\n`)
  await io.makeDirectory(target)
  if (intact) await place(io, target, name + AGE, bytes)
  if (there === undefined) await place(io, target, name + CHECKPOINT, checkpoint)
  for (const directory of [target, `${to}/${router}`, to]) await io.syncDirectory(directory)
  const arrived = await readIfThere(io, `${target}/${name}${AGE}`)
  if (arrived === undefined || !signed.includes(`\nsegment ${hashOf(arrived)}\n`)) return there === undefined ? 'lost' : 'known'
  if (bytes === undefined) return 'known'
  await io.remove(source + AGE)
  return 'shipped'
}
