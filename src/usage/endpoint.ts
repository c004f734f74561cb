/** `POST /usage` of the admin listener, as a function: the listener has checked the token and bounded the body. */
import { readReport } from './report.ts'
import type { ReportRules } from './report.ts'
import type { UsageBuckets } from './usage.ts'

export interface UsageAnswer {
  /** 202: taken. 400: nothing of it was. */
  readonly status: 202 | 400
  readonly contentType: 'application/json'
  readonly body: string
}

export function usageReport(body: string, buckets: UsageBuckets, rules: ReportRules): UsageAnswer {
  const { usage, problems } = readReport(body, rules)
  if (problems.length > 0) return answer(400, { error: 'the report was not taken', problems })
  for (const row of usage) buckets.add(row)
  return answer(202, { taken: usage.length })
}

function answer(status: UsageAnswer['status'], value: unknown): UsageAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` }
}
