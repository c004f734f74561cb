/** A line of the side counters: one dimension, one value, one hour or day, and how often. Nothing else can be written. */
import { DEVICES } from '../privacy/device.ts'
import { isId } from '../privacy/values.ts'

export const DIMENSIONS = ['device', 'ip', 'asn', 'ref'] as const
export type Dimension = (typeof DIMENSIONS)[number]

export interface SideRecord {
  readonly v: 1
  /** `2026-03-01T20Z` for an hour, `2026-03-01` for a day, in UTC. */
  readonly t: string
  readonly service: string
  readonly dim: Dimension
  readonly value: string
  readonly n: number
  /** The least number of different people behind `n`. */
  readonly k: number
}

const TIMES: Record<Dimension, RegExp> = { device: /^\d{4}-\d\d-\d\dT\d\dZ$/, ip: /^\d{4}-\d\d-\d\dT\d\dZ$/, asn: /^\d{4}-\d\d-\d\d$/, ref: /^\d{4}-\d\d-\d\d$/ }
const OTHER = '_other'

const VALUES: Record<Dimension, (value: string) => boolean> = {
  device: (value) => (DEVICES as readonly string[]).includes(value),
  ip: (value) => value === '4' || value === '6' || value === 'unknown',
  asn: (value) => /^(0|[1-9]\d{0,9})$/.test(value) && Number(value) <= 0xffffffff,
  ref: (value) => value === '_none' || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value),
}

/** Whether the line may be written. */
export function isSideRecord({ v, t, service, dim, value, n, k, ...rest }: SideRecord): boolean {
  const whole = (count: number, least: number) => Number.isSafeInteger(count) && count >= least
  return v === 1 && DIMENSIONS.includes(dim) && TIMES[dim].test(t) && isId(service) && (value === OTHER || VALUES[dim](value))
    && whole(k, 1) && whole(n, k) && Object.keys(rest).length === 0
}

export function serialiseSide({ v, t, service, dim, value, n, k }: SideRecord): string {
  return JSON.stringify({ v, t, service, dim, value, n, k })
}
