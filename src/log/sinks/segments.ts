/**
 * Records in segment files, of which a directory holds as many as a budget allows.
 *
 * One write is in flight at a time; what comes meanwhile waits in memory up to `maxBytes`, beyond which the newest are
 * dropped and a gap is written once there is room. After an error a timer tries again, for ever, from the last whole line:
 * a full or read-only disk costs records while it lasts and not one moment longer. On a full disk each attempt deletes the
 * oldest closed segment first: it is a ring, and the newest records matter. A segment is renamed when it is whole.
 */
import { join } from 'node:path'
import { endLine, headerLine } from '../segments/lines.ts'
import { closedName, processOf, segmentName, writerOf } from '../segments/names.ts'
import type { SegmentName, WriterName } from '../segments/names.ts'
import { DISK, writeAll } from '../segments/segment-io.ts'
import type { SegmentFile, SegmentIo } from '../segments/segment-io.ts'
import { prune, repairSegments } from '../segments/tidy.ts'
import { SegmentQueue } from '../segments/queue.ts'
import { WriterFile } from '../segments/writer-file.ts'
import { codeOf } from '../../system.ts'
import type { Lines, SetTimer, Sink } from './sink.ts'

export interface SegmentSinkOptions {
  readonly directory: string
  readonly writer: WriterName
  readonly setTimer: SetTimer
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly name?: string
  /** Bytes of a segment, more or less a batch; default 16 MiB, but an eighth of the budget at most. */
  readonly segmentBytes?: number
  /** Milliseconds after which a segment is closed, so that it can be shipped; default 60,000. */
  readonly segmentMs?: number
  /** Bytes of all segments of the directory together; default 1 GiB. The oldest are deleted. */
  readonly budgetBytes?: number
  /** Milliseconds that a segment is kept; default 72 hours. */
  readonly keepMs?: number
  /** Bytes that wait for the disk at most; default 8 MiB. */
  readonly maxBytes?: number
  /** Milliseconds between attempts after an error; default 1000. */
  readonly retryMs?: number
  /** Milliseconds that `close` waits for the disk; default 5000. */
  readonly closeMs?: number
  /** Told of each error's code, such as `ENOSPC`, and of the recovery from it. */
  readonly onState?: (state: 'failed' | 'recovered', code: string) => void
  /** Told at the end of `close`, where not all could be written, of the decisions that were dropped since the disk last had everything. */
  readonly onAbandoned?: (decisions: number) => void
  /** Told when a segment was closed, for those who ship it. */
  readonly onClosed?: () => void
  readonly io?: SegmentIo
}

interface OpenSegment {
  readonly name: SegmentName
  readonly path: string
  /** Bytes up to the end of the last whole line. */
  size: number
  /** Whether its time is over. */
  due: boolean
  readonly cancel: () => void
}

const BATCH_BYTES = 256 * 1024
/** How often the directory is tidied at least. */
const TIDY_MS = 60_000

export class SegmentSink implements Sink {
  readonly name: string
  /** Segments that a killed process had left open. */
  repaired = 0
  /** Segments that were deleted for the budget or for their age. */
  deleted = 0
  readonly #options: Required<Omit<SegmentSinkOptions, 'onState' | 'onAbandoned' | 'onClosed' | 'name'>>
  readonly #onState: SegmentSinkOptions['onState']
  readonly #onAbandoned: SegmentSinkOptions['onAbandoned']
  readonly #onClosed: SegmentSinkOptions['onClosed']
  readonly #writer: string
  readonly #queue: SegmentQueue
  readonly #writerFile: WriterFile
  #segments = 0
  /** The segment that was closed last. */
  #closed: string | undefined
  #segment: OpenSegment | undefined
  #file: SegmentFile | undefined
  #running = false
  #scheduled = false
  #failed: string | undefined
  #cancelRetry: (() => void) | undefined
  #closing = false
  #ending: Promise<void> | undefined
  #abandoned = false
  #gaveUp = false
  /** What was dropped when the disk had last taken everything. */
  #droppedBefore = 0
  #settled: (() => void) | undefined
  #tidying: Promise<unknown> = Promise.resolve()
  #cancelTidy: (() => void) | undefined

  constructor(options: SegmentSinkOptions) {
    const {
      directory, writer, setTimer, now, name = 'segments', budgetBytes = 1 << 30, segmentBytes = Math.min(16 << 20, budgetBytes / 8), segmentMs = 60_000, keepMs = 72 * 3_600_000,
      maxBytes = 8 << 20, retryMs = 1000, closeMs = 5000, onState, onAbandoned, onClosed, io = DISK,
    } = options
    this.name = name
    this.#options = { directory, writer, setTimer, now, segmentBytes, segmentMs, budgetBytes, keepMs, maxBytes, retryMs, closeMs, io }
    this.#onState = onState
    this.#onAbandoned = onAbandoned
    this.#onClosed = onClosed
    this.#writer = writerOf(writer)
    this.#queue = new SegmentQueue(maxBytes)
    this.#writerFile = new WriterFile(io, directory, processOf(writer))
  }

  get #batchBytes(): number {
    return Math.min(BATCH_BYTES, this.#options.segmentBytes)
  }

  get dropped(): number {
    return this.#queue.dropped
  }

  /** Tidies the directory now and each minute, whether anything is decided or not. */
  start(): void {
    void this.#tidy().then(() => {
      if (!this.#closing) this.#cancelTidy = this.#options.setTimer(() => this.start(), TIDY_MS)
    })
  }

  write(lines: Lines): void {
    this.#queue.add(lines, this.#closing)
    this.#schedule()
  }

  account(totals: { readonly decided: number, readonly dropped: number }): void {
    this.#queue.mark(totals)
    this.#schedule()
  }

  /** The same promise each time. */
  close(): Promise<void> {
    return (this.#ending ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#closing = true
    this.#cancelTidy?.()
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    const done = new Promise<void>((resolve) => { this.#settled = resolve })
    const cancel = this.#options.setTimer(() => this.#settled?.(), this.#options.closeMs)
    this.#start()
    await done
    cancel()
    this.#segment?.cancel()
    this.#abandoned = true
    const waiting = this.#queue.length > 0
    this.#queue.abandon()
    if (waiting || this.#gaveUp) this.#onAbandoned?.(this.dropped - this.#droppedBefore)
  }

  /** One write for all lines that come at a time. */
  #schedule(): void {
    if (this.#scheduled || this.#running || this.#cancelRetry !== undefined) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  /** Until nothing waits or an error. Never rejects. */
  async #run(): Promise<void> {
    const began = this.#closing
    let freed = true
    let again = false
    try {
      // What filled the disk may be its own segments.
      if (this.#failed !== undefined && !this.#closing) freed = await this.#tidy(isFull(this.#failed))
      for (;;) {
        this.#queue.catchUp()
        if (this.#queue.length === 0 && !this.#gaveUp) this.#droppedBefore = this.dropped
        if (this.#queue.length > 0) await this.#writeBatch()
        else if (this.#segment?.due !== true) break
        if (!this.#abandoned && this.#segment !== undefined && (this.#segment.due || this.#segment.size >= this.#options.segmentBytes)) await this.#finish(false)
      }
      // A writer that has written says in its last line that it stopped as planned.
      if (this.#abandoned) await this.#shut()
      else if (this.#closing && this.#segments > 0) {
        await this.#finish(true)
        await this.#writerFile.remove()
      }
    } catch (error) {
      if (!freed && isFull(codeOf(error)) && !this.#closing) await this.#giveWay().catch(() => undefined)
      await this.#fail(error)
      // One that began before closing was not the last one.
      again = this.#closing && !this.#abandoned && (!began || (isFull(codeOf(error)) && ((await this.#tidy(true)) || (await this.#giveUp()))))
    }
    this.#running = false
    if (this.#closing && !again) this.#settled?.()
    else if (this.#closing) this.#start()
    else if (this.#failed === undefined && this.#queue.length > 0) this.#start()
  }

  async #writeBatch(): Promise<void> {
    const segment = (this.#segment ??= this.#begin())
    const file = await this.#opened(segment)
    const header = Buffer.from(segment.size === 0 ? headerLine(segment.name.number, this.#writer, this.#queue.written) : '')
    const bytes = Buffer.concat([header, ...this.#queue.take(this.#batchBytes)])
    let written = 0
    try {
      await writeAll(file, bytes, segment.size, (sofar) => { written = sofar })
    } finally {
      // Of an abandoned batch it was already said that it was dropped.
      if (written >= header.length && !this.#abandoned) segment.size += header.length + this.#queue.confirm(written - header.length)
    }
    this.#works()
  }

  #begin(): OpenSegment {
    const { directory, now, setTimer, segmentMs } = this.#options
    const name = segmentName(this.#writer, ++this.#segments, now())
    const cancel = setTimer(() => {
      segment.due = true
      if (this.#cancelRetry === undefined) this.#start()
    }, segmentMs)
    const segment: OpenSegment = { name, path: join(directory, name.file), size: 0, due: false, cancel }
    return segment
  }

  async #opened(segment: OpenSegment): Promise<SegmentFile> {
    if (this.#file !== undefined) return this.#file
    const { io, directory } = this.#options
    if (segment.size === 0) {
      await io.mkdir(directory)
      await this.#tidy()
      return (this.#file = await io.open(segment.path, 'w'))
    }
    try {
      this.#file = await io.open(segment.path, 'r+')
      await this.#file.truncate(segment.size)
      return this.#file
    } catch (error) {
      // Somebody removed it. Its lines are lost, which the header of the next one shows.
      if (codeOf(error) === 'ENOENT') this.#forgetSegment()
      throw error
    }
  }

  /** No closed segment is left to delete: ends the open one, in the block that the writer's file kept, so that it can go next. */
  async #giveWay(): Promise<void> {
    if (this.#segment === undefined || this.#segment.size === 0) return
    await this.#writerFile.remove()
    await this.#shut().catch(() => undefined)
    await this.#finish(false, false)
  }

  /** The disk is full, and nothing is left to delete: says at least how much is missing. Returns false the second time. */
  async #giveUp(): Promise<boolean> {
    if (this.#gaveUp) return false
    this.#gaveUp = true
    this.#queue.giveUp()
    await this.#writerFile.remove()
    return true
  }

  async #finish(last: boolean, works = true): Promise<void> {
    const segment = (this.#segment ??= this.#begin())
    const file = await this.#opened(segment)
    const { io, directory } = this.#options
    const header = segment.size === 0 ? headerLine(segment.name.number, this.#writer, this.#queue.written) : ''
    await writeAll(file, Buffer.from(header + endLine(segment.name.number, this.#queue.written, last)), segment.size, () => undefined)
    await file.datasync()
    await this.#shut()
    await io.rename(segment.path, join(directory, closedName(segment.name)))
    this.#forgetSegment()
    this.#closed = closedName(segment.name)
    if (works) this.#works()
    // Who ships it gets hold of it before anything is deleted.
    this.#onClosed?.()
    await this.#tidy()
  }

  /**
   * One at a time. Returns whether segments were deleted. A directory that cannot be tidied can still be written to, or cannot, which will show.
   *
   * @param full whether one must go, whatever the budget
   */
  async #tidy(full = false): Promise<boolean> {
    const tidied = this.#tidying.then(async () => await this.#tidyOnce(full))
    this.#tidying = tidied
    return await tidied
  }

  async #tidyOnce(full: boolean): Promise<boolean> {
    const { io, directory, budgetBytes, segmentBytes, keepMs, now, writer } = this.#options
    if (this.#segment !== undefined && !this.#gaveUp) await this.#writerFile.touch()
    const repaired = await repairSegments(io, directory, processOf(writer), now()).catch(() => 0)
    this.repaired += repaired
    if (repaired > 0) this.#onClosed?.()
    const bounds = { budget: budgetBytes, reserve: segmentBytes + this.#batchBytes, beginning: this.#segment?.name.file, spare: full ? undefined : this.#closed, before: now() - keepMs, now: now(), least: full ? 1 : 0 }
    const { segments } = await prune(io, directory, bounds).catch(() => ({ segments: 0 }))
    this.deleted += segments
    return segments > 0
  }

  #forgetSegment(): void {
    this.#segment?.cancel()
    this.#segment = undefined
  }

  #works(): void {
    if (this.#failed !== undefined) this.#onState?.('recovered', this.#failed)
    this.#failed = undefined
  }

  async #fail(error: unknown): Promise<void> {
    const code = codeOf(error)
    await this.#shut().catch(() => undefined)
    if (this.#failed === undefined) this.#onState?.('failed', code)
    this.#failed = code
    if (this.#closing) return
    this.#cancelRetry = this.#options.setTimer(() => {
      this.#cancelRetry = undefined
      this.#start()
    }, this.#options.retryMs)
  }

  async #shut(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

function isFull(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT'
}
