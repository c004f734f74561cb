/** The embedded store: the state of one process, in that process. */
import { digest } from '../policy/bundle.ts'
import type { Head, Publication, StateStore } from './store.ts'
import { compareHeads, StaleWriterError } from './store.ts'

/** Blobs that are kept, so that a reader who has just seen a head still finds its blob. */
const KEPT = 5

export class MemoryStore implements StateStore {
  #head: Head | undefined
  readonly #blobs = new Map<string, Uint8Array>()
  readonly #listeners = new Set<() => void>()

  head(): Promise<Head | undefined> {
    return Promise.resolve(this.#head)
  }

  read(head: Head): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#blobs.get(`${head.epoch}.${head.version}`))
  }

  publish({ bytes, created, after, epoch }: Publication): Promise<Head> {
    const current = this.#head
    const unmoved = current === undefined ? after === undefined : after !== undefined && compareHeads(current, after) === 0
    if (!unmoved || (epoch !== undefined && epoch < (current?.epoch ?? 1))) return Promise.reject(new StaleWriterError(current))
    const head: Head = {
      epoch: epoch ?? current?.epoch ?? 1,
      version: (current?.version ?? 0) + 1,
      sha256: digest(bytes),
      bytes: bytes.length,
      created,
      schema: 1,
    }
    this.#blobs.set(`${head.epoch}.${head.version}`, bytes)
    for (const key of [...this.#blobs.keys()].slice(0, -KEPT)) this.#blobs.delete(key)
    this.#head = head
    for (const listener of this.#listeners) listener()
    return Promise.resolve(head)
  }

  onHint(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    this.#listeners.clear()
    return Promise.resolve()
  }
}
