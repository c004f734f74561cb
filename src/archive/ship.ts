/**
 * Carries segments from a router to where they are kept. A local segment is deleted once its copy was read back and is what
 * the checkpoint says, and after an hour in any case: a stolen router holds an hour of ciphertext at most.
 */
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { dayOf, DAY_MS } from './day.ts'
import { AGE, CHECKPOINT, place, readIfThere, removeBefore, removeOlder, routersIn, segmentsIn } from './files.ts'
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
  /** What could not be done, of a segment or a router; everything else was. */
  readonly failures: readonly Failure[]
}

export interface Failure {
  /** A segment as `ams-1/2026-03-01/000001772323200000`, a router, or a directory. */
  readonly what: string
  /** The system's code; `COPY` where a copy was read back and was not what was written. */
  readonly code: string
}

const LOCAL_MS = 3_600_000

/** The first day whose segments are kept. Throws an ArchiveError for a retention that is not 1 to 180 days. */
export function keptFrom(now: number, keepDays: number): string {
  if (!Number.isInteger(keepDays) || keepDays < 1 || keepDays > MAX_RETENTION_DAYS) throw new ArchiveError(`a retention of ${keepDays} days is not between 1 and ${MAX_RETENTION_DAYS}`)
  return dayOf(now - keepDays * DAY_MS)
}

/**
 * Retention comes first: it makes room, and no fault of shipping is to keep what should be gone. Each segment and each router
 * is on its own: what cannot be done of one is told in `failures` and holds up no other.
 * @throws ArchiveError where there is no router's directory to ship from: the router deletes meanwhile what nobody fetches
 */
export async function ship(options: ShipOptions): Promise<Shipped> {
  const { from, to, keepDays, now, io } = options
  const kept = keptFrom(now, keepDays)
  const done = { segments: 0, lost: 0, expired: 0, deleted: 0 }
  const conflicts: string[] = []
  const failures: Failure[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => void failures.push({ what, code: codeOf(error instanceof ArchiveError ? error.cause : error) }))
  }
  const expire = () => attempt(to, async () => {
    // It is made by the first segment that is shipped.
    if (!await isThere(io, to)) return
    for (const router of await routersIn(io, to)) await attempt(`${to}/${router}`, async () => void (done.deleted += await removeBefore(io, `${to}/${router}`, kept)))
  })
  const shipRouter = async (router: string) => {
    const found = (await segmentsIn(io, `${from}/${router}`)).filter(({ checkpoint }) => checkpoint)
    const newest = found.map(({ name }) => name).sort().at(-1)
    for (const segment of found) {
      const what = `${router}/${segment.day}/${segment.name}`
      await attempt(what, async () => {
        const result = await shipOne(options, router, segment)
        if (result === 'conflict') conflicts.push(what)
        else if (result === 'failed') failures.push({ what, code: 'COPY' })
        else if (result === 'lost') done.lost++
        else if (result === 'shipped') done.segments++
        // The router finds its place in the chain by the newest.
        if ((result === 'shipped' || result === 'known') && segment.name !== newest) await io.remove(`${from}/${what}${CHECKPOINT}`)
      })
    }
  }

  await expire()
  const routers = await routersIn(io, from)
  if (routers.length === 0) throw new ArchiveError(`${from} holds no router's directory; give with --from what the router has as archive.directory`)
  for (const router of routers) {
    await attempt(router, () => shipRouter(router))
    await attempt(router, async () => void (done.expired += await removeOlder(io, `${from}/${router}`, now - LOCAL_MS)))
  }
  // What was shipped late may be past its retention already.
  await expire()
  return { ...done, conflicts, failures: failures.filter((one, i) => failures.findIndex(({ what, code }) => what === one.what && code === one.code) === i) }
}

function isThere(io: ArchiveFiles, path: string): Promise<boolean> {
  return io.isDirectory(path).then(() => true, (error: unknown) => {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  })
}

type Result = 'shipped' | 'known' | 'lost' | 'conflict' | 'failed'

async function shipOne({ from, to, io }: ShipOptions, router: string, { day, name }: SegmentFiles): Promise<Result> {
  const source = `${from}/${router}/${day}/${name}`
  const target = `${to}/${router}/${day}`
  const checkpoint = await io.read(source + CHECKPOINT)
  const bytes = await readIfThere(io, source + AGE)
  const there = await readIfThere(io, `${target}/${name}${CHECKPOINT}`)
  if (there !== undefined && hashOf(there) !== hashOf(checkpoint)) return 'conflict'
  const signed = new TextDecoder().decode(checkpoint)
  const isSigned = (found: Uint8Array | undefined) => found !== undefined && signed.includes(`\nsegment ${hashOf(found)}\n`)
  const arrived = async () => isSigned(await readIfThere(io, `${target}/${name}${AGE}`))
  await io.makeDirectory(target)
  if (bytes !== undefined && isSigned(bytes) && !await arrived()) {
    await place(io, target, name + AGE, bytes)
    // Its checkpoint comes once it is there, and until then the original stays with its own, for the next time.
    if (!await arrived()) return 'failed'
  }
  if (there === undefined) await place(io, target, name + CHECKPOINT, checkpoint)
  for (const directory of [target, `${to}/${router}`, to]) await io.syncDirectory(directory)
  if (!await arrived()) return there === undefined ? 'lost' : 'known'
  if (bytes === undefined) return 'known'
  await io.remove(source + AGE)
  return 'shipped'
}
