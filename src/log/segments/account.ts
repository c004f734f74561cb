/**
 * Whether a stream adds up: decided = recorded + dropped + lost, for each writer.
 *
 * Lost is what a mark or a header counts and no line accounts for. Of what a killed process had in memory nothing can be
 * known afterwards, so its end is reported as such: one flush window per thread is missing after it, and what was just being
 * written of the one before; more where its disk was full or slow, and all that waited for it was lost.
 */
import { parseLine } from './lines.ts'
import type { SegmentLine, Totals } from './lines.ts'
import type { SegmentName } from './names.ts'

export interface WriterAccount {
  readonly writer: string
  /** Decisions in segments that are no longer there, the first ones; they are part of `decided` and of nothing below. */
  readonly expired: number
  readonly decided: number
  readonly recorded: number
  readonly dropped: number
  readonly lost: number
  readonly segments: number
  /** `stopped`: as planned. `running`: the last segment is still written to. `killed`: it was cut off, or its disk was full to the last. `unknown`: it was closed and the next is missing, or still to come. */
  readonly end: 'stopped' | 'running' | 'killed' | 'unknown'
  /** What is wrong; empty where it adds up. */
  readonly problems: readonly string[]
}

/** Reads the segments of one writer, in order, line by line. */
export class Account {
  readonly #writer: string
  readonly #problems: string[] = []
  #segments = 0
  #number: number | undefined
  #seq = 1
  #expired = 0
  #decided = 0
  #recorded = 0
  #dropped = 0
  #droppedBefore = 0
  #lost = 0
  #end: WriterAccount['end'] = 'unknown'
  #first = true
  #open = false
  #last: SegmentLine['kind'] | undefined

  constructor(writer: string) {
    this.#writer = writer
  }

  /** A segment begins; its lines follow. */
  segment(name: SegmentName): void {
    if (this.#number !== undefined && name.number !== this.#number + 1) this.#problem(`segment ${this.#number + 1} is missing`)
    this.#number = name.number
    this.#segments++
    this.#end = name.open ? 'running' : 'unknown'
    this.#first = true
    this.#open = name.open
    this.#last = undefined
  }

  /** @param torn whether the text has no line end: cut off, or not written to its end yet */
  line(text: string, torn = false): void {
    const line = parseLine(text)
    const first = this.#first
    this.#first = false
    if (torn && line.kind === 'unknown') {
      if (this.#end !== 'running') this.#problem('a closed segment ends in the middle of a line')
      this.#last = 'unknown'
      return
    }
    if (first !== (line.kind === 'segment') && !(first && line.kind === 'cut')) this.#problem(first ? 'a segment has no header' : 'a segment has two headers')
    this.#last = line.kind
    this.#apply(line)
  }

  /** After the last line of a segment. */
  ended(): void {
    if (this.#open || this.#last === 'end' || this.#last === 'cut' || this.#last === 'unknown') return
    this.#problem(this.#last === undefined ? 'a closed segment has no line' : 'a closed segment has no end')
  }

  get result(): WriterAccount {
    const decided = this.#decided + this.#expired
    return {
      writer: this.#writer, expired: this.#expired, decided, recorded: this.#recorded, dropped: this.#dropped, lost: this.#lost,
      segments: this.#segments, end: this.#end, problems: this.#problems,
    }
  }

  #apply(line: SegmentLine): void {
    switch (line.kind) {
      case 'segment':
        if (line.writer !== this.#writer || line.segment !== this.#number) this.#problem('a header names another segment')
        if (this.#segments === 1) this.#begin(line)
        else this.#meet(line.seq, line.decided - this.#expired, line.dropped - this.#droppedBefore)
        return
      case 'record':
        this.#seq++
        this.#recorded += line.record.n
        this.#decided += line.record.n
        return
      case 'gap':
        if (line.from !== this.#seq) this.#problem(`lines ${this.#seq} to ${line.from - 1} are missing before a gap`)
        this.#seq = line.to + 1
        this.#dropped += line.n
        this.#decided += line.n
        return
      case 'mark':
        this.#meet(this.#seq, line.decided - this.#expired, line.dropped - this.#droppedBefore)
        return
      case 'end':
        if (line.segment !== this.#number) this.#problem('an end names another segment')
        this.#meet(line.seq, line.decided - this.#expired, line.dropped - this.#droppedBefore)
        this.#end = line.last ? 'stopped' : 'unknown'
        return
      case 'cut':
        this.#end = 'killed'
        return
      case 'unknown':
        this.#problem('a line is neither a record nor a line of the segment\'s own')
    }
  }

  /** What came before the first segment that is still there. */
  #begin({ seq, decided, dropped }: Totals): void {
    this.#seq = seq
    this.#expired = decided
    this.#droppedBefore = dropped
  }

  /** A running total: what it holds and the lines so far do not is lost. `dropped` above the gaps was dropped by the log itself. */
  #meet(seq: number, decided: number, dropped = this.#dropped): void {
    if (seq !== this.#seq) this.#problem(`${seq > this.#seq ? `lines ${this.#seq} to ${seq - 1} are missing` : `line ${seq} is there twice`}`)
    this.#seq = seq
    this.#decided += dropped - this.#dropped
    this.#dropped = dropped
    if (decided > this.#decided) {
      this.#lost += decided - this.#decided
      this.#problem(`${decided - this.#decided} decisions are in no line`)
    } else if (decided < this.#decided) this.#problem(`${this.#decided - decided} decisions are recorded that nobody made`)
    this.#decided = decided
  }

  #problem(text: string): void {
    if (this.#problems.length < 20) this.#problems.push(`segment ${this.#number ?? 0}: ${text}`)
  }
}
