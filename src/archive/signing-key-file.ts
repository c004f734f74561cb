/** Ed25519 keys as files: the private one for its owner alone, its public half beside it as `.pub`. */
import { open, readFile } from 'node:fs/promises'
import { ArchiveError, codeOf } from './archive-error.ts'
import { makeSigningKey, readSigningKey } from './keys.ts'
import type { KeyObject } from './keys.ts'

/** Writes a new key and returns its public half. Rejects where there is one already. */
export async function createSigningKey(path: string): Promise<string> {
  const { pem, publicKey } = makeSigningKey()
  await writeNew(path, pem, 0o600)
  await writeNew(`${path}.pub`, `${publicKey}\n`, 0o644)
  return publicKey
}

/** The key of a file; made where it is not there. */
export async function signingKeyFrom(path: string): Promise<KeyObject> {
  const pem = await readFile(path, 'utf8').catch(async (error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw new ArchiveError(`the key ${path} cannot be read (${codeOf(error)})`)
    await createSigningKey(path)
    return readFile(path, 'utf8')
  })
  return readSigningKey(pem)
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, 'wx', mode)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new ArchiveError(`${path} cannot be written (${codeOf(error)})${codeOf(error) === 'EEXIST' ? '; a key that is there is never replaced' : ''}`)
  }
}
