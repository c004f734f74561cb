/**
 * The batches that take records, one for each day that is open.
 *
 * That is today, and for a minute after midnight also the day before: its records may come after the first of the new day,
 * from another thread or from an answer that took long. A day that was closed never opens again, also after a clock that was
 * ahead was set right.
 */
import { Batch, PAD_BYTES, SEGMENT_BYTES } from './batch.ts'
import { DAY_MS, dayOf } from './day.ts'
import type { RecipientList } from './recipients.ts'
import { segmentHeader } from './segment.ts'
import type { SetTimer } from './sealer.ts'

/** No keys for the day; no room in memory; of a day that is closed; longer than a segment. */
export type NotTaken = 'no_keys' | 'full' | 'late' | 'invalid'

export interface OpenDaysOptions {
  /** Id of this router. */
  readonly router: string
  readonly recipients: RecipientList
  readonly setTimer: SetTimer
  /** Milliseconds that a batch is open at most, and a day after its end. */
  readonly windowMs: number
  /** Bytes that may still wait, here or elsewhere. */
  room(): number
  /** Told of each batch that has ended, in any order of days. @param day since the epoch */
  onEnded(batch: Batch, day: number): void
  /** Told when `oldest` may have grown. */
  onClosed(): void
}

/** A batch that takes records. */
interface Open {
  readonly batch: Batch
  /** Of the timer that ends it. */
  readonly cancel: () => void
}

export class OpenDays {
  readonly #options: OpenDaysOptions
  #recipients: RecipientList
  /** By day since the epoch. */
  readonly #open = new Map<number, Open>()
  /** The newest day of a batch, and the oldest that is still taken: the same, or for a while the one before. */
  #newest = -Infinity
  #oldest = -Infinity
  #cancelOlder: (() => void) | undefined

  constructor(options: OpenDaysOptions) {
    this.#options = options
    this.#recipients = options.recipients
  }

  /** The oldest day that is still taken, since the epoch. */
  get oldest(): number {
    return this.#oldest
  }

  /** Bytes of memory. */
  get size(): number {
    let size = 0
    for (const { batch } of this.#open.values()) size += batch.size
    return size
  }

  /** Records. */
  get count(): number {
    let count = 0
    for (const { batch } of this.#open.values()) count += batch.count
    return count
  }

  /** For batches that begin from now on. */
  use(recipients: RecipientList): void {
    this.#recipients = recipients
  }

  /** Why the line was not taken, or undefined where it was. */
  take(line: string, time: number): NotTaken | undefined {
    const day = Math.floor(time / DAY_MS)
    if (day < this.#oldest) return 'late'
    if (!this.#fits(line, day)) this.end()
    const batch = this.#open.get(day)?.batch ?? this.#begin(day, time)
    if (typeof batch === 'string') return batch
    const growth = batch.growthFor(line)
    if (growth === undefined) return 'invalid'
    if (growth > this.#options.room()) return 'full'
    batch.add(line, time)
    return undefined
  }

  /** Ends the batch of a day, or all of them. */
  end(only?: number): void {
    for (const [day, { batch, cancel }] of this.#open) {
      if (only !== undefined && day !== only) continue
      cancel()
      this.#open.delete(day)
      if (batch.count > 0) this.#options.onEnded(batch, day)
    }
  }

  /** From now on nothing is taken but the newest day. */
  closeOlder(): void {
    this.#cancelOlder?.()
    this.#cancelOlder = undefined
    this.#close(this.#newest)
  }

  /** Whether what is open stays within a mebibyte with this line. */
  #fits(line: string, day: number): boolean {
    const batch = this.#open.get(day)?.batch
    const growth = batch === undefined ? PAD_BYTES : batch.growthFor(line)
    return growth !== undefined && this.size + growth <= SEGMENT_BYTES
  }

  #begin(day: number, time: number): Batch | NotTaken {
    const { windowMs, setTimer, router, room } = this.#options
    // Ending what was open, to make room, may have closed the day.
    if (day < this.#oldest) return 'late'
    if (PAD_BYTES > room()) return 'full'
    const name = dayOf(time)
    const recipients = this.#recipients.recipientsFor(name)
    if (recipients === undefined) return 'no_keys'
    if (day > this.#newest) this.#turnTo(day, time)
    const batch = new Batch(name, recipients, segmentHeader(router, name))
    this.#open.set(day, { batch, cancel: setTimer(() => this.end(day), windowMs) })
    return batch
  }

  /** A new day begins. The one before is taken for a while, unless its end is longer ago, as at a start in the middle of a day. */
  #turnTo(day: number, time: number): void {
    const { windowMs, setTimer } = this.#options
    const oldest = time - day * DAY_MS < windowMs ? day - 1 : day
    this.#cancelOlder?.()
    this.#close(oldest)
    this.#newest = day
    this.#cancelOlder = oldest < day ? setTimer(() => this.closeOlder(), windowMs) : undefined
  }

  /** Whatever is older than this day. Of two such the newer may end first, and waits for the other until `oldest` is beyond both. */
  #close(oldest: number): void {
    for (const day of this.#open.keys()) if (day < oldest) this.end(day)
    this.#oldest = oldest
    this.#options.onClosed()
  }
}
