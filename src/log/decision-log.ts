/**
 * The decision log: equal records within a flush window become one line with a count.
 *
 * decided = recorded + dropped + waiting, at any moment. Nothing waits for it: `add` is a look-up in memory, bounded by
 * `maxDistinct`, and the sinks take lines without waiting. Lines are sorted, or shuffled by chance that is given to it,
 * so that a file does not tell who came first.
 */
import { LineWriter } from '../privacy/line-writer.ts'
import type { LineModel } from '../privacy/line-writer.ts'
import { OTHER } from '../privacy/values.ts'
import type { ContentId } from '../privacy/values.ts'
import { RecordMemo, recordOf } from './record.ts'
import type { DecisionFacts } from './record.ts'
import type { SetTimer, Sink } from './sinks/sink.ts'
import { Window } from './window.ts'
import type { Group } from './window.ts'

export interface DecisionLogOptions {
  readonly sinks: readonly Sink[]
  /** Id of this router. */
  readonly router: string
  readonly setTimer: SetTimer
  /** Length of a flush window in milliseconds; default 1000. What a crash loses at most, and what is being written just then. */
  readonly windowMs?: number
  /**
   * Distinct records in a window; default 10000, which is some 10 MB. From half of it on, new titles are recorded as
   * `_other`; from all of it on, new records are dropped and counted.
   */
  readonly maxDistinct?: number
  /** Numbers from 0 up to 1, not 1 itself. Given, the lines of a window are written in random order instead of sorted. */
  readonly shuffle?: () => number
  /** 32 bits that nobody knows, so that nobody can ask for titles that are slow to count. */
  readonly seed?: number
  /** Told of decisions that were dropped, in the window in which that happened. */
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
  readonly #window: Window
  readonly #memo = new RecordMemo()
  readonly #writer = new LineWriter()
  #overflow = 0
  /** What a former window held, on its way to the sinks. */
  #writing: Generator<void, void> | undefined
  #cancel: (() => void) | undefined
  #closed = false

  constructor({ sinks, router, setTimer, windowMs = 1000, maxDistinct = 10_000, shuffle, seed, onDropped }: DecisionLogOptions) {
    this.#window = new Window(seed)
    this.sinks = sinks
    this.#router = router
    this.#setTimer = setTimer
    this.#windowMs = windowMs
    this.#maxDistinct = maxDistinct
    this.#shuffle = shuffle
    this.#onDropped = onDropped
  }

  add(facts: DecisionFacts): void {
    this.decided++
    if (!this.#window.count(facts)) this.#first(facts)
  }

  /** Writes what the window holds, at once, and begins the next one. */
  flush(): void {
    this.#turn()
    this.#finish()
  }

  /** Flushes, then closes the sinks. What is added later is dropped. */
  async close(): Promise<void> {
    this.#closed = true
    this.flush()
    await Promise.all(this.sinks.map((sink) => sink.close()))
  }

  /** Begins the next window. What this one holds is about to be written. */
  #turn(): void {
    this.#finish()
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#overflow > 0) this.#drop(this.#overflow, 'too_many')
    this.#overflow = 0
    this.#writing = this.#write(this.#window.groups(), this.decided)
    this.#window.clear()
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
  *#write(groups: readonly Group[], decided: number): Generator<void, void> {
    let work = 0
    const models: { model: LineModel, titles: Group['titles'] }[] = []
    for (const { facts, titles } of groups) {
      models.push({ model: this.#writer.of(recordOf(facts, OTHER as ContentId, this.#router, 1, this.#memo)), titles })
      if (++work % SLICE === 0) yield
    }
    // An order that does not depend on who came first: by what records have in common, then by title.
    models.sort((a, b) => compare(a.model.text, b.model.text))
    for (let i = models.length - 1; i > 0; i--) {
      const [former, latter] = [models[i - 1], models[i]]
      if (former === undefined || latter === undefined || former.model.text !== latter.model.text) continue
      former.titles.push(...latter.titles)
      latter.titles.length = 0
    }
    const lines: { line: string, n: number }[] = []
    for (const { model, titles } of models) {
      titles.sort((a, b) => compare(a.content, b.content) || a.n - b.n)
      for (const { content, n } of titles) {
        const line = model.line(content, n)
        if (line === undefined) this.#drop(n, 'invalid')
        else lines.push({ line: `${line}\n`, n })
        if (++work % SLICE === 0) yield
      }
    }
    if (this.#shuffle !== undefined) shuffled(lines, this.#shuffle)
    for (const { line, n } of lines) {
      for (const sink of this.sinks) sink.write(line, n)
      this.recorded += n
      if (++work % SLICE === 0) yield
    }
    for (const sink of this.sinks) sink.account?.({ decided, dropped: this.dropped })
  }

  /** The first decision of its record in this window. */
  #first(facts: DecisionFacts): void {
    if (this.#closed) {
      this.#drop(1, 'closed')
      return
    }
    this.#cancel ??= this.#setTimer(() => {
      this.#turn()
      this.#proceed()
    }, this.#windowMs)
    const { size } = this.#window
    const content = size < this.#maxDistinct / 2 ? facts.content : (OTHER as ContentId)
    if (content !== facts.content && this.#window.countAs(content)) return
    if (size < this.#maxDistinct) this.#window.add(facts, content)
    else this.#overflow++
  }

  #drop(count: number, why: 'too_many' | 'invalid' | 'closed'): void {
    this.dropped += count
    this.#onDropped?.(count, why)
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** In place (Fisher and Yates; Durstenfeld 1964). */
function shuffled<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    const [a, b] = [items[i], items[other]]
    if (a === undefined || b === undefined) continue
    items[i] = b
    items[other] = a
  }
}
