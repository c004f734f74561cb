/** Where a router puts its segments: it knows its place in the chain, also after a restart, and reads nothing but checkpoints. */
import { AGE, CHECKPOINT, place, removeOlder, segmentsIn } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import { GENESIS, linkOf, readCheckpoint, signCheckpoint } from './chain.ts'
import type { Checkpoint } from './chain.ts'
import { publicKeyOf } from './keys.ts'
import type { KeyObject } from './keys.ts'
import type { Sealed } from './sealer.ts'
import { nameOf } from './verify-chain.ts'

export interface SegmentStoreOptions {
  readonly router: string
  /** Segments go to `directory/router/day`. */
  readonly directory: string
  readonly signingKey: KeyObject
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly io: ArchiveFiles
}

export class SegmentStore {
  readonly #options: SegmentStoreOptions
  readonly #directory: string
  #next: Pick<Checkpoint, 'seq' | 'prev'> | undefined

  constructor(options: SegmentStoreOptions) {
    this.#options = options
    this.#directory = `${options.directory}/${options.router}`
  }

  /** Rejects where the disk does; the same segment may then be given again. One call at a time. */
  async write({ bytes, sha256 }: Sealed, about: Pick<Checkpoint, 'epoch' | 'n' | 'from' | 'to'>): Promise<void> {
    const { io, router, signingKey } = this.#options
    const { seq, prev } = (this.#next ??= await this.#resume())
    const { epoch, n, from, to } = about
    const checkpoint: Checkpoint = { router, epoch, seq, prev, segment: sha256, n, from, to }
    const directory = `${this.#directory}/${epoch}`
    await io.makeDirectory(directory)
    await place(io, directory, nameOf(seq) + AGE, bytes)
    // The segment must be on the disk before its checkpoint says so.
    await io.syncDirectory(directory)
    await place(io, directory, nameOf(seq) + CHECKPOINT, Buffer.from(signCheckpoint(checkpoint, signingKey)))
    await io.syncDirectory(directory)
    this.#next = { seq: seq + 1, prev: linkOf(checkpoint) }
  }

  /** Deletes segments that were written before `before`, in milliseconds. Returns how many; never rejects. */
  async expire(before: number): Promise<number> {
    return removeOlder(this.#options.io, this.#directory, before).catch(() => 0)
  }

  /** After the newest checkpoint on this disk. Before it, away with what a crash left half done. */
  async #resume(): Promise<Pick<Checkpoint, 'seq' | 'prev'>> {
    const { io, signingKey, now, router } = this.#options
    const publicKey = publicKeyOf(signingKey)
    const found = (await segmentsIn(io, this.#directory)).sort((a, b) => (a.name < b.name ? 1 : -1))
    for (const day of new Set(found.map((segment) => segment.day))) {
      const parts = (await io.list(`${this.#directory}/${day}`)).filter((name) => name.endsWith('.part'))
      for (const name of parts) await io.remove(`${this.#directory}/${day}/${name}`)
    }
    let newest: Checkpoint | undefined
    for (const { day, name, checkpoint } of found) {
      const path = `${this.#directory}/${day}/${name}`
      if (!checkpoint) await io.remove(path + AGE)
      else newest ??= readCheckpoint(Buffer.from(await io.read(path + CHECKPOINT)).toString(), publicKey)
      if (newest?.router !== router) newest = undefined
    }
    // A router that lost its place must not use a number again: milliseconds are ahead of any that it can have used.
    return newest === undefined ? { seq: Math.max(1, Math.floor(now())), prev: GENESIS } : { seq: newest.seq + 1, prev: linkOf(newest) }
  }
}
