/** A file of lines, and what a crash may have left at its end. */

/** What the sink needs of an open file; `FileHandle` has it. */
export interface LogFile {
  stat(): Promise<{ readonly size: number, isFile(): boolean }>
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  write(buffer: Buffer, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  truncate(length: number): Promise<void>
  datasync(): Promise<void>
  close(): Promise<void>
}

/** How far back the end of the last whole line is looked for. A record is far shorter. */
const TAIL_BYTES = 64 * 1024
const NEWLINE = 10
const BRACE = 123

/**
 * Removes a last line without an end. What does not look like the beginning of a record is not ours to remove: it gets a
 * line end instead. Returns whether a line was removed.
 */
export async function repair(file: LogFile): Promise<boolean> {
  const stat = await file.stat()
  if (!stat.isFile() || stat.size === 0) return false
  const length = Math.min(stat.size, TAIL_BYTES)
  const tail = Buffer.alloc(length)
  let read = 0
  while (read < length) {
    const { bytesRead } = await file.read(tail, read, length - read, stat.size - length + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  const start = tail.subarray(0, read).lastIndexOf(NEWLINE) + 1
  if (start === read) return false
  // A crash of the machine can leave zeros where the text was to be.
  const ours = (tail[start] === BRACE || tail[start] === 0) && (start > 0 || length === stat.size)
  if (ours) await file.truncate(stat.size - length + start)
  else await file.write(Buffer.from('\n'), 0, 1)
  return ours
}
