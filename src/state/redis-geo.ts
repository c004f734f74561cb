/**
 * Geo databases by way of Redis: in pieces, each under its own digest's eyes, behind a head that one script moves.
 * A router writes the pieces to one file, which is there as a whole or not at all, and whoever watches that file loads
 * it. So the file is also what the router starts from when Redis is away.
 */
import { createHash } from 'node:crypto'
import { codeOf } from '../system.ts'
import { sha256 as sha256InSlices } from './checked-file.ts'
import { fileIO, replaceFile } from './durable-file.ts'
import type { FileIO } from './durable-file.ts'
import { positionIn } from './head.ts'
import type { Keys } from './keys.ts'
import { readLong } from './redis-bytes.ts'
import { RedisError } from './redis-connection.ts'
import type { RedisLink } from './redis-connection.ts'
import { COLLECT_PIECES, MOVE_HEAD } from './redis-scripts.ts'
import { compareHeads, formatPosition } from './store.ts'
import type { Position } from './store.ts'

export const GEO_KINDS = ['geo', 'asn'] as const
export type GeoKind = (typeof GEO_KINDS)[number]

export interface GeoHead extends Position {
  /** SHA-256 of the whole file, hexadecimal. */
  readonly sha256: string
  readonly bytes: number
  /** Milliseconds since the epoch, by the publisher's clock. */
  readonly created: number
  /** SHA-256 of each piece. */
  readonly pieces: readonly string[]
}

export const PIECE_BYTES = 4 * 1024 * 1024
/** Versions whose pieces stay: a router may still be reading the one before. */
const KEPT = 2

export interface GeoPublication {
  readonly kind: GeoKind
  readonly file: Uint8Array
  /** Milliseconds since the epoch, by the publisher's clock. */
  readonly created: number
  /** The version is also higher than this: what routers have may be newer than a Redis that forgot. */
  readonly above?: number | undefined
}

/**
 * Publishes a database that the caller has validated. Its version is the publisher's time in seconds or one more than the
 * last: after Redis forgot everything it is still higher than what routers have, unless a clock was ahead.
 * Rejects with a `RedisError`, and leaves nothing behind as far as Redis answers; its code is `STALE` where someone else
 * published in between.
 */
export async function pushGeo(link: RedisLink, keys: Keys, { kind, file, created, above = 0 }: GeoPublication): Promise<GeoHead> {
  const found = await link.callBytes('GET', keys.geoHead(kind))
  const before = Buffer.isBuffer(found) ? parseGeoHead(found.toString('utf8')) : undefined
  const garbage = before === undefined && Buffer.isBuffer(found) ? found : undefined
  const least = Math.max(before?.version ?? 0, (garbage && positionIn(garbage)?.version) ?? 0, above)
  const whole = sha256(file)
  const pieces = [...piecesOf(file)]
  const version = Math.max(least + 1, Math.floor(created / 1000))
  const head: GeoHead = { epoch: 1, version, sha256: whole, bytes: file.length, created, pieces: pieces.map(sha256) }
  const seen = before === undefined ? '' : formatPosition(before)
  const heads = keys.geoHeads(kind)
  try {
    // Someone who failed with the same file may take its pieces while no head names it yet; then they are sent once more.
    for (let tries = 0; tries < 3; tries++) {
      for (const [position, piece] of pieces.entries()) await link.call('SET', keys.geoPiece(whole, position), piece)
      const reply = await link.call('EVAL', MOVE_HEAD, 4, keys.geoHead(kind), heads, keys.events, keys.geoPiece(whole, pieces.length - 1), seen, JSON.stringify(head), formatPosition(head), 100, ...(garbage === undefined ? [] : [garbage]))
      const outcome: unknown = Array.isArray(reply) ? reply[0] : undefined
      if (outcome === 'moved') {
        // The publication is done; what is left over is collected after the next one.
        await collectPieces(link, keys, heads).catch(() => undefined)
        return head
      }
      if (outcome === 'stale') throw new RedisError('STALE')
    }
    throw new RedisError('PIECE_GONE')
  } catch (error) {
    await dropPieces(link, keys, head).catch(() => undefined)
    throw error
  }
}

function* piecesOf(file: Uint8Array): Generator<Buffer, void> {
  for (let start = 0; start < file.length; start += PIECE_BYTES) yield Buffer.from(file.buffer, file.byteOffset + start, Math.min(PIECE_BYTES, file.length - start))
}

async function collectPieces(link: RedisLink, keys: Keys, heads: string): Promise<void> {
  const texts = await link.call('LRANGE', heads, 0, -1)
  const known = (Array.isArray(texts) ? texts : []).flatMap((text) => parseGeoHead(text) ?? [])
  for (const head of known.slice(KEPT)) await dropPieces(link, keys, head)
  await link.call('LTRIM', heads, 0, KEPT - 1)
}

/** Deletes the pieces of a database that no head names which is published or kept. */
async function dropPieces(link: RedisLink, keys: Keys, { sha256: whole, pieces }: GeoHead): Promise<void> {
  const all = [...GEO_KINDS.map((kind) => keys.geoHead(kind)), ...GEO_KINDS.map((kind) => keys.geoHeads(kind)), ...pieces.keys().map((position) => keys.geoPiece(whole, position))]
  await link.call('EVAL', COLLECT_PIECES, all.length, ...all, GEO_KINDS.length, KEPT, whole)
}

/** `undefined` where nothing was published, or what is there is not a head. */
export async function readGeoHead(link: RedisLink, keys: Keys, kind: GeoKind): Promise<GeoHead | undefined> {
  return parseGeoHead(await link.call('GET', keys.geoHead(kind)))
}

/** Why a published database was not fetched. Closed: a metric label. */
export const GEO_REFUSALS = ['unreadable', 'missing', 'torn', 'oversize', 'regress', 'disk'] as const
export type GeoRefusal = (typeof GEO_REFUSALS)[number]

export type GeoPoll =
  | { readonly outcome: 'same' | 'empty' }
  | { readonly outcome: 'fetched'; readonly head: GeoHead; readonly path: string }
  | { readonly outcome: 'refused'; readonly reason: GeoRefusal; readonly code?: string }

export interface RedisGeoOptions {
  readonly link: RedisLink
  readonly keys: Keys
  readonly kind: GeoKind
  /** Where the file goes; made if it is missing. */
  readonly directory: string
  /** Default 512 MiB. */
  readonly maxBytes?: number
  readonly io?: FileIO
}

export class RedisGeo {
  readonly #options: RedisGeoOptions
  readonly #io: FileIO
  /** What the file is known to hold. */
  #have: GeoHead | undefined
  #opening: Promise<boolean> | undefined
  #polling: Promise<GeoPoll> | undefined

  constructor(options: RedisGeoOptions) {
    this.#options = options
    this.#io = options.io ?? fileIO
  }

  /** The file that holds the newest database that was fetched; it may not exist yet. */
  get path(): string {
    return `${this.#options.directory}/${this.#name}`
  }

  /** Which version the file is known to hold; `undefined`: none that was fetched. */
  get version(): number | undefined {
    return this.#have?.version
  }

  get kind(): GeoKind {
    return this.#options.kind
  }

  get #name(): string {
    return `${this.#options.kind}.mmdb`
  }

  /** Finds out what is on disk from an earlier run. Whether it is whole: what is not is fetched again. A look waits for it. Never rejects. */
  open(): Promise<boolean> {
    this.#opening = this.#open().then((head) => {
      this.#have = head
      return head !== undefined
    }, () => false)
    return this.#opening
  }

  async #open(): Promise<GeoHead | undefined> {
    const head = parseGeoHead(Buffer.from(await this.#io.read(`${this.path}.json`)).toString('utf8'))
    if (head === undefined) return undefined
    const file = await this.#io.read(this.path)
    return file.length === head.bytes && (await sha256InSlices(file)) === head.sha256 ? head : undefined
  }

  /** Looks at the head, and fetches what it names where that is newer. A call while another is busy joins it. Never rejects. */
  poll(): Promise<GeoPoll> {
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined
    })
    return this.#polling
  }

  async #poll(): Promise<GeoPoll> {
    const { link, keys, kind, directory, maxBytes = 512 * 1024 * 1024 } = this.#options
    await this.#opening
    try {
      const head = await readGeoHead(link, keys, kind)
      if (head === undefined) return { outcome: 'empty' }
      const order = this.#have === undefined ? 1 : compareHeads(head, this.#have)
      if (order === 0 && head.sha256 === this.#have?.sha256) return { outcome: 'same' }
      if (order <= 0) return { outcome: 'refused', reason: 'regress' }
      if (head.bytes > maxBytes) return { outcome: 'refused', reason: 'oversize' }
      await replaceFile(this.#io, directory, this.#name, this.#pieces(head))
      // Written last: without it the file is fetched once more, which does no harm.
      await replaceFile(this.#io, directory, `${this.#name}.json`, [Buffer.from(JSON.stringify(head))])
      this.#have = head
      return { outcome: 'fetched', head, path: this.path }
    } catch (error) {
      if (error instanceof PieceError) return { outcome: 'refused', reason: error.reason }
      if (error instanceof RedisError) return { outcome: 'refused', reason: 'unreadable', code: error.code }
      return { outcome: 'refused', reason: 'disk', code: codeOf(error) }
    }
  }

  async *#pieces(head: GeoHead): AsyncGenerator<Uint8Array> {
    const whole = createHash('sha256')
    let length = 0
    for (const [position, digest] of head.pieces.entries()) {
      const piece = await readLong(this.#options.link, this.#options.keys.geoPiece(head.sha256, position), PIECE_BYTES)
      if (piece === undefined) throw new PieceError('missing')
      if (sha256(piece) !== digest) throw new PieceError('torn')
      whole.update(piece)
      length += piece.length
      yield piece
    }
    if (length !== head.bytes || whole.digest('hex') !== head.sha256) throw new PieceError('torn')
  }
}

class PieceError extends Error {
  override readonly name = 'PieceError'
  readonly reason: 'missing' | 'torn'

  constructor(reason: 'missing' | 'torn') {
    super(reason)
    this.reason = reason
  }
}

function parseGeoHead(text: unknown): GeoHead | undefined {
  if (typeof text !== 'string') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('epoch' in value && 'version' in value && 'sha256' in value && 'bytes' in value && 'created' in value && 'pieces' in value)) return undefined
  const { epoch, version, sha256: whole, bytes, created, pieces } = value
  const isDigest = (item: unknown): item is string => typeof item === 'string' && /^[0-9a-f]{64}$/.test(item)
  if (typeof epoch !== 'number' || typeof version !== 'number' || typeof bytes !== 'number' || typeof created !== 'number') return undefined
  if (!isDigest(whole) || !Array.isArray(pieces) || pieces.length > 1000 || !pieces.every(isDigest)) return undefined
  return { epoch, version, sha256: whole, bytes, created, pieces }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
