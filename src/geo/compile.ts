/** Compiles a database in a thread of its own and takes over the shared arrays. */
import { Worker } from 'node:worker_threads'
import { GeoDatabaseError } from './geo-error.ts'
import type { SharedAsn, SharedGeo } from './geo-index.ts'

export type DatabaseKind = 'geo' | 'asn'

export interface CompileJob {
  readonly kind: DatabaseKind
  readonly file: Uint8Array<ArrayBuffer>
  /** A larger file is refused. */
  readonly maxBytes: number
}

export type CompileResult = { readonly shared: SharedGeo | SharedAsn } | { readonly refused: string }

/** MiB of JavaScript objects, ten times what the largest city database needs; the flat arrays are not counted. */
const HEAP_LIMIT = 2048
/** Milliseconds. Thirty times what the largest city database takes. */
const DEADLINE = 120_000

/**
 * The file's memory moves to the thread: the caller must not use it any more.
 * @param deadline milliseconds after which the thread is stopped. Default two minutes. The second reader follows
 *   whatever a record refers to, so a few hundred bytes can keep it busy for ever.
 * @throws GeoDatabaseError (as a rejection), also where the thread runs out of time or memory, or dies
 */
export function compileInWorker({ kind, file, maxBytes }: CompileJob, deadline = DEADLINE): Promise<SharedGeo | SharedAsn> {
  const own = file.byteLength === file.buffer.byteLength ? file : file.slice()
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('compile-worker.ts', import.meta.url), {
      workerData: { kind, file: own, maxBytes } satisfies CompileJob,
      transferList: [own.buffer],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT },
    })
    const refuse = (what: string, cause?: unknown): void => reject(new GeoDatabaseError(`geo database could not be compiled: ${what}`, { cause }))
    const timer = setTimeout(() => {
      refuse(`it took more than ${deadline} ms; give another one`)
      void worker.terminate()
    }, deadline)
    worker.once('message', (result: CompileResult) => {
      if ('shared' in result) resolve(result.shared)
      else reject(new GeoDatabaseError(result.refused))
    })
    worker.once('error', (cause) => refuse('its thread failed', cause))
    worker.once('exit', (code) => {
      clearTimeout(timer)
      refuse(`its thread ended with code ${code}`)
    })
  })
}
