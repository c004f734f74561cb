/**
 * Records on their way from the threads that decide to the one thread that writes: a few messages per window and thread, and
 * totals that show what a thread that died had not told yet.
 */
import { decisionsIn, linesOf } from './sinks/sink.ts'
import type { Lines, Sink } from './sinks/sink.ts'

/** What a thread's log wrote in one window, or in a part of it. */
export interface RecordBatch extends Lines {
  /** Of the thread, ever; in the last part of a window all of it, before that at least so much. */
  readonly decided: number
  readonly dropped: number
}

/** The sink of a thread's log. */
export class RelaySink implements Sink {
  readonly name = 'relay'
  readonly dropped = 0
  readonly #send: (batch: RecordBatch) => void
  #told: Told = { decided: 0, dropped: 0 }
  /** The latest lines, which go with the totals if they are the window's last. */
  #held: Lines | undefined

  /** @param send may give the arrays' memory away: a log with this sink has no other */
  constructor(send: (batch: RecordBatch) => void) {
    this.#send = send
  }

  write(lines: Lines): void {
    if (this.#held !== undefined) this.#post()
    this.#held = lines
    // So much was decided at least: what was accounted for, and what has been written since.
    this.#told.decided += decisionsIn(lines)
  }

  account(totals: Told): void {
    this.#told = { ...totals }
    this.#post()
  }

  #post(): void {
    this.#send({ ...(this.#held ?? linesOf('', [])), ...this.#told })
    this.#held = undefined
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
      take: ({ decided, dropped, ...lines }) => {
        told.decided = Math.max(told.decided, decided)
        told.dropped = dropped
        this.recorded += decisionsIn(lines)
        if (lines.counts.length > 0) for (const sink of this.sinks) sink.write(lines)
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
