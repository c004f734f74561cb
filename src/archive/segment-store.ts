/** Where a router puts its segments: it knows its place in the chain, also after a restart, and reads nothing but checkpoints. */
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { create } from './create.ts'
import { isDay } from './day.ts'
import { AGE, CHECKPOINT, namesIn, segmentsIn } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import { GENESIS, linkOf, readCheckpoint, signCheckpoint } from './chain.ts'
import type { Checkpoint } from './chain.ts'
import { publicKeyOf } from './keys.ts'
import type { KeyObject } from './keys.ts'
import { DirectoryLock } from './lock.ts'
import type { Sealed } from './sealer.ts'
import { sweep } from './sweep.ts'
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

/** As many digits as a name has. */
const MAX_SEQ = 999_999_999_999_999

export class SegmentStore {
  readonly #options: SegmentStoreOptions
  readonly #directory: string
  readonly #lock: DirectoryLock
  #next: Pick<Checkpoint, 'seq' | 'prev'> | undefined

  constructor(options: SegmentStoreOptions) {
    this.#options = options
    this.#directory = `${options.directory}/${options.router}`
    this.#lock = new DirectoryLock(options.io, this.#directory, options.now)
  }

  /** Rejects where the disk does, and with a LockedError where another process writes here; the same segment may then be given again. One call at a time. */
  async write({ bytes, sha256 }: Sealed, about: Pick<Checkpoint, 'epoch' | 'n' | 'from' | 'to'>): Promise<void> {
    const { io, router, signingKey } = this.#options
    // Whoever had the lock in between went on with the chain.
    if (await this.#lock.hold()) this.#next = undefined
    const { seq, prev } = (this.#next ??= await this.#resume())
    const { epoch, n, from, to } = about
    const checkpoint: Checkpoint = { router, epoch, seq, prev, segment: sha256, n, from, to }
    const directory = `${this.#directory}/${epoch}`
    await io.makeDirectory(directory)
    await this.#create(directory, nameOf(seq) + AGE, bytes)
    // The segment must be on the disk before its checkpoint says so.
    await io.syncDirectory(directory)
    await this.#create(directory, nameOf(seq) + CHECKPOINT, Buffer.from(signCheckpoint(checkpoint, signingKey)))
    await io.syncDirectory(directory)
    this.#next = { seq: seq + 1, prev: linkOf(checkpoint) }
  }

  /** Deletes what was written before `before`, in milliseconds, whatever its day. Returns how many segments; never rejects. */
  async expire(before: number): Promise<number> {
    await this.#lock.keep()
    return sweep(this.#options.io, this.#directory, before)
  }

  /** Lets another process write here. Never rejects. */
  async close(): Promise<void> {
    await this.#lock.release()
  }

  /** Somebody else's file stays, and the router finds its place anew at the next try. */
  async #create(directory: string, name: string, bytes: Uint8Array): Promise<void> {
    try {
      await create(this.#options.io, directory, name, bytes)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') this.#next = undefined
      throw error
    }
  }

  /** After the newest checkpoint on this disk. Before it, away with what a crash left half done. */
  async #resume(): Promise<Pick<Checkpoint, 'seq' | 'prev'>> {
    const { io, signingKey, now, router } = this.#options
    for (const day of (await namesIn(io, this.#directory)).filter(isDay)) {
      const parts = (await namesIn(io, `${this.#directory}/${day}`)).filter((name) => name.endsWith('.part'))
      for (const name of parts) await io.remove(`${this.#directory}/${day}/${name}`)
    }
    const found = (await segmentsIn(io, this.#directory)).sort((a, b) => (a.name < b.name ? 1 : -1))
    for (const { day, name, checkpoint } of found) if (!checkpoint) await io.remove(`${this.#directory}/${day}/${name}${AGE}`)
    const newest = found.find(({ checkpoint }) => checkpoint)
    if (newest !== undefined) {
      const text = Buffer.from(await io.read(`${this.#directory}/${newest.day}/${newest.name}${CHECKPOINT}`)).toString()
      const checkpoint = readCheckpoint(text, publicKeyOf(signingKey))
      if (checkpoint?.router === router && nameOf(checkpoint.seq) === newest.name) return { seq: checkpoint.seq + 1, prev: linkOf(checkpoint) }
    }
    // A router that lost its place must not use a number again: milliseconds are ahead of any that it can have used, unless
    // the clock was. That the chain begins anew is a gap, which `verify` tells.
    const seq = Math.max(1, Math.floor(now()), Number(newest?.name ?? 0) + 1)
    if (seq > MAX_SEQ) throw new ArchiveError(`there are no numbers after ${newest?.name}; move that segment away`)
    return { seq, prev: GENESIS }
  }
}
