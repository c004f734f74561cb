/**
 * The decision log: equal records within a flush window become one line with a count.
 *
 * decided = recorded + dropped + waiting, at any moment. Nothing waits for it: to count a decision is a look-up in memory, bounded by
 * `maxDistinct`, and the sinks take lines without waiting. Lines are sorted, or shuffled by chance that is given to it,
 * so that a file does not tell who came first.
 */
import { LineWriter } from '../privacy/line-writer.ts'
import type { LineModel } from '../privacy/line-writer.ts'
import { OTHER } from '../privacy/values.ts'
import type { ContentId } from '../privacy/values.ts'
import { RecordMemo, recordOf } from './record.ts'
import type { DecisionFacts } from './record.ts'
import { decisionsIn, linesOf } from './sinks/sink.ts'
import type { Lines, SetTimer, Sink } from './sinks/sink.ts'
import { TOGETHER, Window } from './window.ts'
import type { Counted, Group } from './window.ts'

export interface DecisionLogOptions {
  readonly sinks: readonly Sink[]
  /** Id of this router. */
  readonly router: string
  readonly setTimer: SetTimer
  /** Length of a flush window in milliseconds; default 1000. What a crash loses at most, and what is being written just then. */
  readonly windowMs?: number
  /**
   * Distinct records in a window; default 10000, which is some 10 MB. From half of it on, new titles are recorded as
   * `_other` until the window's time is over, so that whoever makes titles up cannot fill a disk. A window that is full is
   * written at once. New records are dropped and counted where the one before is still being written then, and where lines
   * are shuffled: a window that ends early would tell who came first.
   */
  readonly maxDistinct?: number
  /** Numbers from 0 up to 1, not 1 itself. Given, the lines of a window are written in random order instead of sorted. */
  readonly shuffle?: () => number
  /** 32 bits that nobody knows, so that nobody can ask for titles that are slow to count. */
  readonly seed?: number
  /**
   * Runs what it is given as soon as what runs now is over, as `queueMicrotask` does. Given, decisions are counted
   * together, 16 at a time and the rest of them then, which spares most of the waiting for memory. Default: each is counted at once.
   */
  readonly defer?: (count: () => void) => void
  /** Told of decisions that were dropped, in the window in which that happened. Must not call the log. */
  readonly onDropped?: (count: number, why: 'too_many' | 'invalid' | 'closed') => void
}

/** Groups or lines that are worked on at a time: a fraction of a millisecond. */
const SLICE = 200

export class DecisionLog {
  /** Decisions that were added. */
  decided = 0
  /** Decisions in the lines that were given to the sinks. What a sink dropped is in `Sink.dropped`. */
  recorded = 0
  /** Decisions that are in no line. */
  dropped = 0
  readonly sinks: readonly Sink[]
  readonly #router: string
  readonly #setTimer: SetTimer
  readonly #windowMs: number
  readonly #maxDistinct: number
  readonly #shuffle: DecisionLogOptions['shuffle']
  readonly #onDropped: DecisionLogOptions['onDropped']
  readonly #window: Window<Written>
  readonly #memo = new RecordMemo()
  readonly #writer = new LineWriter()
  #overflow = 0
  /** Whether a window was full before its time was over. */
  #full = false
  /** What a former window held, on its way to the sinks. */
  #writing: Generator<void, void> | undefined
  #cancel: (() => void) | undefined
  #closed = false
  /** Decisions that are still to be counted. */
  #noted: DecisionFacts[] = []
  /** Whether they will be, without one more. */
  #planned = false
  readonly #defer: DecisionLogOptions['defer']
  readonly #counting = () => {
    this.#planned = false
    this.#count()
  }
  readonly #onFirst = (facts: DecisionFacts, behind: number) => this.#first(facts, behind)

  constructor({ sinks, router, setTimer, windowMs = 1000, maxDistinct = 10_000, shuffle, seed, defer, onDropped }: DecisionLogOptions) {
    this.#window = new Window(2 * maxDistinct, seed)
    this.sinks = sinks
    this.#router = router
    this.#setTimer = setTimer
    this.#windowMs = windowMs
    this.#maxDistinct = maxDistinct
    this.#shuffle = shuffle
    this.#onDropped = onDropped
    this.#defer = defer
  }

  add(facts: DecisionFacts): void {
    this.decided++
    this.#noted.push(facts)
    if (this.#defer === undefined || this.#noted.length >= TOGETHER) this.#count()
    else if (!this.#planned) {
      this.#planned = true
      this.#defer(this.#counting)
    }
  }

  /** Writes what the window holds, at once, and begins the next one. */
  flush(): void {
    this.#turn()
    this.#finish()
  }

  /** Flushes, then closes the sinks. What is added later is dropped. */
  async close(): Promise<void> {
    this.#count()
    this.#closed = true
    this.flush()
    await Promise.all(this.sinks.map((sink) => sink.close()))
  }

  /** An error ends here: nobody waits for it who could do something about it. */
  #count(): void {
    const noted = this.#noted
    if (noted.length === 0) return
    this.#noted = []
    try {
      this.#window.countAll(noted, this.#onFirst)
    } catch {
      for (let i = this.#window.counted; i < noted.length; i++) this.#countAlone(noted[i], noted.length - 1 - i)
    }
  }

  /** What a bug costs: its own record. */
  #countAlone(facts: DecisionFacts | undefined, behind: number): void {
    if (facts === undefined) return
    try {
      if (!this.#window.count(facts)) this.#first(facts, behind)
    } catch {
      this.#drop(1, 'invalid')
    }
  }

  /** Begins the next window. What this one holds is about to be written. */
  #turn(): void {
    this.#count()
    this.#finish()
    this.#cancel?.()
    // After a window in which nobody came nothing is known any more, and nothing is to be done.
    this.#cancel = this.#window.size === 0 || this.#closed ? undefined : this.#later()
    this.#full = false
    this.#end(this.decided)
  }

  /** @param decided up to then */
  #end(decided: number): void {
    if (this.#overflow > 0) this.#drop(this.#overflow, 'too_many')
    this.#overflow = 0
    this.#writing = this.#write(this.#window.turn(), decided)
  }

  /** Ends a full window before its time. Returns whether the next one has begun. @param left decisions that are not in it */
  #endEarly(left: number): boolean {
    if (this.#writing !== undefined || this.#shuffle !== undefined) return false
    this.#full = true
    this.#end(this.decided - left)
    this.#setTimer(() => this.#proceed(), 0)
    return true
  }

  #later(): () => void {
    return this.#setTimer(() => {
      this.#turn()
      this.#proceed()
    }, this.#windowMs)
  }

  /** A slice, and the next one when others have had their turn: thousands of lines take longer than a viewer should wait. */
  #proceed(): void {
    if (this.#writing?.next().done !== false) this.#writing = undefined
    else this.#setTimer(() => this.#proceed(), 0)
  }

  #finish(): void {
    while (this.#writing?.next().done === false);
    this.#writing = undefined
  }

  /** Yields after each slice. @param decided when the window ended */
  *#write({ groups, counts }: Counted<Written>, decided: number): Generator<void, void> {
    let work = 0
    let fresh = false
    // Those of the next window may come while this goes on; they have no count yet.
    for (const group of groups) {
      if (group.kept !== undefined) continue
      group.kept = { model: this.#writer.of(recordOf(group.facts, OTHER as ContentId, this.#router, 1, this.#memo)), sorted: 0 }
      fresh = true
      if (++work % SLICE === 0) yield
    }
    // An order that does not depend on who came first: by what records have in common, then by title.
    if (fresh) groups.sort((a, b) => compare(textOf(a), textOf(b)))
    const all: Line[] = []
    let part = new Part()
    for (const line of linesIn(groups, counts)) {
      if (!line.model.fits(line.content)) this.#drop(line.n, 'invalid')
      else if (this.#shuffle === undefined) part.add(line)
      else all.push(line)
      if (++work % SLICE !== 0) continue
      part = this.#give(part)
      yield
    }
    for (const line of this.#shuffle === undefined ? all : shuffled(all, this.#shuffle)) {
      part.add(line)
      if (++work % SLICE !== 0) continue
      part = this.#give(part)
      yield
    }
    this.#give(part)
    for (const sink of this.sinks) sink.account?.({ decided, dropped: this.dropped })
  }

  /** @returns the next part */
  #give(part: Part): Part {
    const { lines } = part
    if (lines === undefined) return part
    this.recorded += decisionsIn(lines)
    for (const sink of this.sinks) sink.write(lines)
    return new Part()
  }

  /** The first decision of its record in this window. @param behind decisions that are counted after it */
  #first(facts: DecisionFacts, behind: number): void {
    if (this.#closed) {
      this.#drop(1, 'closed')
      return
    }
    this.#cancel ??= this.#later()
    const { size } = this.#window
    const content = size < this.#maxDistinct / 2 && !this.#full ? facts.content : (OTHER as ContentId)
    if (content !== facts.content && this.#window.countAs(content)) return
    if (size < this.#maxDistinct) this.#window.add(facts, content)
    else if (!this.#endEarly(behind + 1)) this.#overflow++
    // The next window may know less, and has to look for it again.
    else if (!this.#window.count(facts)) this.#window.add(facts, content)
  }

  #drop(count: number, why: 'too_many' | 'invalid' | 'closed'): void {
    this.dropped += count
    this.#onDropped?.(count, why)
  }
}

/** What is made of a group once. */
interface Written {
  readonly model: LineModel
  /** Titles that are in order. */
  sorted: number
}

interface Line {
  readonly model: LineModel
  readonly content: ContentId
  readonly n: number
}

/** Lines that are given to the sinks together. */
class Part {
  #text = ''
  readonly #counts: number[] = []

  add({ model: { before, after }, content, n }: Line): void {
    // One after the other, not joined first: V8 copies what was joined in such an order fastest.
    this.#text += before
    this.#text += content
    this.#text += after
    this.#text += n
    this.#text += '}\n'
    this.#counts.push(n)
  }

  get lines(): Lines | undefined {
    return this.#counts.length === 0 ? undefined : linesOf(this.#text, this.#counts)
  }
}

/** Of groups in order: lines in order, those with a count. */
function* linesIn(groups: readonly Group<Written>[], counts: Int32Array): Generator<Line, void> {
  for (let i = 0; i < groups.length;) {
    const group = groups[i++]
    if (group?.kept === undefined) continue
    const { model } = group.kept
    const same: Group<Written>[] = [group]
    // Decisions that only look different have one record.
    for (let next = groups[i]; next !== undefined && textOf(next) === model.text; next = groups[++i]) same.push(next)
    if (same.length === 1) yield* counted(group, model, counts)
    else yield* merged(same.flatMap((each) => [...counted(each, model, counts)]))
  }
}

function* counted({ titles, kept }: Group<Written>, model: LineModel, counts: Int32Array): Generator<Line, void> {
  if (kept !== undefined && kept.sorted < titles.length) {
    titles.sort((a, b) => compare(a.content, b.content))
    kept.sorted = titles.length
  }
  for (const { content, record } of titles) {
    const n = counts[record] ?? 0
    if (n > 0) yield { model, content, n }
  }
}

function merged(lines: readonly Line[]): Line[] {
  const byTitle = new Map<ContentId, Line>()
  for (const line of lines) byTitle.set(line.content, { ...line, n: line.n + (byTitle.get(line.content)?.n ?? 0) })
  return [...byTitle.values()].sort((a, b) => compare(a.content, b.content))
}

function textOf({ kept }: Group<Written>): string {
  return kept?.model.text ?? ''
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** In place (Fisher and Yates; Durstenfeld 1964). */
function shuffled<T>(items: T[], random: () => number): readonly T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    const [a, b] = [items[i], items[other]]
    if (a === undefined || b === undefined) continue
    items[i] = b
    items[other] = a
  }
  return items
}
