/** A configuration directory as a bundle. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Bundle, BundleFile } from '../policy/bundle.ts'
import { bundleOf, KINDS } from '../policy/bundle.ts'

/**
 * Reads `targets/`, `services/`, `zones/` and `policies/` of a directory, subfolders included; a folder that is missing is empty.
 * Rejects where the directory itself or a file in it cannot be read.
 */
export async function readBundle(directory: string): Promise<Bundle> {
  return readFiles(directory, await listYaml(directory))
}

/** What a directory holds, not yet read. */
export interface Listing {
  /** Changes when a file comes, goes or is written. */
  readonly signature: string
  /** Rejects where one of its files has gone since. */
  read(): Promise<Bundle>
}

/** Far cheaper than reading all files. Rejects as `readBundle` does. */
export async function lookAt(directory: string): Promise<Listing> {
  const paths = await listYaml(directory)
  const marks: string[] = []
  for (const path of paths) {
    const { size, mtimeMs, ino } = await stat(join(directory, path))
    marks.push(`${path} ${size} ${mtimeMs} ${ino}`)
  }
  return { signature: marks.sort().join('\n'), read: () => readFiles(directory, paths) }
}

async function readFiles(directory: string, paths: readonly string[]): Promise<Bundle> {
  const files: BundleFile[] = []
  for (const path of paths) files.push({ path, text: await readFile(join(directory, path), 'utf8') })
  return bundleOf(files)
}

async function listYaml(directory: string): Promise<string[]> {
  await stat(directory)
  const found: string[] = []
  for (const kind of KINDS) {
    const entries = await readdir(join(directory, kind), { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    for (const entry of entries) {
      // Hidden files are what editors leave behind.
      if (!entry.isFile() || !/^[^.].*\.ya?ml$/.test(entry.name)) continue
      found.push(relative(directory, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    }
  }
  return found
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
