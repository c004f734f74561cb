/** A configuration directory as a bundle. */
import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bundle, BundleFile } from '../policy/bundle.ts'
import { bundleOf, KINDS } from '../policy/bundle.ts'
import { codeOf } from '../system.ts'

/** One file or folder of a directory cannot be read; the directory itself can. */
export class UnreadableFileError extends Error {
  override readonly name = 'UnreadableFileError'
  /** Within the directory, with forward slashes. */
  readonly file: string
  /** The system's. */
  readonly code: string

  constructor(file: string, cause: unknown) {
    super(`${file} cannot be read (${codeOf(cause)})`, { cause })
    this.file = file
    this.code = codeOf(cause)
  }
}

/**
 * Reads `targets/`, `services/`, `zones/` and `policies/` of a directory, subfolders included; a folder that is missing is empty.
 * Hidden files and folders are left out, links to files are followed. Rejects where the directory itself cannot be read, and with
 * an `UnreadableFileError` where something in it cannot.
 */
export async function readBundle(directory: string): Promise<Bundle> {
  return readFiles(directory, (await list(directory)).files)
}

/** What a directory holds, not yet read. */
export interface Listing {
  /** Changes when a file comes, goes or is written. */
  readonly signature: string
  /** Rejects as `readBundle` does. */
  read(): Promise<Bundle>
}

/** Far cheaper than reading all files. Rejects as `readBundle` does. */
export async function lookAt(directory: string): Promise<Listing> {
  const { files } = await list(directory)
  const marks: string[] = []
  for (const path of files) {
    const { size, mtimeMs, ino } = await stat(join(directory, path)).catch(unreadable(path))
    marks.push(`${path} ${size} ${mtimeMs} ${ino}`)
  }
  return { signature: marks.sort().join('\n'), read: () => readFiles(directory, files) }
}

/** Why something in a folder that is read is not. */
export type Ignored = 'name' | 'folder link' | 'no file'

/** What `readBundle` leaves out although it is not hidden, by its path. Rejects as `readBundle` does. */
export async function ignoredFiles(directory: string): Promise<ReadonlyMap<string, Ignored>> {
  return (await list(directory)).ignored
}

async function readFiles(directory: string, paths: readonly string[]): Promise<Bundle> {
  const files: BundleFile[] = []
  for (const path of paths) files.push({ path, text: await readFile(join(directory, path), 'utf8').catch(unreadable(path)) })
  return bundleOf(files)
}

interface Found {
  readonly files: string[]
  readonly ignored: Map<string, Ignored>
}

async function list(directory: string): Promise<Found> {
  await stat(directory)
  const found: Found = { files: [], ignored: new Map() }
  for (const kind of KINDS) await walk(directory, kind, found)
  return found
}

async function walk(directory: string, folder: string, found: Found): Promise<void> {
  const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' && !folder.includes('/')) return []
    throw new UnreadableFileError(folder, error)
  })
  for (const entry of entries) {
    // What editors leave behind; and Kubernetes, whose links in a mounted folder lead through a hidden one to the files.
    if (entry.name.startsWith('.')) continue
    const path = `${folder}/${entry.name}`
    const is = await kindOf(entry, join(directory, path))
    if (is === 'folder') await walk(directory, path, found)
    else if (is !== 'file') found.ignored.set(path, is)
    else if (/\.ya?ml$/.test(entry.name)) found.files.push(path)
    else found.ignored.set(path, 'name')
  }
}

async function kindOf(entry: Dirent, path: string): Promise<'file' | 'folder' | Exclude<Ignored, 'name'>> {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  if (!entry.isSymbolicLink()) return 'no file'
  // A link that leads nowhere was meant as a file: reading it says what is wrong, and nothing is lost without a word.
  const to = await stat(path).catch(() => undefined)
  return to === undefined || to.isFile() ? 'file' : to.isDirectory() ? 'folder link' : 'no file'
}

function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    throw new UnreadableFileError(path, error)
  }
}
