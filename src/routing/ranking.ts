/** A title's first few members in a list: its rendezvous scores, highest first. */
import { combine, fraction } from './hash.ts'
import type { Member } from './model.ts'

/** Members of a title's order that are remembered: enough for a few that are full or turn the viewer away. */
export const RANKS = 4
/** In the place of a member's position. */
export const NONE = 0xffff

/** Weight over an exponential variate: higher is better, and each member wins in proportion to its weight. */
export function scoreOf(hash: number, weight: number): number {
  return weight / -Math.log(fraction(hash))
}

/** A list's best members for a key, best first; of equals the first in the list is better. */
export class Ranking {
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
