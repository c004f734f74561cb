/**
 * A target's address families as one state. Pure. A family that never worked is likelier missing from this router's
 * network, or from the target's, than broken: once another one has worked it does not count.
 */
import type { HealthState } from '../routing/model.ts'

export interface FamilyView {
  readonly state: HealthState
  /** Whether it was ever up. */
  readonly proven: boolean
}

/** Down when every family that was ever up is down; where none was, when every family is. Up when any family is. */
export function combine(views: Iterable<FamilyView>): HealthState {
  const all = [...views]
  if (all.some(({ state }) => state === 'up')) return 'up'
  const proven = all.filter((view) => view.proven)
  const counted = proven.length > 0 ? proven : all
  return counted.length > 0 && counted.every(({ state }) => state === 'down') ? 'down' : 'unknown'
}
