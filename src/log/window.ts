/**
 * What a flush window counts: for decisions whose records are equal but for the title, a group; in a group, for each title a
 * number. Groups are found by a few words. `keyOf` tells them apart by a text, which has to be made and compared for every
 * request; it is used for what does not fit into the words.
 */
import { countryOf } from '../privacy/country.ts'
import { AGENTS, RECORD_FORMATS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_REASONS, RECORD_STATUSES } from '../privacy/values.ts'
import type { ContentId } from '../privacy/values.ts'
import type { RejectedCounts } from '../routing/model.ts'
import { NameTable } from './name-table.ts'
import { keyOf, rejectedKey } from './record.ts'
import type { DecisionFacts } from './record.ts'
import { WordTable } from './word-table.ts'

/** Bounds of parts of a word. */
const [REASONS, REJECTED, ERAS] = [3, 2 ** 8, 2 ** 3] as const
const MINUTE_MS = 60_000
/** Objects that are known by themselves at most; beyond, they are looked at anew. */
const MAX_KNOWN = 1000
/** In the first word of a group that is known by its name. */
const NAMED = -2

export interface Group {
  /** Of its first decision. */
  readonly facts: DecisionFacts
  readonly titles: { readonly content: ContentId, readonly n: number }[]
}

export class Window {
  readonly #groups = new WordTable(5)
  /** By group. */
  readonly #facts: DecisionFacts[] = []
  readonly #titles: NameTable
  /** Of a group and a title. */
  readonly #records = new WordTable(2)
  /** By record. */
  readonly #counts: number[] = []
  /** Of the facts that were looked for last; -1: a new one. */
  #group = -1
  readonly #named = new Map<string, number>()
  /** Name of the group that was looked for last and is a new one, where it needs one. */
  #unnamed: string | undefined
  /** Minute and snapshot, which change seldom, and their number. */
  readonly #eras = new Map<string, number>()
  #minute = NaN
  #snapshot = ''
  #era = 0
  readonly #rejected = new Map<string, number>([['', 0]])
  readonly #known = new Map<RejectedCounts, number>()

  /** @param seed 32 bits that nobody knows: titles are what viewers ask for */
  constructor(seed?: number) {
    this.#titles = new NameTable(seed)
  }

  /** Distinct records. */
  get size(): number {
    return this.#records.size
  }

  /** Counts a decision, where its record is there already. */
  count(facts: DecisionFacts): boolean {
    this.#number(facts)
    this.#group = this.#groups.find()
    return this.countAs(facts.content)
  }

  /** The same for the facts that were looked for last, under another title. */
  countAs(content: ContentId): boolean {
    if (this.#group === -1) return false
    const title = this.#titles.find(content)
    if (title === -1) return false
    this.#records.key[0] = this.#group
    this.#records.key[1] = title
    const record = this.#records.find()
    if (record === -1) return false
    this.#counts[record] = (this.#counts[record] ?? 0) + 1
    return true
  }

  /** Adds a record with a count of 1: for the facts that were looked for last, whose record with that title is not there. */
  add(facts: DecisionFacts, content: ContentId): void {
    if (this.#group === -1) {
      if (this.#unnamed !== undefined) this.#named.set(this.#unnamed, this.#named.size)
      this.#group = this.#groups.add()
      this.#facts.push(kept(facts))
    }
    this.#records.key[0] = this.#group
    this.#records.key[1] = this.#titles.add(content)
    this.#records.find()
    this.#records.add()
    this.#counts.push(1)
  }

  groups(): Group[] {
    const groups = this.#facts.map((facts): Group => ({ facts, titles: [] }))
    for (const [record, n] of this.#counts.entries()) {
      groups[this.#records.word(record, 0)]?.titles.push({ content: this.#titles.names[this.#records.word(record, 1)] as ContentId, n })
    }
    return groups
  }

  clear(): void {
    this.#groups.clear()
    this.#facts.length = 0
    this.#titles.clear()
    this.#records.clear()
    this.#counts.length = 0
    this.#named.clear()
    this.#eras.clear()
    this.#minute = NaN
    this.#rejected.clear()
    this.#rejected.set('', 0)
    this.#known.clear()
  }

  /** Writes the words that tell groups apart. */
  #number(facts: DecisionFacts): void {
    const { decision, status, object, format, agent, snapshot, now } = facts
    const { why, country } = decision
    this.#unnamed = undefined
    const era = this.#eraOf(now, snapshot)
    const rejected = this.#rejectedOf(decision.rejected)
    const code = STATUSES.indexOf(status)
    if (why.length > REASONS || era >= ERAS || rejected >= REJECTED || code === -1) return this.#name(facts)

    const sent = decision.outcome === 'refuse' ? undefined : decision
    const place = countryOf(country)
    let shape = (place.charCodeAt(0) - 65) * 26 + place.charCodeAt(1) - 65
    shape = (shape << 3) | codeOf(OUTCOMES, decision.outcome)
    shape = (shape << 2) | codeOf(LOCALIZATIONS, decision.localization)
    shape = (shape << 2) | codeOf(AGENT_CLASSES, agent)
    shape = (shape << 3) | codeOf(OBJECTS, object)
    shape = (shape << 3) | codeOf(FORMATS, format)
    shape = (shape << 3) | code
    let rest = era * REJECTED + rejected
    for (let i = 0; i < REASONS; i++) {
      const reason = why[i]
      const number = reason === undefined ? 0 : codeOf(REASON_NUMBERS, reason) + 1
      if (reason !== undefined && number === 0) return this.#name(facts)
      rest = rest * 32 + number
    }
    if (shape < 0) return this.#name(facts)
    const { key } = this.#groups
    key[0] = decision.service?.index ?? -1
    key[1] = sent?.step?.index ?? -1
    key[2] = sent?.member.target.index ?? -1
    key[3] = shape
    key[4] = rest
  }

  #name(facts: DecisionFacts): void {
    const { key } = this.#groups
    key[0] = NAMED
    const name = keyOf(facts)
    const number = this.#named.get(name)
    if (number === undefined) this.#unnamed = name
    key[1] = number ?? this.#named.size
    key[2] = key[3] = key[4] = 0
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

/** Without the path, which is a piece of the request's text and would keep all of it in memory, cookies and all. */
function kept(facts: DecisionFacts): DecisionFacts {
  const { decision } = facts
  return decision.outcome === 'refuse' ? facts : { ...facts, decision: { ...decision, path: '' } }
}

function numberOf(names: Map<string, number>, name: string): number {
  const known = names.get(name)
  if (known !== undefined) return known
  names.set(name, names.size)
  return names.size - 1
}

type Codes = ReadonlyMap<string, number>
const codes = (list: readonly string[]): Codes => new Map(list.map((name, i) => [name, i]))
const OUTCOMES = codes(RECORD_OUTCOMES)
const LOCALIZATIONS = codes(RECORD_LOCALIZATIONS)
const AGENT_CLASSES = codes(AGENTS)
const OBJECTS = codes(RECORD_OBJECTS)
const FORMATS = codes(RECORD_FORMATS)
const REASON_NUMBERS = codes(RECORD_REASONS)
const STATUSES: readonly number[] = RECORD_STATUSES

/** -1, which makes the whole negative, for what is not in the list. */
function codeOf(list: Codes, name: string): number {
  return list.get(name) ?? -1
}
