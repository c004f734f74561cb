/**
 * The title's own member by rendezvous hashing (Thaler and Ravishankar 1998, weighted as in Schindelhauer and
 * Schomaker 2005): each member scores the key, the highest score wins, and a lost member moves only its own keys.
 *
 * A member above its share of the load passes a part of its viewers on to the title's next member (see `load.ts`).
 */
import { combine, fraction } from '../hash.ts'
import { mayPass } from '../load.ts'
import type { Member } from '../model.ts'
import type { Draw, Selector } from './selector.ts'
import { turnedAway } from './selector.ts'

export const rendezvous: Selector = (draw) => ranked(draw, draw.list)

/** The best-scoring member of `list`: all that may be chosen, or `nearest`'s circle. */
export function ranked(draw: Draw, list: readonly Member[]): Member | undefined {
  const bounded = draw.step.loadFactor !== undefined && !draw.ignoreLoad
  // What is not bounded is not counted either, so that it does not loosen the bound of a step that shares the pool.
  if (bounded && draw.observer?.fair !== undefined) reportFair(draw, list)
  let passed: Set<Member> | undefined
  let first: Member | undefined
  for (;;) {
    const best = top(draw, list, passed)
    if (best === undefined) return first
    first ??= best
    if (!bounded) return best
    draw.observer?.offered?.(draw.step.pool, best)
    if (mayPass(draw, best)) return best
    draw.overflowed = true
    passed ??= new Set()
    passed.add(best)
  }
}

function top(draw: Draw, list: readonly Member[], passed: ReadonlySet<Member> | undefined): Member | undefined {
  let best: Member | undefined
  let bestScore = -1
  let bestHash = -1
  let bestWeight = 0
  for (const member of list) {
    // What a full member hands on goes to members with a weight.
    if (passed !== undefined && (member.weight === 0 || passed.has(member))) continue
    const hash = combine(draw.key, member.target.seed)
    // With no more weight and no higher hash there is no higher score. This saves nearly all of the logarithms.
    if (hash <= bestHash && member.weight <= bestWeight) continue
    const score = scoreOf(hash, member.weight)
    // Losers are not asked whether they turn the viewer away: it would count sheds that did not matter.
    if (score > bestScore && !turnedAway(draw, member)) {
      best = member
      bestScore = score
      bestHash = hash
      bestWeight = member.weight
    }
  }
  return best
}

/** Weight over an exponential variate: higher is better, and each member wins in proportion to its weight. */
function scoreOf(hash: number, weight: number): number {
  return weight / -Math.log(fraction(hash))
}

function reportFair({ observer, step }: Draw, list: readonly Member[]): void {
  let sum = 0
  for (const member of list) sum += member.weight
  if (sum === 0) return
  for (const member of list) observer?.fair?.(step.pool, member, member.weight / sum)
}
