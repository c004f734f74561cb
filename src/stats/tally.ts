/**
 * The counters that every decision touches: plain numbers, named only when somebody asks.
 *
 * A service or target of the snapshot has its place by identity; when a snapshot is swapped, those that stay keep their
 * totals by id, and those that left are forgotten, so what is held is bounded by the configuration.
 */
import { OUTCOMES } from '../routing/model.ts'
import type { Decision, Outcome, Service, Snapshot, Target } from '../routing/model.ts'
import { REASON_NAMES } from '../routing/reasons.ts'
import type { Reason } from '../routing/reasons.ts'

type Counts<K extends string> = { [Key in K]: number }

interface Row {
  readonly id: string
  /** By target; `undefined` for refusals. */
  readonly targets: Map<Target | undefined, Counts<Outcome>>
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
  /** Services of the snapshot; `undefined` where none matched. */
  #rows = new Map<Service | undefined, Row>([[undefined, newRow('')]])
  #snapshot: Pick<Snapshot, 'services' | 'targets'> = { services: [], targets: [] }

  add(decision: Decision): void {
    for (const reason of decision.why) this.reasons[reason]++
    for (const reason in decision.rejected) this.rejections[reason as Reason] += decision.rejected[reason as Reason] ?? 0
    const row = this.#rows.get(decision.service) ?? this.#open(decision.service)
    if (row === undefined) return
    if (decision.outcome === 'refuse') row.refusals[decision.reason]++
    const target = decision.outcome === 'refuse' ? undefined : decision.member.target
    let counts = row.targets.get(target)
    if (counts === undefined) {
      if (target !== undefined && this.#snapshot.targets[target.index] !== target) return
      counts = zeros(OUTCOMES)
      row.targets.set(target, counts)
    }
    counts[decision.outcome]++
  }

  /** Goes over to another snapshot: what left it is forgotten. Nearly all keep their place, so nothing is made for each of ten thousand. */
  reset(snapshot: Pick<Snapshot, 'services' | 'targets'>): void {
    const services = finder(snapshot.services)
    const targets = finder(snapshot.targets)
    const rows = new Map<Service | undefined, Row>()
    for (const [service, row] of this.#rows) {
      const heir = service && services(service)
      if (service !== undefined && heir === undefined) continue
      const kept: Row = { ...row, targets: new Map() }
      for (const [target, counts] of row.targets) {
        const same = target && targets(target)
        if (target === undefined || same !== undefined) kept.targets.set(same, counts)
      }
      rows.set(heir, kept)
    }
    this.#rows = rows
    this.#snapshot = snapshot
  }

  *decisions(): Iterable<DecisionCount> {
    for (const { id, targets } of this.#rows.values()) {
      for (const [target, counts] of targets) {
        for (const outcome of OUTCOMES) {
          if (counts[outcome] > 0) yield { service: id, outcome, target: target?.id ?? '', value: counts[outcome] }
        }
      }
    }
  }

  *refusals(): Iterable<RefusalCount> {
    for (const { id, refusals } of this.#rows.values()) {
      for (const reason of REASON_NAMES) if (refusals[reason] > 0) yield { service: id, reason, value: refusals[reason] }
    }
  }

  /** A decision of a snapshot that was swapped out meanwhile opens no row: nobody would close it. */
  #open(service: Service | undefined): Row | undefined {
    if (service === undefined || this.#snapshot.services[service.index] !== service) return undefined
    const row = newRow(service.id)
    this.#rows.set(service, row)
    return row
  }
}

/** Finds what goes by the same id, first at the same place. */
function finder<T extends { readonly id: string; readonly index: number }>(all: readonly T[]): (former: T) => T | undefined {
  let byId: ReadonlyMap<string, T> | undefined
  return ({ id, index }) => {
    if (all[index]?.id === id) return all[index]
    byId ??= new Map(all.map((each) => [each.id, each]))
    return byId.get(id)
  }
}

function newRow(id: string): Row {
  return { id, targets: new Map(), refusals: zeros(REASON_NAMES) }
}

function zeros<K extends string>(keys: readonly K[]): Counts<K> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Counts<K>
}
