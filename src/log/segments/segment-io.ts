/** What segments need of a file system; `node:fs/promises` has it. */
import * as fs from 'node:fs/promises'

export interface SegmentFile {
  stat(): Promise<{ readonly size: number, readonly mtimeMs?: number }>
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  write(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>
  truncate(length: number): Promise<void>
  datasync(): Promise<void>
  close(): Promise<void>
}

export interface SegmentIo {
  mkdir(path: string): Promise<unknown>
  /** `w`: a new file. `r+`: one that exists. `r`: to read. */
  open(path: string, flags: 'w' | 'r+' | 'r'): Promise<SegmentFile>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
}

/** Owner and group may read: it is a log, and nobody is in it, but it is not for everybody either. */
export const DISK: SegmentIo = {
  mkdir: (path) => fs.mkdir(path, { recursive: true, mode: 0o750 }),
  open: (path, flags) => fs.open(path, flags, 0o640),
  rename: (from, to) => fs.rename(from, to),
  unlink: (path) => fs.unlink(path),
  readdir: (path) => fs.readdir(path),
}

/** Writes all of it at a position. Resolves with the bytes that were written; throws what stopped it, with `written` as far as it came. */
export async function writeAll(file: SegmentFile, bytes: Buffer, position: number, progress: (written: number) => void): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written)
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
    written += bytesWritten
    progress(written)
  }
}
