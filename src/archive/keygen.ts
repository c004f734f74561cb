/** One officer's ceremony: makes that officer's keys of days ahead, and the list of their public halves that is handed over. */
import { mkdir, readFile } from 'node:fs/promises'
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { DAY_MS, dayOf, startOf } from './day.ts'
import { files, place } from './files.ts'
import { createIdentity } from './identities.ts'
import { readOfficerList, writeOfficerList } from './officer-list.ts'
import type { OfficerList } from './officer-list.ts'
import { OFFICER } from './recipients.ts'

export const MAX_DAYS = 400

export interface KeygenOptions {
  readonly days: number
  /** The first day. */
  readonly from: string
  /** Keys go to `directory/officer`, the public list beside it as `officer.public`. */
  readonly directory: string
  readonly officer: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface KeygenResult {
  readonly list: OfficerList
  /** Days that got keys now. */
  readonly made: number
  /** The file that is handed over. */
  readonly path: string
}

/** Extends a list that is there, without its past days. A day that has a key keeps it: segments may be sealed to it already. */
export async function keygen({ days, from, directory, officer, now }: KeygenOptions): Promise<KeygenResult> {
  const start = startOf(from)
  const today = dayOf(now)
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) throw new ArchiveError(`the number of days must be between 1 and ${MAX_DAYS}`)
  if (start === undefined || from < today) throw new ArchiveError(`the first day must be a date such as 2026-03-01, and not before ${today}`)
  if (!OFFICER.test(officer)) throw new ArchiveError('name one officer, such as --officer alice; each makes their own keys, on their own machine')

  await mkdir(directory, { recursive: true, mode: 0o700 })
  const name = `${officer}.public`
  const known = await readFile(`${directory}/${name}`, 'utf8').then(readOfficerList, (error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (known !== undefined && known.officer !== officer) throw new ArchiveError(`${directory}/${name} is the list of ${known.officer}`)
  const all = new Map([...(known?.days ?? [])].filter(([day]) => day >= today))
  let made = 0
  for (let i = 0; i < days; i++) {
    const day = dayOf(start + i * DAY_MS)
    if (all.has(day)) continue
    all.set(day, (await createIdentity(directory, officer, day)).recipient)
    made++
  }
  const list: OfficerList = { officer, days: new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1))) }
  await place(files, directory, name, Buffer.from(writeOfficerList(list)))
  await files.syncDirectory(directory)
  return { list, made, path: `${directory}/${name}` }
}
