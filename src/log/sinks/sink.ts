/** Records, each a line with its line end. Neither array is changed any more. */
export interface Lines {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The decisions that each line stands for. */
  readonly counts: Uint32Array<ArrayBuffer>
}

/** Where decision records go. A sink never throws and never waits: what it cannot take it drops and counts. */
export interface Sink {
  /** For metrics and messages: `file`, `stdout`. */
  readonly name: string
  /** Decisions in the lines that were dropped so far. */
  readonly dropped: number
  write(lines: Lines): void
  /** After the lines of a window, or of a part of it: what was decided since the start, and how much of it is in no line. Nothing waits then. */
  account?(totals: { readonly decided: number, readonly dropped: number }): void
  /** Writes what is left, within a time of the sink's own, and counts the rest as dropped. Never rejects. */
  close(): Promise<void>
}

/** Calls `run` once after `ms` milliseconds; the result cancels it. */
export type SetTimer = (run: () => void, ms: number) => () => void

/** In memory of their own, so that another thread may be given it. @param counts one for each line of the text */
export function linesOf(text: string, counts: readonly number[]): Lines {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return { bytes, counts: Uint32Array.from(counts) }
}

/** The decisions that lines stand for. */
export function decisionsIn({ counts }: Lines): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}

const NEWLINE = 10

/** Lines that are not in the first so many bytes, or not whole. */
export function linesAfter({ bytes, counts }: Lines, done: number): Lines {
  // All of it, nearly always: not looked through for that.
  if (done === bytes.length) return { bytes: bytes.subarray(done), counts: counts.subarray(counts.length) }
  const end = done === 0 ? 0 : bytes.lastIndexOf(NEWLINE, done - 1) + 1
  let lines = 0
  for (let at = 0; at < end; at++) if (bytes[at] === NEWLINE) lines++
  return { bytes: bytes.subarray(end), counts: counts.subarray(lines) }
}

/** Lines that are whole in the first so many bytes. */
export function linesWithin({ bytes, counts }: Lines, room: number): Lines {
  const rest = linesAfter({ bytes, counts }, Math.min(room, bytes.length))
  return { bytes: bytes.subarray(0, bytes.length - rest.bytes.length), counts: counts.subarray(0, counts.length - rest.counts.length) }
}
