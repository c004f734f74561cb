/**
 * Several probers' opinions of one target, as one. Optimistic: a target is down only when most of those who have an
 * opinion say so, which takes two of them where there are two, because a prober that has lost its own network sees
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
  if (up + down === 0) return 'unknown'
  return down > up ? 'down' : 'up'
}
