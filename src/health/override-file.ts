/** Operators' commands in a file of the state directory, where there is no Redis; and beside Redis, for when it is gone. */
import { pruned, readOverrides, record } from './overrides.ts'
import type { Override, OverrideStore } from './overrides.ts'

/** The file system as far as it is needed; what replaces a file does so as a whole. */
export interface OverrideFiles {
  readonly read: (path: string) => Promise<Uint8Array>
  readonly replace: (directory: string, name: string, bytes: Uint8Array) => Promise<void>
}

export const OVERRIDES_FILE = 'overrides.json'
const MAX_BYTES = 16 * 1024 * 1024
/** Two operators at the same moment: the one whose command got lost tries again. */
const ATTEMPTS = 5

export class OverrideFile implements OverrideStore {
  readonly #directory: string
  readonly #files: OverrideFiles

  constructor(directory: string, files: OverrideFiles) {
    this.#directory = directory
    this.#files = files
  }

  /** No file: no commands. Rejects where it cannot be read or any of it is not a command. */
  async read(): Promise<readonly Override[]> {
    let bytes: Uint8Array
    try {
      bytes = await this.#files.read(`${this.#directory}/${OVERRIDES_FILE}`)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    }
    if (bytes.length > MAX_BYTES) throw new TypeError('the file is too large')
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof value !== 'object' || value === null || !('v' in value) || value.v !== 1 || !('overrides' in value)) throw new TypeError('not a file of overrides')
    return readOverrides(value.overrides)
  }

  /** Rejects rather than write over a file that cannot be read. */
  async write(command: Override): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const all = pruned(record(new Map(), [...(await this.read()), command]), command.when)
      await this.writeAll([...all.values()])
      const kept = (await this.read()).find(({ target }) => target === command.target)
      if (kept !== undefined && kept.when >= command.when) return
    }
    throw new Error('others write at the same time')
  }

  async writeAll(overrides: readonly Override[]): Promise<void> {
    const text = `${JSON.stringify({ v: 1, overrides }, null, 2)}\n`
    await this.#files.replace(this.#directory, OVERRIDES_FILE, new TextEncoder().encode(text))
  }
}

/** Another store's commands, and a copy of them in a file: a router that starts while the store is gone still knows them. */
export class MirroredOverrides implements OverrideStore {
  readonly #source: OverrideStore
  readonly #mirror: OverrideFile
  #written: string | undefined
  #wasRead = false

  constructor(source: OverrideStore, mirror: OverrideFile) {
    this.#source = source
    this.#mirror = mirror
  }

  async read(): Promise<readonly Override[]> {
    let all: readonly Override[]
    try {
      all = await this.#source.read()
    } catch (error) {
      // Once they were read, the ones that are known are newer than the copy may be.
      if (this.#wasRead) throw error
      return this.#mirror.read()
    }
    this.#wasRead = true
    const text = JSON.stringify(all)
    if (text !== this.#written) {
      // A disk that cannot be written to must not keep commands from being obeyed.
      await this.#mirror.writeAll(all).then(() => void (this.#written = text), () => undefined)
    }
    return all
  }

  write(command: Override): Promise<void> {
    return this.#source.write(command)
  }
}

