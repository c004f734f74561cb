/** The targets that a viewer may be sent to, best first and no more than anybody tries: the first is the decision itself. For JSON answers, steering and `explain`. */
import { decide } from './decide.ts'
import type { Decision, Redirect, RoutingRequest } from './decision.ts'
import type { HealthTable } from './health-table.ts'
import type { Snapshot } from './model.ts'

/** The decision, and those that would follow if each one's target were gone. At most `limit`, no target twice. */
export function order(decision: Decision, request: RoutingRequest, snapshot: Snapshot, health: HealthTable, random: number, limit = 8): Redirect[] {
  const redirects: Redirect[] = []
  const exclude = new Set(request.exclude)
  let next = decision
  while (next.outcome !== 'refuse' && next.outcome !== 'fence' && redirects.length < limit) {
    redirects.push(next)
    exclude.add(next.member.target)
    next = decide({ ...request, exclude }, snapshot, health, random)
  }
  return redirects
}
