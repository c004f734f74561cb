/** Away with what is too old on a router, of whatever day: segments that nobody shipped, and what a killed process left half done. */
import { isDay } from './day.ts'
import { namesIn } from './files.ts'
import type { ArchiveFiles } from './files.ts'

const SEGMENT = /^\d{15}\.age$/
/** Parts hold ciphertext too. */
const PART = /^\.(?:\d{15}\.(?:age|checkpoint)|lock\.[0-9a-f-]+)\.part$/

/**
 * In one router's directory, by name: what is not the archive's stays, and so do checkpoints, as the proof that the segments
 * were there. What cannot be removed does not keep the rest.
 * @param before milliseconds since the epoch when it was written
 * @returns how many segments were removed
 */
export async function sweep(io: ArchiveFiles, directory: string, before: number): Promise<number> {
  let segments = 0
  const folders = ['', ...(await orNone(namesIn(io, directory))).filter(isDay).map((day) => `/${day}`)]
  for (const folder of folders) {
    for (const name of await orNone(namesIn(io, directory + folder))) {
      const isSegment = folder !== '' && SEGMENT.test(name)
      if (!isSegment && !PART.test(name)) continue
      const removed = await removeOld(io, `${directory}${folder}/${name}`, before).catch(() => false)
      if (removed && isSegment) segments++
    }
  }
  return segments
}

async function removeOld(io: ArchiveFiles, path: string, before: number): Promise<boolean> {
  if (await io.modified(path) >= before) return false
  await io.remove(path)
  return true
}

function orNone(names: Promise<string[]>): Promise<string[]> {
  return names.catch(() => [])
}
