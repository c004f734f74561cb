/**
 * What a directory of segments is kept to: files that a killed process left open are closed, and the oldest go when there
 * are too many or they are too old. A segment that cannot be read or removed is left for the next time.
 */
import { join } from 'node:path'
import { codeOf } from '../../system.ts'
import { CUT_LINE } from './lines.ts'
import { beganAt, closedName, processWith, segmentsAmong } from './names.ts'
import type { SegmentName } from './names.ts'
import { writeAll } from './segment-io.ts'
import type { SegmentIo } from './segment-io.ts'
import { isThere, writerFile, writersAmong } from './writer-file.ts'

const CHUNK = 64 * 1024
const MINUTE = 60_000
const NEWLINE = 10

/**
 * Closes what processes that are gone left open: removes a last line without an end and says that the segment was cut.
 * Returns how many there were.
 *
 * @param own what names of this process's writers begin with
 * @param now milliseconds since the epoch
 */
export async function repairSegments(io: SegmentIo, directory: string, own: string, now: number): Promise<number> {
  const files = await io.readdir(directory)
  const open = Map.groupBy(segmentsAmong(files).filter((segment) => segment.open), ({ writer }) => processWith(writer))
  let repaired = 0
  for (const process of new Set([...open.keys(), ...writersAmong(files)])) {
    const segments = open.get(process) ?? []
    if (process === own || (await isThere(io, directory, process, segments.map(({ file }) => file), now))) continue
    for (const segment of segments) if (await repair(io, directory, segment)) repaired++
    await io.unlink(join(directory, writerFile(process))).catch(() => undefined)
  }
  return repaired
}

async function repair(io: SegmentIo, directory: string, segment: SegmentName): Promise<boolean> {
  const path = join(directory, segment.file)
  try {
    await cut(io, path)
    await io.rename(path, join(directory, closedName(segment)))
    return true
  } catch {
    // The next time, perhaps.
    return false
  }
}

/** One without a whole line is kept, too: that its writer began it and did not end it is all that is known of what is missing. */
async function cut(io: SegmentIo, path: string): Promise<void> {
  const file = await io.open(path, 'r+')
  try {
    let end = (await file.stat()).size
    const chunk = Buffer.alloc(CHUNK)
    let whole = 0
    while (end > 0 && whole === 0) {
      const length = Math.min(end, CHUNK)
      const { bytesRead } = await file.read(chunk, 0, length, end - length)
      const newline = chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE)
      end -= length
      if (newline !== -1) whole = end + newline + 1
    }
    await file.truncate(whole)
    await writeAll(file, Buffer.from(CUT_LINE), whole, () => undefined)
  } finally {
    await file.close()
  }
}

export interface Bounds {
  /** Bytes that all segments may have together, with those that are being written counted at `reserve` each. */
  readonly budget: number
  readonly reserve: number
  /** A file that is about to be opened. */
  readonly beginning?: string | undefined
  /** A file that is not deleted for the budget: nobody had the time to ship it. */
  readonly spare?: string | undefined
  /** Segments begun before this are deleted, in milliseconds since the epoch. */
  readonly before: number
  /**
   * In milliseconds since the epoch. Segments begun later are of a clock that was ahead: they go first, and at once where they
   * are as far ahead as the others are kept. A clock that is set back by less costs nothing. Default: no segment is.
   */
  readonly now?: number
  /** Segments that are deleted whatever the bounds, where there are as many; default 0. For a disk that is full below its budget. */
  readonly least?: number
}

/** Deletes the oldest closed segments until the bounds hold. Returns the bytes and files that went. */
export async function prune(io: SegmentIo, directory: string, { budget, reserve, beginning, spare, before, now = Infinity, least = 0 }: Bounds): Promise<{ segments: number, bytes: number }> {
  const files = await io.readdir(directory)
  const segments = segmentsAmong(files)
  const closed: { segment: SegmentName, size: number }[] = []
  let total = (segments.filter(({ open }) => open).length + (beginning === undefined || files.includes(beginning) ? 0 : 1)) * reserve
  for (const segment of segments.filter(({ open }) => !open)) {
    const size = await sizeOf(io, join(directory, segment.file)).catch(() => 0)
    closed.push({ segment, size })
    total += size
  }
  const gone = { segments: 0, bytes: 0 }
  const ahead = (segment: SegmentName) => beganAt(segment) > now + MINUTE
  for (const { segment, size } of [...closed.filter(({ segment }) => ahead(segment)), ...closed.filter(({ segment }) => !ahead(segment))]) {
    const over = (total > budget && segment.file !== spare) || gone.segments < least
    const expired = beganAt(segment) < before || beganAt(segment) > now + (now - before)
    if (!over && !expired) continue
    const error = await io.unlink(join(directory, segment.file)).then(() => undefined, codeOf)
    // Another router may have been first.
    if (error === undefined || error === 'ENOENT') total -= size
    if (error !== undefined) continue
    gone.segments++
    gone.bytes += size
  }
  return gone
}

async function sizeOf(io: SegmentIo, path: string): Promise<number> {
  const file = await io.open(path, 'r')
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}
