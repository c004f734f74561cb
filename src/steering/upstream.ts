/**
 * The targets' own manifests, for rewriting: fetched once for all who ask at the same time, kept as long as their headers
 * allow, and longer where the target fails. What is fresh is answered at once; nothing here ever throws.
 *
 * An address may hold a viewer's token: it is in memory for as long as it is fetched. What is kept is known by a hash of it, under
 * a key that nobody else has, and goes when its time is over.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Freshness } from './freshness.ts'
import { freshness } from './freshness.ts'
import type { RewriteReason } from './rewrite.ts'
import { sizeOf } from './template.ts'
import type { Template } from './template.ts'

/** Why there is no manifest. Closed: a metric's label. */
export const UPSTREAM_REASONS = {
  unreachable: 'no connection to the target',
  timeout: 'the target took too long',
  status: 'the target answered something other than 200',
  redirect: 'the target redirects to another path or host, or more than once',
  too_large: 'the manifest is larger than the limit',
  encoding: 'the manifest is compressed unasked, or not UTF-8',
  busy: 'too many manifests are being fetched already',
} as const
export type UpstreamReason = keyof typeof UPSTREAM_REASONS

export interface UpstreamReply {
  readonly status: number
  /** Names in lower case; several values joined with commas. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/** One exchange, without following redirects. Rejects with an `UpstreamError`, within its own deadlines. */
export type Fetch = (url: string) => Promise<UpstreamReply>

export class UpstreamError extends Error {
  readonly reason: UpstreamReason

  constructor(reason: UpstreamReason, options?: ErrorOptions) {
    super(`the manifest could not be fetched: ${reason}`, options)
    this.reason = reason
  }
}

/** A manifest as the target served it. */
export interface Fetched {
  /** Of its address. */
  readonly hash: string
  readonly text: string
}

export interface UpstreamOptions {
  readonly fetch: Fetch
  /** Milliseconds on a clock that never jumps. */
  now(): number
  /** Manifests that are kept. Default 1,000. */
  readonly maxEntries?: number
  /** Characters of all that are kept, and of what was made of them. Default 32 Mi. */
  readonly maxSize?: number
  /** Fetches at the same time. Default 256. */
  readonly maxFetches?: number
}

interface Entry extends Freshness, Fetched {
  readonly at: number
  /** By what went into it; least recently used first. */
  readonly made: Map<string, Template | RewriteReason>
  /** Characters, with what was made of it. */
  size: number
}

interface Failure {
  readonly reason: UpstreamReason
  readonly until: number
}

/** For how long a failure is not tried again: a dead target costs one wait, not one per viewer. */
const FAILURE_MS = 1000
const MAX_FAILURES = 1000
/** Orders of pathways that one manifest is kept rewritten for. */
const MAX_MADE = 16

export class Upstream {
  readonly #options: UpstreamOptions
  readonly #maxEntries: number
  readonly #maxSize: number
  readonly #maxFetches: number
  readonly #key = randomBytes(32)
  /** By hash, as all three. Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #failures = new Map<string, Failure>()
  readonly #fetching = new Map<string, Promise<Fetched | UpstreamReason>>()
  #size = 0

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#maxEntries = options.maxEntries ?? 1000
    this.#maxSize = options.maxSize ?? 32 * 1024 * 1024
    this.#maxFetches = options.maxFetches ?? 256
  }

  /**
   * @param url absolute
   * @param mayServe whether a redirect may lead to a host
   */
  get(url: string, mayServe: (host: string) => boolean): Fetched | UpstreamReason | Promise<Fetched | UpstreamReason> {
    const now = this.#options.now()
    const hash = createHmac('sha256', this.#key).update(url).digest('base64')
    const entry = this.#entries.get(hash)
    if (entry !== undefined) {
      this.#entries.delete(hash)
      this.#entries.set(hash, entry)
      if (now < entry.at + entry.freshMs) return entry
    }
    const running = this.#fetching.get(hash)
    if (running !== undefined) return running
    const failure = this.#failures.get(hash)
    if (failure !== undefined && now < failure.until) return this.#stale(entry, now) ?? failure.reason
    if (this.#fetching.size >= this.#maxFetches) return this.#stale(entry, now) ?? 'busy'
    const fetching = this.#fetch(url, hash, mayServe).finally(() => this.#fetching.delete(hash))
    this.#fetching.set(hash, fetching)
    return fetching
  }

  /** Forgets what is of no use any more. To be called now and then: nobody may ever ask for it again. */
  sweep(): void {
    const now = this.#options.now()
    for (const [hash, entry] of this.#entries) if (this.#stale(entry, now) === undefined) this.#drop(hash)
    for (const [hash, { until }] of this.#failures) if (now >= until) this.#failures.delete(hash)
  }

  /** What was made of a manifest for the same key; it is kept as long as the manifest, and counted with it. */
  made(fetched: Fetched, key: string, make: () => Template | RewriteReason): Template | RewriteReason {
    const entry = this.#entries.get(fetched.hash)
    // It is of no use to anybody else.
    if (entry !== fetched) return make()
    const known = entry.made.get(key)
    const made = known ?? make()
    entry.made.delete(key)
    entry.made.set(key, made)
    if (known === undefined) {
      this.#grow(entry, sizeOf(made))
      const [oldest] = entry.made
      if (entry.made.size > MAX_MADE && oldest !== undefined) {
        entry.made.delete(oldest[0])
        this.#grow(entry, -sizeOf(oldest[1]))
      }
      this.#makeRoom()
    }
    return made
  }

  async #fetch(url: string, hash: string, mayServe: (host: string) => boolean): Promise<Fetched | UpstreamReason> {
    try {
      const reply = await this.#follow(url, mayServe)
      const text = read(reply)
      this.#failures.delete(hash)
      return this.#keep({ hash, text, made: new Map(), size: text.length, at: this.#options.now(), ...freshness((name) => reply.headers.get(name)) })
    } catch (error) {
      const reason = error instanceof UpstreamError ? error.reason : 'unreachable'
      const now = this.#options.now()
      if (this.#failures.size >= MAX_FAILURES) this.#failures.clear()
      this.#failures.set(hash, { reason, until: now + FAILURE_MS })
      return this.#stale(this.#entries.get(hash), now) ?? reason
    }
  }

  /** One redirect, to another of the target's names: behind another path the other targets would not have the same. */
  async #follow(url: string, mayServe: (host: string) => boolean): Promise<UpstreamReply> {
    const reply = await this.#options.fetch(url)
    if (reply.status === 200) return reply
    if (![301, 302, 303, 307, 308].includes(reply.status)) throw new UpstreamError('status')
    const from = URL.parse(url)
    const location = reply.headers.get('location')
    const to = location === undefined || location === '' ? null : URL.parse(location, url)
    const same = from !== null && to !== null && to.pathname === from.pathname && to.username === '' && (to.protocol === 'https:' || to.protocol === from.protocol)
    if (!same || !mayServe(to.hostname)) throw new UpstreamError('redirect')
    const second = await this.#options.fetch(to.href)
    if (second.status === 200) return second
    throw new UpstreamError(second.status >= 300 && second.status < 400 ? 'redirect' : 'status')
  }

  #stale(entry: Entry | undefined, now: number): Entry | undefined {
    return entry !== undefined && now < entry.at + entry.freshMs + entry.staleMs ? entry : undefined
  }

  #keep(entry: Entry): Entry {
    this.#drop(entry.hash)
    if (entry.freshMs + entry.staleMs === 0 || entry.text.length > this.#maxSize) return entry
    this.#entries.set(entry.hash, entry)
    this.#size += entry.size
    this.#makeRoom()
    return entry
  }

  #grow(entry: Entry, characters: number): void {
    entry.size += characters
    this.#size += characters
  }

  #makeRoom(): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#size <= this.#maxSize) break
      this.#drop(oldest)
    }
  }

  #drop(hash: string): void {
    this.#size -= this.#entries.get(hash)?.size ?? 0
    this.#entries.delete(hash)
  }
}

function read({ headers, body }: UpstreamReply): string {
  if (!['', 'identity'].includes(headers.get('content-encoding') ?? '')) throw new UpstreamError('encoding')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch (error) {
    throw new UpstreamError('encoding', { cause: error })
  }
}
