/**
 * The histogram `wissel_decision_duration_seconds`. Counted and written here, because `prom-client` takes several times as
 * long for each request as all of the router's other metrics together.
 */
import { DURATION_BUCKETS, METRICS } from './definitions.ts'

const NAME = 'wissel_decision_duration_seconds'

export class Durations {
  /** By bucket, not cumulated; the last is for what is above all bounds. */
  readonly #counts = new Float64Array(DURATION_BUCKETS.length + 1)
  #sum = 0

  add(seconds: number): void {
    let bucket = 0
    while (seconds > (DURATION_BUCKETS[bucket] ?? Infinity)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += seconds
  }

  /** In the text format of Prometheus, version 0.0.4. */
  render(): string {
    const lines = [`# HELP ${NAME} ${METRICS[NAME].help}`, `# TYPE ${NAME} ${METRICS[NAME].type}`]
    let total = 0
    for (const [bucket, count] of this.#counts.entries()) {
      total += count
      lines.push(`${NAME}_bucket{le="${DURATION_BUCKETS[bucket] ?? '+Inf'}"} ${total}`)
    }
    return [...lines, `${NAME}_sum ${this.#sum}`, `${NAME}_count ${total}`, ''].join('\n')
  }
}
