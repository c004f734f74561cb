/** Makes the keys of days ahead: each officer's identities, and the signed list of public keys that routers get. */
import { mkdir, open, readFile } from 'node:fs/promises'
import { ArchiveError, codeOf } from './archive-error.ts'
import { DAY_MS, dayOf, startOf } from './day.ts'
import { files, place } from './files.ts'
import { createIdentity } from './identities.ts'
import { makeSigningKey, publicKeyOf, publicKeyText, readSigningKey } from './keys.ts'
import type { KeyObject } from './keys.ts'
import { OFFICER, readRecipients, RecipientList, writeRecipients } from './recipients.ts'
import type { DayRecipients } from './recipients.ts'

export const MAX_DAYS = 400
const LIST = 'recipients.txt'

export interface KeygenOptions {
  readonly days: number
  /** The first day. */
  readonly from: string
  readonly directory: string
  readonly officers: readonly [string, string]
  /** PEM file of the key that signs the list; made where it is not there. */
  readonly listKey: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface KeygenResult {
  readonly list: RecipientList
  /** Days that got keys now. */
  readonly made: number
  /** What routers pin: `ed25519:...`. */
  readonly publicKey: string
}

/** Extends a list that is there, without its past days. A day that has keys keeps them: segments may be sealed to them already. */
export async function keygen(options: KeygenOptions): Promise<KeygenResult> {
  const { days, from, directory, officers, now } = options
  const [first, second] = officers
  const start = startOf(from)
  const today = dayOf(now)
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) throw new ArchiveError(`the number of days must be between 1 and ${MAX_DAYS}`)
  if (start === undefined || from < today) throw new ArchiveError(`the first day must be a date such as 2026-03-01, and not before ${today}`)
  if (!OFFICER.test(first) || !OFFICER.test(second) || first === second) throw new ArchiveError('name two different officers, such as --officer alice,bob')

  await mkdir(directory, { recursive: true, mode: 0o700 })
  const signingKey = await signingKeyFrom(options.listKey)
  const known = await currentList(directory, signingKey)
  if (known !== undefined && known.officers.join() !== officers.join()) throw new ArchiveError(`the list in ${directory} is of the officers ${known.officers.join()}`)
  const all = new Map<string, DayRecipients>()
  for (const day of known?.days ?? []) {
    const recipients = known?.recipientsFor(day)
    if (recipients !== undefined && day >= today) all.set(day, recipients)
  }
  let made = 0
  for (let i = 0; i < days; i++) {
    const day = dayOf(start + i * DAY_MS)
    if (all.has(day)) continue
    all.set(day, [(await createIdentity(directory, first, day)).recipient, (await createIdentity(directory, second, day)).recipient])
    made++
  }
  const list = new RecipientList(officers, all)
  await place(files, directory, LIST, Buffer.from(writeRecipients(list, signingKey)))
  await files.syncDirectory(directory)
  return { list, made, publicKey: publicKeyText(signingKey) }
}

/** Writes a new private key for its owner alone and its public half beside it, as `.pub`. Rejects where there is one already. */
export async function createSigningKey(path: string): Promise<string> {
  const { pem, publicKey } = makeSigningKey()
  await writeNew(path, pem, 0o600)
  await writeNew(`${path}.pub`, `${publicKey}\n`, 0o644)
  return publicKey
}

async function signingKeyFrom(path: string): Promise<KeyObject> {
  const pem = await readFile(path, 'utf8').catch(async (error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw new ArchiveError(`the key ${path} cannot be read (${codeOf(error)})`)
    await createSigningKey(path)
    return readFile(path, 'utf8')
  })
  return readSigningKey(pem)
}

async function currentList(directory: string, signingKey: KeyObject): Promise<RecipientList | undefined> {
  const path = `${directory}/${LIST}`
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new ArchiveError(`${path} cannot be read (${codeOf(error)})`)
  })
  return text === undefined ? undefined : readRecipients(text, publicKeyOf(signingKey))
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
