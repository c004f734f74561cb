/** Lines that wait for the disk, within a bound, and what was written of the stream. */
import { decisionsIn, linesAfter, linesOf, linesWithin } from '../sinks/sink.ts'
import type { Lines } from '../sinks/sink.ts'
import { gapLine, markLine } from './lines.ts'
import type { Totals } from './lines.ts'

/** Records, or a line of the stream's own, which says by itself what the totals are after it. */
interface Entry {
  readonly lines: Lines
  readonly after: ((before: Totals) => Totals) | undefined
  /** Decisions that a gap names. */
  readonly gone: number
}

export class SegmentQueue {
  /** What the lines that were written whole add up to. */
  written: Totals = { seq: 1, decided: 0, recorded: 0, dropped: 0 }
  /** Decisions that were dropped. */
  dropped = 0
  readonly #maxBytes: number
  #entries: Entry[] = []
  #bytes = 0
  #next = 1
  #gap: { readonly from: number, to: number, n: number } | undefined
  #mark: { readonly decided: number, readonly dropped: number } | undefined
  #marked = 0
  /** What was counted with the lines so far; undefined where lines came since. */
  #counted: { readonly decided: number, readonly dropped: number } | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#entries.length
  }

  /** @param refuse whether nothing is taken any more */
  add(lines: Lines, refuse: boolean): void {
    this.catchUp()
    // A mark counts what came before it, so it is of no use after these lines. The next one tells the same and more.
    this.#mark = undefined
    this.#counted = undefined
    const room = refuse || this.#gap !== undefined ? 0 : this.#maxBytes - this.#bytes
    const taken = lines.bytes.length <= room ? lines : linesWithin(lines, room)
    this.#next += taken.counts.length
    if (taken.counts.length > 0) this.#push({ lines: taken, after: undefined, gone: 0 })
    if (taken !== lines) this.#drop(linesAfter(lines, taken.bytes.length))
  }

  /** What the decision log has counted so far. */
  mark(totals: { readonly decided: number, readonly dropped: number }): void {
    this.#counted = totals
    if (totals.decided === this.#marked) return
    this.#mark = { decided: totals.decided, dropped: totals.dropped + this.dropped }
    this.catchUp()
  }

  /** Writes down what was dropped and what was counted, once there is room for it. */
  catchUp(): void {
    this.#closeGap()
    if (this.#mark === undefined || this.#gap !== undefined) return
    const { decided, dropped } = this.#mark
    const lines = linesOf(markLine(decided, dropped), [])
    if (this.#bytes + lines.bytes.length > this.#maxBytes) return
    this.#mark = undefined
    this.#marked = decided
    this.#push({ lines, after: (before) => ({ ...before, decided, dropped }), gone: 0 })
  }

  /** The first entries, up to so many bytes. They stay until they are confirmed. */
  take(bytes: number): Uint8Array[] {
    let sum = 0
    let length = 0
    for (const { lines } of this.#entries) {
      sum += lines.bytes.length
      if (length > 0 && sum > bytes) break
      length++
    }
    return this.#entries.slice(0, length).map(({ lines }) => lines.bytes)
  }

  /** So many bytes of what was taken are on the disk. Returns those of whole lines; one that was cut off is written again. */
  confirm(bytes: number): number {
    let sum = 0
    for (;;) {
      const [entry] = this.#entries
      if (entry === undefined || sum === bytes) break
      const { lines, after, gone } = entry
      const whole = linesWithin(lines, bytes - sum)
      if (whole.bytes.length === 0) break
      sum += whole.bytes.length
      this.written = after === undefined ? withRecords(this.written, whole) : after(this.written)
      this.#entries.shift()
      if (whole.bytes.length < lines.bytes.length) this.#entries.unshift({ lines: linesAfter(lines, whole.bytes.length), after, gone })
    }
    this.#bytes -= sum
    return sum
  }

  /** What still waits is dropped and becomes one gap, which needs next to no room. */
  giveUp(): void {
    let n = this.#gap?.n ?? 0
    for (const { lines, gone } of this.#entries) {
      this.dropped += decisionsIn(lines)
      n += decisionsIn(lines) + gone
    }
    this.#entries = []
    this.#bytes = 0
    const from = this.written.seq
    this.#gap = this.#next > from ? { from, to: this.#next - 1, n } : undefined
    if (this.#counted !== undefined) this.#mark = { decided: this.#counted.decided, dropped: this.#counted.dropped + this.dropped }
    this.catchUp()
  }

  /** What still waits is dropped. */
  abandon(): void {
    for (const { lines } of this.#entries) this.dropped += decisionsIn(lines)
    this.#entries = []
    this.#bytes = 0
  }

  #drop(lines: Lines): void {
    const n = decisionsIn(lines)
    this.dropped += n
    this.#gap ??= { from: this.#next, to: this.#next, n: 0 }
    this.#next += lines.counts.length
    this.#gap.to = this.#next - 1
    this.#gap.n += n
  }

  #closeGap(): void {
    if (this.#gap === undefined) return
    const { from, to, n } = this.#gap
    const lines = linesOf(gapLine(from, to, n), [])
    if (this.#bytes + lines.bytes.length > this.#maxBytes) return
    this.#gap = undefined
    this.#push({ lines, after: (before) => ({
      seq: to + 1, decided: before.decided + n, recorded: before.recorded, dropped: before.dropped + n,
    }), gone: n })
  }

  #push(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += entry.lines.bytes.length
  }
}

function withRecords({ seq, decided, recorded, dropped }: Totals, lines: Lines): Totals {
  const n = decisionsIn(lines)
  return { seq: seq + lines.counts.length, decided: decided + n, recorded: recorded + n, dropped }
}
