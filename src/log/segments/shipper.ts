/**
 * Takes closed segments to somewhere else, in order, and remembers how far it came.
 *
 * The segments are the buffer: while the receiver is away nothing waits in memory, and what the disk's budget deletes
 * before it was taken is counted. The position is saved after each batch that was acknowledged, so a batch may arrive
 * twice, after a crash between the two, and none is left out.
 */
import { join } from 'node:path'
import type { SetTimer } from '../sinks/sink.ts'
import { codeOf } from '../../system.ts'
import { countDecisions, decidedAtEnd, readBatch } from './batch.ts'
import { readCursor, writeCursor } from './cursor.ts'
import type { Cursor, Position } from './cursor.ts'
import { segmentsAmong } from './names.ts'
import type { SegmentName } from './names.ts'
import { DISK } from './segment-io.ts'
import type { SegmentIo } from './segment-io.ts'

export interface Batch {
  /** Whole lines without their ends: records, and the lines that make losses visible. */
  readonly lines: readonly string[]
  /** Where the batch begins: `ams-1-4f2a9c01-0/3/0` (writer, segment, byte). The same batch has the same name again. */
  readonly from: string
  readonly writer: string
  readonly segment: number
  /** For each line the byte of the segment at which it begins. */
  readonly offsets: readonly number[]
}

export interface ShipperOptions {
  readonly name: string
  readonly directory: string
  /** File in which the position is kept. */
  readonly cursor: string
  /** Resolves once the receiver has acknowledged the batch; rejects to have it sent again. */
  send(batch: Batch): Promise<void>
  readonly setTimer: SetTimer
  /** Milliseconds between looks at the directory; default 1000. */
  readonly pollMs?: number
  /** Milliseconds until the first new attempt after an error, doubled up to `maxRetryMs`; default 1000 and 60,000. */
  readonly retryMs?: number
  readonly maxRetryMs?: number
  /** Bytes of a batch; default 256 KiB. */
  readonly batchBytes?: number
  /** Milliseconds that `close` waits; default 5000. What is not taken by then is taken after the next start. */
  readonly closeMs?: number
  /** Told of the code of each failure, `CURSOR_ENOSPC` where only the position cannot be saved, and of the recovery from it. */
  readonly onState?: (state: 'failed' | 'recovered', code: string) => void
  readonly io?: SegmentIo
}

export class Shipper {
  readonly name: string
  /** Decisions in lines that were acknowledged. */
  shipped = 0
  /** Decisions in segments that were deleted before they were taken: known from the next one of their writer, or from their end, once it was seen. */
  dropped = 0
  readonly #options: Required<Omit<ShipperOptions, 'onState'>>
  readonly #onState: ShipperOptions['onState']
  #cursor: Cursor | undefined
  /** Of each writer the newest closed segment, and what it had decided by its end: known before any of it is taken. */
  readonly #ends = new Map<string, { readonly segment: number, readonly decided: number }>()
  #cancel: (() => void) | undefined
  #running: Promise<void> | undefined
  #again = false
  #closed = false
  /** Whether the time that closing may take is over too. */
  #over = false
  #failed: string | undefined
  /** Why the position that is held is not the one in the file. */
  #unsaved: string | undefined
  #wait: number

  constructor(options: ShipperOptions) {
    const { pollMs = 1000, retryMs = 1000, maxRetryMs = 60_000, batchBytes = 256 * 1024, closeMs = 5000, io = DISK, onState, ...rest } = options
    this.name = options.name
    this.#options = { pollMs, retryMs, maxRetryMs, batchBytes, closeMs, io, ...rest }
    this.#onState = onState
    this.#wait = retryMs
  }

  /** Looks at the directory now, and from now on. Never rejects. */
  wake(): void {
    if (this.#closed) return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#cancel?.()
    this.#running = this.#rounds().finally(() => {
      this.#running = undefined
      if (!this.#closed) this.#cancel = this.#options.setTimer(() => this.wake(), this.#failed === undefined ? this.#options.pollMs : this.#wait)
    })
  }

  /** Takes what is there by now, within its time. A batch that is on its way does not count as having looked. */
  async close(): Promise<void> {
    this.wake()
    this.#closed = true
    this.#cancel?.()
    const { setTimer, closeMs } = this.#options
    let cancel = () => {}
    await Promise.race([this.#running, new Promise<void>((resolve) => { cancel = setTimer(resolve, closeMs) })])
    cancel()
    this.#over = true
  }

  /** Again at once where something was closed meanwhile, the last segment of a router that stops among it. */
  async #rounds(): Promise<void> {
    do {
      this.#again = false
      await this.#run()
    } while (this.#again && this.#failed === undefined && !this.#over)
  }

  async #run(): Promise<void> {
    try {
      await this.#look()
      if (this.#failed !== undefined) this.#onState?.('recovered', this.#failed)
      this.#failed = undefined
      this.#wait = this.#options.retryMs
    } catch (error) {
      if (this.#failed === undefined) this.#onState?.('failed', codeOf(error))
      else this.#wait = Math.min(2 * this.#wait, this.#options.maxRetryMs)
      this.#failed = codeOf(error)
    }
  }

  async #look(): Promise<void> {
    const { io, directory, cursor } = this.#options
    const { positions } = (this.#cursor ??= await readCursor(cursor))
    const files = await listed(io, directory)
    if (files === undefined) return
    const writers = writersOf(files)
    if (!this.#cursor.whole) await this.#begin(this.#cursor, writers)
    for (const own of writers.values()) await this.#lookAtEnd(own)
    this.#forget(writers)
    if (this.#unsaved !== undefined) await this.#save()
    for (const [writer, own] of writers) {
      for (const segment of own) {
        // Until it is closed it is not known to be whole, and neither is the order of those after it.
        if (segment.open) break
        if (segment.number >= (positions.get(writer)?.segment ?? 0)) await this.#ship(segment, positions)
      }
    }
  }

  /** Without a cursor nobody knows whether what is gone by now was taken: it does not count as dropped, and all that goes from now on does. */
  async #begin({ positions }: Cursor, writers: Writers): Promise<void> {
    for (const [writer, [first]] of writers) {
      if (first !== undefined && !positions.has(writer)) positions.set(writer, { segment: first.number, offset: 0, decided: first.number === 1 ? 0 : -1 })
    }
    this.#cursor = { positions, whole: true }
    await this.#save()
  }

  async #ship(segment: SegmentName, positions: Map<string, Position>): Promise<void> {
    const { io, directory, send, batchBytes } = this.#options
    const file = await io.open(join(directory, segment.file), 'r')
    try {
      const known = positions.get(segment.writer)
      let { offset, decided } = known?.segment === segment.number ? known : { offset: 0, decided: known?.decided ?? 0 }
      while (!this.#over) {
        const { lines, offsets, bytes } = await readBatch(file, offset, batchBytes)
        if (lines.length === 0) break
        const counted = countDecisions(lines, decided)
        await send({ lines, from: `${segment.writer}/${segment.number}/${offset}`, writer: segment.writer, segment: segment.number, offsets })
        offset += bytes
        decided = counted.decided
        this.shipped += counted.shipped
        this.dropped += counted.dropped
        positions.set(segment.writer, { segment: segment.number, offset, decided })
        await this.#save()
      }
    } finally {
      await file.close()
    }
  }

  /** A position that cannot be saved keeps nothing from being sent: it costs repeats after a restart, and waiting would cost records. Never rejects. */
  async #save(): Promise<void> {
    try {
      if (this.#cursor !== undefined) await writeCursor(this.#options.cursor, this.#cursor.positions)
      if (this.#unsaved !== undefined) this.#onState?.('recovered', this.#unsaved)
      this.#unsaved = undefined
    } catch (error) {
      const code = `CURSOR_${codeOf(error)}`
      if (this.#unsaved === undefined) this.#onState?.('failed', code)
      this.#unsaved = code
    }
  }

  async #lookAtEnd(own: readonly SegmentName[]): Promise<void> {
    const newest = own.findLast(({ open }) => !open)
    if (newest === undefined || newest.number === this.#ends.get(newest.writer)?.segment) return
    const { io, directory } = this.#options
    const file = await io.open(join(directory, newest.file), 'r').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (file === undefined) return
    try {
      this.#ends.set(newest.writer, { segment: newest.number, decided: await decidedAtEnd(file) })
    } finally {
      await file.close()
    }
  }

  /** Writers without a segment are over. What was never taken of them is gone. */
  #forget(writers: Writers): void {
    const positions = this.#cursor?.positions
    for (const writer of new Set([...(positions?.keys() ?? []), ...this.#ends.keys()])) {
      if (writers.has(writer)) continue
      const taken = positions?.get(writer)?.decided ?? 0
      const end = this.#ends.get(writer)
      if (end !== undefined && taken !== -1) this.dropped += Math.max(0, end.decided - taken)
      positions?.delete(writer)
      this.#ends.delete(writer)
    }
  }
}

/** By the writer's name, the segments of each in order. */
type Writers = ReadonlyMap<string, readonly SegmentName[]>

function writersOf(files: readonly string[]): Writers {
  const writers = Map.groupBy(segmentsAmong(files), ({ writer }) => writer)
  for (const own of writers.values()) own.sort((a, b) => a.number - b.number)
  return writers
}

/** Names in the directory, undefined where there is none. Rejects where it cannot be told: that says nothing of what is in it. */
async function listed(io: SegmentIo, directory: string): Promise<string[] | undefined> {
  try {
    return await io.readdir(directory)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
