/**
 * From what a target reports of its load, and what this router has sent it since, to the share of viewers that it turns
 * away. Pure; times are milliseconds on a clock that never jumps.
 */
import type { TargetHealth } from '../routing/model.ts'

export interface LoadReport {
  /** Megabits per second that the target sends now. */
  readonly bandwidthMbps: number
  /** What it can send; the configuration's capacity where absent. */
  readonly capacityMbps?: number
  /** Open connections, for operators to see. */
  readonly connections?: number
  /** Rises with each report of the target, so that an older one that arrives late is known. */
  readonly sequence?: number
}

export interface LoadState {
  readonly report: LoadReport
  readonly at: number
  /** Time between the latest two reports; `undefined` after the first. */
  readonly intervalMs: number | undefined
}

/** A report counts for at least this long, and for three intervals of its own where that is longer, up to the most. */
export const MIN_AGE_MS = 30_000
export const MAX_AGE_MS = 900_000

export function lifetime({ intervalMs }: LoadState): number {
  return Math.min(MAX_AGE_MS, Math.max(MIN_AGE_MS, 3 * (intervalMs ?? 0)))
}

export function isStale(state: LoadState, now: number): boolean {
  return now - state.at > lifetime(state)
}

/** `undefined` where the report is older than, or the same as, the one that counts. */
export function receive(before: LoadState | undefined, report: LoadReport, now: number): LoadState | undefined {
  const live = before === undefined || isStale(before, now) ? undefined : before
  const last = live?.report.sequence
  if (last !== undefined && report.sequence !== undefined && report.sequence <= last) return undefined
  return { report, at: now, intervalMs: live === undefined ? undefined : now - live.at }
}

/**
 * @param sent viewers that this router has sent to the target since its report
 * @returns 0 and up; `undefined` where nothing is known that is not stale
 */
export function utilisation(state: LoadState | undefined, sent: number, { capacityMbps, bitrateMbps }: TargetHealth, now: number): number | undefined {
  if (state === undefined || isStale(state, now)) return undefined
  const capacity = state.report.capacityMbps ?? capacityMbps
  if (capacity === undefined) return undefined
  return (state.report.bandwidthMbps + sent * bitrateMbps) / capacity
}

/** The share of viewers that are turned away: none up to `shedLow`, all from `shedHigh`, evenly between. */
export function shedShare(used: number | undefined, { shedLow, shedHigh }: Pick<TargetHealth, 'shedLow' | 'shedHigh'>): number {
  if (used === undefined || used <= shedLow) return 0
  return used >= shedHigh ? 1 : (used - shedLow) / (shedHigh - shedLow)
}

const FIELDS: ReadonlySet<string> = new Set(['bandwidthMbps', 'capacityMbps', 'connections', 'sequence'])

/** `undefined` where the text is not a report: JSON with these fields alone, in range. */
export function readLoadReport(text: string): LoadReport | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isLoadReport(value) ? value : undefined
}

export function isLoadReport(value: unknown): value is LoadReport {
  if (typeof value !== 'object' || value === null || Object.keys(value).some((key) => !FIELDS.has(key))) return false
  const field = (name: string): unknown => (Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined)
  const within = (name: string, least: number, most: number) => {
    const number = field(name)
    return typeof number === 'number' && number >= least && number <= most
  }
  const whole = (name: string) => field(name) === undefined || (Number.isSafeInteger(field(name)) && within(name, 0, Number.MAX_SAFE_INTEGER))
  return within('bandwidthMbps', 0, 1e9) && (field('capacityMbps') === undefined || within('capacityMbps', 0.001, 1e9)) && whole('connections') && whole('sequence')
}
