/**
 * The newest snapshots that were proven to work, on disk: what a router starts from when there is nothing else.
 *
 * One file each: a line with the SHA-256 of all that follows, a line of JSON, then the bundle. Files are never changed,
 * only added and, when there are newer ones, removed; one that is torn or altered is passed over for the one before it.
 */
import { createHash } from 'node:crypto'
import { codeOf } from '../system.ts'
import { fileIO, replaceFile } from './durable-file.ts'
import type { FileIO } from './durable-file.ts'
import { formatHead, parseHead } from './head.ts'
import type { Head } from './store.ts'

export interface Good {
  readonly head: Head
  /** The bundle that was built, which differs from the published one while a service is quarantined. */
  readonly bytes: Uint8Array
  /** Ids of the services that were quarantined. */
  readonly quarantined: readonly string[]
}

/** `code`: the system's, such as `ENOSPC` or `EROFS`. */
export type Saved = { readonly saved: true } | { readonly saved: false; readonly code: string }

export interface LastKnownGoodOptions {
  readonly directory: string
  /** Generations. Default 5. */
  readonly keep?: number
  readonly io?: FileIO
}

const NAME = /^good-(\d{12})\.snapshot$/
const LINE_END = 10

export class LastKnownGood {
  readonly #directory: string
  readonly #keep: number
  readonly #io: FileIO
  /** Writes one at a time, in order. */
  #writing: Promise<unknown> = Promise.resolve()
  #skipped = 0

  constructor({ directory, keep = 5, io = fileIO }: LastKnownGoodOptions) {
    this.#directory = directory
    this.#keep = Math.max(1, keep)
    this.#io = io
  }

  /** Files that were torn, altered or unreadable when they were looked at. */
  get skipped(): number {
    return this.#skipped
  }

  /** The newest one that is whole; `undefined` where there is none. Never rejects. */
  async load(): Promise<Good | undefined> {
    for await (const good of this.generations()) return good
    return undefined
  }

  /** All that are whole, newest first: the newest may be whole and yet not usable by this version of the router. */
  async *generations(): AsyncGenerator<Good> {
    for (const number of (await this.#numbers()).reverse()) {
      const good = await this.#io.read(this.#path(number)).then(decode, () => undefined)
      if (good === undefined) this.#skipped++
      else yield good
    }
  }

  /** Never rejects: a disk that is full or read-only does not stop routing. */
  save(head: Head, bytes: Uint8Array, quarantined: readonly string[] = []): Promise<Saved> {
    const saving = this.#writing.then(() => this.#save({ head, bytes, quarantined }))
    this.#writing = saving
    return saving
  }

  async #save(good: Good): Promise<Saved> {
    try {
      const numbers = await this.#numbers()
      const number = (numbers.at(-1) ?? 0) + 1
      await replaceFile(this.#io, this.#directory, nameOf(number), [encode(good)])
      const old = [...numbers, number].slice(0, -this.#keep)
      for (const each of old) await this.#io.remove(this.#path(each)).catch(() => undefined)
      return { saved: true }
    } catch (error) {
      return { saved: false, code: codeOf(error) }
    }
  }

  async #numbers(): Promise<number[]> {
    const names = await this.#io.list(this.#directory).catch(() => [])
    return names.flatMap((name) => Number(NAME.exec(name)?.[1] ?? [])).filter((number) => number > 0).sort((a, b) => a - b)
  }

  #path(number: number): string {
    return `${this.#directory}/${nameOf(number)}`
  }
}

function nameOf(number: number): string {
  return `good-${String(number).padStart(12, '0')}.snapshot`
}

function encode({ head, bytes, quarantined }: Good): Buffer {
  const body = Buffer.concat([Buffer.from(`${JSON.stringify({ head: formatHead(head), quarantined, bytes: bytes.length })}\n`), bytes])
  return Buffer.concat([Buffer.from(`${sha256(body)}\n`), body])
}

function decode(file: Uint8Array): Good | undefined {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  const body = text.subarray(65)
  if (text[64] !== LINE_END || text.toString('latin1', 0, 64) !== sha256(body)) return undefined
  try {
    const end = body.indexOf(LINE_END)
    const line: unknown = JSON.parse(body.toString('utf8', 0, end))
    if (typeof line !== 'object' || line === null || !('head' in line) || !('quarantined' in line) || typeof line.head !== 'string' || !Array.isArray(line.quarantined)) return undefined
    return { head: parseHead(line.head), bytes: body.subarray(end + 1), quarantined: line.quarantined.filter((id) => typeof id === 'string') }
  } catch {
    return undefined
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
