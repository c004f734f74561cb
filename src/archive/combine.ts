/** Makes of two officers' public lists the signed list that routers get. No private key of an officer is needed for it. */
import { mkdir, readFile } from 'node:fs/promises'
import { codeOf } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { DAY_MS, dayOf } from './day.ts'
import { files, place } from './files.ts'
import { publicKeyOf, publicKeyText } from './keys.ts'
import type { KeyObject } from './keys.ts'
import type { OfficerList } from './officer-list.ts'
import { readRecipients, RecipientList, writeRecipients } from './recipients.ts'
import type { DayRecipients } from './recipients.ts'
import { makeIdentity, recipientOf, seal } from './seal.ts'
import { MAX_RETENTION_DAYS } from './ship.ts'
import { signingKeyFrom } from './signing-key-file.ts'

const LIST = 'recipients.txt'
/** How public keys of ML-KEM-768 with X25519 begin. */
const HYBRID = 'age1pq1'

export interface CombineOptions {
  readonly lists: readonly [OfficerList, OfficerList]
  readonly directory: string
  /** PEM file of the key that signs the list; made where it is not there. */
  readonly listKey: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface Combined {
  readonly list: RecipientList
  /** Days that are new in the list. */
  readonly added: number
  /** Days from today on for which one officer alone has a key; they are not in the list. */
  readonly alone: readonly string[]
  /** What routers pin: `ed25519:...`. */
  readonly publicKey: string
}

/** Extends a list that is there. Past days stay as long as a segment of theirs may be opened: the list says whose keys they are. Rejects where a key is not of the
 * kind that segments are sealed to, and where a day would get another key: segments may be sealed to the one that it has. */
export async function combine({ lists, directory, listKey, now }: CombineOptions): Promise<Combined> {
  if (lists[0].officer === lists[1].officer) throw new ArchiveError(`both lists are of ${lists[0].officer}; two different officers are needed`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const signingKey = await signingKeyFrom(listKey)
  const known = await currentList(directory, signingKey)
  const [first, second] = inOrder(lists, known?.officers, directory)
  const today = dayOf(now)
  const oldest = dayOf(now - MAX_RETENTION_DAYS * DAY_MS)
  const all = new Map<string, DayRecipients>()
  for (const day of known?.days ?? []) {
    const recipients = known?.recipientsFor(day)
    if (recipients !== undefined && day >= oldest) all.set(day, recipients)
  }
  let added = 0
  const probe = await recipientOf(await makeIdentity())
  for (const [day, key] of first.days) {
    const other = second.days.get(day)
    if (day < today || other === undefined) continue
    const before = all.get(day)
    if (before !== undefined && (before[0] !== key || before[1] !== other)) throw new ArchiveError(`${day} has other keys in the list already; a day keeps its keys`)
    if (before === undefined) {
      await mustSeal(first.officer, day, key, probe)
      await mustSeal(second.officer, day, other, probe)
      added++
    }
    all.set(day, [key, other])
  }
  if (![...all.keys()].some((day) => day >= today)) throw new ArchiveError('the officers have no day in common, so nothing would be archived')
  const ahead = [...new Set([...first.days.keys(), ...second.days.keys()])].filter((day) => day >= today)
  const text = writeRecipients(new RecipientList([first.officer, second.officer], all), signingKey)
  // Read as a router reads it: whatever it would refuse, such as a key that stands for two days, is refused here.
  const list = readRecipients(text, publicKeyOf(signingKey))
  await place(files, directory, LIST, Buffer.from(text))
  await files.syncDirectory(directory)
  return { list, added, alone: ahead.filter((day) => !all.has(day)).sort(), publicKey: publicKeyText(signingKey) }
}

/** A key of another kind could be broken in time, and one that is none would stop the archive on its day. */
async function mustSeal(officer: string, day: string, key: string, probe: string): Promise<void> {
  const sealed = key.startsWith(HYBRID) && await seal(new Uint8Array(1), [key, probe]).then(() => true, () => false)
  if (!sealed) throw new ArchiveError(`the key of ${officer} for ${day} is not a post-quantum key of age (${HYBRID}...); take the public list that wissel archive keygen wrote`)
}

/** The officers seal in the order of the list that is there, in whatever order their files are given. */
function inOrder([a, b]: CombineOptions['lists'], officers: readonly [string, string] | undefined, directory: string): CombineOptions['lists'] {
  if (officers === undefined || (officers[0] === a.officer && officers[1] === b.officer)) return [a, b]
  if (officers[0] === b.officer && officers[1] === a.officer) return [b, a]
  throw new ArchiveError(`the list in ${directory} is of the officers ${officers.join()}`)
}

async function currentList(directory: string, signingKey: KeyObject): Promise<RecipientList | undefined> {
  const path = `${directory}/${LIST}`
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new ArchiveError(`${path} cannot be read (${codeOf(error)})`)
  })
  return text === undefined ? undefined : readRecipients(text, publicKeyOf(signingKey))
}
