/**
 * The counters that every decision touches: plain numbers, named only when somebody asks.
 *
 * A service of the snapshot has its place by identity, looked up by id with its first decision; when a snapshot is swapped, those
 * that stay keep their totals, and those that left are forgotten, so what is held is bounded by the configuration.
 */
import { OUTCOMES } from '../routing/decision.ts'
import type { Decision, Outcome } from '../routing/decision.ts'
import type { Service, Snapshot } from '../routing/model.ts'
import { REASON_NAMES } from '../routing/reasons.ts'
import type { Reason } from '../routing/reasons.ts'

type Counts<K extends string> = { [Key in K]: number }

interface Row {
  readonly id: string
  /** By target; empty for refusals. */
  readonly targets: Map<string, Counts<Outcome>>
  readonly refusals: Counts<Reason>
}

export interface DecisionCount {
  readonly service: string
  readonly outcome: Outcome
  readonly target: string
  readonly value: number
}

export interface RefusalCount {
  readonly service: string
  readonly reason: Reason
  readonly value: number
}

export class Tally {
  readonly reasons = zeros(REASON_NAMES)
  readonly rejections = zeros(REASON_NAMES)
  /** By service; under no name what none matched. */
  readonly #byId = new Map([['', newRow('')]])
  /** Those of the snapshot that have decided since it came. */
  #rows = new Map<Service | undefined, Row>()
  #snapshot: Pick<Snapshot, 'services' | 'ids' | 'targets'> = { services: [], ids: new Map(), targets: [] }

  add(decision: Decision): void {
    const { why } = decision
    // Not by an iterator, which V8 makes for a frozen list.
    for (let i = 0; i < why.length; i++) {
      const reason = why[i]
      if (reason !== undefined) this.reasons[reason]++
    }
    for (const reason in decision.rejected) this.rejections[reason as Reason] += decision.rejected[reason as Reason] ?? 0
    const row = this.#rows.get(decision.service) ?? this.#rowOf(decision.service)
    if (row === undefined) return
    if (decision.outcome === 'refuse') row.refusals[decision.reason]++
    const target = decision.outcome === 'refuse' ? undefined : decision.member.target
    const id = target?.id ?? ''
    let counts = row.targets.get(id)
    if (counts === undefined) {
      if (target !== undefined && this.#snapshot.targets[target.index] !== target && !this.#snapshot.targets.some((one) => one.id === id)) return
      counts = zeros(OUTCOMES)
      row.targets.set(id, counts)
    }
    counts[decision.outcome]++
  }

  /** Goes over to another snapshot: what left it is forgotten. Nothing is made for each of ten thousand services. */
  reset(snapshot: Pick<Snapshot, 'services' | 'ids' | 'targets'>): void {
    for (const id of this.#byId.keys()) if (id !== '' && !snapshot.ids.has(id)) this.#byId.delete(id)
    const targets = new Set(snapshot.targets.map(({ id }) => id))
    const left = this.#snapshot.targets.filter(({ id }) => !targets.has(id))
    if (left.length > 0) for (const row of this.#byId.values()) for (const { id } of left) row.targets.delete(id)
    this.#rows = new Map()
    this.#snapshot = snapshot
  }

  *decisions(): Iterable<DecisionCount> {
    for (const { id, targets } of this.#byId.values()) {
      for (const [target, counts] of targets) {
        for (const outcome of OUTCOMES) {
          if (counts[outcome] > 0) yield { service: id, outcome, target, value: counts[outcome] }
        }
      }
    }
  }

  *refusals(): Iterable<RefusalCount> {
    for (const { id, refusals } of this.#byId.values()) {
      for (const reason of REASON_NAMES) if (refusals[reason] > 0) yield { service: id, reason, value: refusals[reason] }
    }
  }

  /**
   * A decision of a snapshot that was swapped out meanwhile counts for the service that has the id now. Where none has it, no row
   * is opened: nobody would close it.
   */
  #rowOf(service: Service | undefined): Row | undefined {
    if (service === undefined || this.#snapshot.services.at(service.index) === service) return this.#open(service)
    const same = this.#snapshot.ids.get(service.id)
    return same === undefined ? undefined : this.#rows.get(same) ?? this.#open(same)
  }

  #open(service: Service | undefined): Row {
    const id = service?.id ?? ''
    const row = this.#byId.get(id) ?? newRow(id)
    this.#byId.set(id, row)
    this.#rows.set(service, row)
    return row
  }
}

function newRow(id: string): Row {
  return { id, targets: new Map(), refusals: zeros(REASON_NAMES) }
}

function zeros<K extends string>(keys: readonly K[]): Counts<K> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Counts<K>
}
