/** Something that is done again and again at a fixed rate with jitter; never twice at once, however long it takes. */

export interface RepeatingOptions {
  readonly run: () => Promise<void>
  readonly everyMs: number
  /** Calls `run` once after `ms` milliseconds; the result cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void
  /** A number from 0 up to 1. */
  readonly random: () => number
  /** It began to fail, with this error, or works again. */
  readonly onState?: (failed: boolean, why: unknown) => void
}

const JITTER = 0.1

export class Repeating {
  readonly #options: RepeatingOptions
  #cancel: (() => void) | undefined
  #cancelSoon: (() => void) | undefined
  #running: Promise<void> | undefined
  #failed = false
  /** It is wanted once more as soon as the run that is under way ends. */
  #again = false
  #stopped = true

  constructor(options: RepeatingOptions) {
    this.#options = options
  }

  start(): void {
    if (!this.#stopped) return
    this.#stopped = false
    this.#plan()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
    this.#cancelSoon?.()
    this.#again = false
  }

  /** Runs now, or is the run that is under way. Never rejects. */
  now(): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  /** Once more within `ms`, besides the rate. */
  soon(ms: number): void {
    if (this.#stopped || this.#again) return
    this.#again = true
    this.#cancelSoon = this.#options.setTimer(() => {
      // A run that is under way may have read before what is wanted: its end begins the next.
      if (this.#running === undefined) this.#repeat()
    }, ms)
  }

  #plan(): void {
    const { everyMs, setTimer, random } = this.#options
    this.#cancel = setTimer(() => {
      this.#plan()
      void this.now()
    }, everyMs * (1 + JITTER * (2 * random() - 1)))
  }

  #repeat(): void {
    if (this.#stopped || !this.#again) return
    this.#again = false
    void this.now()
  }

  async #run(): Promise<void> {
    let failed = false
    let why: unknown
    try {
      await this.#options.run()
    } catch (error) {
      failed = true
      why = error
    }
    this.#running = undefined
    if (failed !== this.#failed) this.#options.onState?.((this.#failed = failed), why)
    this.#repeat()
  }
}
