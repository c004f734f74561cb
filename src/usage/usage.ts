/**
 * Consumption: bytes and requests of a service at a target, in buckets of five minutes. Reported by edges and CDNs, or
 * read from their logs; it is about machines, and nothing of a viewer is in it.
 */
import { isId } from '../privacy/values.ts'

export const BUCKET_MS = 300_000

export interface Usage {
  /** Milliseconds since the epoch; any moment of the bucket. */
  readonly at: number
  readonly service: string
  readonly target: string
  readonly bytes: number
  readonly requests: number
}

export interface UsageRecord {
  readonly v: 1
  /** First minute of the bucket, `2026-03-01T20:30Z`. */
  readonly t: string
  readonly service: string
  readonly target: string
  readonly bytes: number
  readonly requests: number
}

/** `2026-03-01T20:30Z` of any moment in the bucket. */
export function bucketOf(at: number): string {
  return `${new Date(Math.floor(at / BUCKET_MS) * BUCKET_MS).toISOString().slice(0, 16)}Z`
}

export function isUsageRecord({ v, t, service, target, bytes, requests, ...rest }: UsageRecord): boolean {
  const count = (value: number) => Number.isSafeInteger(value) && value >= 0
  return v === 1 && /^\d{4}-\d\d-\d\dT\d\d:[0-5][05]Z$/.test(t) && isId(service) && isId(target) && count(bytes) && count(requests) && Object.keys(rest).length === 0
}

/**
 * Adds up what belongs together. What is given for a bucket that was already written becomes a second line of it: whoever
 * reads adds lines of equal `t`, `service` and `target`.
 */
export class UsageBuckets {
  /** Rows beyond the bound, which are in no line. */
  dropped = 0
  readonly #maxRows: number
  #rows = new Map<string, { readonly t: string, readonly service: string, readonly target: string, bytes: number, requests: number }>()

  /** @param maxRows rows that wait at most; default 100,000 */
  constructor(maxRows = 100_000) {
    this.#maxRows = maxRows
  }

  add({ at, service, target, bytes, requests }: Usage): void {
    const t = bucketOf(at)
    const key = `${t} ${service} ${target}`
    const row = this.#rows.get(key)
    if (row !== undefined) {
      row.bytes += bytes
      row.requests += requests
    } else if (this.#rows.size < this.#maxRows) this.#rows.set(key, { t, service, target, bytes, requests })
    else this.dropped++
  }

  /**
   * Takes the rows of buckets that ended before `now`, in milliseconds since the epoch, as lines with their ends, sorted.
   * `Infinity`: all of them.
   */
  take(now: number): string[] {
    const current = now === Infinity ? '~' : bucketOf(now)
    const lines: string[] = []
    for (const [key, { t, service, target, bytes, requests }] of [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (t >= current) continue
      this.#rows.delete(key)
      const record: UsageRecord = { v: 1, t, service, target, bytes, requests }
      if (isUsageRecord(record)) lines.push(`${JSON.stringify(record)}\n`)
      else this.dropped++
    }
    return lines
  }
}
