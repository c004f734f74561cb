/**
 * The title's own member by rendezvous hashing (Thaler and Ravishankar 1998, weighted as in Schindelhauer and
 * Schomaker 2005): each member scores the key, the highest score wins, and a lost member moves only its own keys.
 *
 * A member above its share of the load passes a part of its viewers on to the title's next member (see `load.ts`).
 */
import { combine } from '../hash.ts'
import { mayPass } from '../load.ts'
import { SHORT } from '../memo.ts'
import type { Memo } from '../memo.ts'
import type { Member } from '../model.ts'
import { RANKS, scoreOf } from '../ranking.ts'
import type { Draw, Selector } from './selector.ts'
import { turnedAway } from './selector.ts'

export const rendezvous: Selector = (draw) => ranked(draw, draw.list, isStanding(draw))

/** Whether the list that may be chosen from is one that lasts until health changes. */
export function isStanding({ list, standing }: Draw): boolean {
  return list === standing.eligible || list === standing.unproven || list === standing.lastResort
}

/**
 * The best-scoring member of `list`: all that may be chosen, or `nearest`'s circle.
 *
 * @param lasting whether the same list comes again, so that a title's order in it is worth remembering
 */
export function ranked(draw: Draw, list: readonly Member[], lasting: boolean): Member | undefined {
  const memo = lasting && list.length > SHORT ? draw.health.memo.at(draw.health.version) : undefined
  // Without a key each viewer is a title of their own, which nobody asks for twice.
  const titles = draw.step.key === 'none' ? undefined : memo
  const bounded = draw.step.loadFactor !== undefined && !draw.ignoreLoad
  // What is not bounded is not counted either, so that it does not loosen the bound of a step that shares the pool.
  if (bounded) draw.observer?.fair?.(draw.step.pool, list)
  let passed: Set<Member> | undefined
  let first: Member | undefined
  for (;;) {
    const next = (titles && remembered(titles, draw, list, passed)) ?? best(draw, list, passed, memo?.evenSeeds(list))
    if (next === undefined) return first
    first ??= next
    if (!bounded) return next
    draw.observer?.offered?.(draw.step.pool, next)
    if (mayPass(draw, next)) return next
    draw.overflowed = true
    passed ??= new Set()
    passed.add(next)
  }
}

/** From the title's first few members; undefined where none of them may be had. */
function remembered(memo: Memo, draw: Draw, list: readonly Member[], passed: ReadonlySet<Member> | undefined): Member | undefined {
  const slot = memo.slot(list, draw.key)
  if (slot === undefined) return undefined
  for (let rank = 0; rank < RANKS; rank++) {
    const member = memo.orders.at(list, slot, rank)
    if (member === undefined) return undefined
    if (passed?.has(member) !== true && !turnedAway(draw, member)) return member
  }
  return undefined
}

/** By a look at each. */
function best(draw: Draw, list: readonly Member[], passed: ReadonlySet<Member> | undefined, evenSeeds: Uint32Array | undefined): Member | undefined {
  if (evenSeeds !== undefined) return highest(draw, list, passed, evenSeeds)
  let found: Member | undefined
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
      found = member
      bestScore = score
      bestHash = hash
      bestWeight = member.weight
    }
  }
  return found
}

/** The same where all have one weight, by their seeds: members are read one after the other only where they lead. */
function highest(draw: Draw, list: readonly Member[], passed: ReadonlySet<Member> | undefined, seeds: Uint32Array): Member | undefined {
  let found: Member | undefined
  let bestHash = -1
  for (let position = 0; position < seeds.length; position++) {
    const hash = combine(draw.key, seeds[position] ?? 0)
    if (hash <= bestHash) continue
    const member = list[position]
    if (member === undefined || passed?.has(member) === true || turnedAway(draw, member)) continue
    found = member
    bestHash = hash
  }
  return found
}
