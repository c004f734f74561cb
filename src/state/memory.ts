/** The embedded store: the state of one process, in that process. */
import { nextHead } from './head.ts'
import type { Head, Publication, StateStore } from './store.ts'
import { compareHeads, formatPosition, StaleWriterError } from './store.ts'

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
    return Promise.resolve(this.#blobs.get(formatPosition(head)))
  }

  async publish(publication: Publication): Promise<Head> {
    const { after } = publication
    const current = this.#head
    const unmoved = current === undefined ? after === undefined : after !== undefined && compareHeads(current, after) === 0
    if (!unmoved) throw new StaleWriterError(current)
    const head = nextHead(publication)
    this.#blobs.set(formatPosition(head), publication.bytes)
    for (const key of [...this.#blobs.keys()].slice(0, -KEPT)) this.#blobs.delete(key)
    this.#head = head
    for (const listener of this.#listeners) listener()
    return head
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
