/**
 * The first few members of titles in lists. They follow from the members' seeds and weights alone, so they outlive the lists:
 * health that changes, and changes back, and a new snapshot make all lists anew, and most of them are what they were before.
 *
 * Sizes are bounded: what there is no room for is forgotten, and worked out again.
 */
import { combine } from './hash.ts'
import type { Member } from './model.ts'
import { NONE, Ranking } from './ranking.ts'

const SLOTS = 1 << 16
/** Words of a slot: the list's number, the title's key, and two words of ranks. All in one line of the processor's cache. */
const WORDS = 4
/** Members of all lists together that are known, 12 bytes each; a list takes the room of so many, beside its members. */
const [MAX_ROOM, LIST] = [1 << 18, 64] as const

/** A list, as far as a title's order in it goes: lists that say the same have the same one. */
export interface Roster {
  /** No number is given twice, so a slot of a list that is gone is nobody's. */
  readonly number: number
  readonly seeds: Uint32Array
  readonly weights: Float64Array
  /** Whether all have the same weight, and some: then the highest hash is the highest score. */
  readonly even: boolean
}

export class Orders {
  /** By hash. Of lists that meet there the latest is known. */
  readonly #rosters = new Map<number, Roster>()
  readonly #most: number
  #room: number
  #number = 0
  /** Made when first needed. */
  #slots = new Uint32Array(0)
  #ranks = new Uint16Array(0)
  readonly #ranking = new Ranking()

  /** @param room members of lists that are known at most; default as in a router */
  constructor(room = MAX_ROOM) {
    this.#most = this.#room = room
  }

  roster(list: readonly Member[]): Roster {
    const hash = hashOf(list)
    const known = this.#rosters.get(hash)
    if (known !== undefined && isOf(known, list)) return known
    if (this.#room <= 0) {
      this.#rosters.clear()
      this.#room = this.#most
    }
    this.#room -= LIST + list.length
    const [first] = list
    const even = first !== undefined && first.weight > 0 && list.every(({ weight }) => weight === first.weight)
    const roster = { number: ++this.#number, seeds: Uint32Array.from(list, ({ target }) => target.seed), weights: Float64Array.from(list, ({ weight }) => weight), even }
    this.#rosters.set(hash, roster)
    return roster
  }

  /** Where the title's first members in this list are, for `at`. @param roster of the list */
  slot(list: readonly Member[], { number }: Roster, key: number): number {
    if (this.#slots.length === 0) {
      this.#slots = new Uint32Array(SLOTS * WORDS)
      this.#ranks = new Uint16Array(this.#slots.buffer)
    }
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
  at(list: readonly Member[], slot: number, rank: number): Member | undefined {
    const position = this.#ranks[2 * (slot + 2) + rank] ?? NONE
    return position === NONE ? undefined : list[position]
  }
}

function hashOf(list: readonly Member[]): number {
  let hash = list.length
  for (const { target, weight } of list) hash = combine(combine(hash, target.seed), weight * 0x10001)
  return hash
}

function isOf({ seeds, weights }: Roster, list: readonly Member[]): boolean {
  if (list.length !== seeds.length) return false
  for (const [i, { target, weight }] of list.entries()) if (seeds[i] !== target.seed || weights[i] !== weight) return false
  return true
}
