/**
 * Standard output that is a file, as with `>> records.ndjson`. A stream of Node ends with its first error, so a disk that
 * was full once would cost every later record: the descriptor is written to as a file is, and tried again.
 */
import { fdatasync, fstatSync, write } from 'node:fs'
import { promisify } from 'node:util'
import type { LogFile } from './log-file.ts'

type Write = (fd: number, buffer: Buffer, offset: number, length: number, position: null) => Promise<{ readonly bytesWritten: number }>

/**
 * Opens a descriptor again and again, without closing it. A line that an error cut off cannot be removed, since others may
 * write there, too: what is missing of it comes next.
 */
export function descriptor(fd: number, writeTo: Write = promisify(write)): () => Promise<LogFile> {
  /** Bytes of a line whose end is not written yet. */
  let begun = 0
  return async () => {
    // The sink writes a line that was cut off again from its beginning.
    let skip = begun
    return await Promise.resolve({
      // What is there cannot be read, and is not ours alone to repair.
      stat: async () => await Promise.resolve({ size: 0, isFile: () => false }),
      read: async () => await Promise.resolve({ bytesRead: 0 }),
      truncate: async () => {},
      write: async (buffer, offset, length) => {
        const known = Math.min(skip, length)
        skip -= known
        if (known > 0) return { bytesWritten: known }
        const { bytesWritten } = await writeTo(fd, buffer, offset, length, null)
        const newline = buffer.subarray(offset, offset + bytesWritten).lastIndexOf(10)
        begun = newline === -1 ? begun + bytesWritten : bytesWritten - newline - 1
        return { bytesWritten }
      },
      datasync: () => promisify(fdatasync)(fd),
      close: async () => {},
    })
  }
}

export function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}
