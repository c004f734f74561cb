/** New files that never take the place of another one. */
import { codeOf } from '../system.ts'
import { readIfThere } from './files.ts'
import type { ArchiveFiles } from './files.ts'

/**
 * Whoever looks sees all of the file or nothing. The directory is the caller's to sync.
 *
 * Rejects with the code `EEXIST` where the name is taken by anything but these very bytes, which a try before this one left.
 */
export async function create(io: ArchiveFiles, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${directory}/.${name}.part`
  try {
    await io.write(temporary, bytes)
    await io.link(temporary, `${directory}/${name}`)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const there = await readIfThere(io, `${directory}/${name}`)
    if (there === undefined || !Buffer.from(bytes).equals(there)) throw error
  } finally {
    // What stays is swept away after an hour.
    await io.remove(temporary).catch(() => undefined)
  }
}
