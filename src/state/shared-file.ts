/** Files that one user writes and another one reads: an operator's command, often by root, is obeyed by a router that is somebody else. */
import { chmod, chown, stat } from 'node:fs/promises'
import { codeOf } from '../system.ts'
import { replaceFile } from './durable-file.ts'
import type { FileIO } from './durable-file.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
  /** The permissions among the lowest nine bits. */
  readonly mode: number
}

/** Whose files are, as far as it is needed. Any of them may reject. */
export interface OwnerIO {
  readonly stat: (path: string) => Promise<Owner>
  readonly chmod: (path: string, mode: number) => Promise<void>
  readonly chown: (path: string, uid: number, gid: number) => Promise<void>
}

export const ownerIO: OwnerIO = { stat: (path) => stat(path), chmod, chown }

/**
 * Replaces as `replaceFile` does, for whoever could read the former file: owner, group and permissions stay. The first one, and
 * one in place of root's, belongs to the directory's owner. Rejects, and leaves what is there, where the owner cannot be kept.
 */
export function replaceShared(io: FileIO, owners: OwnerIO, directory: string, name: string, pieces: Iterable<Uint8Array>): Promise<void> {
  return replaceFile(io, directory, name, pieces, (temporary) => handOver(owners, temporary, directory, `${directory}/${name}`))
}

async function handOver(owners: OwnerIO, temporary: string, directory: string, path: string): Promise<void> {
  const [written, folder, former] = await Promise.all([owners.stat(temporary), owners.stat(directory), owners.stat(path).catch(absent)])
  const kept = former === undefined || (former.uid === 0 && folder.uid !== 0) ? undefined : former
  const { uid, gid } = kept ?? folder
  await owners.chmod(temporary, kept === undefined ? firstMode(folder.mode) : kept.mode & 0o777)
  if (written.uid === uid && written.gid === gid) return
  try {
    await owners.chown(temporary, uid, gid)
  } catch (error) {
    if (written.uid === uid) {
      // Its owner reads it; another group than the former one must not.
      await owners.chmod(temporary, (kept?.mode ?? 0) & 0o707 | 0o600)
      return
    }
    if (kept !== undefined) throw error
    // Who may write in a directory of somebody else's does so as one of its group, which then reads the file, or as anybody.
    if (written.gid !== gid && !(folder.mode & 0o002)) await owners.chown(temporary, written.uid, gid)
  }
}

/** The owner's, and readable by whoever could replace it. */
function firstMode(folder: number): number {
  return 0o600 | (folder & 0o020 ? 0o040 : 0) | (folder & 0o002 ? 0o044 : 0)
}

function absent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}
