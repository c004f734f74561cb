/** Time as it is given to what waits. */

/** Calls `run` once after `ms` milliseconds; the result cancels it. */
export type SetTimer = (run: () => void, ms: number) => () => void

/** `ms`, give or take `spread` of it (0 to 1), so that many of the same do not keep in step. */
export function jittered(ms: number, spread: number, random: () => number): number {
  return Math.round(ms * (1 + spread * (2 * random() - 1)))
}
