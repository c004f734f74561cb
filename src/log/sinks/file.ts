/**
 * Records in a file that this process alone appends to.
 *
 * One write is in flight at a time; what comes meanwhile waits in memory up to `maxBytes`, beyond which new records are
 * dropped and counted. After an error the file is closed and a timer tries again, for ever: a full disk costs records
 * while it is full and not one moment longer. A line that was cut off, by an error or by a crash, is removed when the file
 * is opened, and after an error written again whole.
 */
import { open as openFile } from 'node:fs/promises'
import { codeOf } from '../../system.ts'
import { repair } from './log-file.ts'
import type { LogFile } from './log-file.ts'
import { decisionsIn, linesAfter, linesWithin } from './sink.ts'
import type { Lines, SetTimer, Sink } from './sink.ts'

export interface FileSinkOptions {
  readonly path: string
  readonly setTimer: SetTimer
  readonly name?: string
  /** Bytes that wait for the disk at most; default 8 MiB. */
  readonly maxBytes?: number
  /** Milliseconds between attempts after an error; default 1000. */
  readonly retryMs?: number
  /** Milliseconds that `close` waits for the disk; default 5000. */
  readonly closeMs?: number
  /** Told of each error's code, such as `ENOSPC`, and of the recovery from it. */
  readonly onState?: (state: 'failed' | 'recovered', code: string) => void
  readonly open?: (path: string) => Promise<LogFile>
}

const BATCH_BYTES = 256 * 1024

export class FileSink implements Sink {
  readonly name: string
  /** Lines that were cut off and removed. */
  repaired = 0
  #dropped = 0
  readonly #options: Required<Omit<FileSinkOptions, 'onState' | 'name'>>
  readonly #onState: FileSinkOptions['onState']
  #queue: Lines[] = []
  #bytes = 0
  #file: LogFile | undefined
  #running = false
  #scheduled = false
  #reopen = false
  #failed: string | undefined
  #cancelRetry: (() => void) | undefined
  #closing = false
  #ending: Promise<void> | undefined
  #abandoned = false
  #settled: (() => void) | undefined

  constructor(options: FileSinkOptions) {
    const { path, setTimer, name = 'file', maxBytes = 8 << 20, retryMs = 1000, closeMs = 5000, onState, open = openAppend } = options
    this.name = name
    this.#options = { path, setTimer, maxBytes, retryMs, closeMs, open }
    this.#onState = onState
  }

  get dropped(): number {
    return this.#dropped
  }

  write(lines: Lines): void {
    const room = this.#closing ? 0 : this.#options.maxBytes - this.#bytes
    const taken = lines.bytes.length <= room ? lines : linesWithin(lines, room)
    this.#dropped += decisionsIn(lines) - decisionsIn(taken)
    if (taken.counts.length === 0) return
    this.#queue.push(taken)
    this.#bytes += taken.bytes.length
    if (this.#scheduled || this.#running || this.#cancelRetry !== undefined) return
    this.#scheduled = true
    // One write for all lines that come at a time.
    queueMicrotask(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  /** After the file was renamed: goes on in a new one of the old name, from the next whole line. */
  reopen(): void {
    this.#reopen = true
    if (this.#cancelRetry === undefined) this.#start()
  }

  /** The same promise each time. */
  close(): Promise<void> {
    return (this.#ending ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#closing = true
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    const done = new Promise<void>((resolve) => { this.#settled = resolve })
    const cancel = this.#options.setTimer(() => this.#settled?.(), this.#options.closeMs)
    this.#start()
    await done
    cancel()
    this.#abandoned = true
    for (const lines of this.#queue) this.#dropped += decisionsIn(lines)
    this.#queue = []
    this.#bytes = 0
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  /** Until nothing waits or an error. Never rejects. */
  async #run(): Promise<void> {
    const began = this.#closing
    try {
      while (this.#queue.length > 0 || this.#reopen) {
        if (this.#reopen) await this.#shut()
        this.#reopen = false
        if (this.#queue.length === 0) break
        await this.#writeBatch()
      }
      if (this.#closing) {
        await this.#file?.datasync()
        await this.#shut()
      }
    } catch (error) {
      await this.#fail(error)
    }
    this.#running = false
    // An attempt that began before closing was not the last one.
    if (this.#closing && (began || this.#abandoned || this.#failed === undefined)) this.#settled?.()
    else if (this.#closing) this.#start()
    else if (this.#failed === undefined && (this.#queue.length > 0 || this.#reopen)) this.#start()
  }

  async #writeBatch(): Promise<void> {
    const file = (this.#file ??= await this.#open())
    const bytes = Buffer.concat(this.#take().map((lines) => lines.bytes))
    let written = 0
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
        if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
        written += bytesWritten
      }
    } finally {
      this.#forget(written)
    }
    if (this.#failed !== undefined) this.#onState?.('recovered', this.#failed)
    this.#failed = undefined
  }

  #take(): Lines[] {
    let sum = 0
    let length = 0
    for (const { bytes } of this.#queue) {
      sum += bytes.length
      if (length > 0 && sum > BATCH_BYTES) break
      length++
    }
    return this.#queue.slice(0, length)
  }

  /** Takes the lines that were written whole from the queue; one that was cut off stays and is written again. */
  #forget(written: number): void {
    if (this.#abandoned) return
    let left = written
    while (left > 0) {
      const [lines] = this.#queue
      if (lines === undefined) break
      const rest = linesAfter(lines, Math.min(left, lines.bytes.length))
      left -= lines.bytes.length
      this.#bytes -= lines.bytes.length - rest.bytes.length
      this.#queue.shift()
      if (rest.counts.length > 0) this.#queue.unshift(rest)
    }
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

  async #open(): Promise<LogFile> {
    const file = await this.#options.open(this.#options.path)
    try {
      if (await repair(file)) this.repaired++
    } catch (error) {
      await file.close().catch(() => undefined)
      throw error
    }
    return file
  }
}

/** Owner and group may read: it is a log, and nobody is in it, but it is not for everybody either. */
function openAppend(path: string): Promise<LogFile> {
  return openFile(path, 'a+', 0o640)
}
