/** The archive's files: `router/day/seq.age`, each with its `seq.checkpoint`. Written whole or not at all, for their owner alone. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { isDay } from './day.ts'

/** The file system as far as it is needed. Any of them may reject. */
export interface ArchiveFiles {
  makeDirectory(path: string): Promise<void>
  /** Names in a directory. */
  list(path: string): Promise<string[]>
  read(path: string): Promise<Uint8Array>
  /** Creates the file, or empties it, and returns once the disk has it. */
  write(path: string, bytes: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A second name for a file. Rejects with the code `EEXIST` where the name is taken. */
  link(from: string, to: string): Promise<void>
  /** Returns once the disk has the directory's names. */
  syncDirectory(path: string): Promise<void>
  remove(path: string): Promise<void>
  /** Milliseconds since the epoch. */
  modified(path: string): Promise<number>
  /** Whether it is one; a link to one is. */
  isDirectory(path: string): Promise<boolean>
}

export const files: ArchiveFiles = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  list: (path) => readdir(path),
  read: (path) => readFile(path),
  write: async (path, bytes) => {
    const file = await open(path, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  },
  rename: (from, to) => rename(from, to),
  link: (from, to) => link(from, to),
  syncDirectory: async (path) => {
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
  remove: (path) => rm(path, { force: true }),
  modified: async (path) => (await stat(path)).mtimeMs,
  isDirectory: async (path) => (await stat(path)).isDirectory(),
}

/** The id of a router, which is the name of its directory. */
export const ROUTER = /^[a-z0-9][a-z0-9_.-]{0,63}$/

/** Beside the file, then moved into place: whoever looks sees all of it or nothing. The directory is the caller's to sync. */
export async function place(io: ArchiveFiles, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${directory}/.${name}${PART}`
  try {
    await io.write(temporary, bytes)
    await io.rename(temporary, `${directory}/${name}`)
  } catch (error) {
    await io.remove(temporary).catch(() => undefined)
    throw error
  }
}

/** Beside the file, then linked into place, for its owner alone. False where there is one already, which stays as it is. */
export async function placeNew(path: string, text: string, mode = 0o600): Promise<boolean> {
  const beside = `${dirname(path)}/.${basename(path)}.${randomBytes(8).toString('hex')}${PART}`
  try {
    const file = await open(beside, 'wx', mode)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await linkNew(beside, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(beside, { force: true })
    await files.syncDirectory(dirname(path)).catch(() => undefined)
  }
}

/** Some file systems, such as those of memory sticks, have no links. */
async function linkNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) throw error
    await (await open(to, 'wx', 0o600)).close()
    await rename(from, to)
  }
}

/** Names in a directory, in order; none where it is not there. */
export async function namesIn(io: ArchiveFiles, path: string): Promise<string[]> {
  try {
    return (await io.list(path)).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/**
 * Routers with a directory in an archive, in order; what a file system or a person put beside them is left alone.
 * @throws ArchiveError where the archive is not there: nothing to see is not the same as nothing wrong
 */
export async function routersIn(io: ArchiveFiles, archive: string): Promise<string[]> {
  const names = await io.list(archive).catch((error: unknown) => {
    throw new ArchiveError(`the archive ${archive} cannot be read (${codeOf(error)}); check its path, and whether its disk is there`, { cause: error })
  })
  const routers: string[] = []
  // A day stands for a directory of a router that was given for the archive.
  for (const name of names.filter((found) => ROUTER.test(found) && !isDay(found))) {
    if (await io.isDirectory(`${archive}/${name}`).catch(() => false)) routers.push(name)
  }
  return routers.sort()
}

/** Undefined where the file is not there. */
export async function readIfThere(io: ArchiveFiles, path: string): Promise<Uint8Array | undefined> {
  try {
    return await io.read(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** One segment's files. */
export interface SegmentFiles {
  readonly day: string
  /** Sequence number with leading zeros. */
  readonly name: string
  readonly age: boolean
  readonly checkpoint: boolean
}

export const AGE = '.age'
export const CHECKPOINT = '.checkpoint'
/** Ends the name of what is not written whole yet. */
export const PART = '.part'
const NAME = /^(\d{15})\.(age|checkpoint)$/

/** What stands in one router's directory, by day and number. */
export async function segmentsIn(io: ArchiveFiles, directory: string): Promise<SegmentFiles[]> {
  const found: SegmentFiles[] = []
  for (const day of (await namesIn(io, directory)).filter(isDay)) {
    const names = await namesIn(io, `${directory}/${day}`)
    const there = new Set(names)
    const numbers = new Set(names.flatMap((file) => NAME.exec(file)?.[1] ?? []))
    for (const name of numbers) found.push({ day, name, age: there.has(name + AGE), checkpoint: there.has(name + CHECKPOINT) })
  }
  return found
}

/**
 * Removes segments that were last written before `before`, in milliseconds, and what a crash left half written; checkpoints
 * stay, as the proof that they were there. Returns how many segments.
 */
export async function removeOlder(io: ArchiveFiles, directory: string, before: number): Promise<number> {
  return removeWhere(io, directory, () => true, async (path) => (await io.modified(path)) < before)
}

/** The same for segments of days before `day`, whenever they were written. */
export async function removeBefore(io: ArchiveFiles, directory: string, day: string): Promise<number> {
  return removeWhere(io, directory, (other) => other < day, async () => true)
}

/** What cannot be removed holds up nothing else; the first such error is thrown at the end. */
async function removeWhere(io: ArchiveFiles, directory: string, ofDay: (day: string) => boolean, where: (path: string) => Promise<boolean>): Promise<number> {
  let removed = 0
  const errors: unknown[] = []
  for (const day of (await namesIn(io, directory)).filter((name) => isDay(name) && ofDay(name))) {
    for (const name of (await namesIn(io, `${directory}/${day}`)).filter((file) => file.endsWith(PART) || NAME.exec(file)?.[2] === 'age')) {
      const path = `${directory}/${day}/${name}`
      try {
        if (!await where(path)) continue
        await io.remove(path)
        if (!name.endsWith(PART)) removed++
      } catch (error) {
        // The router and ship may remove the same file.
        if (codeOf(error) !== 'ENOENT') errors.push(error)
      }
    }
  }
  if (errors.length > 0) throw errors[0]
  return removed
}
