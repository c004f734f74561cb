/**
 * Decisions whose records are equal but for title and count, found by two numbers. `keyOf` tells them apart by a text, which
 * has to be made and compared for every request; it is used for what does not fit into the numbers.
 */
import { countryOf } from '../privacy/country.ts'
import { AGENTS, RECORD_FORMATS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_REASONS, RECORD_STATUSES } from '../privacy/values.ts'
import type { RejectedCounts } from '../routing/model.ts'
import { keyOf, rejectedKey } from './record.ts'
import type { DecisionFacts } from './record.ts'

/** Bounds of the parts of the two numbers, which stay below 2^53. */
const [SERVICES, STEPS, TARGETS] = [2 ** 17, 2 ** 18, 2 ** 16] as const
const [REASONS, REJECTED, ERAS] = [3, 2 ** 8, 2 ** 3] as const
const SHAPES = 2 ** 26
const MINUTE_MS = 60_000
/** Objects that are known by themselves at most; beyond, they are looked at anew. */
const MAX_KNOWN = 1000

export class Groups<T> {
  readonly #numbered = new Map<number, Map<number, T>>()
  readonly #named = new Map<string, T>()
  /** What was looked for last. A negative place: by its name. */
  #place = -1
  #shape = 0
  #name = ''
  /** Minute and snapshot, which change seldom, and their number. */
  readonly #eras = new Map<string, number>()
  #minute = NaN
  #snapshot = ''
  #era = 0
  readonly #rejected = new Map<string, number>([['', 0]])
  readonly #known = new Map<RejectedCounts, number>()

  find(facts: DecisionFacts): T | undefined {
    if (this.#number(facts)) return this.#numbered.get(this.#place)?.get(this.#shape)
    this.#place = -1
    this.#name = keyOf(facts)
    return this.#named.get(this.#name)
  }

  /** For the facts that were looked for last. */
  put(group: T): void {
    if (this.#place < 0) this.#named.set(this.#name, group)
    else {
      const there = this.#numbered.get(this.#place)
      if (there === undefined) this.#numbered.set(this.#place, new Map([[this.#shape, group]]))
      else there.set(this.#shape, group)
    }
  }

  *all(): Iterable<T> {
    for (const shapes of this.#numbered.values()) yield* shapes.values()
    yield* this.#named.values()
  }

  /** False where a part is too large. */
  #number({ decision, status, object, format, agent, snapshot, now }: DecisionFacts): boolean {
    const sent = decision.outcome === 'refuse' ? undefined : decision
    const service = (decision.service?.index ?? -1) + 1
    const target = (sent?.member.target.index ?? -1) + 1
    const step = (sent?.step?.index ?? -1) + 1
    const { why } = decision
    if (service >= SERVICES || step >= STEPS || target >= TARGETS || why.length > REASONS) return false
    const era = this.#eraOf(now, snapshot)
    const rejected = this.#rejectedOf(decision.rejected)
    if (era >= ERAS || rejected >= REJECTED) return false

    const country = countryOf(decision.country)
    let shape = (country.charCodeAt(0) - 65) * 26 + country.charCodeAt(1) - 65
    shape = (shape << 3) | codeOf(OUTCOMES, decision.outcome)
    shape = (shape << 2) | codeOf(LOCALIZATIONS, decision.localization)
    shape = (shape << 2) | codeOf(AGENT_CLASSES, agent)
    shape = (shape << 3) | codeOf(OBJECTS, object)
    shape = (shape << 3) | codeOf(FORMATS, format)
    shape = (shape << 3) | STATUSES.indexOf(status)
    let rest = era * REJECTED + rejected
    for (let i = 0; i < REASONS; i++) {
      const reason = why[i]
      const code = reason === undefined ? 0 : codeOf(REASON_NUMBERS, reason) + 1
      if (reason !== undefined && code === 0) return false
      rest = rest * 32 + code
    }
    if (shape < 0) return false
    this.#place = (service * STEPS + step) * TARGETS + target
    this.#shape = rest * SHAPES + shape
    return true
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
