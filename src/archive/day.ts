/** The archive's epochs: UTC days such as `2026-03-01`. One day has one key of each officer. */
import { minuteOf } from '../privacy/minute.ts'

export const DAY_MS = 86_400_000

/** Of milliseconds since the epoch. */
export function dayOf(milliseconds: number): string {
  return minuteOf(milliseconds).slice(0, 10)
}

/** Milliseconds at which the day begins; undefined for what is no day. */
export function startOf(day: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return undefined
  const start = Date.parse(`${day}T00:00:00Z`)
  return Number.isFinite(start) && dayOf(start) === day ? start : undefined
}

export function isDay(text: string): boolean {
  return startOf(text) !== undefined
}

/** From the first to the last millisecond, the days that they touch. */
export function daysBetween(first: number, last: number): string[] {
  const days: string[] = []
  for (let day = Math.floor(first / DAY_MS); day <= Math.floor(last / DAY_MS); day++) days.push(dayOf(day * DAY_MS))
  return days
}
