/**
 * How a service's viewers spread over its steps when the first of them is not healthy enough: Envoy's priority formula.
 * A step earns `min(100, overprovisioning × its healthy share)` percent; what the first ones cannot take, the next ones get.
 * Source: Envoy, "Priority levels" and "Panic threshold", whose published tables are this module's tests.
 */

/** Percent: with 140 a step keeps all of its viewers until less than 72 % of it is healthy. */
export const OVERPROVISIONING = 140

/** What a step with this percentage of healthy targets can carry, in whole percent. */
export function capacity(healthy: number): number {
  // The nudge keeps a whole result that is a hair too small, such as 5 of 7 healthy, from losing a percent.
  return Math.min(100, Math.floor((OVERPROVISIONING * healthy) / 100 + 1e-9))
}

/**
 * Whole percentages of the viewers for steps of these capacities, in order; they sum to 100.
 * Steps that cannot carry all between them share in proportion; where nothing is healthy, all go to the first.
 */
export function distribute(capacities: readonly number[]): number[] {
  const total = Math.min(100, capacities.reduce((sum, value) => sum + value, 0))
  if (total === 0) return capacities.map((_, position) => (position === 0 ? 100 : 0))
  let left = 100
  const loads = capacities.map((value) => {
    const load = Math.min(left, Math.round((value * 100) / total))
    left -= load
    return load
  })
  const first = capacities.findIndex((value) => value > 0)
  return loads.map((load, position) => (position === first ? load + left : load))
}
