/**
 * The officers' private keys: a file for each day and officer, `officer/2026-03-01.key`, in age's own format with a few
 * comment lines. They are made ahead on a machine that is no router, and destroyed when the day's retention is over.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { hashOf } from './chain.ts'
import { isDay } from './day.ts'
import { PART, placeNew } from './files.ts'
import { OFFICER } from './recipients.ts'
import type { RecipientList } from './recipients.ts'
import { makeIdentity, recipientOf } from './seal.ts'

export interface Identity {
  /** As the file says. Whoever holds it can write another name there: who it is follows from the signed list alone. */
  readonly officer: string
  readonly day: string
  /** `AGE-SECRET-KEY-PQ-1...` */
  readonly secret: string
  /** The public key. */
  readonly recipient: string
}

const ENDING = '.key'
const FORM = /^# officer: (\S+)\n# day: (\S+)\n(?:#[^\n]*\n)*(AGE-SECRET-KEY-[A-Z0-9-]+)\n$/

/** The officer by the list, `?` where it does not say, and the first 16 hexadecimal digits of the public key's SHA-256. */
export function approverOf({ day, recipient }: Identity, list: RecipientList | undefined): string {
  return `${list?.officerOf(day, recipient) ?? '?'} ${hashOf(recipient).slice(0, 16)}`
}

/** Makes and writes one, for its owner alone. One that is there already is read instead, so that a run that broke off can be repeated. */
export async function createIdentity(directory: string, officer: string, day: string): Promise<Identity> {
  const path = `${directory}/${officer}/${day}${ENDING}`
  const secret = await makeIdentity()
  const recipient = await recipientOf(secret)
  await mkdir(`${directory}/${officer}`, { recursive: true, mode: 0o700 })
  const made = await placeNew(path, `# officer: ${officer}\n# day: ${day}\n# public key: ${recipient}\n${secret}\n`)
  return made ? { officer, day, secret, recipient } : readIdentity(path)
}

/** @throws ArchiveError for what is no such file; it names the file and nothing in it */
export async function readIdentity(path: string): Promise<Identity> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ArchiveError(`the identity ${path} cannot be read (${codeOf(error)})`)
  })
  const [, officer = '', day = '', secret = ''] = FORM.exec(text) ?? []
  if (!OFFICER.test(officer) || !isDay(day)) throw new ArchiveError(`${path} is not an identity from wissel archive keygen`)
  return { officer, day, secret, recipient: await recipientOf(secret) }
}

/** @param path an officer's directory, of which the days' files are read; or one file, which must be of one of the days */
export async function loadIdentities(path: string, days: readonly string[]): Promise<Identity[]> {
  const isDirectory = await stat(path).then((found) => found.isDirectory(), (error: unknown) => {
    throw new ArchiveError(`the identity ${path} cannot be read (${codeOf(error)})`)
  })
  const paths = isDirectory ? days.map((day) => `${path}/${day}${ENDING}`) : [path]
  const identities = await Promise.all(paths.map(readIdentity))
  const other = identities.find(({ day }) => !days.includes(day))
  if (other !== undefined) throw new ArchiveError(`the identity ${path} is of ${other.day}, which the window does not touch`)
  return identities
}

/**
 * Destroys a day's identities in a directory and the officers' directories in it: overwritten, then removed, then the
 * removal is on the disk; with them what a keygen that broke off left of them. Copies elsewhere, and blocks that a file system or a flash disk moved, are beyond it.
 * Returns the files.
 */
export async function shredDay(directory: string, day: string): Promise<string[]> {
  const shredded: string[] = []
  const inside = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => `${directory}/${name}`)
  for (const folder of [directory, ...inside]) {
    const left = (await readdir(folder)).filter((name) => name.startsWith(`.${day}${ENDING}.`) && name.endsWith(PART))
    let any = false
    for (const name of [`${day}${ENDING}`, ...left]) {
      const path = `${folder}/${name}`
      if (!await overwrite(path)) continue
      await unlink(path)
      shredded.push(path)
      any = true
    }
    if (!any) continue
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
  return shredded
}

async function overwrite(path: string): Promise<boolean> {
  let file
  try {
    file = await open(path, 'r+')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
  try {
    const { size } = await file.stat()
    await file.write(randomBytes(size), 0, size, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  return true
}
