/**
 * Several probers' opinions of one target, as one. Optimistic: a target is down only when most of those who have an
 * opinion say so, and at least two of them where there are two, because a prober that has lost its own network sees
 * everything down. Who has not looked, or not lately, has no opinion (`exchange.ts` tells which reports are fresh).
 */
import type { HealthState } from '../routing/model.ts'

/** @returns `unknown` where nobody has an opinion, and counts as up */
export function merge(opinions: Iterable<HealthState>): HealthState {
  let up = 0
  let down = 0
  for (const state of opinions) {
    if (state === 'up') up++
    else if (state === 'down') down++
  }
  const all = up + down
  if (all === 0) return 'unknown'
  return down * 2 > all && down >= Math.min(2, all) ? 'down' : 'up'
}
