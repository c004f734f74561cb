/** Seals in a thread of its own: a segment takes tens of milliseconds, and requests are answered meanwhile. */
import { Worker } from 'node:worker_threads'
import { ArchiveError } from './archive-error.ts'

export interface Sealed {
  readonly bytes: Uint8Array
  /** Of the bytes, hexadecimal. */
  readonly sha256: string
}

export interface Sealer {
  /** The plaintext's memory is taken over and overwritten. Rejects with an ArchiveError. */
  seal(plaintext: Uint8Array<ArrayBuffer>, recipients: readonly [string, string]): Promise<Sealed>
  close(): Promise<void>
}

export interface SealJob {
  readonly id: number
  readonly plaintext: Uint8Array<ArrayBuffer>
  readonly recipients: readonly [string, string]
}

export type SealResult = { readonly id: number } & (Sealed | { readonly failed: string })

interface Waiting {
  readonly resolve: (sealed: Sealed) => void
  readonly reject: (error: ArchiveError) => void
}

/** Calls `run` once after `ms` milliseconds; the result cancels it. */
export type SetTimer = (run: () => void, ms: number) => () => void

/** Milliseconds; some hundred times what a full segment takes. */
const DEADLINE = 30_000

export class WorkerSealer implements Sealer {
  readonly #setTimer: SetTimer
  readonly #deadline: number
  #worker: Worker | undefined
  #waiting = new Map<number, Waiting>()
  #jobs = 0

  /** @param deadline milliseconds after which a thread that does not answer is replaced */
  constructor(setTimer: SetTimer, deadline = DEADLINE) {
    this.#setTimer = setTimer
    this.#deadline = deadline
  }

  async seal(plaintext: Uint8Array<ArrayBuffer>, recipients: readonly [string, string]): Promise<Sealed> {
    const worker = (this.#worker ??= this.#start())
    const id = this.#jobs++
    const done = new Promise<Sealed>((resolve, reject) => void this.#waiting.set(id, { resolve, reject }))
    const cancel = this.#setTimer(() => this.#fail(worker, 'it took too long'), this.#deadline)
    try {
      worker.postMessage({ id, plaintext, recipients } satisfies SealJob, [plaintext.buffer])
      return await done
    } finally {
      cancel()
      this.#waiting.delete(id)
    }
  }

  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    this.#fail(worker, 'it was closed')
    await worker.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL('seal-worker.ts', import.meta.url))
    // Whoever waits for a segment keeps the process alive; the thread alone does not.
    worker.unref()
    worker.on('message', (result: SealResult) => {
      const waiting = this.#waiting.get(result.id)
      if ('failed' in result) waiting?.reject(new ArchiveError(`a segment could not be sealed: ${result.failed}`))
      else waiting?.resolve({ bytes: result.bytes, sha256: result.sha256 })
    })
    worker.on('error', () => this.#fail(worker, 'its thread failed'))
    worker.on('exit', () => this.#fail(worker, 'its thread ended'))
    return worker
  }

  #fail(worker: Worker, why: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const { reject } of waiting.values()) reject(new ArchiveError(`a segment could not be sealed: ${why}`))
    void worker.terminate()
  }
}
