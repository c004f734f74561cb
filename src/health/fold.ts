/**
 * From single results to a state that can be relied on. Pure: a state and a result give the next state.
 *
 * Two measures decide. `rise` and `fall` results in a row, as every load balancer has them, answer to a clean failure.
 * They miss a target that fails every other time, so failures also fill a bucket that successes drain slowly: one failure
 * in five is tolerated for ever, one in two is not, and a target that keeps failing takes longer to be trusted again.
 */
import type { HealthState } from '../routing/model.ts'

export interface FoldOptions {
  /** Successes in a row to go up. Default 2. Less believes luck, more keeps working targets out for longer. */
  readonly rise: number
  /** Failures in a row to go down. Default 3. Less believes bad luck, more sends viewers to broken targets for longer. */
  readonly fall: number
}

export const FOLD: FoldOptions = Object.freeze({ rise: 2, fall: 3 })

/** What one failure adds to the bucket; a success takes 1. So up to one failure in `FAILURE + 1` results is tolerated. */
export const FAILURE = 4
/** The bucket is full with this many failures more than `fall`. */
export const SLACK = 2

export interface Fold {
  readonly state: HealthState
  /** Results in a row: successes above 0, failures below. */
  readonly streak: number
  /** 0 to `limit(options)`. */
  readonly bucket: number
}

export const UNPROVEN: Fold = Object.freeze({ state: 'unknown', streak: 0, bucket: 0 })

/** At which a target goes down, however its failures are spread. */
export function limit({ fall }: FoldOptions): number {
  return (fall + SLACK) * FAILURE
}

/** At which a target may go up again: what `rise` successes leave of a single clean fall. */
export function calm({ rise, fall }: FoldOptions): number {
  return Math.max(0, fall * FAILURE - rise)
}

export function fold(before: Fold, ok: boolean, options: FoldOptions = FOLD): Fold {
  if (ok) {
    const streak = Math.max(0, before.streak) + 1
    const bucket = Math.max(0, before.bucket - 1)
    const up = streak >= options.rise && (before.state !== 'down' || bucket <= calm(options))
    return { state: up ? 'up' : before.state, streak, bucket }
  }
  const streak = Math.min(0, before.streak) - 1
  // An outage counts once, however long it lasts.
  const bucket = before.state === 'down' ? before.bucket : Math.min(limit(options), before.bucket + FAILURE)
  const down = -streak >= options.fall || bucket >= limit(options)
  return { state: down ? 'down' : before.state, streak, bucket }
}
