/**
 * Takes closed segments to somewhere else, in order, and remembers how far it came.
 *
 * The segments are the buffer: while the receiver is away nothing waits in memory, and what the disk's budget deletes
 * before it was taken is counted. The position is saved after each batch that was acknowledged, so a batch may arrive
 * twice, after a crash between the two, and none is left out.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SetTimer } from '../sinks/sink.ts'
import { parseLine } from './lines.ts'
import { segmentsAmong } from './names.ts'
import type { SegmentName } from './names.ts'
import { DISK, codeOf } from './segment-io.ts'
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
  readonly onState?: (state: 'failed' | 'recovered', code: string) => void
  readonly io?: SegmentIo
}

interface Position {
  readonly segment: number
  readonly offset: number
  /** Decisions up to here, of this writer. */
  readonly decided: number
}

export class Shipper {
  readonly name: string
  /** Decisions in lines that were acknowledged. */
  shipped = 0
  /** Decisions in segments that were deleted before they were taken. */
  dropped = 0
  readonly #options: Required<Omit<ShipperOptions, 'onState'>>
  readonly #onState: ShipperOptions['onState']
  #positions: Map<string, Position> | undefined
  #cancel: (() => void) | undefined
  #running: Promise<void> | undefined
  #again = false
  #closed = false
  #failed: string | undefined
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
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#closed) return
      if (this.#again && this.#failed === undefined) {
        this.#again = false
        this.wake()
      } else this.#cancel = this.#options.setTimer(() => this.wake(), this.#failed === undefined ? this.#options.pollMs : this.#wait)
    })
  }

  /** Takes what is there once more, within its time. */
  async close(): Promise<void> {
    this.wake()
    this.#closed = true
    this.#cancel?.()
    const { setTimer, closeMs } = this.#options
    let cancel = () => {}
    await Promise.race([this.#running, new Promise<void>((resolve) => { cancel = setTimer(resolve, closeMs) })])
    cancel()
  }

  async #run(): Promise<void> {
    try {
      this.#positions ??= await this.#load()
      const { io, directory } = this.#options
      const files = await listed(io, directory)
      const segments = segmentsAmong(files ?? [])
      for (const [writer, own] of Map.groupBy(segments, (segment) => segment.writer)) {
        for (const segment of own.toSorted((a, b) => a.number - b.number)) {
          // Until it is closed it is not known to be whole, and neither is the order of those after it.
          if (segment.open) break
          if (segment.number >= (this.#positions.get(writer)?.segment ?? 0)) await this.#ship(segment)
        }
      }
      if (files !== undefined) this.#forget(new Set(segments.map(({ writer }) => writer)))
      if (this.#failed !== undefined) this.#onState?.('recovered', this.#failed)
      this.#failed = undefined
      this.#wait = this.#options.retryMs
    } catch (error) {
      if (this.#failed === undefined) this.#onState?.('failed', codeOf(error))
      else this.#wait = Math.min(2 * this.#wait, this.#options.maxRetryMs)
      this.#failed = codeOf(error)
    }
  }

  async #ship(segment: SegmentName): Promise<void> {
    const { io, directory, send } = this.#options
    const file = await io.open(join(directory, segment.file), 'r')
    try {
      const known = this.#positions?.get(segment.writer)
      let { offset, decided } = known?.segment === segment.number ? known : { offset: 0, decided: known?.decided ?? -1 }
      for (;;) {
        const { lines, offsets, bytes } = await this.#read(file, offset)
        if (lines.length === 0) break
        const counted = count(lines, decided)
        await send({ lines, from: `${segment.writer}/${segment.number}/${offset}`, writer: segment.writer, segment: segment.number, offsets })
        offset += bytes
        decided = counted.decided
        this.shipped += counted.shipped
        this.dropped += counted.dropped
        await this.#save(segment.writer, { segment: segment.number, offset, decided })
      }
    } finally {
      await file.close()
    }
  }

  /** Whole lines from there, a batch of them; at least one, however long. */
  async #read(file: Awaited<ReturnType<SegmentIo['open']>>, offset: number): Promise<{ readonly lines: readonly string[], readonly offsets: readonly number[], readonly bytes: number }> {
    for (let size = this.#options.batchBytes; ; size *= 2) {
      const buffer = Buffer.alloc(size)
      const { bytesRead } = await file.read(buffer, 0, size, offset)
      const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1
      if (end > 0) return { lines: buffer.toString('utf8', 0, end - 1).split('\n'), offsets: beginnings(buffer, end).map((at) => offset + at), bytes: end }
      if (bytesRead < size) return { lines: [], offsets: [], bytes: 0 }
    }
  }

  async #load(): Promise<Map<string, Position>> {
    const text = await readFile(this.#options.cursor, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return '{}'
      throw error
    })
    const positions = new Map<string, Position>()
    for (const [writer, value] of Object.entries(parsed(text))) {
      const { segment, offset, decided } = (value ?? {}) as Record<string, unknown>
      if (typeof segment === 'number' && typeof offset === 'number' && typeof decided === 'number') positions.set(writer, { segment, offset, decided })
    }
    return positions
  }

  async #save(writer: string, position: Position): Promise<void> {
    this.#positions?.set(writer, position)
    const { cursor } = this.#options
    await writeFile(`${cursor}.new`, `${JSON.stringify(Object.fromEntries(this.#positions ?? []))}\n`, { mode: 0o640 })
    await rename(`${cursor}.new`, cursor)
  }

  /** Writers without a segment are over. */
  #forget(writers: ReadonlySet<string>): void {
    for (const writer of this.#positions?.keys() ?? []) if (!writers.has(writer)) this.#positions?.delete(writer)
  }
}

/** Where lines begin in the bytes before the end, which is a line's. */
function beginnings(bytes: Buffer, end: number): number[] {
  const found: number[] = []
  for (let at = 0; at < end; at = bytes.indexOf(10, at) + 1) found.push(at)
  return found
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

/** Decisions of this writer after the lines, from those before (-1: not known), and what a header that is ahead tells of segments that are gone. */
function count(lines: readonly string[], before: number): { readonly decided: number, readonly shipped: number, readonly dropped: number } {
  let decided = before
  let shipped = 0
  let dropped = 0
  for (const text of lines) {
    const line = parseLine(text)
    if (line.kind === 'record') {
      decided += line.record.n
      shipped += line.record.n
    } else if (line.kind === 'gap') decided += line.n
    else if ('decided' in line) {
      if (line.kind === 'segment' && decided !== -1) dropped += Math.max(0, line.decided - decided)
      decided = Math.max(decided, line.decided)
    }
  }
  return { decided, shipped, dropped }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // A position that cannot be read is none: everything that is there is taken again.
    return {}
  }
}
