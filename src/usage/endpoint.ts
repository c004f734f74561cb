/** `POST /usage` of the admin listener, as a function: the listener has checked the token and bounded the body. */
import { readReport } from './report.ts'
import type { ReportRules } from './report.ts'
import type { UsageBuckets } from './usage.ts'

export interface UsageAnswer {
  /** 202: taken, and it will be in a line. 400: nothing of it was, nor will be. 503: nothing of it was; send it again. */
  readonly status: 202 | 400 | 503
  readonly contentType: 'application/json'
  readonly body: string
}

export function usageReport(body: string, buckets: UsageBuckets, rules: ReportRules): UsageAnswer {
  const { usage, problems } = readReport(body, rules)
  if (problems.length > 0) return refused(400, problems)
  const refusal = buckets.addAll(usage)
  if (refusal === undefined) return answer(202, { taken: usage.length })
  if (refusal === 'full') return refused(503, ['there is no room: too many rows wait until their bucket is over or the disk takes them; send the report again in five minutes'])
  return refused(400, [`buckets[${refusal.place}]: ${refusal.field}: is above ${Number.MAX_SAFE_INTEGER} with what was reported before of that bucket, service and target`])
}

function refused(status: 400 | 503, problems: readonly string[]): UsageAnswer {
  return answer(status, { error: 'the report was not taken', problems })
}

function answer(status: UsageAnswer['status'], value: unknown): UsageAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` }
}
