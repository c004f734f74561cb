/**
 * A file beside the segments of a process: `ams-1-4f2a9c01.writer`. It takes a block of the disk, so that there is one to
 * give back when the disk is full and a segment must be ended.
 */
import { join } from 'node:path'
import { codeOf, writeAll } from './segment-io.ts'
import type { SegmentIo } from './segment-io.ts'

/** What a file system gives out at once, nearly always. */
const BLOCK = 4096

export class WriterFile {
  readonly #io: SegmentIo
  readonly #path: string

  /** @param process what names of this process's writers begin with */
  constructor(io: SegmentIo, directory: string, process: string) {
    this.#io = io
    this.#path = join(directory, `${process}.writer`)
  }

  /** Writes it anew. Never rejects: without it there is less to give back. */
  async touch(): Promise<void> {
    const content = Buffer.alloc(BLOCK, ' ')
    content[BLOCK - 1] = 10
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
