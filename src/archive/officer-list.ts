/**
 * What an officer hands over: the public keys of the days, and nothing that opens anything. Whoever carries it could put
 * keys of their own in its place, so both ends print its fingerprint, to be compared by voice.
 *
 * ```
 * wissel-archive-officer/1
 * officer alice
 * 2026-03-01 age1pq1...
 * ```
 */
import { ArchiveError } from './archive-error.ts'
import { hashOf } from './chain.ts'
import { isDay } from './day.ts'
import { OFFICER, RECIPIENT } from './recipients.ts'

export interface OfficerList {
  readonly officer: string
  /** Public keys by day, in order. */
  readonly days: ReadonlyMap<string, string>
}

const KIND = 'wissel-archive-officer/1'
const MAX_LENGTH = 2 * 1024 * 1024

export function writeOfficerList({ officer, days }: OfficerList): string {
  return `${KIND}\nofficer ${officer}\n${[...days].map(([day, key]) => `${day} ${key}\n`).join('')}`
}

/** @throws ArchiveError for what is no such list; it names the line and nothing in it */
export function readOfficerList(text: string): OfficerList {
  const [kind, who = '', ...lines] = text.length > MAX_LENGTH ? [] : text.split('\n')
  const [, officer = ''] = /^officer (\S+)$/.exec(who) ?? []
  if (kind !== KIND || !OFFICER.test(officer) || lines.pop() !== '') throw new ArchiveError(`this is not the public list that wissel archive keygen writes (${KIND})`)
  const days = new Map<string, string>()
  let previous = ''
  for (const [position, line] of lines.entries()) {
    const [day = '', key = '', ...rest] = line.split(' ')
    if (!isDay(day) || day <= previous || !RECIPIENT.test(key) || rest.length > 0) throw new ArchiveError(`line ${position + 3} of the public list is not a later day with a key`)
    days.set(day, key)
    previous = day
  }
  return { officer, days }
}

/** Eight groups of four hexadecimal digits: 128 bits of the list's SHA-256. */
export function fingerprintOf(list: OfficerList): string {
  return hashOf(writeOfficerList(list)).slice(0, 32).match(/.{4}/g)?.join(' ') ?? ''
}
