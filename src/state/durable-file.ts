/** Files that are either there as a whole or not at all, also after the power went. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'

/** The file system as far as it is needed. Any of them may reject. */
export interface FileIO {
  readonly makeDirectory: (path: string) => Promise<void>
  /** Names in a directory. */
  readonly list: (path: string) => Promise<string[]>
  readonly read: (path: string) => Promise<Uint8Array>
  /** Creates the file anew and returns once the disk has it. */
  readonly write: (path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  /** Returns once the disk has the directory's names. */
  readonly syncDirectory: (path: string) => Promise<void>
  readonly remove: (path: string) => Promise<void>
}

export const fileIO: FileIO = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  list: (path) => readdir(path),
  read: (path) => readFile(path),
  write: async (path, pieces) => {
    const file = await open(path, 'w', 0o600)
    try {
      for await (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
  },
  rename: (from, to) => rename(from, to),
  syncDirectory: async (path) => {
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
  remove: (path) => rm(path, { force: true }),
}

/**
 * Writes beside the file and moves it into place: whoever opens it sees the old one or the new one.
 *
 * @param before what is done to the new file before it is moved; where it rejects, the former one stays
 */
export async function replaceFile(io: FileIO, directory: string, name: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, before?: (temporary: string) => Promise<void>): Promise<void> {
  await io.makeDirectory(directory)
  // Two operators' commands at the same moment write beside each other, not into one file; in containers all have the same number.
  const temporary = `${directory}/.${name}.${process.pid}.${randomBytes(4).toString('hex')}.part`
  try {
    await io.write(temporary, pieces)
    await before?.(temporary)
    await io.rename(temporary, `${directory}/${name}`)
  } catch (error) {
    await io.remove(temporary).catch(() => undefined)
    throw error
  }
  await io.syncDirectory(directory)
}
