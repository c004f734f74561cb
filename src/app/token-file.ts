/** A secret on the first line of a file of its own. */
import { readFile } from 'node:fs/promises'

/** Rejects with the system's error. */
export async function readToken(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).split('\n')[0]?.trim() ?? ''
}
