/**
 * What selectors work out again and again over long lists: who is near a place, whom a zone prefers, and a title's first few
 * members. It only saves time: what it gives is what a look at every member gives, and a test compares the two.
 *
 * It is about lists, and a list is made anew when health changes; then all of it is forgotten. Sizes are bounded, so that
 * neither a database of cities nor a million titles fills the memory: beyond, it is worked out as if there were no memo.
 */
import { circleOf } from './circle.ts'
import type { Circle } from './circle.ts'
import { combine, fraction } from './hash.ts'
import { preferredBy } from './localize.ts'
import type { Member, Vector, Zone } from './model.ts'

/** Lists up to this length are looked at whole: that costs no more than remembering. */
export const SHORT = 16
/** Members of a title's order that are remembered: enough for a few that are full or turn the viewer away. */
export const RANKS = 4
const NONE = 0xffff
const SLOTS = 1 << 16
/** Words of a slot: the list's number, the title's key, and two words of ranks. All in one line of the processor's cache. */
const WORDS = 4
/** Members in all circles and other lists together. */
const MAX_ROOM = 1 << 20

export class Memo {
  #version = 0
  #circles = new Map<readonly Member[], Map<number, Map<Vector, Circle | undefined>>>()
  /** The latest list and spread, which most requests share, and their circles. */
  #latest: { readonly list: readonly Member[]; readonly spread: number; readonly byOrigin: Map<Vector, Circle | undefined> } | undefined
  #room = MAX_ROOM
  #preferred = new Map<readonly Member[], Map<Zone, readonly Member[]>>()
  #rosters = new Map<readonly Member[], Roster>()
  #number = 0
  /** Made when first needed. */
  #slots = new Uint32Array(0)
  #ranks = new Uint16Array(0)
  readonly #ranking = new Ranking()

  /** Forgets everything where health has changed since. */
  at(version: number): this {
    if (version !== this.#version) {
      this.#version = version
      this.#forget()
    }
    return this
  }

  /** Undefined where no member with a weight has a place. */
  circle(list: readonly Member[], origin: Vector, spread: number): Circle | undefined {
    const byOrigin = this.#byOrigin(list, spread)
    const known = byOrigin.get(origin)
    if (known !== undefined || byOrigin.has(origin)) return known
    const circle = circleOf(list, origin, spread)
    this.#room -= 8 + (circle === undefined ? 0 : circle.members.length + circle.nearest.length)
    if (this.#room < 0) this.#forget()
    else byOrigin.set(origin, circle)
    return circle
  }

  #byOrigin(list: readonly Member[], spread: number): Map<Vector, Circle | undefined> {
    if (this.#latest?.list === list && this.#latest.spread === spread) return this.#latest.byOrigin
    let bySpread = this.#circles.get(list)
    if (bySpread === undefined) this.#circles.set(list, (bySpread = new Map<number, Map<Vector, Circle | undefined>>()))
    let byOrigin = bySpread.get(spread)
    if (byOrigin === undefined) bySpread.set(spread, (byOrigin = new Map<Vector, Circle | undefined>()))
    this.#latest = { list, spread, byOrigin }
    return byOrigin
  }

  /** Those with a weight that the zone's clients are served by first. */
  preferred(list: readonly Member[], zone: Zone): readonly Member[] {
    let byZone = this.#preferred.get(list)
    if (byZone === undefined) this.#preferred.set(list, (byZone = new Map<Zone, readonly Member[]>()))
    const known = byZone.get(zone)
    if (known !== undefined) return known
    const members = preferredBy(zone, list)
    this.#room -= 8 + members.length
    if (this.#room < 0) this.#forget()
    else byZone.set(zone, members)
    return members
  }

  /** The members' seeds, where all have the same weight: then the highest hash is the highest score. */
  evenSeeds(list: readonly Member[]): Uint32Array | undefined {
    return this.#roster(list).seeds
  }

  #roster(list: readonly Member[]): Roster {
    const known = this.#rosters.get(list)
    if (known !== undefined) return known
    this.#room -= 8 + list.length
    if (this.#room < 0) this.#forget()
    const [first] = list
    const even = first !== undefined && first.weight > 0 && list.every(({ weight }) => weight === first.weight)
    const roster = { number: ++this.#number, seeds: even ? Uint32Array.from(list, ({ target }) => target.seed) : undefined }
    this.#rosters.set(list, roster)
    return roster
  }

  #forget(): void {
    if (this.#circles.size > 0) this.#circles = new Map()
    if (this.#preferred.size > 0) this.#preferred = new Map()
    if (this.#rosters.size > 0) this.#rosters = new Map()
    this.#latest = undefined
    this.#room = MAX_ROOM
  }

  /** Where the title's first members in this list are remembered, for `ranked`. */
  slot(list: readonly Member[], key: number): number {
    if (this.#slots.length === 0) {
      this.#slots = new Uint32Array(SLOTS * WORDS)
      this.#ranks = new Uint16Array(this.#slots.buffer)
    }
    const { number } = this.#roster(list)
    // Two titles that meet here keep a slot each.
    const first = (combine(key, number) & (SLOTS - 2)) * WORDS
    const second = first + WORDS
    if (this.#slots[first] === number && this.#slots[first + 1] === key) return first
    if (this.#slots[second] === number && this.#slots[second + 1] === key) return second
    this.#slots.copyWithin(second, first, second)
    this.#slots[first] = number
    this.#slots[first + 1] = key
    this.#ranking.write(list, key, this.#ranks, 2 * (first + 2))
    return first
  }

  /** The member at a rank of a slot; `undefined` after the last one that is remembered. */
  ranked(list: readonly Member[], slot: number, position: number): Member | undefined {
    const at = this.#ranks[2 * (slot + 2) + position] ?? NONE
    return at === NONE ? undefined : list[at]
  }
}

/** What is remembered of a list itself. */
interface Roster {
  /** No number is given twice, so a slot of a list that is gone is nobody's. */
  readonly number: number
  readonly seeds: Uint32Array | undefined
}

/** Weight over an exponential variate: higher is better, and each member wins in proportion to its weight. */
export function scoreOf(hash: number, weight: number): number {
  return weight / -Math.log(fraction(hash))
}

/** A list's best members for a key, best first; of equals the first in the list is better. */
class Ranking {
  readonly #positions = new Uint16Array(RANKS)
  readonly #scores = new Float64Array(RANKS)

  /** Writes positions in the list, and `NONE` after the last. Members without a weight are not ranked. */
  write(list: readonly Member[], key: number, into: Uint16Array, from: number): void {
    const scores = this.#scores.fill(-1)
    const positions = this.#positions.fill(NONE)
    // Of the last that is ranked: with no more weight and no higher hash there is no higher score.
    let leastHash = -1
    let leastWeight = 0
    for (let position = 0; position < list.length; position++) {
      const member = list[position]
      if (member === undefined || member.weight === 0) continue
      const hash = combine(key, member.target.seed)
      if (hash <= leastHash && member.weight <= leastWeight) continue
      const score = scoreOf(hash, member.weight)
      if (score <= (scores[RANKS - 1] ?? 0)) continue
      let rank = RANKS - 1
      for (; rank > 0 && score > (scores[rank - 1] ?? 0); rank--) {
        scores[rank] = scores[rank - 1] ?? 0
        positions[rank] = positions[rank - 1] ?? NONE
      }
      scores[rank] = score
      positions[rank] = position
      const least = list[positions[RANKS - 1] ?? NONE]
      if (least === undefined) continue
      leastHash = combine(key, least.target.seed)
      leastWeight = least.weight
    }
    into.set(positions, from)
  }
}
