/**
 * What a flush window counts: a number for each record. Decisions whose records are equal but for the title are a group,
 * which a few words tell from others; `keyOf` tells them apart by a text, which has to be made and compared for every
 * request, and is used for what does not fit into the words.
 *
 * An audience asks for the same again: records that were counted in a window are known to the next one, with a count of
 * zero, until the minute or the snapshot changes, nobody came for a whole window, or they are too many.
 */
import { countryNumber } from '../privacy/country.ts'
import { AGENTS, OTHER, RECORD_FORMATS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_REASONS, RECORD_STATUSES } from '../privacy/values.ts'
import type { ContentId } from '../privacy/values.ts'
import type { RejectedCounts } from '../routing/decision.ts'
import { NameTable } from './name-table.ts'
import { keyOf, rejectedKey } from './record.ts'
import type { DecisionFacts } from './record.ts'
import { WordTable, hashOf } from './word-table.ts'

/** Bounds of parts of a word. */
const [REASONS, REJECTED, ERAS] = [3, 2 ** 12, 2 ** 3] as const
const MINUTE_MS = 60_000
/** Objects that are known by themselves at most; beyond, they are looked at anew. */
const MAX_KNOWN = 1000
/** In the first word of a group that is known by its name. */
const NAMED = -2
/** Words of a group, and of a record, which has one more for its title. */
const [WORDS, RECORD] = [5, 6] as const
/** Where that one is. */
const TITLE = WORDS
/** Decisions that are counted together at most. */
export const TOGETHER = 16
const ALONE = TOGETHER * RECORD

/** What records of a group have in common, and their titles. Whoever writes it down may keep with it what that takes. */
export interface Group<Kept> {
  /** Of its first decision. */
  readonly facts: DecisionFacts
  readonly titles: Title[]
  kept: Kept | undefined
}

export interface Title {
  readonly content: ContentId
  /** Its place among a window's counts. */
  readonly record: number
}

/** A window that is over. Groups are still added to, so some titles have no count, or none yet. */
export interface Counted<Kept> {
  /** In any order; sorting it in place spares the next window's. */
  readonly groups: Group<Kept>[]
  /** By record. */
  readonly counts: Int32Array
}

export class Window<Kept> {
  /** Of the decisions that `countAll` was given last. */
  counted = 0
  /** Distinct records of this window. */
  size = 0
  readonly #most: number
  /** By group. */
  readonly #numbers = new WordTable(WORDS)
  #groups: Group<Kept>[] = []
  #order: Group<Kept>[] = []
  readonly #titles: NameTable
  /** Of a group and a title. */
  readonly #records = new WordTable(RECORD)
  readonly #named = new Map<string, number>()
  /** Name of the group that was looked for last and is a new one, where it needs one. */
  #unnamed: string | undefined
  /** Words of the records of decisions that are counted together, and of one that is counted alone. */
  readonly #words = new Int32Array((TOGETHER + 1) * RECORD)
  readonly #hashes = new Int32Array(TOGETHER)
  /** Where those stand of the decision that was looked for last. */
  #at = ALONE
  /** How often all of it was forgotten. */
  #life = 0
  /** Minute and snapshot, which change seldom, and their number. */
  readonly #eras = new Map<string, number>()
  #minute = NaN
  #snapshot = ''
  #era = 0
  readonly #rejected = new Map<string, number>([['', 0]])
  readonly #known = new Map<RejectedCounts, number>()

  /**
   * @param most records that are known to the next window at most
   * @param seed 32 bits that nobody knows: titles are what viewers ask for
   */
  constructor(most: number, seed?: number) {
    this.#most = most
    this.#titles = new NameTable(seed)
  }

  /**
   * Counts decisions, `TOGETHER` at most, in their order. For one whose record this window does not have it calls `first`, which
   * may add the record as after `count`, and may end the window, but not call this. After an error, `counted` of them are dealt with.
   */
  countAll(all: readonly DecisionFacts[], first: (facts: DecisionFacts, behind: number) => void): void {
    const words = this.#words
    const hashes = this.#hashes
    const life = this.#life
    this.counted = 0
    for (let i = 0; i < all.length; i++) {
      const facts = all[i]
      if (facts === undefined) continue
      const at = i * RECORD
      this.#number(facts, at)
      words[at + TITLE] = this.#titles.find(facts.content)
      hashes[i] = hashOf(words, at, RECORD)
    }
    this.#records.touch(hashes, all.length)
    for (let i = 0; i < all.length; i++) {
      const facts = all[i]
      if (facts === undefined) continue
      const at = i * RECORD
      // Words of a former life mean nothing now, those of a name say too little, and a new title may have come in between.
      const counted = life === this.#life && words[at] !== NAMED && words[at + TITLE] !== -1 ? this.#countWords(at, hashes[i]) : this.count(facts)
      if (!counted) first(facts, all.length - 1 - i)
      this.counted++
    }
  }

  /** Counts a decision, where this window has its record already. */
  count(facts: DecisionFacts): boolean {
    this.#number(facts, ALONE)
    this.#at = ALONE
    return this.countAs(facts.content)
  }

  /** The same for the facts that were looked for last, under another title. */
  countAs(content: ContentId): boolean {
    const title = this.#titles.find(content)
    if (title === -1) return false
    this.#words[this.#at + TITLE] = title
    return this.#countRecord()
  }

  #countWords(at: number, hash: number | undefined): boolean {
    this.#at = at
    this.#unnamed = undefined
    return this.#countRecord(hash)
  }

  #countRecord(hash?: number): boolean {
    if (this.#records.find(this.#words, this.#at, hash) === -1 || this.#records.count === 0) return false
    this.#records.count++
    return true
  }

  /** Adds a record with a count of 1: for the facts that were looked for last, whose record with that title this window does not have. */
  add(facts: DecisionFacts, content: ContentId): void {
    const title = this.#titles.find(content)
    this.#words[this.#at + TITLE] = title === -1 ? this.#titles.add(copyOf(content)) : title
    if (this.#records.find(this.#words, this.#at) === -1) this.#open(facts)
    this.#records.count = 1
    this.size++
  }

  /** Ends the window and begins the next one. */
  turn(): Counted<Kept> {
    const ended = { groups: this.#order, counts: this.#records.takeCounts() }
    // What is of no use any more keeps a snapshot in memory.
    if (this.size === 0 || this.#eras.size > 1 || this.#rejected.size >= REJECTED || this.#records.size > this.#most) this.#forget()
    this.size = 0
    return ended
  }

  #forget(): void {
    this.#life++
    this.#numbers.clear()
    this.#groups = []
    this.#order = []
    this.#titles.clear()
    this.#records.clear()
    this.#named.clear()
    this.#eras.clear()
    this.#minute = NaN
    this.#rejected.clear()
    this.#rejected.set('', 0)
    this.#known.clear()
  }

  /** Gives the record that was looked for last its number. */
  #open(facts: DecisionFacts): void {
    const record = this.#records.add(this.#words, this.#at)
    const content = this.#titles.names[this.#words[this.#at + TITLE] ?? 0] as ContentId
    this.#groupOf(facts).titles.push({ content, record })
  }

  #groupOf(facts: DecisionFacts): Group<Kept> {
    if (this.#unnamed !== undefined) this.#named.set(this.#unnamed, this.#named.size)
    this.#unnamed = undefined
    const known = this.#groups[this.#numbers.find(this.#words, this.#at)]
    if (known !== undefined) return known
    this.#numbers.add(this.#words, this.#at)
    const group: Group<Kept> = { facts: kept(facts), titles: [], kept: undefined }
    this.#groups.push(group)
    this.#order.push(group)
    return group
  }

  /** Writes the words that tell groups apart. @param at where to */
  #number(facts: DecisionFacts, at: number): void {
    const { decision, status, object, format, agent, snapshot, now } = facts
    const { why, country } = decision
    this.#unnamed = undefined
    const era = this.#eraOf(now, snapshot)
    const rejected = this.#rejectedOf(decision.rejected)
    const code = statusCode(status)
    if (why.length > REASONS || era >= ERAS || rejected >= REJECTED || code === -1) return this.#name(facts, at)

    const sent = decision.outcome === 'refuse' ? undefined : decision
    let shape = (countryNumber(country) << 3) | codeOf(RECORD_OUTCOMES, decision.outcome)
    shape = (shape << 2) | codeOf(RECORD_LOCALIZATIONS, decision.localization)
    shape = (shape << 2) | codeOf(AGENTS, agent)
    shape = (shape << 3) | codeOf(RECORD_OBJECTS, object)
    shape = (shape << 3) | codeOf(RECORD_FORMATS, format)
    shape = (shape << 3) | code
    let rest = era * REJECTED + rejected
    for (let i = 0; i < REASONS; i++) {
      // Never beyond its end: for what may be there V8 would look along the prototypes, each time.
      const reason = i < why.length ? why[i] : undefined
      const number = reason === undefined ? 0 : codeOf(RECORD_REASONS, reason) + 1
      if (reason !== undefined && number === 0) return this.#name(facts, at)
      rest = rest * 32 + number
    }
    if (shape < 0) return this.#name(facts, at)
    const words = this.#words
    words[at] = decision.service?.index ?? -1
    words[at + 1] = sent?.step?.index ?? -1
    words[at + 2] = sent?.member.target.index ?? -1
    words[at + 3] = shape
    words[at + 4] = rest
  }

  #name(facts: DecisionFacts, at: number): void {
    const words = this.#words
    words[at] = NAMED
    const name = keyOf(facts)
    const number = this.#named.get(name)
    if (number === undefined) this.#unnamed = name
    words[at + 1] = number ?? this.#named.size
    words[at + 2] = words[at + 3] = words[at + 4] = 0
  }

  #eraOf(now: number, snapshot: string): number {
    const minute = Math.floor(now / MINUTE_MS)
    if (minute === this.#minute && snapshot === this.#snapshot) return this.#era
    this.#minute = minute
    this.#snapshot = snapshot
    return (this.#era = numberOf(this.#eras, `${minute} ${snapshot}`))
  }

  /** Nearly always the same few objects, which belong to pools. */
  #rejectedOf(rejected: RejectedCounts): number {
    const known = this.#known.get(rejected)
    if (known !== undefined) return known
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    const number = numberOf(this.#rejected, rejectedKey(rejected))
    this.#known.set(rejected, number)
    return number
  }
}

/** Without what is cut out of the request's text and would keep all of it in memory, cookies and all. */
function kept(facts: DecisionFacts): DecisionFacts {
  const { decision } = facts
  return { ...facts, content: OTHER as ContentId, decision: decision.outcome === 'refuse' ? decision : { ...decision, path: '' } }
}

/** The same text in memory of its own. */
function copyOf(content: ContentId): ContentId {
  return Buffer.from(content).toString() as ContentId
}

function numberOf(names: Map<string, number>, name: string): number {
  const known = names.get(name)
  if (known !== undefined) return known
  names.set(name, names.size)
  return names.size - 1
}

const STATUSES: readonly number[] = RECORD_STATUSES

/** As `codeOf`: in a function that meets texts only, V8 compares places in memory. */
function statusCode(status: number): number {
  for (let i = 0; i < STATUSES.length; i++) if (STATUSES[i] === status) return i
  return -1
}

/** -1, which makes the whole negative, for what is not in the list. Lists are short and names are V8's own: comparing them is faster than a map. */
function codeOf<T extends string>(list: readonly T[], name: T): number {
  for (let i = 0; i < list.length; i++) if (list[i] === name) return i
  return -1
}
