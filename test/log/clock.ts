/** Timers that run when a test says so. */
import type { SetTimer } from '../../src/log/sinks/sink.ts'

export class Clock {
  now = 0
  /** Timers that have run. */
  slices = 0
  #timers: { readonly at: number, readonly run: () => void }[] = []

  readonly setTimer: SetTimer = (run, ms) => {
    const timer = { at: this.now + ms, run }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
  }

  get waiting(): number {
    return this.#timers.length
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#run(due)
    }
    this.now = until
  }

  /** Until one timer has run. */
  slice(ms: number): void {
    const [due] = this.#timers.filter(({ at }) => at <= this.now + ms).sort((a, b) => a.at - b.at)
    if (due !== undefined) this.#run(due)
  }

  #run(timer: { readonly at: number, readonly run: () => void }): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
    this.now = timer.at
    this.slices++
    timer.run()
  }
}

/** Lets everything run that only waits for promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}
