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
  /** 0 to `most(options)`. */
  readonly bucket: number
  /** Down because of the bucket alone: its latest results in a row would have it up, or at least not down. */
  readonly ejected: boolean
}

export const UNPROVEN: Fold = Object.freeze({ state: 'unknown', streak: 0, bucket: 0, ejected: false })

/** At which a target goes down, however its failures are spread. */
export function limit({ fall }: FoldOptions): number {
  return (fall + SLACK) * FAILURE
}

/** What the bucket holds at most: who fails again and again is trusted ever later, up to this. */
export function most(options: FoldOptions): number {
  return 3 * limit(options)
}

/** At which a target may go up again: what `rise` successes leave of a single clean fall. */
export function calm({ rise, fall }: FoldOptions): number {
  return Math.max(0, fall * FAILURE - rise)
}

export function fold(before: Fold, ok: boolean, options: FoldOptions = FOLD): Fold {
  const isDown = before.state === 'down'
  if (ok) {
    const streak = Math.max(0, before.streak) + 1
    const bucket = Math.max(0, before.bucket - 1)
    if (streak < options.rise) return { ...before, streak, bucket }
    return isDown && bucket > calm(options) ? { state: 'down', streak, bucket, ejected: true } : { state: 'up', streak, bucket, ejected: false }
  }
  const streak = Math.min(0, before.streak) - 1
  // An outage counts once, however long it lasts; one that works in between and fails again is a new one.
  const counts = !isDown || before.streak > 0
  const bucket = counts ? Math.min(most(options), before.bucket + FAILURE) : before.bucket
  if (-streak >= options.fall) return { state: 'down', streak, bucket, ejected: false }
  if (!isDown && bucket >= limit(options)) return { state: 'down', streak, bucket, ejected: true }
  return { ...before, streak, bucket }
}

/** The same results where the bucket may not eject: rise and fall alone decide. */
export function spared(before: Fold, after: Fold): Fold {
  return { ...after, state: before.state === 'down' ? 'up' : before.state, ejected: false }
}

/** How many of a group's targets may be ejected at once: a fifth, and one in any case. */
export function ejectable(size: number): number {
  return Math.max(1, Math.floor(size / 5))
}
