/**
 * Draws a member in proportion to its weight, and the same member for the same viewer.
 *
 * The draw is made over all members of the pool, and made again when it falls on one that may not be used: so a target
 * that fails moves only its own viewers, and gets exactly them back.
 */
import { combine, fraction } from '../hash.ts'
import type { Member } from '../model.ts'
import type { Draw, Selector } from './selector.ts'
import { turnedAway } from './selector.ts'

/** Draws before the rest of the list is weighed outright. With half of the weight away, one viewer in 65,536 gets there. */
const DRAWS = 16

export const weighted: Selector = (draw) => {
  const { standing, step } = draw
  const { cumulative, mask } = standing
  const { members } = step.pool
  const total = cumulative[cumulative.length - 1] ?? 0
  if (draw.list === standing.eligible && total > 0) {
    for (let attempt = 0; attempt < DRAWS; attempt++) {
      const position = search(cumulative, fraction(combine(draw.random ^ step.seed, attempt)) * total)
      const member = members[position]
      if (mask[position] === 1 && member !== undefined && !turnedAway(draw, member)) return member
    }
  }
  return among(draw)
}

/** Weighs what is left, member by member. */
function among(draw: Draw): Member | undefined {
  const left = draw.list.filter((member) => !turnedAway(draw, member))
  const sum = left.reduce((total, member) => total + member.weight, 0)
  let rest = fraction(combine(draw.random ^ draw.step.seed, DRAWS)) * (sum > 0 ? sum : left.length)
  for (const member of left) {
    rest -= sum > 0 ? member.weight : 1
    if (rest < 0) return member
  }
  return left.at(-1)
}

/** The first position whose running sum is above `value`, so that a weight of 0 is never hit. */
function search(cumulative: Float64Array, value: number): number {
  let low = 0
  let high = cumulative.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((cumulative[middle] ?? Infinity) > value) high = middle
    else low = middle + 1
  }
  return low
}
