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

/** Why rows are not taken: no room for them, or the place of the first whose sums, with all that was taken, no number holds exactly. */
export type Refusal = 'full' | { readonly place: number, readonly field: 'bytes' | 'requests' }

interface Row {
  readonly t: string
  readonly service: string
  readonly target: string
  readonly bytes: number
  readonly requests: number
}

/**
 * Adds up what belongs together. What is given for a bucket that was already written becomes a second line of it: whoever
 * reads adds lines of equal `t`, `service` and `target`.
 */
export class UsageBuckets {
  /** Rows that `add` had no room for, or whose sums would be above 2^53 - 1; they are in no line. */
  dropped = 0
  #maxRows: number
  #rows = new Map<string, Row>()

  /** @param maxRows rows that wait at most; default 100,000 */
  constructor(maxRows = 100_000) {
    this.#maxRows = maxRows
  }

  /** Takes all of it or nothing. What was taken is in a line. */
  addAll(usage: readonly Usage[]): Refusal | undefined {
    const sums = new Map<string, Row>()
    let added = 0
    for (const [place, one] of usage.entries()) {
      const key = keyOf(one)
      const before = sums.get(key) ?? this.#rows.get(key)
      const sum = sumOf(before, one)
      if (!Number.isSafeInteger(sum.bytes)) return { place, field: 'bytes' }
      if (!Number.isSafeInteger(sum.requests)) return { place, field: 'requests' }
      if (before === undefined) added++
      sums.set(key, sum)
    }
    if (this.#rows.size + added > this.#maxRows) return 'full'
    for (const [key, sum] of sums) this.#rows.set(key, sum)
    return undefined
  }

  /** Takes it, or drops and counts it: for a reader of logs, who cannot give it again. */
  add(usage: Usage): void {
    if (this.addAll([usage]) !== undefined) this.dropped++
  }

  /** From now on there is room for nothing new. */
  close(): void {
    this.#maxRows = 0
  }

  /**
   * Takes the rows of buckets that ended before `now`, in milliseconds since the epoch, as lines with their ends, sorted.
   * `Infinity`: all of them.
   *
   * @param most lines at most, the first of them; default all
   */
  take(now: number, most = Infinity): string[] {
    const current = now === Infinity ? '~' : bucketOf(now)
    const over: [string, Row][] = []
    if (most <= 0) return []
    for (const entry of this.#rows) if (entry[1].t < current) over.push(entry)
    const lines: string[] = []
    for (const [key, row] of over.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, most)) {
      this.#rows.delete(key)
      const record: UsageRecord = { v: 1, ...row }
      if (isUsageRecord(record)) lines.push(`${JSON.stringify(record)}\n`)
      else this.dropped++
    }
    return lines
  }
}

function keyOf({ at, service, target }: Usage): string {
  return `${bucketOf(at)} ${service} ${target}`
}

function sumOf(before: Row | undefined, { at, service, target, bytes, requests }: Usage): Row {
  return { t: before?.t ?? bucketOf(at), service, target, bytes: (before?.bytes ?? 0) + bytes, requests: (before?.requests ?? 0) + requests }
}
