/** Lines that wait for the disk, within a bound, and what was written of the stream. */
import { gapLine, markLine } from './lines.ts'
import type { Totals } from './lines.ts'

interface Entry {
  readonly text: string
  readonly bytes: number
  /** The totals after this line, from those before it. */
  readonly after: (before: Totals) => Totals
  /** Decisions that are lost with it. */
  readonly count: number
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
  #taken = 0
  #mark: { readonly decided: number, readonly dropped: number } | undefined
  #marked = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#entries.length
  }

  /** @param refuse whether nothing is taken any more */
  add(text: string, count: number, refuse: boolean): void {
    this.catchUp()
    // A mark counts what came before it, so it is of no use after this line. The next one tells the same and more.
    this.#mark = undefined
    const seq = this.#next++
    const bytes = Buffer.byteLength(text)
    if (refuse || this.#gap !== undefined || this.#bytes + bytes > this.#maxBytes) {
      this.dropped += count
      this.#gap ??= { from: seq, to: seq, n: 0 }
      this.#gap.to = seq
      this.#gap.n += count
      return
    }
    this.#push({ text, bytes, count, after: (before) => ({
      seq: before.seq + 1, decided: before.decided + count, recorded: before.recorded + count, dropped: before.dropped,
    }) })
  }

  /** What the decision log has counted so far. */
  mark(totals: { readonly decided: number, readonly dropped: number }): void {
    if (totals.decided === this.#marked) return
    this.#mark = { decided: totals.decided, dropped: totals.dropped + this.dropped }
    this.catchUp()
  }

  /** Writes down what was dropped and what was counted, once there is room for it. */
  catchUp(): void {
    this.#closeGap()
    if (this.#mark === undefined || this.#gap !== undefined) return
    const { decided, dropped } = this.#mark
    const text = markLine(decided, dropped)
    if (this.#bytes + text.length > this.#maxBytes) return
    this.#mark = undefined
    this.#marked = decided
    this.#push({ text, bytes: text.length, count: 0, after: (before) => ({ ...before, decided, dropped }) })
  }

  /** The first entries, up to so many bytes. They stay until they are confirmed. */
  take(bytes: number): readonly { readonly text: string }[] {
    let sum = 0
    let length = 0
    for (const entry of this.#entries) {
      sum += entry.bytes
      if (length > 0 && sum > bytes) break
      length++
    }
    this.#taken = length
    return this.#entries.slice(0, length)
  }

  /** Of what was taken, so many bytes are on the disk. Returns the bytes of whole lines; one that was cut off is written again. */
  confirm(bytes: number): number {
    let whole = 0
    let sum = 0
    for (const entry of this.#entries.slice(0, this.#taken)) {
      if (sum + entry.bytes > bytes) break
      sum += entry.bytes
      whole++
      this.written = entry.after(this.written)
    }
    this.#entries.splice(0, whole)
    this.#bytes -= sum
    this.#taken = 0
    return sum
  }

  /** What still waits is dropped. */
  abandon(): void {
    for (const { count } of this.#entries) this.dropped += count
    this.#entries = []
    this.#bytes = 0
  }

  #closeGap(): void {
    if (this.#gap === undefined) return
    const { from, to, n } = this.#gap
    const text = gapLine(from, to, n)
    if (this.#bytes + text.length > this.#maxBytes) return
    this.#gap = undefined
    this.#push({ text, bytes: text.length, count: 0, after: (before) => ({
      seq: to + 1, decided: before.decided + n, recorded: before.recorded, dropped: before.dropped + n,
    }) })
  }

  #push(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += entry.bytes
  }
}
