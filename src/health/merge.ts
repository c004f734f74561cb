/**
 * Several probers' views of one target, as one. Optimistic: a target is down only when most of those who looked lately say
 * so, and at least two of them where there are two, because a prober that has lost its own network sees everything down.
 */
import type { HealthState } from '../routing/model.ts'

export interface Report {
  readonly state: HealthState
  /** When the prober said so, in milliseconds since the epoch. */
  readonly at: number
}

/**
 * @param reports by the prober's name; its latest one
 * @param freshMs age beyond which a report counts for nothing; one from further in the future than that, too
 * @returns `unknown` where nobody looked lately, or where too few did to call it down
 */
export function merge(reports: ReadonlyMap<string, Report>, now: number, freshMs: number): HealthState {
  let fresh = 0
  let up = 0
  let down = 0
  for (const { state, at } of reports.values()) {
    if (!(Math.abs(now - at) <= freshMs)) continue
    fresh++
    if (state === 'up') up++
    else if (state === 'down') down++
  }
  if (down * 2 > fresh && down >= Math.min(2, reports.size)) return 'down'
  return up > 0 ? 'up' : 'unknown'
}
