/**
 * A target that comes back gets its viewers gradually: its cache is cold, and the first rush may be what felled it.
 * Source of the formula: Envoy, "Slow start mode", with aggression 1 and a minimum of 10 %; HAProxy's `slowstart` is alike.
 */

export const LEAST = 0.1

/**
 * @param sinceMs milliseconds since it came back
 * @param windowMs how long the ramp is; 0: none
 * @returns the share of its viewers that it takes, 0.1 to 1
 */
export function acceptedShare(sinceMs: number, windowMs: number): number {
  if (!(windowMs > 0) || sinceMs >= windowMs) return 1
  return Math.max(LEAST, sinceMs / windowMs)
}
