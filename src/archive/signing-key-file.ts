/** Ed25519 keys as files: the private one for its owner alone, its public half beside it as `.pub`. */
import { readFile } from 'node:fs/promises'
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { placeNew } from './files.ts'
import { makeSigningKey, publicKeyText, readSigningKey } from './keys.ts'
import type { KeyObject } from './keys.ts'

/** Writes a new key and returns its public half. Rejects where there is one already, but for one without its public half, which a run that broke off left: it gets that. */
export async function createSigningKey(path: string): Promise<string> {
  const { pem } = makeSigningKey()
  const key = readSigningKey(await written(path, pem, 0o600) ? pem : await readFile(path, 'utf8'))
  const publicKey = publicKeyText(key)
  if (!await written(`${path}.pub`, `${publicKey}\n`, 0o644)) throw new ArchiveError(`${path}.pub is there already (EEXIST); a key that is there is never replaced`)
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

/** False where there is one already. */
function written(path: string, text: string, mode: number): Promise<boolean> {
  return placeNew(path, text, mode).catch((error: unknown) => {
    throw new ArchiveError(`${path} cannot be written (${codeOf(error)})`)
  })
}
