/**
 * Records on a stream, usually standard output; where that is a file see `stdout-file.ts`. A reader that is slow or gone costs records, never requests: what the
 * stream does not take at once is kept up to `maxBytes`, then dropped and counted.
 */
import type { Writable } from 'node:stream'
import { codeOf } from '../../system.ts'
import { decisionsIn, linesWithin } from './sink.ts'
import type { Lines, SetTimer, Sink } from './sink.ts'

export interface StdoutSinkOptions {
  readonly stream: Pick<Writable, 'write' | 'on' | 'off' | 'writableNeedDrain'>
  readonly setTimer: SetTimer
  readonly name?: string
  /** Bytes that wait for the reader at most; default 1 MiB. */
  readonly maxBytes?: number
  /** Milliseconds that `close` waits for the reader; default 2000. */
  readonly closeMs?: number
  /** Told once of the code of the error, such as `EPIPE`, after which nothing is written any more. */
  readonly onState?: (state: 'failed', code: string) => void
}

export class StdoutSink implements Sink {
  readonly name: string
  #dropped = 0
  readonly #stream: StdoutSinkOptions['stream']
  readonly #setTimer: SetTimer
  readonly #maxBytes: number
  readonly #closeMs: number
  #queue: Lines[] = []
  #bytes = 0
  /** In the stream's hands and not yet confirmed. */
  #inFlight = 0
  #blocked = false
  #broken = false
  #scheduled = false
  #idle: (() => void) | undefined
  readonly #onDrain = () => {
    this.#blocked = false
    this.#pump()
  }
  // A reader that went away is no reason to stop routing.
  readonly #onError = (error: Error) => this.#fail(error)
  readonly #onState: StdoutSinkOptions['onState']

  constructor({ stream, setTimer, name = 'stdout', maxBytes = 1 << 20, closeMs = 2000, onState }: StdoutSinkOptions) {
    this.name = name
    this.#stream = stream
    this.#setTimer = setTimer
    this.#maxBytes = maxBytes
    this.#closeMs = closeMs
    this.#onState = onState
    stream.on('drain', this.#onDrain)
    stream.on('error', this.#onError)
  }

  get dropped(): number {
    return this.#dropped
  }

  write(lines: Lines): void {
    const room = this.#broken ? 0 : this.#maxBytes - this.#bytes
    const taken = lines.bytes.length <= room ? lines : linesWithin(lines, room)
    this.#dropped += decisionsIn(lines) - decisionsIn(taken)
    if (taken.counts.length === 0) return
    this.#bytes += taken.bytes.length
    this.#queue.push(taken)
    if (this.#scheduled) return
    this.#scheduled = true
    // One write for all lines that come at a time.
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  async close(): Promise<void> {
    this.#pump()
    if (this.#bytes > 0 && !this.#broken) {
      await new Promise<void>((resolve) => {
        const cancel = this.#setTimer(resolve, this.#closeMs)
        this.#idle = () => {
          cancel()
          resolve()
        }
      })
    }
    this.#break()
    this.#stream.off('drain', this.#onDrain)
  }

  #pump(): void {
    while (!this.#blocked && !this.#broken) {
      const lines = this.#queue.shift()
      if (lines === undefined) break
      const count = decisionsIn(lines)
      this.#inFlight += count
      let settled = false
      const done = (error?: Error | null) => {
        if (settled || this.#broken) return
        settled = true
        this.#inFlight -= count
        this.#bytes -= lines.bytes.length
        if (error) {
          this.#dropped += count
          this.#fail(error)
        } else if (this.#bytes === 0) this.#idle?.()
      }
      try {
        if (!this.#stream.write(lines.bytes, done)) this.#blocked = true
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#broken) return
    this.#break()
    this.#onState?.('failed', codeOf(error))
  }

  #break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#dropped += this.#inFlight
    for (const lines of this.#queue) this.#dropped += decisionsIn(lines)
    this.#queue = []
    this.#inFlight = 0
    this.#bytes = 0
    this.#idle?.()
  }
}
