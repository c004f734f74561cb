/**
 * Loads the geo databases and picks up new ones while the router runs.
 *
 * A file that is absent, unreadable, damaged or of the wrong kind never replaces one that works: it is reported once
 * and looked at again when it changes. A file that changed since the last look may still be being written, so it waits
 * for a look at which it stayed the same.
 */
import { readFile, stat } from 'node:fs/promises'
import { codeOf } from '../system.ts'
import { compileInWorker } from './compile.ts'
import type { CompileJob, DatabaseKind } from './compile.ts'
import { GeoDatabaseError, tooLarge } from './geo-error.ts'
import { AsnIndex, GeoIndex } from './geo-index.ts'
import type { SharedAsn, SharedGeo } from './geo-index.ts'
import type { Locator } from './locator.ts'
import { MAX_BYTES } from './mmdb.ts'

/** What tells one state of a file from another. */
export interface FileStat {
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
}

/** The file system and the compiler, as far as they are needed. Any of them may reject. */
export interface GeoIO {
  readonly stat: (path: string) => Promise<FileStat>
  readonly readFile: (path: string) => Promise<Uint8Array<ArrayBuffer>>
  readonly compile: (job: CompileJob) => Promise<SharedGeo | SharedAsn>
}

export interface GeoLoaded {
  readonly kind: DatabaseKind
  readonly path: string
  /** For other threads. */
  readonly shared: SharedGeo | SharedAsn
  readonly databaseType: string
  /** Milliseconds since the epoch. */
  readonly builtAt: number
}

export interface GeoRefused {
  readonly kind: DatabaseKind
  readonly path: string
  /** What is wrong and what to do. */
  readonly message: string
}

export interface GeoSourceOptions {
  /** Asked for at each look: a database that arrives may take the place of the one that was there from the start. */
  readonly path: string | (() => string)
  /** Loaded once where that one is refused and none is loaded yet, as one that arrived in an earlier run and was damaged since. */
  readonly fallback?: string
  /** `undefined`: none. */
  readonly asnPath?: string | (() => string | undefined) | undefined
  readonly locator: Locator
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly io?: Partial<GeoIO>
  /** Neither of the two may throw. */
  readonly onLoaded?: (loaded: GeoLoaded) => void
  readonly onRefused?: (refused: GeoRefused) => void
  /** Milliseconds between two looks. Default 10,000: a new file is in use after 10 to 20 seconds. */
  readonly pollMs?: number
  /** Default 512 MiB. A larger file is refused unread. */
  readonly maxBytes?: number
}

export type Check = 'same' | 'loaded' | 'refused'

export class GeoSource {
  readonly #options: GeoSourceOptions
  readonly #io: GeoIO
  readonly #maxBytes: number
  readonly #files: readonly WatchedFile[]
  #checking: Promise<Check> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: GeoSourceOptions) {
    this.#options = options
    this.#io = { stat, readFile, compile: compileInWorker, ...options.io }
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
    const { path, asnPath } = options
    this.#files = asnPath === undefined ? [watched('geo', path)] : [watched('geo', path), watched('asn', asnPath)]
  }

  /** The first look: takes the files as they are. Never rejects; what is refused is reported, and taken up once it changes. */
  async load(): Promise<void> {
    await this.#exclusive(true)
  }

  /** One more look. `refused` and `loaded` only where something changed. A call while another is busy joins it. */
  check(): Promise<Check> {
    return this.#exclusive(false)
  }

  /** Looks every `pollMs` until `close`. Does not keep the process alive. */
  start(): void {
    if (this.#closed || this.#timer !== undefined) return
    const look = (): void => {
      this.#timer = setTimeout(() => void this.check().finally(() => this.#closed || look()), this.#options.pollMs ?? 10_000).unref()
    }
    look()
  }

  /** Stops looking. A look that is busy ends without effect. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #exclusive(atOnce: boolean): Promise<Check> {
    this.#checking ??= this.#lookAtAll(atOnce).finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #lookAtAll(atOnce: boolean): Promise<Check> {
    const results: Check[] = []
    for (const file of this.#files) results.push(await this.#look(file, atOnce))
    return results.find((result) => result === 'refused') ?? results.find((result) => result === 'loaded') ?? 'same'
  }

  async #look(file: WatchedFile, atOnce: boolean): Promise<Check> {
    const path = typeof file.path === 'string' ? file.path : file.path()
    if (path === undefined) return 'same'
    const state = await this.#state(path)
    const settled = atOnce || state.key === file.seen
    file.seen = state.key
    if (!settled || state.key === file.handled) return 'same'
    const result = state.problem === undefined ? await this.#compiled(file.kind, path) : state.problem
    // What was read may be half of what is there by now; then neither it nor its faults count.
    const { key } = await this.#state(path)
    if (this.#closed || key !== state.key) return 'same'
    file.handled = state.key
    const { kind } = file
    if (typeof result === 'string') {
      this.#options.onRefused?.({ kind, path, message: result })
      if (kind === 'geo' && !file.isLoaded) await this.#fallBack(file, path)
      return 'refused'
    }
    this.#use(file, path, result)
    return 'loaded'
  }

  async #fallBack(file: WatchedFile, refused: string): Promise<void> {
    const { fallback } = this.#options
    if (fallback === undefined || fallback === refused) return
    const { problem } = await this.#state(fallback)
    const result = problem ?? (await this.#compiled(file.kind, fallback))
    if (this.#closed) return
    if (typeof result === 'string') this.#options.onRefused?.({ kind: file.kind, path: fallback, message: result })
    else this.#use(file, fallback, result)
  }

  async #state(path: string): Promise<FileState> {
    try {
      const { size, mtimeMs, ino } = await this.#io.stat(path)
      const key = `${path}:${size}:${mtimeMs}:${ino}`
      return { key, problem: size > this.#maxBytes ? tooLarge(size, this.#maxBytes).message : undefined }
    } catch (error) {
      const code = codeOf(error)
      return { key: code, problem: `geo database cannot be found (${code}); put it in place or correct its path` }
    }
  }

  /** The arrays, or why there are none. */
  async #compiled(kind: DatabaseKind, path: string): Promise<SharedGeo | SharedAsn | string> {
    try {
      const file = await this.#io.readFile(path)
      return await this.#io.compile({ kind, file, maxBytes: this.#maxBytes })
    } catch (error) {
      if (error instanceof GeoDatabaseError) return error.message
      return `geo database cannot be read (${codeOf(error)}); check the file and its permissions`
    }
  }

  #use(file: WatchedFile, path: string, shared: SharedGeo | SharedAsn): void {
    if (shared.kind === 'geo') this.#options.locator.swap(GeoIndex.from(shared), this.#options.now())
    else this.#options.locator.swapAsn(AsnIndex.from(shared))
    file.isLoaded = true
    this.#options.onLoaded?.({ kind: file.kind, path, shared, databaseType: shared.databaseType, builtAt: shared.builtAt })
  }
}

interface WatchedFile {
  readonly kind: DatabaseKind
  readonly path: string | (() => string | undefined)
  /** The state at the last look. */
  seen: string | undefined
  /** The state that was loaded or refused last. */
  handled: string | undefined
  /** Whether any database of its kind was. */
  isLoaded: boolean
}

interface FileState {
  readonly key: string
  /** Why the file is not even worth reading. */
  readonly problem: string | undefined
}

function watched(kind: DatabaseKind, path: WatchedFile['path']): WatchedFile {
  return { kind, path, seen: undefined, handled: undefined, isLoaded: false }
}
