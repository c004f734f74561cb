/**
 * Whether a target satisfies a policy on jurisdiction. Judged twice per decision: as a filter before the choice
 * (`faults`, memoised with a pool's standing) and as an assertion after it (`complies`, from the raw attributes).
 * Whatever is not known is a fault.
 */
import type { Country, Jurisdiction, JurisdictionPolicy } from './model.ts'

export const DAY_MS = 86_400_000

/** What a policy found wrong with a target. */
export type Fault =
  | 'operator' | 'parent' | 'server' | 'logs' | 'foreign' | 'evidence-missing' | 'evidence-expired' | 'review-missing' | 'review-expired'

/** Everything that is wrong, in the order of the attributes; empty when the target complies at `now` (ms since the epoch). */
export function faults(policy: JurisdictionPolicy | undefined, target: Jurisdiction, now: number): Fault[] {
  const found: Fault[] = []
  if (policy === undefined) return found
  if (policy.operator !== undefined && !within(policy.operator, target.operator)) found.push('operator')
  if (policy.parent !== undefined && !within(policy.parent, target.parent)) found.push('parent')
  // No server country at all is a missing declaration; no log country is the declaration that there are no logs.
  if (policy.server !== undefined && (target.server?.length === 0 || !allWithin(policy.server, target.server))) found.push('server')
  if (policy.logs !== undefined && !allWithin(policy.logs, target.logs)) found.push('logs')
  if (policy.foreign !== undefined && !allWithin(policy.foreign, target.foreign)) found.push('foreign')
  if (policy.evidence) {
    if (target.evidenceUntil === undefined) found.push('evidence-missing')
    else if (now >= target.evidenceUntil) found.push('evidence-expired')
  }
  if (policy.reviewDays !== undefined) {
    if (target.reviewedAt === undefined) found.push('review-missing')
    else if (now >= target.reviewedAt + policy.reviewDays * DAY_MS) found.push('review-expired')
  }
  return found
}

/** When a target that complies now stops complying, in ms since the epoch; `Infinity` where nothing expires. */
export function compliesUntil(policy: JurisdictionPolicy | undefined, target: Jurisdiction): number {
  if (policy === undefined) return Infinity
  const evidence = policy.evidence ? (target.evidenceUntil ?? -Infinity) : Infinity
  const review = policy.reviewDays === undefined ? Infinity : (target.reviewedAt ?? -Infinity) + policy.reviewDays * DAY_MS
  return Math.min(evidence, review)
}

/** The assertion after the choice. Written apart from `faults` on purpose: one mistake must not pass both. */
export function complies(policy: JurisdictionPolicy | undefined, target: Jurisdiction, now: number): boolean {
  if (policy === undefined) return true
  const { operator, parent, server, logs, foreign } = policy
  if (operator && !(target.operator && operator.has(target.operator))) return false
  if (parent && !(target.parent && parent.has(target.parent))) return false
  if (server) {
    if (!target.server || target.server.length === 0) return false
    for (const country of target.server) if (!server.has(country)) return false
  }
  if (logs) {
    if (!target.logs) return false
    for (const country of target.logs) if (!logs.has(country)) return false
  }
  if (foreign) {
    if (!target.foreign) return false
    for (const law of target.foreign) if (!foreign.has(law)) return false
  }
  return now < compliesUntil(policy, target)
}

function within(set: ReadonlySet<Country>, value: Country | undefined): boolean {
  return value !== undefined && set.has(value)
}

function allWithin<T>(set: ReadonlySet<T>, values: readonly T[] | undefined): boolean {
  return values !== undefined && values.every((value) => set.has(value))
}
