/**
 * What selectors work out again and again over the same lists: who is near a place, whom a zone prefers, and a title's first few
 * members. It only saves time: what it gives is what a look at every member gives, and a test compares the two.
 *
 * It is about lists, and a list is made anew when health changes; then all of it is forgotten. Sizes are bounded, so that
 * neither a database of cities nor a million titles fills the memory: beyond, it is worked out as if there were no memo, until
 * health changes.
 */
import { circleOf, ringsAround } from './circle.ts'
import type { Ring } from './circle.ts'
import { combine } from './hash.ts'
import { preferredBy } from './localize.ts'
import type { Member, Vector, Zone } from './model.ts'
import { NONE, Ranking } from './ranking.ts'

/** Of lists up to this length no title's order is remembered: a look at all costs no more. */
export const SHORT = 16
const SLOTS = 1 << 16
/** Words of a slot: the list's number, the title's key, and two words of ranks. All in one line of the processor's cache. */
const WORDS = 4
/** Members in all circles and other lists together; a list takes the room of so many, beside its members: some 20 MB at most. */
const [MAX_ROOM, LIST] = [1 << 20, 64] as const

export class Memo {
  #version = 0
  #circles = new Map<readonly Member[], Map<number, Map<Vector, readonly KnownRing[]>>>()
  /** The latest list and spread, which most requests share, and their circles. */
  #latest: { readonly list: readonly Member[]; readonly spread: number; readonly byOrigin: Map<Vector, readonly KnownRing[]> } | undefined
  readonly #most: number
  #room: number
  #preferred = new Map<readonly Member[], Map<Zone, readonly Member[]>>()
  #rosters = new Map<readonly Member[], Roster>()
  #number = 0
  /** Made when first needed. */
  #slots = new Uint32Array(0)
  #ranks = new Uint16Array(0)
  readonly #ranking = new Ranking()

  /** @param room members that are remembered at most, lists included; default as in a router */
  constructor(room = MAX_ROOM) {
    this.#most = this.#room = room
  }

  /** Forgets everything where health has changed since. */
  at(version: number): this {
    if (version !== this.#version) {
      this.#version = version
      this.#forget()
    }
    return this
  }

  /** Who is near a place, the nearest first. Undefined where it is not known, and there is no room for it. */
  around(list: readonly Member[], origin: Vector, spread: number): readonly KnownRing[] | undefined {
    const byOrigin = this.#byOrigin(list, spread)
    const known = byOrigin.get(origin)
    if (known !== undefined || this.#room <= 0) return known
    const rings = ringsAround(list, origin).map((ring): KnownRing => ({ ...ring, circle: undefined }))
    this.#take(rings.reduce((sum, { members }) => sum + members.length, 0))
    byOrigin.set(origin, rings)
    return rings
  }

  /** The circle of a viewer whom everybody nearer than this ring turns away. */
  circle(list: readonly Member[], origin: Vector, spread: number, ring: KnownRing): readonly Member[] {
    const circle = ring.circle ?? circleOf(list, origin, ring.near, spread)
    if (ring.circle === undefined && this.#take(circle.length)) ring.circle = circle
    return circle
  }

  #byOrigin(list: readonly Member[], spread: number): Map<Vector, readonly KnownRing[]> {
    if (this.#latest?.list === list && this.#latest.spread === spread) return this.#latest.byOrigin
    let bySpread = this.#circles.get(list)
    if (bySpread === undefined) this.#circles.set(list, (bySpread = new Map<number, Map<Vector, readonly KnownRing[]>>()))
    let byOrigin = bySpread.get(spread)
    if (byOrigin === undefined) bySpread.set(spread, (byOrigin = new Map<Vector, readonly KnownRing[]>()))
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
    if (this.#take(members.length)) byZone.set(zone, members)
    return members
  }

  /** The members' seeds, where all have the same weight: then the highest hash is the highest score. */
  evenSeeds(list: readonly Member[]): Uint32Array | undefined {
    return this.#roster(list)?.seeds
  }

  #roster(list: readonly Member[]): Roster | undefined {
    const known = this.#rosters.get(list)
    if (known !== undefined || !this.#take(list.length)) return known
    const [first] = list
    const even = first !== undefined && first.weight > 0 && list.every(({ weight }) => weight === first.weight)
    const roster = { number: ++this.#number, seeds: even ? Uint32Array.from(list, ({ target }) => target.seed) : undefined }
    this.#rosters.set(list, roster)
    return roster
  }

  /** Whether there is room for a list of so many members, which is taken then. */
  #take(members: number): boolean {
    if (this.#room <= 0) return false
    this.#room -= LIST + members
    return true
  }

  #forget(): void {
    if (this.#circles.size > 0) this.#circles = new Map()
    if (this.#preferred.size > 0) this.#preferred = new Map()
    if (this.#rosters.size > 0) this.#rosters = new Map()
    this.#latest = undefined
    this.#room = this.#most
  }

  /** Where the title's first members in this list are remembered, for `ranked`; undefined where there is no room for the list. */
  slot(list: readonly Member[], key: number): number | undefined {
    const roster = this.#roster(list)
    if (roster === undefined) return undefined
    if (this.#slots.length === 0) {
      this.#slots = new Uint32Array(SLOTS * WORDS)
      this.#ranks = new Uint16Array(this.#slots.buffer)
    }
    const { number } = roster
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

/** With its circle, once that was asked for. */
interface KnownRing extends Ring {
  circle: readonly Member[] | undefined
}

/** What is remembered of a list itself. */
interface Roster {
  /** No number is given twice, so a slot of a list that is gone is nobody's. */
  readonly number: number
  readonly seeds: Uint32Array | undefined
}
