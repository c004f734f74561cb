/**
 * The list of each day's public keys, made ahead and signed by a key that stays off the routers. Without a valid list the
 * archive does not write: who can replace the list could otherwise read everything.
 *
 * ```
 * wissel-archive-recipients/1
 * officers alice bob
 * 2026-03-01 age1pq1... age1pq1...
 * signature BASE64
 * ```
 */
import { ArchiveError } from './archive-error.ts'
import { isDay } from './day.ts'
import { signText, verifiedText } from './keys.ts'
import type { KeyObject } from './keys.ts'

/** The public keys of both officers for one day, in the order in which they seal. */
export type DayRecipients = readonly [string, string]

const KIND = 'wissel-archive-recipients/1'
/** Two thousand characters a key, two keys a day, four hundred days ahead, a retention of past ones and some. */
const MAX_LENGTH = 4 * 1024 * 1024
/** The form alone: a list is signed only with keys that `combine` could seal to. */
export const RECIPIENT = /^age1[0-9a-z]{20,4000}$/
export const OFFICER = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/

export class RecipientList {
  readonly officers: readonly [string, string]
  readonly #days: ReadonlyMap<string, DayRecipients>

  constructor(officers: readonly [string, string], days: Iterable<readonly [string, DayRecipients]>) {
    this.officers = officers
    this.#days = new Map(days)
  }

  /** Undefined for a day that the list does not hold. */
  recipientsFor(day: string): DayRecipients | undefined {
    return this.#days.get(day)
  }

  /** Whose key of the day it is; undefined where it is nobody's. */
  officerOf(day: string, recipient: string): string | undefined {
    const position = this.#days.get(day)?.indexOf(recipient)
    return position === undefined ? undefined : this.officers[position]
  }

  /** In order. */
  get days(): readonly string[] {
    return [...this.#days.keys()].sort()
  }
}

/** The signed text of a list. */
export function writeRecipients(list: RecipientList, signingKey: KeyObject): string {
  const days = list.days.map((day) => `${day} ${list.recipientsFor(day)?.join(' ')}\n`)
  return signText(`${KIND}\nofficers ${list.officers.join(' ')}\n${days.join('')}`, signingKey)
}

/** @throws ArchiveError for a list that is not signed by the key, or says anything that it should not */
export function readRecipients(signed: string, publicKey: KeyObject): RecipientList {
  const text = signed.length > MAX_LENGTH ? undefined : verifiedText(signed, publicKey)
  if (text === undefined) throw new ArchiveError('the list of recipients is not signed by the pinned key; put the one from wissel archive recipients there')
  const [kind, officersLine = '', ...lines] = text.split('\n').slice(0, -1)
  const [word, first = '', second = '', ...more] = officersLine.split(' ')
  const officersOk = word === 'officers' && OFFICER.test(first) && OFFICER.test(second) && first !== second && more.length === 0
  if (kind !== KIND || !officersOk) throw new ArchiveError(`the list of recipients is not of the form ${KIND} with two officers`)

  const seen = new Set<string>()
  let previous = ''
  const days = lines.map((line, position): readonly [string, DayRecipients] => {
    const [day = '', a = '', b = '', ...rest] = line.split(' ')
    // A key that is used twice would outlive the shredding of its first day, or make one officer enough.
    const fresh = a !== b && !seen.has(a) && !seen.has(b)
    if (!isDay(day) || day <= previous || !RECIPIENT.test(a) || !RECIPIENT.test(b) || !fresh || rest.length > 0) {
      throw new ArchiveError(`line ${position + 3} of the list of recipients is not a later day with two keys of its own`)
    }
    seen.add(a).add(b)
    previous = day
    return [day, [a, b]]
  })
  return new RecipientList([first, second], days)
}
