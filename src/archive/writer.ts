/**
 * Writes raw requests that nobody on this machine can read again.
 *
 * Records wait in memory, a minute or a mebibyte at most, are sealed to the day's two public keys in a thread of their own,
 * and only the ciphertext meets a disk. added = written + dropped + waiting, at any moment. Nothing waits for it: `add` is a
 * copy in memory, bounded by `maxBytes`, beyond which the newest are dropped and counted. After an error of the disk a timer
 * tries again, for ever; what waits for it is ciphertext.
 *
 * Days never go back in the chain. Records of before midnight may come after the first of after midnight, from another
 * thread or from an answer that took long: for a minute both days are open, and what the new day has sealed meanwhile waits
 * behind the old one, unless half of `maxBytes` waits. What is older still is dropped as `late`, also after a clock that was
 * ahead was set right: a restart takes the day as it is, and then the chain goes back once, which `verify` tells.
 */
import { codeOf } from './archive-error.ts'
import { Batch, PAD_BYTES, SEGMENT_BYTES } from './batch.ts'
import { DAY_MS, dayOf } from './day.ts'
import { files } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import type { KeyObject } from './keys.ts'
import { rawLine, rawRecordOf } from './raw-record.ts'
import type { RawFacts } from './raw-record.ts'
import type { RecipientList } from './recipients.ts'
import { SegmentStore } from './segment-store.ts'
import { segmentHeader } from './segment.ts'
import type { Sealed, Sealer, SetTimer } from './sealer.ts'

export const ARCHIVE_DROPS = ['no_keys', 'full', 'late', 'seal', 'closed', 'invalid'] as const
/** No keys for the day; more than `maxBytes` wait; of a day that is closed; sealing failed; after or at the end of `close`; the record could not be made. */
export type ArchiveDrop = (typeof ARCHIVE_DROPS)[number]

export interface ArchiveWriterOptions {
  /** Id of this router. */
  readonly router: string
  /** Segments go to `directory/router/day`. */
  readonly directory: string
  readonly recipients: RecipientList
  /** This router's own Ed25519 key. */
  readonly signingKey: KeyObject
  readonly sealer: Sealer
  readonly setTimer: SetTimer
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly io?: ArchiveFiles
  /** Milliseconds that a record waits in memory at most before it is sealed; default one minute. What a crash loses at most. */
  readonly windowMs?: number
  /** Bytes of records and segments that wait at most; default 8 MiB. */
  readonly maxBytes?: number
  /** Milliseconds until the disk is tried again after an error; default 5000. */
  readonly retryMs?: number
  /** Milliseconds that `close` waits for sealing and the disk; default 10,000. */
  readonly closeMs?: number
  /** Milliseconds after which a segment that was not shipped is deleted; default one hour. */
  readonly keepMs?: number
  /** Told when writing fails, with the system's code, and when it works again. */
  readonly onState?: ((state: 'failed' | 'recovered', code: string) => void) | undefined
}

const DEFAULTS = { io: files, windowMs: 60_000, maxBytes: 8 * 1024 * 1024, retryMs: 5000, closeMs: 10_000, keepMs: 3_600_000 }

/** A batch that takes records. */
interface Open {
  readonly batch: Batch
  /** Of the timer that ends it. */
  readonly cancel: () => void
}

/** A batch on its way. It is being sealed from the moment that it is here. */
interface Pending {
  readonly batch: Batch
  /** Of its records, in days since the epoch. */
  readonly day: number
  /** Undefined where it could not be sealed, and is no longer in the queue. Never rejects. */
  readonly sealed: Promise<Sealed | undefined>
}

export class ArchiveWriter {
  /** Records that were given. */
  added = 0
  /** Records in segments that the disk has. */
  written = 0
  /** Segments and their bytes that the disk has. */
  segments = 0
  bytes = 0
  /** Local segments that were deleted before anybody shipped them. */
  expired = 0
  readonly #dropped: Record<ArchiveDrop, number> = { no_keys: 0, full: 0, late: 0, seal: 0, closed: 0, invalid: 0 }
  readonly #options: typeof DEFAULTS & ArchiveWriterOptions
  readonly #store: SegmentStore
  #recipients: RecipientList
  /** By day since the epoch. */
  readonly #open = new Map<number, Open>()
  /** The newest day of a batch, and the oldest that is still taken: the same, or for a minute the one before. */
  #newest = -Infinity
  #oldest = -Infinity
  /** By day, as they are to be in the chain. */
  #queue: Pending[] = []
  #memory = 0
  #running = false
  #failed: string | undefined
  #closing = false
  #abandoned = false
  #settled: (() => void) | undefined
  #cancelOlder: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #cancelSweep: (() => void) | undefined

  constructor(options: ArchiveWriterOptions) {
    this.#options = { ...DEFAULTS, ...options }
    this.#store = new SegmentStore(this.#options)
    this.#recipients = options.recipients
    this.#sweepLater()
  }

  /** Records that are in no segment, by reason. */
  get dropped(): Readonly<Record<ArchiveDrop, number>> {
    return this.#dropped
  }

  /** Bytes that wait in memory. */
  get memory(): number {
    return this.#memory
  }

  /** Records that wait in memory. */
  get waiting(): number {
    return [...this.#open.values(), ...this.#queue].reduce((sum, { batch }) => sum + batch.count, 0)
  }

  /** Days in a row with keys, from today on. With none left nothing is archived. */
  get daysLeft(): number {
    const today = this.#options.now()
    let days = 0
    while (this.#recipients.recipientsFor(dayOf(today + days * DAY_MS)) !== undefined) days++
    return days
  }

  /** From the next record on. What waits keeps the keys that it has. */
  use(recipients: RecipientList): void {
    this.#recipients = recipients
    this.flush()
  }

  /** Never throws and never waits. */
  add(facts: RawFacts): void {
    let line: string | undefined
    try {
      line = rawLine(rawRecordOf(facts))
    } catch {
      // Counted as what no line could be made of.
    }
    this.addLine(line, facts.time)
  }

  /** A record that another thread has made its line of; undefined where it could not. */
  addLine(line: string | undefined, time: number): void {
    this.added++
    try {
      const why = line === undefined ? 'invalid' : this.#take(line, time)
      if (why !== undefined) this.#dropped[why]++
    } catch {
      this.#dropped.invalid++
    }
  }

  /** Seals and writes what waits, without waiting for it. */
  flush(): void {
    this.#closeOlder()
    this.#sealOpen()
  }

  /** Seals and writes what waits, within `closeMs`; counts the rest as dropped. Never rejects. */
  async close(): Promise<void> {
    this.#closing = true
    this.flush()
    this.#cancelSweep?.()
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    const done = new Promise<void>((resolve) => { this.#settled = resolve })
    let overdue = () => undefined as void
    const late = new Promise<void>((resolve) => { overdue = resolve })
    const cancel = this.#options.setTimer(overdue, this.#options.closeMs)
    this.#start()
    await Promise.race([done, late])
    this.#abandoned = true
    this.#dropped.closed += this.waiting
    this.#queue = []
    this.#memory = 0
    await Promise.race([this.#store.close(), late])
    cancel()
    await this.#options.sealer.close().catch(() => undefined)
  }

  /** Deletes local segments, and parts of such, that are older than `keepMs`, as happens every `windowMs`. Never rejects. */
  async sweep(): Promise<void> {
    this.expired += await this.#store.expire(this.#options.now() - this.#options.keepMs)
  }

  /** Why the line was dropped, or undefined where it was not. */
  #take(line: string, time: number): ArchiveDrop | undefined {
    if (this.#closing) return 'closed'
    const day = Math.floor(time / DAY_MS)
    if (day < this.#oldest) return 'late'
    if (!this.#fits(line, day)) this.#sealOpen()
    const batch = this.#open.get(day)?.batch ?? this.#begin(day, time)
    if (typeof batch === 'string') return batch
    const growth = batch.growthFor(line)
    if (growth === undefined) return 'invalid'
    if (this.#memory + growth > this.#options.maxBytes) return 'full'
    this.#memory += growth
    batch.add(line, time)
    return undefined
  }

  /** Whether what is open stays within a mebibyte with this line. */
  #fits(line: string, day: number): boolean {
    const batch = this.#open.get(day)?.batch
    const growth = batch === undefined ? PAD_BYTES : batch.growthFor(line)
    if (growth === undefined) return false
    let size = growth
    for (const open of this.#open.values()) size += open.batch.size
    return size <= SEGMENT_BYTES
  }

  #begin(day: number, time: number): Batch | ArchiveDrop {
    const { maxBytes, windowMs, setTimer, router } = this.#options
    // Sealing what was open, to make room, may have closed the day.
    if (day < this.#oldest) return 'late'
    if (this.#memory + PAD_BYTES > maxBytes) return 'full'
    const name = dayOf(time)
    const recipients = this.#recipients.recipientsFor(name)
    if (recipients === undefined) return 'no_keys'
    if (day > this.#newest) this.#turnTo(day, time)
    const batch = new Batch(name, recipients, segmentHeader(router, name))
    this.#memory += batch.size
    this.#open.set(day, { batch, cancel: setTimer(() => this.#sealOpen(day), windowMs) })
    return batch
  }

  /** A new day begins. The one before is taken for a while, unless its end is longer ago, as at a start in the middle of a day. */
  #turnTo(day: number, time: number): void {
    const { windowMs, setTimer } = this.#options
    const oldest = time - day * DAY_MS < windowMs ? day - 1 : day
    for (const other of this.#open.keys()) if (other < oldest) this.#sealOpen(other)
    this.#newest = day
    this.#oldest = oldest
    this.#cancelOlder?.()
    this.#cancelOlder = oldest < day ? setTimer(() => this.#closeOlder(), windowMs) : undefined
    this.#proceed()
  }

  /** From now on nothing is taken but the newest day, and what waited behind the one before is written. */
  #closeOlder(): void {
    this.#cancelOlder?.()
    this.#cancelOlder = undefined
    this.#oldest = this.#newest
    for (const day of this.#open.keys()) if (day < this.#oldest) this.#sealOpen(day)
    this.#proceed()
  }

  /** Ends the batch of a day, or all of them. */
  #sealOpen(only?: number): void {
    for (const [day, { batch, cancel }] of this.#open) {
      if (only !== undefined && day !== only) continue
      cancel()
      this.#open.delete(day)
      if (batch.count === 0) {
        this.#memory -= batch.size
        continue
      }
      const pending: Pending = { batch, day, sealed: this.#seal(batch).then((sealed) => sealed ?? this.#lose(pending)) }
      this.#queue.splice(this.#queue.findLastIndex((other) => other.day <= day) + 1, 0, pending)
    }
    if (this.#oldest < this.#newest && this.#memory > this.#options.maxBytes / 2) this.#closeOlder()
    else this.#proceed()
  }

  /** The next one to be written. What is newer than the oldest day that is taken has to wait for that. */
  get #next(): Pending | undefined {
    const [next] = this.#queue
    return next === undefined || next.day > this.#oldest ? undefined : next
  }

  /** Unless the disk is to be left alone for a while. */
  #proceed(): void {
    if (this.#cancelRetry === undefined && this.#next !== undefined) this.#start()
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  /** Until nothing waits or an error of the disk. Never rejects. */
  async #run(): Promise<void> {
    try {
      for (let next = this.#next; next !== undefined; next = this.#next) {
        const sealed = await next.sealed
        if (sealed !== undefined) await this.#write(next.batch, sealed)
        if (this.#abandoned) return
        if (sealed !== undefined) this.#leave(next)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#running = false
    if (this.#closing) this.#settled?.()
    else this.#proceed()
  }

  /** Whatever the disk does, so that no plaintext waits for it. Undefined where that failed. */
  async #seal(batch: Batch): Promise<Sealed | undefined> {
    try {
      return await this.#options.sealer.seal(batch.plaintext(), batch.recipients)
    } catch {
      return undefined
    }
  }

  /** What could not be sealed: its memory went to the thread. */
  #lose(pending: Pending): undefined {
    if (this.#abandoned) return
    this.#state('SEAL')
    this.#leave(pending)
    this.#dropped.seal += pending.batch.count
  }

  #leave(pending: Pending): void {
    this.#queue = this.#queue.filter((other) => other !== pending)
    this.#memory -= pending.batch.size
  }

  async #write(batch: Batch, sealed: Sealed): Promise<void> {
    if (this.#abandoned) return
    await this.#store.write(sealed, { epoch: batch.day, n: batch.count, ...batch.minutes })
    if (this.#abandoned) return
    this.written += batch.count
    this.segments++
    this.bytes += sealed.bytes.length
    if (this.#failed !== undefined) this.#options.onState?.('recovered', this.#failed)
    this.#failed = undefined
  }

  #fail(error: unknown): void {
    this.#state(codeOf(error))
    if (this.#closing) return
    this.#cancelRetry = this.#options.setTimer(() => {
      this.#cancelRetry = undefined
      this.#start()
    }, this.#options.retryMs)
  }

  #state(code: string): void {
    if (this.#failed === undefined) this.#options.onState?.('failed', code)
    this.#failed = code
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#options.setTimer(() => {
      void this.sweep().then(() => {
        if (!this.#closing) this.#sweepLater()
      })
    }, this.#options.windowMs)
  }
}
