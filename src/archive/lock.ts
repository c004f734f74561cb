/**
 * One process at a time writes to a router's directory: two would go on from the same place in the chain, and neither's
 * would verify. The lock is a file that names its holder. What a dead process left is taken over at once where it ran on
 * this machine; elsewhere (a container's process id says nothing outside of it) when it has not been renewed for a while.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { codeOf, isRunning } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { readIfThere } from './files.ts'
import type { ArchiveFiles } from './files.ts'

export class LockedError extends ArchiveError {
  readonly code = 'LOCKED'
}

interface Holder {
  /** Of the lock, anew for each. */
  readonly token: string
  readonly host: string
  readonly pid: number
  /** Milliseconds since the epoch when it was renewed last. */
  readonly at: number
}

/** Milliseconds after which a holder renews it, and after which one that has not is taken to be dead. */
const RENEW_MS = 30_000
const STALE_MS = 180_000
const NAME = 'lock'
/** Tokens that this process holds: its id alone may be that of a dead one, as in a container that was started again. */
const held = new Set<string>()

export class DirectoryLock {
  readonly #io: ArchiveFiles
  readonly #directory: string
  readonly #now: () => number
  readonly #token: string = randomUUID()
  /** What was asked for last: one thing after the other. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param directory made where it is not there @param now milliseconds since the epoch */
  constructor(io: ArchiveFiles, directory: string, now: () => number) {
    this.#io = io
    this.#directory = directory
    this.#now = now
  }

  /** Whether it was taken just now, and not held already. Rejects with a LockedError where another process has it, otherwise as the disk does. */
  hold(): Promise<boolean> {
    return this.#inTurn(async () => {
      const found = await this.#read(NAME)
      if (found?.token === this.#token) {
        await this.#renew(found)
        return false
      }
      held.delete(this.#token)
      if (found !== undefined) await this.#takeAway(found)
      await this.#take()
      held.add(this.#token)
      return true
    })
  }

  /** Renews it where it is held, and takes nothing: whoever writes has to know. Never rejects. */
  keep(): Promise<void> {
    if (!held.has(this.#token)) return Promise.resolve()
    return this.#inTurn(async () => {
      const found = await this.#read(NAME)
      if (found?.token === this.#token) await this.#renew(found)
    }).catch(() => undefined)
  }

  /** Never rejects. */
  release(): Promise<void> {
    if (!held.delete(this.#token)) return Promise.resolve()
    return this.#inTurn(async () => {
      const found = await this.#read(NAME)
      if (found?.token === this.#token) await this.#io.remove(`${this.#directory}/${NAME}`)
    }).catch(() => undefined)
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #take(): Promise<void> {
    await this.#io.makeDirectory(this.#directory)
    const temporary = await this.#write()
    try {
      await this.#io.link(temporary, `${this.#directory}/${NAME}`)
    } catch (error) {
      throw codeOf(error) === 'EEXIST' ? locked() : error
    } finally {
      await this.#io.remove(temporary).catch(() => undefined)
    }
  }

  async #renew({ at }: Holder): Promise<void> {
    if (Math.abs(this.#now() - at) < RENEW_MS) return
    await this.#io.rename(await this.#write(), `${this.#directory}/${NAME}`)
  }

  async #write(): Promise<string> {
    const holder: Holder = { token: this.#token, host: hostname(), pid: process.pid, at: this.#now() }
    const temporary = `${this.#directory}/.${NAME}.${this.#token}.part`
    await this.#io.write(temporary, Buffer.from(`${JSON.stringify(holder)}\n`))
    return temporary
  }

  /** A dead process's lock. Where another one was quicker, its lock is put back. */
  async #takeAway(found: Holder): Promise<void> {
    if (this.#isAlive(found)) throw locked()
    const aside = `.${NAME}.${this.#token}.part`
    await this.#io.rename(`${this.#directory}/${NAME}`, `${this.#directory}/${aside}`)
    const taken = await this.#read(aside)
    const same = taken?.token === found.token && taken.at === found.at
    if (!same) await this.#io.link(`${this.#directory}/${aside}`, `${this.#directory}/${NAME}`).catch(() => undefined)
    await this.#io.remove(`${this.#directory}/${aside}`)
    if (!same) throw locked()
  }

  #isAlive({ token, host, pid, at }: Holder): boolean {
    if (Math.abs(this.#now() - at) >= STALE_MS) return false
    if (host !== hostname()) return true
    return pid === process.pid ? held.has(token) : isRunning(pid)
  }

  /** Undefined where there is none. What cannot be read is nobody's. */
  async #read(name: string): Promise<Holder | undefined> {
    const bytes = await readIfThere(this.#io, `${this.#directory}/${name}`)
    return bytes === undefined ? undefined : holderIn(Buffer.from(bytes).toString())
  }
}

const NOBODY: Holder = { token: '', host: '', pid: 0, at: -Infinity }

function holderIn(text: string): Holder {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('token' in value && 'host' in value && 'pid' in value && 'at' in value)) return NOBODY
    const { token, host, pid, at } = value
    return typeof token === 'string' && typeof host === 'string' && typeof pid === 'number' && typeof at === 'number' ? { token, host, pid, at } : NOBODY
  } catch {
    return NOBODY
  }
}

function locked(): LockedError {
  return new LockedError('another process writes to this router\'s part of the archive; give each router an id or a directory of its own')
}
