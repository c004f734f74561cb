/** Operators' commands in a file of the state directory, where there is no Redis; and beside Redis, for when it is gone. */
import { codeOf } from '../system.ts'
import { forgotten, pruned, readOverrides, record } from './overrides.ts'
import type { Override, Overrides, OverrideStore } from './overrides.ts'

/** The file system as far as it is needed; what replaces a file does so as a whole. */
export interface OverrideFiles {
  readonly read: (path: string) => Promise<Uint8Array>
  readonly replace: (directory: string, name: string, bytes: Uint8Array) => Promise<void>
}

export const OVERRIDES_FILE = 'overrides.json'
const MAX_BYTES = 16 * 1024 * 1024
/** Two operators at the same moment: the one whose command got lost tries again. */
const ATTEMPTS = 5

/** The file cannot be used. */
export class OverrideFileError extends Error {
  override readonly name = 'OverrideFileError'
  readonly file: string
  readonly doing: 'read' | 'written'
  /** The system's code; `DAMAGED` where what is there are no commands, `EBUSY` where others write all the time. */
  readonly code: string

  constructor(file: string, doing: 'read' | 'written', code: string, options?: ErrorOptions) {
    super(`the operators' commands in ${file} cannot be ${doing} (${code})`, options)
    this.file = file
    this.doing = doing
    this.code = code
  }
}

export class OverrideFile implements OverrideStore {
  readonly #directory: string
  readonly #files: OverrideFiles

  constructor(directory: string, files: OverrideFiles) {
    this.#directory = directory
    this.#files = files
  }

  get #path(): string {
    return `${this.#directory}/${OVERRIDES_FILE}`
  }

  /** No file: no commands. Rejects with an `OverrideFileError` where it cannot be read or any of it is not a command. */
  async read(): Promise<readonly Override[]> {
    let bytes: Uint8Array
    try {
      bytes = await this.#files.read(this.#path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw new OverrideFileError(this.#path, 'read', codeOf(error), { cause: error })
    }
    try {
      return commandsIn(bytes)
    } catch (error) {
      throw new OverrideFileError(this.#path, 'read', 'DAMAGED', { cause: error })
    }
  }

  /** Rejects with an `OverrideFileError`, also rather than write over a file that cannot be read. */
  async write(command: Override): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const all = pruned(record(new Map(), [...(await this.read()), command]), command.when)
      await this.writeAll([...all.values()])
      const kept = (await this.read()).find(({ target }) => target === command.target)
      if (kept !== undefined && kept.when >= command.when) return
    }
    throw new OverrideFileError(this.#path, 'written', 'EBUSY')
  }

  async writeAll(overrides: readonly Override[]): Promise<void> {
    const text = `${JSON.stringify({ v: 1, overrides }, null, 2)}\n`
    try {
      await this.#files.replace(this.#directory, OVERRIDES_FILE, new TextEncoder().encode(text))
    } catch (error) {
      throw new OverrideFileError(this.#path, 'written', codeOf(error), { cause: error })
    }
  }
}

function commandsIn(bytes: Uint8Array): readonly Override[] {
  if (bytes.length > MAX_BYTES) throw new TypeError('the file is too large')
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  if (typeof value !== 'object' || value === null || !('v' in value) || value.v !== 1 || !('overrides' in value)) throw new TypeError('not a file of overrides')
  return readOverrides(value.overrides)
}

/**
 * Another store's commands, and a copy of them in a file. A command is taken back by another one and never by its absence: what
 * the store forgot, because it was emptied or came back with an older state, is obeyed as before, also after a restart.
 */
export class MirroredOverrides implements OverrideStore {
  readonly #source: OverrideStore
  readonly #mirror: OverrideFile
  readonly #now: () => number
  /** Absent until the store was read for the first time. */
  #known: Overrides | undefined
  #forgotten: readonly Override[] = []
  #written: string | undefined

  /** @param now milliseconds since the epoch */
  constructor(source: OverrideStore, mirror: OverrideFile, now: () => number) {
    this.#source = source
    this.#mirror = mirror
    this.#now = now
  }

  async read(): Promise<readonly Override[]> {
    let read: readonly Override[]
    try {
      read = await this.#source.read()
    } catch (error) {
      // Once they were read, the ones that are known are newer than the copy may be.
      if (this.#known !== undefined) throw error
      return this.#mirror.read()
    }
    // A disk that cannot be read or written to must not keep commands from being obeyed.
    this.#known ??= record(new Map(), await this.#mirror.read().catch(() => []))
    const now = this.#now()
    this.#known = pruned(record(this.#known, read), now)
    this.#forgotten = forgotten(this.#known, record(new Map(), read), now)
    const all = [...this.#known.values()]
    const text = JSON.stringify(all)
    if (text !== this.#written) await this.#mirror.writeAll(all).then(() => void (this.#written = text), () => undefined)
    return all
  }

  /** The commands that the store does not hold any more, although they decide: whoever starts anew with it does otherwise. */
  get forgotten(): readonly Override[] {
    return this.#forgotten
  }

  write(command: Override): Promise<void> {
    return this.#source.write(command)
  }
}
