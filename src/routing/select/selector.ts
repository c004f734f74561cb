/**
 * The contract of a selector: it picks one of a list that is already filtered by jurisdiction, operator and health.
 *
 * A selector never looks at health or the clock. Chance is an argument, so a decision can be replayed. It asks `turnedAway`
 * before it settles on a member, and gives `undefined` when every member is turned away. A weight of 0 is chosen only
 * where nothing with a weight is left.
 */
import { combine, fraction } from '../hash.ts'
import type { HealthTable } from '../health-table.ts'
import type { Member, Step, Target, Vector, Zone } from '../model.ts'
import type { Observer } from '../observer.ts'
import type { Standing } from '../standing.ts'
import { Away } from './away.ts'

export interface Draw {
  readonly step: Step
  readonly standing: Standing
  /** What may be chosen: one of the standing's three lists. */
  readonly list: readonly Member[]
  readonly health: HealthTable
  /** Hash of the title, or the viewer's own draw where the step has no key. */
  readonly key: number
  /** The viewer's draw, an unsigned 32-bit number. */
  readonly random: number
  /** Where the client is, as far as known. */
  readonly origin: Vector | undefined
  /** What the operator's table says of this client; the members that it names beat distance. */
  readonly zone: Zone | undefined
  readonly exclude: ReadonlySet<Target> | undefined
  /** Panic: loads are ignored as health is. */
  readonly ignoreLoad: boolean
  readonly observer: Observer | undefined
  /** Set when the title's first member was over its share. */
  overflowed: boolean
  /** The members that turned this viewer away because of their load, in this step and the ones before. */
  overloaded: Away | undefined
}

export type Selector = (draw: Draw) => Member | undefined

const SHED_SALT = 0x5bd1e995

/** Whether this viewer may not have this member: it is excluded, or the member sheds the viewer's share of its load. */
export function turnedAway(draw: Draw, member: Member): boolean {
  if (draw.exclude?.has(member.target)) return true
  if (draw.ignoreLoad) return false
  const share = draw.health.shed(member.target)
  if (share === 0) return false
  // The same viewers are turned away at the same load, so that nobody hops while it wavers.
  if (fraction(combine(draw.random ^ SHED_SALT, member.target.seed)) >= share) return false
  draw.overloaded ??= new Away()
  draw.overloaded.add(member)
  return true
}
