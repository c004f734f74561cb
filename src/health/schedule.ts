/**
 * When each target is checked: at its own interval with jitter, a bounded number at once, never twice at the same time.
 * The first checks are spread over the interval, so that thousands of targets make an even load from the start.
 */

export interface ScheduleOptions<T> {
  /** Must not reject. */
  readonly run: (item: T) => Promise<void>
  readonly timing: (item: T) => { readonly intervalMs: number; readonly jitter: number }
  /** Calls `run` once after `ms` milliseconds; the result cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number
  /** A number from 0 up to 1. */
  readonly random: () => number
  /** Checks at once. */
  readonly concurrency: number
}

interface Entry<T> {
  item: T
  due: number
  state: 'waiting' | 'queued' | 'running'
  removed: boolean
  cancel: () => void
}

export class Schedule<T> {
  readonly #options: ScheduleOptions<T>
  readonly #entries = new Map<string, Entry<T>>()
  /** Due and waiting for their turn, in order. */
  #queue = new Set<Entry<T>>()
  #running = 0
  #started = false

  constructor(options: ScheduleOptions<T>) {
    this.#options = options
  }

  get running(): number {
    return this.#running
  }

  /** What is there already keeps its time. */
  set(items: ReadonlyMap<string, T>): void {
    for (const [key, entry] of this.#entries) if (!items.has(key)) this.#remove(key, entry)
    for (const [key, item] of items) {
      const known = this.#entries.get(key)
      if (known !== undefined) {
        known.item = item
        continue
      }
      const entry: Entry<T> = { item, due: 0, state: 'waiting', removed: false, cancel: () => undefined }
      this.#entries.set(key, entry)
      if (this.#started) this.#first(entry)
    }
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    for (const entry of this.#entries.values()) if (entry.state === 'waiting') this.#first(entry)
  }

  /** What runs ends in its own time; nothing new begins. */
  stop(): void {
    this.#started = false
    this.#queue.clear()
    for (const entry of this.#entries.values()) {
      entry.cancel()
      if (entry.state === 'queued') entry.state = 'waiting'
    }
  }

  #remove(key: string, entry: Entry<T>): void {
    entry.removed = true
    entry.cancel()
    this.#queue.delete(entry)
    this.#entries.delete(key)
  }

  #first(entry: Entry<T>): void {
    const { timing, monotonic, random } = this.#options
    this.#at(entry, monotonic() + timing(entry.item).intervalMs * random())
  }

  #at(entry: Entry<T>, due: number): void {
    entry.due = due
    entry.state = 'waiting'
    entry.cancel = this.#options.setTimer(() => {
      entry.state = 'queued'
      this.#queue.add(entry)
      this.#fill()
    }, Math.max(0, due - this.#options.monotonic()))
  }

  #fill(): void {
    for (const entry of this.#queue) {
      if (this.#running >= this.#options.concurrency) return
      this.#queue.delete(entry)
      entry.state = 'running'
      this.#running++
      void this.#options.run(entry.item).finally(() => {
        this.#running--
        entry.state = 'waiting'
        if (!entry.removed && this.#started) this.#next(entry)
        this.#fill()
      })
    }
  }

  /** The interval runs from when a check was due, so that slow targets do not stretch it. */
  #next(entry: Entry<T>): void {
    const { timing, monotonic, random } = this.#options
    const { intervalMs, jitter } = timing(entry.item)
    const due = entry.due + intervalMs * (1 + jitter * (2 * random() - 1))
    const late = monotonic() - due
    // After a long sleep of the process everything is late at once: it is spread anew.
    this.#at(entry, late > intervalMs ? monotonic() + intervalMs * random() : due)
  }
}
