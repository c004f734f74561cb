/**
 * What an edge or a CDN's exporter posts: `{"v":1,"buckets":[{"t":"2026-03-01T20:30Z","service":"omroep-live",
 * "target":"edge-fra-2","bytes":123456789,"requests":3210}, ...]}`. `t` is the first minute of a bucket of five, in UTC.
 * A report is taken whole or not at all, and a problem names the place and never the value.
 */
import { bucketOf } from './usage.ts'
import type { Usage } from './usage.ts'

export interface ReportRules {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Ids of the configuration. */
  isService(id: string): boolean
  isTarget(id: string): boolean
  /** Milliseconds that a bucket may be old; default seven days. */
  readonly maxAgeMs?: number
}

export const MAX_REPORT_BYTES = 1 << 20
export const MAX_BUCKETS = 10_000
const MAX_PROBLEMS = 20
const WEEK_MS = 7 * 86_400_000
/** A clock may be ahead by so much. */
const AHEAD_MS = 300_000

export interface Report {
  readonly usage: readonly Usage[]
  readonly problems: readonly string[]
}

export function readReport(body: string, rules: ReportRules): Report {
  if (body.length > MAX_REPORT_BYTES) return refused(`the report must be at most ${MAX_REPORT_BYTES} bytes; send it in parts`)
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return refused('the report is not JSON')
  }
  if (!isPlain(value) || value['v'] !== 1 || !Array.isArray(value['buckets']) || Object.keys(value).length !== 2) return refused('the report must have v (1) and buckets (a list), and nothing else')
  const { buckets } = value as { readonly buckets: readonly unknown[] }
  if (buckets.length > MAX_BUCKETS) return refused(`a report must have at most ${MAX_BUCKETS} buckets`)
  const problems: string[] = []
  const usage = buckets.flatMap((bucket, i) => {
    const read = readBucket(bucket, rules)
    if (typeof read !== 'string') return [read]
    if (problems.length < MAX_PROBLEMS) problems.push(`buckets[${i}]: ${read}`)
    return []
  })
  return problems.length > 0 ? { usage: [], problems } : { usage, problems }
}

const FIELDS = ['t', 'service', 'target', 'bytes', 'requests']

function readBucket(value: unknown, { now, isService, isTarget, maxAgeMs = WEEK_MS }: ReportRules): Usage | string {
  if (!isPlain(value)) return 'must be an object'
  if (Object.keys(value).some((key) => !FIELDS.includes(key))) return `has an unknown field; the fields are ${FIELDS.join(', ')}`
  const { t, service, target, bytes, requests } = value
  if (typeof t !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:[0-5][05]Z$/.test(t)) return 't: must be the first minute of a bucket of five, such as 2026-03-01T20:30Z'
  const at = Date.parse(t)
  // The 31st of February and 24:00 are moments of another day to `Date`.
  if (Number.isNaN(at) || bucketOf(at) !== t) return 't: is no date'
  if (at > now + AHEAD_MS) return 't: is in the future'
  if (at < now - maxAgeMs) return `t: is more than ${Math.round(maxAgeMs / 3_600_000)} hours ago`
  if (typeof service !== 'string' || !isService(service)) return 'service: is not in the configuration'
  if (typeof target !== 'string' || !isTarget(target)) return 'target: is not in the configuration'
  if (!isCount(bytes)) return 'bytes: must be a whole number of at least 0'
  if (!isCount(requests)) return 'requests: must be a whole number of at least 0'
  return { at, service, target, bytes, requests }
}

function refused(problem: string): Report {
  return { usage: [], problems: [problem] }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
