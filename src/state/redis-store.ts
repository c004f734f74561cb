/**
 * The routing state in Redis: blobs under their digests, a head that one script moves, a stream that hints.
 *
 * A blob's name is its content, so two writers at once cannot put different bytes under one name, and a rollback is
 * a new head on an old blob.
 */
import { digest } from '../policy/bundle.ts'
import { formatHead, nextHead, parseHead, UnreadableHeadError, UnreadablePinError } from './head.ts'
import type { Keys } from './keys.ts'
import { readLong } from './redis-bytes.ts'
import { RedisError } from './redis-connection.ts'
import type { RedisLink } from './redis-connection.ts'
import { RedisHints } from './redis-hints.ts'
import { COLLECT_BLOBS, MOVE_HEAD } from './redis-scripts.ts'
import type { Head, Publication, StateStore } from './store.ts'
import { formatPosition, StaleWriterError } from './store.ts'
import type { SetTimer } from './timing.ts'

export interface RedisStoreOptions {
  readonly link: RedisLink
  /** A connection for waiting on the stream. Without one there are no hints. */
  readonly hints?: RedisLink | undefined
  readonly keys: Keys
  readonly setTimer: SetTimer
}

/** Past heads that are remembered, and of these the ones whose blobs are kept. */
const REMEMBERED = 100
const KEPT = 20

export class RedisStore implements StateStore {
  readonly #link: RedisLink
  readonly #keys: Keys
  readonly #options: RedisStoreOptions
  readonly #listeners = new Set<() => void>()
  #hints: RedisHints | undefined

  constructor(options: RedisStoreOptions) {
    this.#options = options
    this.#link = options.link
    this.#keys = options.keys
  }

  head(): Promise<Head | undefined> {
    return this.#headAt(this.#keys.head)
  }

  /** Rejects with `UnreadablePinError` where what is there is no head. */
  async pin(): Promise<Head | undefined> {
    try {
      return await this.#headAt(this.#keys.pin)
    } catch (error) {
      throw error instanceof UnreadableHeadError ? new UnreadablePinError(error.message, error.found) : error
    }
  }

  read(head: Head): Promise<Uint8Array | undefined> {
    return readLong(this.#link, this.#keys.blob(head.sha256), head.bytes)
  }

  async publish(publication: Publication): Promise<Head> {
    const head = nextHead(publication)
    const seen = publication.after === undefined ? '' : formatPosition(publication.after)
    const instead = publication.instead === undefined ? [] : [Buffer.from(publication.instead)]
    const { blob, blobs, events, head: at, heads } = this.#keys
    // The collector may take a blob that no head names yet; then it is sent once more.
    for (let tries = 0; tries < 3; tries++) {
      await this.#link.call('SADD', blobs, head.sha256)
      // Also over what is there: it may be torn, and otherwise it is the same.
      await this.#link.call('SET', blob(head.sha256), Buffer.from(publication.bytes))
      const [outcome, current] = texts(await this.#link.call('EVAL', MOVE_HEAD, 4, at, heads, events, blob(head.sha256), seen, formatHead(head), formatPosition(head), REMEMBERED, ...instead))
      if (outcome === 'moved') return head
      if (outcome === 'stale') throw new StaleWriterError(current === undefined || current === '' ? undefined : parsed(current))
    }
    throw new RedisError('BLOB_GONE')
  }

  onHint(listener: () => void): () => void {
    this.#listeners.add(listener)
    const { hints, setTimer } = this.#options
    if (hints !== undefined && this.#hints === undefined) {
      this.#hints = new RedisHints({ link: hints, stream: this.#keys.events, setTimer, onHint: () => this.#hint() })
      this.#hints.start()
    }
    return () => this.#listeners.delete(listener)
  }

  /** Pins the routers to a head, or with `undefined` lets them go. */
  async freeze(head: Head | undefined): Promise<void> {
    if (head === undefined) await this.#link.call('DEL', this.#keys.pin)
    else await this.#link.call('SET', this.#keys.pin, formatHead(head))
  }

  /** The heads of the past, newest first. */
  async history(): Promise<Head[]> {
    return texts(await this.#link.call('LRANGE', this.#keys.heads, 0, -1)).flatMap((text) => parsed(text) ?? [])
  }

  /** Deletes the blobs that neither the last 20 heads, nor a pin, nor a router in `running` (digests) needs. Returns their number. */
  async collect(running: readonly string[]): Promise<number> {
    const { blob, blobs, head, heads, pin } = this.#keys
    const known = texts(await this.#link.call('SMEMBERS', blobs))
    const keys = [head, heads, pin, blobs, ...known.map((sha256) => blob(sha256))]
    return Number(await this.#link.call('EVAL', COLLECT_BLOBS, keys.length, ...keys, KEPT, known.length, ...known, ...running))
  }

  /** What is stored under a digest, if it is whole. */
  async readWhole(head: Head): Promise<Uint8Array | undefined> {
    const bytes = await this.read(head)
    return bytes !== undefined && digest(bytes) === head.sha256 ? bytes : undefined
  }

  async close(): Promise<void> {
    this.#listeners.clear()
    this.#hints?.close()
    await Promise.all([this.#link.close(), this.#options.hints?.close()])
  }

  async #headAt(key: string): Promise<Head | undefined> {
    const found = await this.#link.callBytes('GET', key)
    if (found === null) return undefined
    if (!Buffer.isBuffer(found)) throw new UnreadableHeadError('the head is not a text')
    try {
      return parseHead(found.toString('utf8'))
    } catch (error) {
      throw error instanceof UnreadableHeadError ? new UnreadableHeadError(error.message, found) : error
    }
  }

  #hint(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

function parsed(text: string): Head | undefined {
  try {
    return parseHead(text)
  } catch {
    return undefined
  }
}

function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.filter((item) => typeof item === 'string') : []
}
