/** The finest time that a record may hold. */
import type { Minute } from './values.ts'

const LAST = 253_402_300_799_999 // 9999-12-31T23:59:59.999Z

/** `2026-03-01T20:31Z`, in UTC, of milliseconds since the epoch; cut off, not rounded. Outside the years 1970 to 9999: the nearest end. */
export function minuteOf(milliseconds: number): Minute {
  const inside = milliseconds > 0 ? Math.min(milliseconds, LAST) : 0
  return `${new Date(inside).toISOString().slice(0, 16)}Z` as Minute
}
