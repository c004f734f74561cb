/**
 * Writes raw requests that nobody on this machine can read again.
 *
 * Records wait in memory, a minute or a mebibyte at most, are sealed to the day's two public keys in a thread of their own,
 * and only the ciphertext meets a disk. added = written + dropped + waiting, at any moment. Nothing waits for it: `add` is a
 * copy in memory, bounded by `maxBytes`, beyond which the newest are dropped and counted. After an error of the disk a timer
 * tries again, for ever; what waits for it is ciphertext.
 *
 * Days never go back in the chain. While the day before is open beside the new one, for a minute after midnight, what the
 * new day has sealed waits behind the old one, unless half of `maxBytes` waits. What is older still is dropped as `late`, also
 * after a clock that was ahead was set right: a restart takes the day as it is, and then the chain goes back once, which
 * `verify` tells.
 */
import { codeOf } from '../system.ts'
import type { Batch } from './batch.ts'
import { DAY_MS, dayOf } from './day.ts'
import { files } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import type { KeyObject } from './keys.ts'
import { OpenDays } from './open-days.ts'
import { rawLine, rawRecordOf } from './raw-record.ts'
import type { RawFacts } from './raw-record.ts'
import type { RecipientList } from './recipients.ts'
import { SegmentStore } from './segment-store.ts'
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
  readonly #open: OpenDays
  /** By day, as they are to be in the chain. */
  #queue: Pending[] = []
  /** Bytes of it. */
  #queued = 0
  #running = false
  #failed: string | undefined
  #closing = false
  #abandoned = false
  #settled: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #cancelSweep: (() => void) | undefined

  constructor(options: ArchiveWriterOptions) {
    this.#options = { ...DEFAULTS, ...options }
    this.#store = new SegmentStore(this.#options)
    this.#recipients = options.recipients
    const { maxBytes } = this.#options
    this.#open = new OpenDays({
      ...this.#options,
      room: () => maxBytes - this.memory,
      onEnded: (batch, day) => this.#enqueue(batch, day),
      onClosed: () => this.#proceed(),
    })
    this.#sweepLater()
  }

  /** Records that are in no segment, by reason. */
  get dropped(): Readonly<Record<ArchiveDrop, number>> {
    return this.#dropped
  }

  /** Bytes that wait in memory. */
  get memory(): number {
    return this.#open.size + this.#queued
  }

  /** Records that wait in memory. */
  get waiting(): number {
    return this.#queue.reduce((sum, { batch }) => sum + batch.count, this.#open.count)
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
    this.#open.use(recipients)
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
      const why = line === undefined ? 'invalid' : this.#closing ? 'closed' : this.#open.take(line, time)
      if (why !== undefined) this.#dropped[why]++
    } catch {
      this.#dropped.invalid++
    }
  }

  /** Seals and writes what waits, without waiting for it. */
  flush(): void {
    this.#open.closeOlder()
    this.#open.end()
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
    this.#queued = 0
    await Promise.race([this.#store.close(), late])
    cancel()
    await this.#options.sealer.close().catch(() => undefined)
  }

  /** Deletes local segments, and parts of such, that are older than `keepMs`, as happens every `windowMs`. Never rejects. */
  async sweep(): Promise<void> {
    this.expired += await this.#store.expire(this.#options.now() - this.#options.keepMs)
  }

  #enqueue(batch: Batch, day: number): void {
    const pending: Pending = { batch, day, sealed: this.#seal(batch).then((sealed) => sealed ?? this.#lose(pending)) }
    this.#queue.splice(this.#queue.findLastIndex((other) => other.day <= day) + 1, 0, pending)
    this.#queued += batch.size
    if (this.memory > this.#options.maxBytes / 2) this.#open.closeOlder()
    else this.#proceed()
  }

  /** The next one to be written. What is newer than the oldest day that is taken has to wait for that. */
  get #next(): Pending | undefined {
    const [next] = this.#queue
    return next === undefined || next.day > this.#open.oldest ? undefined : next
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
    this.#queued -= pending.batch.size
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
