/**
 * What a thread counts of the requests that it answers, and how the counts of several threads become one. A request costs a
 * few additions; names and sums are made when somebody asks.
 */
import type { Decision } from '../routing/decision.ts'
import type { Snapshot } from '../routing/model.ts'
import { REASON_NAMES } from '../routing/reasons.ts'
import type { Reason } from '../routing/reasons.ts'
import { DURATION_BUCKETS } from './definitions.ts'
import { Durations } from './durations.ts'
import type { DurationTotals } from './durations.ts'
import { Tally } from './tally.ts'
import type { DecisionCount, RefusalCount } from './tally.ts'

/** Plain numbers and names, so that a message between threads can hold them. */
export interface RequestTotals {
  readonly decisions: readonly DecisionCount[]
  readonly refusals: readonly RefusalCount[]
  readonly reasons: Readonly<Record<Reason, number>>
  readonly rejections: Readonly<Record<Reason, number>>
  /** By reason. */
  readonly httpRejected: ReadonlyMap<string, number>
  /** By result and whether it was followed, with a space between. */
  readonly steered: ReadonlyMap<string, number>
  readonly steeringFallbacks: ReadonlyMap<string, number>
  readonly failed: number
  /** Look-ups that failed by a fault of the geo database. */
  readonly lookupFailures: number
  readonly durations: DurationTotals
}

export interface RequestCountsOptions {
  /** Closed lists of other parts of the router. A reason that is not in its list counts as `other`. */
  readonly httpReasons: readonly string[]
  readonly steering?: { readonly results: readonly string[], readonly following: readonly string[], readonly fallbacks: readonly string[] }
}

export class RequestCounts {
  readonly #tally = new Tally()
  readonly #durations = new Durations()
  readonly #httpRejected: Map<string, number>
  readonly #steered: Map<string, number>
  readonly #steeringFallbacks: Map<string, number>
  #failed = 0

  constructor({ httpReasons, steering = NO_STEERING }: RequestCountsOptions) {
    this.#httpRejected = counters(httpReasons)
    this.#steered = new Map(steering.results.flatMap((result) => steering.following.map((following) => [`${result} ${following}`, 0])))
    this.#steeringFallbacks = counters(steering.fallbacks)
  }

  /** @param seconds from the request to the answer, on a clock that never jumps */
  decision(decision: Decision, seconds: number): void {
    this.#tally.add(decision)
    this.#durations.add(seconds)
  }

  steered({ result, following }: { readonly result: string, readonly following: string }): void {
    const name = `${result} ${following}`
    const known = this.#steered.get(name)
    if (known !== undefined) this.#steered.set(name, known + 1)
  }

  steeringFallback(reason: string): void {
    count(this.#steeringFallbacks, reason)
  }

  httpRejected(reason: string): void {
    count(this.#httpRejected, reason)
  }

  requestFailed(): void {
    this.#failed++
  }

  /** A new snapshot decides from now on. What is in both keeps its totals; what left is forgotten. */
  reset(snapshot: Snapshot): void {
    this.#tally.reset(snapshot)
  }

  /** @param lookupFailures of this thread's locator */
  totals(lookupFailures: number): RequestTotals {
    const { reasons, rejections } = this.#tally
    return {
      decisions: [...this.#tally.decisions()],
      refusals: [...this.#tally.refusals()],
      reasons: { ...reasons },
      rejections: { ...rejections },
      httpRejected: new Map(this.#httpRejected),
      steered: new Map(this.#steered),
      steeringFallbacks: new Map(this.#steeringFallbacks),
      failed: this.#failed,
      lookupFailures,
      durations: this.#durations.totals(),
    }
  }
}

export const NO_REQUESTS: RequestTotals = Object.freeze({
  decisions: [], refusals: [], reasons: zeros(), rejections: zeros(), httpRejected: new Map(), steered: new Map(), steeringFallbacks: new Map(), failed: 0, lookupFailures: 0,
  durations: { buckets: DURATION_BUCKETS.map(() => 0).concat(0), sum: 0 },
})

/** Those of several threads, together. */
export function sumOf(all: readonly RequestTotals[]): RequestTotals {
  return all.reduce(
    (sum, totals) => ({
      decisions: merged([...sum.decisions, ...totals.decisions], ({ service, outcome, target }) => `${service} ${outcome} ${target}`),
      refusals: merged([...sum.refusals, ...totals.refusals], ({ service, reason }) => `${service} ${reason}`),
      reasons: added(sum.reasons, totals.reasons),
      rejections: added(sum.rejections, totals.rejections),
      httpRejected: addedMaps(sum.httpRejected, totals.httpRejected),
      steered: addedMaps(sum.steered, totals.steered),
      steeringFallbacks: addedMaps(sum.steeringFallbacks, totals.steeringFallbacks),
      failed: sum.failed + totals.failed,
      lookupFailures: sum.lookupFailures + totals.lookupFailures,
      durations: { buckets: sum.durations.buckets.map((n, i) => n + (totals.durations.buckets[i] ?? 0)), sum: sum.durations.sum + totals.durations.sum },
    }),
    NO_REQUESTS,
  )
}

/** Without the services and targets that a snapshot does not have: nobody counts on with them. */
export function within(totals: RequestTotals, { ids, targets }: Snapshot): RequestTotals {
  const known = (service: string) => service === '' || ids.has(service)
  const places = new Set(['', ...targets.map(({ id }) => id)])
  return {
    ...totals,
    decisions: totals.decisions.filter(({ service, target }) => known(service) && places.has(target)),
    refusals: totals.refusals.filter(({ service }) => known(service)),
  }
}

const OTHER = 'other'
const NO_STEERING = { results: [], following: [], fallbacks: [] }

function counters(reasons: readonly string[]): Map<string, number> {
  return new Map([...reasons, OTHER].map((reason) => [reason, 0]))
}

function count(map: Map<string, number>, reason: string): void {
  const name = map.has(reason) ? reason : OTHER
  map.set(name, (map.get(name) ?? 0) + 1)
}

function merged<T extends { readonly value: number }>(rows: readonly T[], keyOf: (row: T) => string): T[] {
  const byKey = new Map<string, T>()
  for (const row of rows) {
    const key = keyOf(row)
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? row : { ...known, value: known.value + row.value })
  }
  return [...byKey.values()]
}

function added(a: Readonly<Record<Reason, number>>, b: Readonly<Record<Reason, number>>): Record<Reason, number> {
  const sum = { ...a }
  for (const reason of REASON_NAMES) sum[reason] += b[reason]
  return sum
}

function addedMaps(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): Map<string, number> {
  const sum = new Map(a)
  for (const [name, value] of b) sum.set(name, (sum.get(name) ?? 0) + value)
  return sum
}

function zeros(): Record<Reason, number> {
  return Object.fromEntries(REASON_NAMES.map((reason) => [reason, 0])) as Record<Reason, number>
}
