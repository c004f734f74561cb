/**
 * Which members of a pool may be used now, and why the others may not. The same for every viewer, so it is worked out
 * once per change of health and kept: a decision over 1,000 targets costs what one over five does.
 */
import type { RejectedCounts } from './decision.ts'
import type { HealthTable } from './health-table.ts'
import { compliesUntil, faults } from './jurisdiction.ts'
import type { Member, Pool, Scheme } from './model.ts'
import type { Reason } from './reasons.ts'

export interface Standing {
  /** The health table's version that it was made from. */
  readonly version: number
  /** Milliseconds since the epoch between which this holds: from the last evidence that has expired to the next that will. */
  readonly from: number
  readonly until: number
  /** Healthy or unknown, and not draining. */
  readonly eligible: readonly Member[]
  /** The eligible and those that failed their checks: what panic may use. */
  readonly unproven: readonly Member[]
  /** All that is not forbidden, draining ones included. */
  readonly lastResort: readonly Member[]
  readonly rejected: RejectedCounts
  /** The same with so many members that turned a viewer away, by their number; see `rejectedWith`. */
  readonly overloads: (RejectedCounts | undefined)[]
  /** Percent of the unproven that are eligible, not rounded. */
  readonly healthy: number
  /** By member position in the pool: 1 when eligible. */
  readonly mask: Uint8Array
  /** Running sums of the weights of all members of the pool, for `weighted`. */
  readonly cumulative: Float64Array
}

/** Why a member may not be used by anyone now; `undefined` when it may. The order is the order of what an operator can change least. */
export function whyNot(pool: Pool, member: Member, health: HealthTable, scheme: Scheme, now: number): Reason | undefined {
  const { target } = member
  if (faults(pool.policy, target.jurisdiction, now).length > 0) return 'jurisdiction'
  if (member.base[scheme] === undefined) return 'scheme'
  const admin = health.admin(target)
  if (admin === 'down') return 'forced_down'
  if (admin === 'drain') return 'drain'
  if (admin === 'auto' && health.state(target) === 'down') return 'down'
  return undefined
}

/** The standing of a pool, from memory where nothing has changed. */
export function standing(pool: Pool, health: HealthTable, scheme: Scheme, now: number): Standing {
  const slot = pool.index * 2 + (scheme === 'https' ? 1 : 0)
  const known = health.standings[slot]
  if (known !== undefined && known.version === health.version && now >= known.from && now < known.until) return known
  const fresh = survey(pool, health, scheme, now)
  health.standings[slot] = fresh
  return fresh
}

/** With members that turned a viewer away because of their load: one object for each number, by which records are told apart fast. */
export function rejectedWith(overloaded: number, { rejected, overloads }: Standing): RejectedCounts {
  return (overloads[overloaded] ??= Object.freeze({ overload: overloaded, ...rejected }))
}

const sums = new WeakMap<RejectedCounts, WeakMap<RejectedCounts, RejectedCounts>>()

/** Of two steps' members; of the same two the same object, as above. */
export function rejectedTogether(one: RejectedCounts, other: RejectedCounts): RejectedCounts {
  let known = sums.get(one)
  if (known === undefined) sums.set(one, (known = new WeakMap<RejectedCounts, RejectedCounts>()))
  const found = known.get(other)
  if (found !== undefined) return found
  const sum: Partial<Record<Reason, number>> = { ...one }
  for (const reason of Object.keys(other) as Reason[]) sum[reason] = (sum[reason] ?? 0) + (other[reason] ?? 0)
  known.set(other, Object.freeze(sum))
  return sum
}

function survey(pool: Pool, health: HealthTable, scheme: Scheme, now: number): Standing {
  const { version } = health
  const eligible: Member[] = []
  const unproven: Member[] = []
  const lastResort: Member[] = []
  const rejected: Partial<Record<Reason, number>> = {}
  const mask = new Uint8Array(pool.members.length)
  const cumulative = new Float64Array(pool.members.length)
  let from = -Infinity
  let until = Infinity
  let sum = 0
  for (const [position, member] of pool.members.entries()) {
    sum += member.weight
    cumulative[position] = sum
    const reason = whyNot(pool, member, health, scheme, now)
    if (reason !== undefined) rejected[reason] = (rejected[reason] ?? 0) + 1
    const end = compliesUntil(pool.policy, member.target.jurisdiction)
    if (end <= now) from = Math.max(from, end)
    else until = Math.min(until, end)
    if (reason === 'jurisdiction' || reason === 'scheme' || reason === 'forced_down') continue
    lastResort.push(member)
    if (reason === 'drain') continue
    unproven.push(member)
    if (reason === 'down') continue
    eligible.push(member)
    mask[position] = 1
  }
  const healthy = unproven.length === 0 ? 0 : (100 * eligible.length) / unproven.length
  return { version, from, until, eligible, unproven, lastResort, rejected: Object.freeze(rejected), overloads: [], healthy, mask, cumulative }
}
