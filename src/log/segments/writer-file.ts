/**
 * A file beside the segments of a process, `ams-1-4f2a9c01.writer`, by which another router on the directory knows that
 * it is still there: two overlap in a rolling restart, and one that repaired what the other writes would tear it.
 *
 * It names the process, which is looked up where it runs under the same kernel and in the same container. Elsewhere it is
 * there as long as it touches the file. The file takes a block of the disk, so that there is one to give back when the disk
 * is full and a segment must be ended.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { codeOf, isRunning } from '../../system.ts'
import { writeAll } from './segment-io.ts'
import type { SegmentIo } from './segment-io.ts'

/** What a file system gives out at once, nearly always. */
const BLOCK = 4096
/** A process that has not touched its files for so many milliseconds is gone; it touches them each minute. */
export const ABSENT_MS = 200_000
const NAME = /^([a-z0-9_][a-z0-9_.-]{0,90})\.writer$/

/** A process, and where its number means it. */
export interface ProcessId {
  /** Boot of the machine and container. */
  readonly place: string
  readonly pid: number
  /** When it was started, where the system tells; a number is given again. */
  readonly started: string
}

export class WriterFile {
  readonly #io: SegmentIo
  readonly #path: string

  /** @param process what names of this process's writers begin with */
  constructor(io: SegmentIo, directory: string, process: string) {
    this.#io = io
    this.#path = join(directory, writerFile(process))
  }

  /** Writes it anew. Never rejects: without it the segment's own age tells that somebody writes. */
  async touch(): Promise<void> {
    const content = Buffer.from(`${JSON.stringify(THIS).padEnd(BLOCK - 1)}\n`)
    try {
      const file = await this.#io.open(this.#path, 'r+').catch(async (error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error
        return await this.#io.open(this.#path, 'w')
      })
      try {
        await writeAll(file, content, 0, () => undefined)
      } finally {
        await file.close()
      }
    } catch {
      // The next time, perhaps.
    }
  }

  /** Gives its block back. Never rejects. */
  async remove(): Promise<void> {
    await this.#io.unlink(this.#path).catch(() => undefined)
  }
}

export function writerFile(process: string): string {
  return `${process}.writer`
}

/** Names of processes that left such a file, among the names of a directory. */
export function writersAmong(files: readonly string[]): string[] {
  return files.flatMap((file) => NAME.exec(file)?.[1] ?? [])
}

/**
 * Whether the process may still write.
 *
 * @param segments its open segments
 * @param now milliseconds since the epoch
 */
export async function isThere(io: SegmentIo, directory: string, process: string, segments: readonly string[], now: number): Promise<boolean> {
  const known = await read(io, join(directory, writerFile(process)))
  // One process has one name: what has another name and this number was before it.
  if (known.id?.place === THIS.place) return known.id.pid !== THIS.pid && runs(known.id)
  const touched = [known.touched]
  for (const segment of segments) touched.push((await read(io, join(directory, segment))).touched)
  return touched.some((at) => Math.abs(now - at) < ABSENT_MS)
}

const THIS: ProcessId = { place: place(), pid: process.pid, started: startOf(process.pid) }

function place(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function startOf(pid: number): string {
  try {
    // The 22nd field; the second is a name in brackets, of any letters.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function runs({ pid, started }: ProcessId): boolean {
  if (!isRunning(pid)) return false
  const now = startOf(pid)
  return now === '' || started === '' || now === started
}

/** The time is that of the last write, 0 where the file cannot be read. */
async function read(io: SegmentIo, path: string): Promise<{ readonly id: ProcessId | undefined, readonly touched: number }> {
  try {
    const file = await io.open(path, 'r')
    try {
      const buffer = Buffer.alloc(BLOCK)
      const { bytesRead } = await file.read(buffer, 0, BLOCK, 0)
      return { id: idIn(buffer.toString('utf8', 0, bytesRead)), touched: (await file.stat()).mtimeMs ?? 0 }
    } finally {
      await file.close()
    }
  } catch {
    return { id: undefined, touched: 0 }
  }
}

function idIn(text: string): ProcessId | undefined {
  try {
    const { place, pid, started } = JSON.parse(text) as Record<string, unknown>
    return typeof place === 'string' && Number.isSafeInteger(pid) && typeof started === 'string' ? { place, pid: Number(pid), started } : undefined
  } catch {
    return undefined
  }
}
