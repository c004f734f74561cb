/** Operators' commands that routers obey and Redis has forgotten: a router that starts anew would not hear of them. */
import type { RouterReport } from '../state/router-report.ts'

/** The last moment that a date can be. */
const LAST_MS = 8.64e15

/** Lines for the operator, who alone may say them again; empty where nothing was forgotten. */
export function tellForgotten(reports: readonly RouterReport[]): string {
  const by = new Map<string, string[]>()
  for (const { router, forgotten = [] } of reports) {
    for (const { target, state, until } of forgotten) {
      const command = `${target}: ${state}${until === undefined ? '' : ` until ${new Date(Math.min(until, LAST_MS)).toISOString()}`}`
      by.set(command, [...(by.get(command) ?? []), router])
    }
  }
  if (by.size === 0) return ''
  const lines = [...by].sort(([a], [b]) => (a < b ? -1 : 1)).map(([command, routers]) => `  ${command}, obeyed by ${routers.join(', ')}\n`)
  return `warning: redis has forgotten commands on targets that routers still obey; repeat them with wissel target, or a router that starts anew knows nothing of them\n${lines.join('')}`
}
