/**
 * The histogram `wissel_decision_duration_seconds`. Counted and written here, because `prom-client` takes several times as
 * long for each request as all of the router's other metrics together.
 */
import { DURATION_BUCKETS, METRICS } from './definitions.ts'

const NAME = 'wissel_decision_duration_seconds'

export interface DurationTotals {
  /** By bucket, not cumulated; the last is for what is above all bounds. */
  readonly buckets: readonly number[]
  /** Seconds. */
  readonly sum: number
}

export class Durations {
  readonly #counts = new Float64Array(DURATION_BUCKETS.length + 1)
  #sum = 0

  add(seconds: number): void {
    let bucket = 0
    while (seconds > (DURATION_BUCKETS[bucket] ?? Infinity)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += seconds
  }

  totals(): DurationTotals {
    return { buckets: [...this.#counts], sum: this.#sum }
  }
}

/** In the text format of Prometheus, version 0.0.4. */
export function renderDurations({ buckets, sum }: DurationTotals): string {
  const lines = [`# HELP ${NAME} ${METRICS[NAME].help}`, `# TYPE ${NAME} ${METRICS[NAME].type}`]
  let total = 0
  for (const [bucket, count] of buckets.entries()) {
    total += count
    lines.push(`${NAME}_bucket{le="${DURATION_BUCKETS[bucket] ?? '+Inf'}"} ${total}`)
  }
  return [...lines, `${NAME}_sum ${sum}`, `${NAME}_count ${total}`, ''].join('\n')
}
