/**
 * What probers tell one another. How old a report is, is judged on the receiver's clock that never jumps, by when it last
 * changed: no two clocks are compared, so one that is wrong spoils nothing.
 */
import type { HealthState } from '../routing/model.ts'
import { isLoadReport } from './load.ts'
import type { LoadReport } from './load.ts'

export interface ProberReport {
  /** The router's id; each writes its own report alone. */
  readonly prober: string
  /** A new one at each start of the router, because `seq` begins anew. */
  readonly epoch: string
  /** Rises with every publication. */
  readonly seq: number
  /** How often the prober publishes. */
  readonly intervalMs: number
  /** It seems to have lost its own network, and has no opinion. */
  readonly withheld: boolean
  /** Ids of targets. One in neither list: the prober has no opinion of it. */
  readonly up: readonly string[]
  readonly down: readonly string[]
  /** Load reports that this router took itself and that still count, by target. */
  readonly loads: Readonly<Record<string, RelayedLoad>>
}

export interface RelayedLoad {
  readonly report: LoadReport
  /** How many reports of the target this router has taken: two that say the same are two. */
  readonly nth: number
}

/** Where reports are left and found. Neither call may be waited for by anything but the exchange itself. */
export interface HealthExchange {
  /** Replaces this router's report. */
  publish(report: ProberReport): Promise<void>
  /** The latest report of each router, this one's own among them or not. What is not a report is left out. */
  read(): Promise<readonly ProberReport[]>
}

/** A report is fresh for three intervals of its own; a prober cannot claim less or more than these. */
const FRESH_INTERVALS = 3
const MIN_FRESH_MS = 3000
const MAX_FRESH_MS = 60_000

export function freshFor(intervalMs: number): number {
  return Math.min(MAX_FRESH_MS, Math.max(MIN_FRESH_MS, FRESH_INTERVALS * intervalMs))
}

export interface SeenReport {
  readonly report: ProberReport
  readonly changedAt: number
  /** The states by target, looked up often. */
  readonly states: ReadonlyMap<string, HealthState>
}

/** The other probers' reports with their ages. */
export class Reports {
  readonly #own: string
  #seen = new Map<string, SeenReport>()

  /** @param own the id of this router, whose report in the exchange says nothing new */
  constructor(own: string) {
    this.#own = own
  }

  /** @param now milliseconds on a clock that never jumps */
  take(reports: readonly ProberReport[], now: number): void {
    const next = new Map<string, SeenReport>()
    for (const report of reports) {
      if (report.prober === this.#own || next.has(report.prober)) continue
      const former = this.#seen.get(report.prober)
      next.set(report.prober, isNews(former?.report, report) ? seenAt(report, former === undefined ? -Infinity : now) : (former ?? seenAt(report, -Infinity)))
    }
    // One that is missing ages as one that does not change.
    for (const [prober, former] of this.#seen) if (!next.has(prober) && isFresh(former, now)) next.set(prober, former)
    this.#seen = next
  }

  /** Probers whose report is fresh and not withheld. */
  fresh(now: number): readonly SeenReport[] {
    return this.heard(now).filter((seen) => !seen.report.withheld)
  }

  /** Probers whose report is fresh: one that doubts what it sees passes on what it is told all the same. */
  heard(now: number): readonly SeenReport[] {
    return [...this.#seen.values()].filter((seen) => isFresh(seen, now))
  }

  /** For operators: every prober that is known, with the age of its report in milliseconds; infinite until it has changed once. */
  ages(now: number): readonly { readonly prober: string; readonly ageMs: number; readonly fresh: boolean; readonly withheld: boolean }[] {
    return [...this.#seen.values()].map((seen) => ({ prober: seen.report.prober, ageMs: now - seen.changedAt, fresh: isFresh(seen, now), withheld: seen.report.withheld }))
  }
}

/** A report that is met for the first time may be a dead prober's: it counts once it has changed. */
function seenAt(report: ProberReport, changedAt: number): SeenReport {
  const states = new Map<string, HealthState>()
  for (const id of report.up) states.set(id, 'up')
  for (const id of report.down) states.set(id, 'down')
  return { report, changedAt, states }
}

/** An older report comes back when a store loses its latest writes. */
function isNews(former: ProberReport | undefined, report: ProberReport): boolean {
  return former === undefined || former.epoch !== report.epoch || report.seq > former.seq
}

function isFresh({ report, changedAt }: SeenReport, now: number): boolean {
  return now - changedAt <= freshFor(report.intervalMs)
}

const MAX_TARGETS = 100_000
const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** For exchanges that read what others have written: `undefined` where it is not a report. */
export function readProberReport(text: string): ProberReport | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const field = (name: string): unknown => (Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined)
  const [prober, epoch, seq, intervalMs, withheld, up, down, loads] = ['prober', 'epoch', 'seq', 'intervalMs', 'withheld', 'up', 'down', 'loads'].map(field)
  if (!isId(prober) || typeof epoch !== 'string' || epoch.length > 64 || typeof seq !== 'number' || !Number.isSafeInteger(seq)) return undefined
  if (typeof intervalMs !== 'number' || !(intervalMs > 0) || typeof withheld !== 'boolean' || !isIds(up) || !isIds(down) || !isLoads(loads)) return undefined
  return { prober, epoch, seq, intervalMs, withheld, up, down, loads }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_TARGETS && value.every(isId)
}

function isLoads(value: unknown): value is Record<string, RelayedLoad> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    && Object.entries(value).every(([id, load]: [string, unknown]) => isId(id) && isRelayed(load))
}

function isRelayed(value: unknown): value is RelayedLoad {
  return typeof value === 'object' && value !== null && 'nth' in value && Number.isSafeInteger(value.nth) && 'report' in value && isLoadReport(value.report)
}

/** Within one process: for one router alone, and for tests. */
export class MemoryExchange implements HealthExchange {
  readonly #reports = new Map<string, ProberReport>()

  async publish(report: ProberReport): Promise<void> {
    this.#reports.set(report.prober, report)
  }

  async read(): Promise<readonly ProberReport[]> {
    return [...this.#reports.values()]
  }
}
