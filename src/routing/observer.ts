/** Someone who watches a decision being made without changing it: `explain`, and the tally that bounds a target's load. */
import type { Member, Pool, Service, Step } from './model.ts'
import type { Standing } from './standing.ts'

export interface Observer {
  service?(service: Service): void
  /** A step that was considered, and the share of this service's viewers that its health earns it. */
  considered?(step: Step, standing: Standing): void
  /** The members among which one decision is made: each one's fair share of it is its weight among theirs. */
  fair?(pool: Pool, list: readonly Member[]): void
  /** A title came to this member first, or was handed on to it. */
  offered?(pool: Pool, member: Member): void
}
