/** Whole lines out of a segment, and the decisions that they stand for. */
import { parseLine } from './lines.ts'
import type { SegmentFile } from './segment-io.ts'

const NEWLINE = 10
/** The end of a segment that was closed as planned is its last line; of one that was cut it is what follows the last mark. */
const TAIL_BYTES = 256 * 1024

export interface LineBatch {
  readonly lines: readonly string[]
  /** For each line the byte of the segment at which it begins. */
  readonly offsets: readonly number[]
  readonly bytes: number
}

/** Whole lines from a byte on, as many as fit into so many bytes; at least one, however long. None at the end. */
export async function readBatch(file: SegmentFile, offset: number, most: number): Promise<LineBatch> {
  for (let size = most; ; size *= 2) {
    const buffer = Buffer.alloc(size)
    const { bytesRead } = await file.read(buffer, 0, size, offset)
    const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1
    if (end > 0) return { lines: buffer.toString('utf8', 0, end - 1).split('\n'), offsets: beginnings(buffer, end).map((at) => offset + at), bytes: end }
    if (bytesRead < size) return { lines: [], offsets: [], bytes: 0 }
  }
}

/** Where lines begin in the bytes before the end, which is a line's. */
function beginnings(bytes: Buffer, end: number): number[] {
  const found: number[] = []
  for (let at = 0; at < end; at = bytes.indexOf(NEWLINE, at) + 1) found.push(at)
  return found
}

/** Decisions of this writer after the lines, from those before (-1: not known), and what a header that is ahead tells of segments that are gone. */
export function countDecisions(lines: readonly string[], before: number): { readonly decided: number, readonly shipped: number, readonly dropped: number } {
  let decided = before
  let shipped = 0
  let dropped = 0
  for (const text of lines) {
    const line = parseLine(text)
    if (line.kind === 'record') {
      decided += line.record.n
      shipped += line.record.n
    } else if (line.kind === 'gap') decided += line.n
    else if ('decided' in line) {
      if (line.kind === 'segment' && decided !== -1) dropped += Math.max(0, line.decided - decided)
      decided = Math.max(decided, line.decided)
    }
  }
  return { decided, shipped, dropped }
}

/** Decisions of this writer at the end of a closed segment. */
export async function decidedAtEnd(file: SegmentFile): Promise<number> {
  const { size } = await file.stat()
  const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES))
  const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length)
  let decided = 0
  for (const text of buffer.toString('utf8', 0, bytesRead).split('\n').reverse()) {
    const line = parseLine(text)
    if ('decided' in line) return decided + line.decided
    if (line.kind === 'record') decided += line.record.n
    else if (line.kind === 'gap') decided += line.n
  }
  return decided
}
