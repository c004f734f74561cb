/**
 * Follows the stream of publications on a connection of its own. Entries may be trimmed, lost with a failover or come
 * from a server whose clock is behind: so an entry says no more than "look now", and nothing is missed that polling
 * would not find. What it does make sure of: each new connection is a hint, and a stream that went back is one too.
 */
import { BLOCK_MS } from './redis-connection.ts'
import type { RedisLink } from './redis-connection.ts'
import type { SetTimer } from './timing.ts'

export interface HintOptions {
  readonly link: RedisLink
  readonly stream: string
  readonly setTimer: SetTimer
  readonly onHint: () => void
}

/** Milliseconds between two tries where Redis answers with an error, as it does to a user who may not read the stream. */
const RETRY_MS = 1000

export class RedisHints {
  readonly #options: HintOptions
  #following = false
  #closed = false
  #stopListening: () => void = () => undefined
  #cancelRetry: () => void = () => undefined

  constructor(options: HintOptions) {
    this.#options = options
  }

  start(): void {
    this.#stopListening = this.#options.link.onUp(() => void this.#follow())
  }

  close(): void {
    this.#closed = true
    this.#stopListening()
    this.#cancelRetry()
  }

  /** From a connection that came up until it fails. Never rejects. */
  async #follow(): Promise<void> {
    if (this.#following || this.#closed) return
    this.#following = true
    this.#cancelRetry()
    try {
      let last = await this.#newest()
      this.#hint()
      while (!this.#closed) {
        const found = lastId(await this.#options.link.call('XREAD', 'COUNT', 100, 'BLOCK', BLOCK_MS, 'STREAMS', this.#options.stream, last))
        if (found === undefined) {
          const newest = await this.#newest()
          if (newest === last) continue
          last = newest
        } else last = found
        this.#hint()
      }
    } catch {
      this.#cancelRetry = this.#options.setTimer(() => {
        if (this.#options.link.state.up) void this.#follow()
      }, RETRY_MS)
    } finally {
      this.#following = false
    }
  }

  async #newest(): Promise<string> {
    const reply = await this.#options.link.call('XREVRANGE', this.#options.stream, '+', '-', 'COUNT', 1)
    return idOf(Array.isArray(reply) ? reply[0] : undefined) ?? '0-0'
  }

  #hint(): void {
    if (!this.#closed) this.#options.onHint()
  }
}

/** The id of the last entry in a reply to XREAD on one stream. */
function lastId(reply: unknown): string | undefined {
  const stream: unknown = Array.isArray(reply) ? reply[0] : undefined
  const entries: unknown = Array.isArray(stream) ? stream[1] : undefined
  return idOf(Array.isArray(entries) ? entries.at(-1) : undefined)
}

function idOf(entry: unknown): string | undefined {
  const id: unknown = Array.isArray(entry) ? entry[0] : undefined
  return typeof id === 'string' ? id : undefined
}
