/**
 * What selectors work out again and again over the same lists: who is near a place, whom a zone prefers, and a title's first few
 * members. It only saves time: what it gives is what a look at every member gives, and a test compares the two.
 *
 * It is about lists, and a list is made anew when health changes; then all of it is forgotten, but for titles' orders. Sizes are
 * bounded, so that neither a database of cities nor a million titles fills the memory: beyond, it is worked out as if there were
 * no memo, until health changes.
 */
import { circleOf, ringsAround } from './circle.ts'
import type { Ring } from './circle.ts'
import { preferredBy } from './localize.ts'
import type { Member, Vector, Zone } from './model.ts'
import { Orders } from './orders.ts'
import type { Roster } from './orders.ts'

/** Of lists up to this length no title's order is remembered: a look at all costs no more. */
export const SHORT = 16
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
  /** They say more of lists than that health has changed, or that there is a new snapshot. */
  readonly orders: Orders

  /**
   * @param orders of a memo before this one
   * @param room members that are remembered at most, lists included; default as in a router
   */
  constructor(orders = new Orders(), room = MAX_ROOM) {
    this.orders = orders
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
    const roster = this.#roster(list)
    return roster?.even === true ? roster.seeds : undefined
  }

  #roster(list: readonly Member[]): Roster | undefined {
    const known = this.#rosters.get(list)
    if (known !== undefined || !this.#take(list.length)) return known
    const roster = this.orders.roster(list)
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

  /** Where the title's first members in this list are, for `orders`; undefined where there is no room for the list. */
  slot(list: readonly Member[], key: number): number | undefined {
    const roster = this.#roster(list)
    return roster === undefined ? undefined : this.orders.slot(list, roster, key)
  }
}

/** With its circle, once that was asked for. */
interface KnownRing extends Ring {
  circle: readonly Member[] | undefined
}
