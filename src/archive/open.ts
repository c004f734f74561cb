/**
 * Looks one address up in a short window. Both officers' identities of each day are needed; only segments that can hold the
 * window are decrypted, in memory; only matching rows come out; and no look goes without a line in the audit log. There is
 * no way to read more than that.
 */
import type { ClientAddress } from '../privacy/address.ts'
import { ArchiveError } from './archive-error.ts'
import { commitment } from './audit.ts'
import type { AuditFacts } from './audit.ts'
import { hashOf, readCheckpoint } from './chain.ts'
import type { Checkpoint } from './chain.ts'
import { DAY_MS, daysBetween } from './day.ts'
import { AGE, readIfThere, routersIn } from './files.ts'
import type { ArchiveFiles } from './files.ts'
import { approverOf } from './identities.ts'
import type { Identity } from './identities.ts'
import type { KeyObject } from './keys.ts'
import { addressText, readRawLine } from './raw-record.ts'
import type { RecipientList } from './recipients.ts'
import { unseal } from './seal.ts'
import { linesOf } from './segment.ts'
import { verifyChain } from './verify-chain.ts'
import type { ChainEntry, ChainProblem, ChainReport } from './verify-chain.ts'
import { entriesIn } from './verify.ts'

export const MAX_WINDOW_MS = DAY_MS
const MINUTE_MS = 60_000

export interface Search {
  /** The case, an order or a complaint, that the look is for. */
  readonly case: string
  /** Milliseconds since the epoch; the end is excluded. */
  readonly from: number
  readonly to: number
  readonly address: ClientAddress
}

export interface OpenOptions {
  readonly directory: string
  /** Public keys by router. Others' segments are left alone. */
  readonly keys: ReadonlyMap<string, KeyObject>
  readonly identities: readonly Identity[]
  /** The signed list, which says whose the identities are, and its SHA-256. Without one no officer is named. */
  readonly list: { readonly recipients: RecipientList, readonly sha256: string } | undefined
  /** The account that runs the command. */
  readonly who: string
  readonly now: number
  /** 32 random bytes, for the commitment. */
  readonly nonce: Uint8Array
  readonly io: ArchiveFiles
  /** Writes a line to the audit log, once the disk has it. Where it rejects nothing comes out. */
  readonly audit: (facts: AuditFacts) => Promise<void>
}

export interface Opened {
  /** Lines of JSON, by time. */
  readonly rows: readonly string[]
  /** Segments that were decrypted. */
  readonly segments: readonly string[]
  /** Segments of the window that are altered, missing, or not signed by the router's key. */
  readonly unusable: readonly string[]
  /** What else is wrong with the chains and touches the window; `segment` begins with the router. */
  readonly problems: readonly ChainProblem[]
  /** Routers in the archive that there is no key for; they were not read. */
  readonly unread: readonly string[]
  /** Routers whose archive begins after the window does, or ends before it. */
  readonly beyond: readonly Beyond[]
}

/** UTC minutes of a router's first and last record. */
export interface Beyond {
  readonly router: string
  readonly from: string
  readonly to: string
}

const CASE = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$/

/** @throws ArchiveError for a window of more than a day, or a case that is no short name */
export function checkSearch({ case: id, from, to }: Omit<Search, 'address'>): void {
  if (!CASE.test(id) || /\d+\.\d+\.\d+\.\d+/.test(id)) throw new ArchiveError('the case must be a name of letters, digits, dots, dashes and slashes, up to 64, and no address')
  if (!(to > from) || to - from > MAX_WINDOW_MS) throw new ArchiveError('the window must be longer than nothing and at most 24h')
}

/** The days whose identities a search needs. */
export function daysOf({ from, to }: Pick<Search, 'from' | 'to'>): string[] {
  return daysBetween(from, to - 1)
}

/**
 * Checkpoints are checked first, so that what is missing is told with what is there.
 * @throws ArchiveError where the archive or a router's part of it is not there, where there are not the identities of two
 * officers for each day and no others, or where a segment does not open with them
 */
export async function openArchive(search: Search, options: OpenOptions): Promise<Opened> {
  checkSearch(search)
  const { identities, list, audit, who, now, nonce } = options
  const window = [new Date(search.from).toISOString(), new Date(search.to).toISOString()] as const
  const wanted = addressText(search.address)
  const approvers = [...new Set(identities.map((identity) => approverOf(identity, list?.recipients)))].sort()
  const about = { at: new Date(now).toISOString(), who, approvers, list: list?.sha256 ?? null, case: search.case, window, predicate: commitment(nonce, { case: search.case, window }, wanted) }
  try {
    const opened = await rowsOf(search, wanted, options)
    const problems = [...opened.unusable.map((segment) => `${segment} unusable`), ...opened.problems.map(({ segment, fault }) => `${segment} ${fault}`)]
    await audit({ ...about, outcome: 'opened', rows: opened.rows.length, segments: opened.segments, problems, unread: opened.unread })
    return opened
  } catch (error) {
    await audit({ ...about, outcome: 'refused', rows: 0, segments: [], problems: [], unread: [] })
    throw error
  }
}

async function rowsOf(search: Search, wanted: string, options: OpenOptions): Promise<Opened> {
  const { directory, keys, identities, io } = options
  for (const day of daysOf(search)) needTwo(day, identities, options.list?.recipients)
  const rows: { readonly time: number, readonly line: string }[] = []
  const segments: string[] = []
  const unusable: string[] = []
  const problems: ChainProblem[] = []
  const beyond: Beyond[] = []
  const unread = (await routersIn(io, directory)).filter((router) => !keys.has(router))
  for (const [router, key] of keys) {
    const entries = await entriesIn(io, `${directory}/${router}`, 'checkpoints')
    if (entries.length === 0) throw new ArchiveError(`the archive ${directory} holds nothing of the router ${router}; check the path and the name in --key`)
    // Also what is gone after its retention is missing from the rows.
    const report = verifyChain(entries, { router, publicKey: key, keptFrom: '' })
    problems.push(...report.problems.filter((problem) => overlaps(problem, search)).map((problem) => ({ ...problem, segment: `${router}/${problem.segment}` })))
    beyond.push(...beyondOf(router, report, search))
    for (const { day, name, checkpoint } of entries) {
      if (!daysOf(search).includes(day)) continue
      const found = await linesOfEntry({ day, name, checkpoint }, { router, key, ...options }, search)
      if (found === 'elsewhere') continue
      if (found === 'unusable') {
        unusable.push(`${router}/${day}/${name}`)
        continue
      }
      segments.push(`${router}/${day}/${name}`)
      for (const line of found) {
        const row = readRawLine(line)
        if (row?.address === wanted && row.time >= search.from && row.time < search.to) rows.push({ time: row.time, line })
      }
    }
  }
  rows.sort((a, b) => a.time - b.time)
  return { rows: rows.map(({ line }) => line), segments, unusable, problems: problems.filter(({ segment }) => !unusable.includes(segment)), unread, beyond }
}

/** The lines of a segment's records; `elsewhere` for one that cannot hold the window. */
async function linesOfEntry(entry: Omit<ChainEntry, 'sha256'>, { directory, router, key, identities, io }: { router: string, key: KeyObject } & OpenOptions, search: Search): Promise<string[] | 'elsewhere' | 'unusable'> {
  const { day, name } = entry
  const checkpoint = entry.checkpoint === undefined ? undefined : readCheckpoint(entry.checkpoint, key)
  if (checkpoint !== undefined && !overlaps(checkpoint, search)) return 'elsewhere'
  const bytes = await readIfThere(io, `${directory}/${router}/${day}/${name}${AGE}`)
  const intact = checkpoint?.router === router && checkpoint.epoch === day && bytes !== undefined && hashOf(bytes) === checkpoint.segment
  return (intact ? await linesIn(bytes, { router, day, identities }) : undefined) ?? 'unusable'
}

function beyondOf(router: string, { first, head }: ChainReport, search: Search): Beyond[] {
  if (first === undefined || head === undefined) return []
  const within = Date.parse(first.from) <= search.from && Date.parse(head.to) + MINUTE_MS >= search.to
  return within ? [] : [{ router, from: first.from, to: head.to }]
}

/** Undefined where the segment was sealed as another's. */
async function linesIn(bytes: Uint8Array, { router, day, identities }: { router: string, day: string, identities: readonly Identity[] }): Promise<string[] | undefined> {
  const plaintext = await unseal(bytes, identities.filter((identity) => identity.day === day).map(({ secret }) => secret))
  const lines = linesOf(plaintext, router, day)
  plaintext.fill(0)
  return lines
}

/** Minutes are cut off, so the last one lasts a minute more. */
function overlaps({ from, to }: Pick<Checkpoint, 'from' | 'to'>, window: Pick<Search, 'from' | 'to'>): boolean {
  return Date.parse(from) < window.to && Date.parse(to) + MINUTE_MS > window.from
}

/** No more than two either: whoever brings a key that opens nothing has approved nothing. */
function needTwo(day: string, identities: readonly Identity[], list: RecipientList | undefined): void {
  const ofDay = identities.filter((identity) => identity.day === day)
  if (list !== undefined && list.recipientsFor(day) === undefined) throw new ArchiveError(`the list of recipients has no keys of ${day}; give the one that had`)
  if (list !== undefined && ofDay.some(({ recipient }) => list.officerOf(day, recipient) === undefined)) throw new ArchiveError(`an identity of ${day} is of neither officer of the list of recipients; give those of ${list.officers.join(' and ')}`)
  const different = (name: 'officer' | 'recipient') => new Set(ofDay.map((identity) => identity[name])).size
  if (different('recipient') < 2 || (list === undefined && different('officer') < 2)) throw new ArchiveError(`opening ${day} needs the identities of two officers; give --identity twice`)
  if (different('recipient') > 2) throw new ArchiveError(`opening ${day} needs the identities of two officers and no others; give --identity twice`)
}
