/**
 * Records on a stream, usually standard output. A reader that is slow or gone costs records, never requests: what the
 * stream does not take at once is kept up to `maxBytes`, then dropped and counted.
 */
import type { Writable } from 'node:stream'
import type { SetTimer, Sink } from './sink.ts'

export interface StdoutSinkOptions {
  readonly stream: Pick<Writable, 'write' | 'on' | 'off' | 'writableNeedDrain'>
  readonly setTimer: SetTimer
  readonly name?: string
  /** Bytes that wait for the reader at most; default 1 MiB. */
  readonly maxBytes?: number
  /** Milliseconds that `close` waits for the reader; default 2000. */
  readonly closeMs?: number
}

interface Chunk {
  text: string
  count: number
}

const CHUNK_BYTES = 64 * 1024

export class StdoutSink implements Sink {
  readonly name: string
  #dropped = 0
  readonly #stream: StdoutSinkOptions['stream']
  readonly #setTimer: SetTimer
  readonly #maxBytes: number
  readonly #closeMs: number
  #queue: Chunk[] = []
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
  readonly #onError = () => this.#break()

  constructor({ stream, setTimer, name = 'stdout', maxBytes = 1 << 20, closeMs = 2000 }: StdoutSinkOptions) {
    this.name = name
    this.#stream = stream
    this.#setTimer = setTimer
    this.#maxBytes = maxBytes
    this.#closeMs = closeMs
    stream.on('drain', this.#onDrain)
    stream.on('error', this.#onError)
  }

  get dropped(): number {
    return this.#dropped
  }

  write(line: string, count: number): void {
    const bytes = Buffer.byteLength(line)
    if (this.#broken || this.#bytes + bytes > this.#maxBytes) {
      this.#dropped += count
      return
    }
    this.#bytes += bytes
    const last = this.#queue.at(-1)
    if (last !== undefined && last.text.length < CHUNK_BYTES) {
      last.text += line
      last.count += count
    } else this.#queue.push({ text: line, count })
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
      const chunk = this.#queue.shift()
      if (chunk === undefined) break
      const { text, count } = chunk
      this.#inFlight += count
      let settled = false
      const done = (error?: Error | null) => {
        if (settled || this.#broken) return
        settled = true
        this.#inFlight -= count
        this.#bytes -= Buffer.byteLength(text)
        if (error) {
          this.#dropped += count
          this.#break()
        } else if (this.#bytes === 0) this.#idle?.()
      }
      try {
        if (!this.#stream.write(text, done)) this.#blocked = true
      } catch {
        this.#break()
      }
    }
  }

  #break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#dropped += this.#inFlight
    for (const { count } of this.#queue) this.#dropped += count
    this.#queue = []
    this.#inFlight = 0
    this.#bytes = 0
    this.#idle?.()
  }
}
