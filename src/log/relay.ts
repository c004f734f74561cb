/**
 * Records on their way from the threads that decide to the one thread that writes: a few messages per window and thread, and
 * totals that show what a thread that died had not told yet.
 */
import type { Sink } from './sinks/sink.ts'

/** What a thread's log wrote in one window, or in a part of it. */
export interface RecordBatch {
  /** Lines with their ends. */
  readonly text: string
  /** Decisions behind each line. */
  readonly counts: Uint32Array<ArrayBuffer>
  /** Of the thread, ever; in the last part of a window all of it, before that at least so much. */
  readonly decided: number
  readonly dropped: number
}

/** Characters of a message. */
const PART = 65_536

/** The sink of a thread's log. */
export class RelaySink implements Sink {
  readonly name = 'relay'
  readonly dropped = 0
  readonly #send: (batch: RecordBatch) => void
  #text = ''
  #counts: number[] = []
  #told: Told = { decided: 0, dropped: 0 }

  constructor(send: (batch: RecordBatch) => void) {
    this.#send = send
  }

  write(line: string, count: number): void {
    this.#text += line
    this.#counts.push(count)
    this.#told.decided += count
    // A whole window of lines takes longer to copy than a viewer should wait.
    if (this.#text.length >= PART) this.#post()
  }

  account(totals: Told): void {
    this.#told = { ...totals }
    this.#post()
  }

  /** So much was decided at least: what was accounted for, and what has been written since. */
  #post(): void {
    this.#send({ text: this.#text, counts: Uint32Array.from(this.#counts), ...this.#told })
    this.#text = ''
    this.#counts = []
  }

  async close(): Promise<void> {
    // The log has flushed, so everything was sent.
  }
}

/** The totals of one thread. */
interface Told {
  decided: number
  dropped: number
}

/** Takes what threads send and gives it to the sinks. decided = recorded + dropped + lost, over all threads that ever were. */
export class RecordHub {
  /** Decisions in the lines that were given to the sinks. */
  recorded = 0
  readonly sinks: readonly Sink[]
  readonly #threads = new Set<Told>()
  /** Of threads that are gone. */
  readonly #past: Told = { decided: 0, dropped: 0 }

  constructor(sinks: readonly Sink[]) {
    this.sinks = sinks
  }

  get decided(): number {
    return [...this.#threads].reduce((sum, { decided }) => sum + decided, this.#past.decided)
  }

  get dropped(): number {
    return [...this.#threads].reduce((sum, { dropped }) => sum + dropped, this.#past.dropped)
  }

  /** A thread begins: what it sends goes to `take`; `end` is told what it had decided when it was gone. */
  thread(): { take(batch: RecordBatch): void, end(decided: number): void } {
    const told: Told = { decided: 0, dropped: 0 }
    this.#threads.add(told)
    return {
      take: ({ text, counts, decided, dropped }) => {
        told.decided = Math.max(told.decided, decided)
        told.dropped = dropped
        let at = 0
        for (const n of counts) {
          const end = text.indexOf('\n', at) + 1
          const line = text.slice(at, end)
          for (const sink of this.sinks) sink.write(line, n)
          this.recorded += n
          at = end
        }
        this.#account()
      },
      end: (decided) => {
        if (!this.#threads.delete(told)) return
        this.#past.decided += Math.max(told.decided, decided)
        this.#past.dropped += told.dropped
        this.#account()
      },
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.sinks.map((sink) => sink.close()))
  }

  #account(): void {
    const totals = { decided: this.decided, dropped: this.dropped }
    for (const sink of this.sinks) sink.account?.(totals)
  }
}
