/**
 * Checks every target at its own interval, each address family on its own, and forms this router's opinion of each.
 *
 * Before a target is called down, all targets that were checked in the same while are looked at: when more than half of
 * them fail that worked before, it is likelier that this prober has lost its network than that the world is down. Then it
 * withholds its opinion, and the failures of that time count for nothing. Not for ever: where others go on answering all the
 * while, it has a network, and what fails is down.
 */
import { FAMILIES } from '../routing/model.ts'
import type { Family, HealthCheck, HealthState, Target } from '../routing/model.ts'
import { combine } from './families.ts'
import { UNPROVEN, ejectable, fold, spared } from './fold.ts'
import type { Fold } from './fold.ts'
import type { CheckSpec, ProbeResult, ProbeWhy } from './probe.ts'
import { Schedule } from './schedule.ts'

export type Probe = (spec: CheckSpec, cancel: AbortSignal) => Promise<ProbeResult>

export interface CheckerOptions {
  readonly probe: Probe
  /** Calls `run` once after `ms` milliseconds; the result cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number
  /** Targets that are checked at once; default 256. Two families of one target count as one. */
  readonly concurrency?: number
  /** This router's opinion of a target changed. */
  readonly onOpinion?: (target: Target, state: HealthState, why: ProbeWhy) => void
  /** Most targets seem to fail, or do so no longer. */
  readonly onQuarantine?: (quarantined: boolean, failed: number, total: number) => void
  readonly onProbe?: (target: Target, family: Family, result: ProbeResult, seconds: number) => void
}

/** What a family of a target was found to be. */
export interface FamilyState {
  readonly state: HealthState
  /** The latest result. */
  readonly why: ProbeWhy
  /** Kept out although its latest results are good, because it keeps failing. */
  readonly ejected: boolean
}

/** After so many milliseconds a prober that reaches as many others believes what it sees. */
export const DOUBT_MS = 300_000
const WITNESSES = 2
/** Fewer targets than this are too few to tell their fault from the prober's. */
export const QUARANTINE_FROM = 4
const CONCURRENCY = 256

interface FamilyRecord {
  fold: Fold
  /** As it was before the failures in a row that go on now. */
  settled: Fold
  proven: boolean
  why: ProbeWhy
}

/** A target with its opinion, which outlives the snapshot that it was formed under. */
interface Watched {
  target: Target
  check: HealthCheck
  readonly families: Map<Family, FamilyRecord>
  latest: { readonly ok: boolean; readonly at: number } | undefined
  state: HealthState
}

export class HealthChecker {
  readonly #options: CheckerOptions
  readonly #watched = new Map<string, Watched>()
  readonly #schedule: Schedule<Watched>
  #cancel = new AbortController()
  #quarantined = false
  /** When that began. */
  #since = 0
  /** Most of what worked fails, and it is not the prober's fault. */
  #believed = false

  constructor(options: CheckerOptions) {
    const { setTimer, monotonic, random, concurrency = CONCURRENCY } = options
    this.#options = options
    this.#schedule = new Schedule({ run: (watched) => this.#check(watched), timing: ({ check }) => check, setTimer, monotonic, random, concurrency })
  }

  /** Goes over to another snapshot's targets. Opinions of targets that are in both stay. */
  watch(targets: readonly Target[]): void {
    const checked = targets.flatMap((target) => (target.health?.check === undefined ? [] : [{ target, check: target.health.check }]))
    const ids = new Set(checked.map(({ target }) => target.id))
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id)
    for (const { target, check } of checked) {
      const known = this.#watched.get(target.id)
      if (known === undefined) this.#watched.set(target.id, { target, check, families: new Map(), latest: undefined, state: 'unknown' })
      else Object.assign(known, { target, check })
    }
    this.#schedule.set(this.#watched)
  }

  start(): void {
    this.#cancel = new AbortController()
    this.#schedule.start()
  }

  /** Ends the checks that are under way; they count for nothing. */
  stop(): void {
    this.#schedule.stop()
    this.#cancel.abort()
  }

  /** Whether most of what worked seems to fail, so that this prober doubts itself. */
  get quarantined(): boolean {
    return this.#quarantined
  }

  /** Checks that are under way. */
  get running(): number {
    return this.#schedule.running
  }

  opinion(id: string): HealthState {
    return this.#watched.get(id)?.state ?? 'unknown'
  }

  families(id: string): Readonly<Partial<Record<Family, FamilyState>>> {
    const records = this.#watched.get(id)?.families ?? []
    return Object.fromEntries([...records].map(([family, { fold: { state, ejected }, why }]) => [family, { state, why, ejected }]))
  }

  /** One check of one target, now. Never rejects. */
  async check(id: string): Promise<void> {
    const watched = this.#watched.get(id)
    if (watched !== undefined) await this.#check(watched)
  }

  async #check(watched: Watched): Promise<void> {
    const { target, check } = watched
    const { signal } = this.#cancel
    const families = check.families ?? FAMILIES
    const results = await Promise.all(families.map((family) => this.#probe(target, check, family, signal)))
    if (signal.aborted || this.#watched.get(target.id) !== watched) return
    // Checks of another address, or by other rules, that were under way when the configuration changed.
    if (watched.check.url !== check.url || watched.check.host !== check.host) return
    const found = new Map(families.flatMap((family, i) => (results[i] === undefined ? [] : [[family, results[i]] as const])))
    this.#take(watched, sensible(found), this.#options.monotonic())
  }

  async #probe(target: Target, check: HealthCheck, family: Family, signal: AbortSignal): Promise<ProbeResult> {
    const { probe, monotonic, onProbe } = this.#options
    const started = monotonic()
    const result = await probe(specOf(target, check, family), signal).catch((): ProbeResult => ({ ok: false, why: 'other' }))
    if (result.why !== 'no_such_family' && result.why !== 'cancelled') onProbe?.(target, family, result, (monotonic() - started) / 1000)
    return result
  }

  #take(watched: Watched, results: ReadonlyMap<Family, ProbeResult>, now: number): void {
    const ok = [...results.values()].some((result) => result.ok)
    watched.latest = { ok, at: now }
    if (this.#quarantined) {
      const { doubted, failed, total } = this.#doubts(watched, now)
      this.#believed = doubted && now - this.#since >= DOUBT_MS && total - failed >= WITNESSES
      if (!doubted || this.#believed) this.#quarantine(false, watched, now)
    }
    if (!this.#quarantined && watched.state !== 'down' && this.#preview(watched, results) === 'down') {
      const { doubted } = this.#doubts(watched, now)
      if (!doubted) this.#believed = false
      else if (!this.#believed) this.#quarantine(true, watched, now)
    }
    for (const family of watched.families.keys()) if (!results.has(family)) watched.families.delete(family)
    for (const [family, result] of results) this.#fold(watched, family, result)
    const state = combine(viewsOf(watched.families.values()))
    if (state === watched.state) return
    watched.state = state
    this.#options.onOpinion?.(watched.target, state, worst(results))
  }

  #fold(watched: Watched, family: Family, { ok, why }: ProbeResult): void {
    const record = watched.families.get(family) ?? { fold: UNPROVEN, settled: UNPROVEN, proven: false, why }
    watched.families.set(family, record)
    record.why = why
    if (this.#quarantined && !ok) return
    const after = fold(record.fold, ok, watched.check)
    record.fold = after.ejected && !record.fold.ejected && !this.#mayEject(watched) ? spared(record.fold, after) : after
    record.proven ||= record.fold.state === 'up'
    if (ok) record.settled = record.fold
  }

  /** The state that these results would lead to. */
  #preview(watched: Watched, results: ReadonlyMap<Family, ProbeResult>): HealthState {
    return combine([...results].map(([family, { ok }]) => {
      const record = watched.families.get(family)
      const { state } = fold(record?.fold ?? UNPROVEN, ok, watched.check)
      return { state, proven: (record?.proven ?? false) || state === 'up' }
    }))
  }

  /** Whether more than half of what was checked in the time of this target's failures fails, and was not known to. */
  #doubts({ check }: Watched, now: number): { readonly doubted: boolean; readonly failed: number; readonly total: number } {
    const since = now - check.fall * check.intervalMs * (1 + check.jitter)
    let total = 0
    let failed = 0
    for (const { latest, state } of this.#watched.values()) {
      if (latest === undefined || latest.at < since) continue
      total++
      if (!latest.ok && state !== 'down') failed++
    }
    return { doubted: total >= QUARANTINE_FROM && failed * 2 > total, failed, total }
  }

  #quarantine(quarantined: boolean, watched: Watched, now: number): void {
    this.#quarantined = quarantined
    if (quarantined) {
      this.#since = now
      for (const { latest, state, families } of this.#watched.values()) {
        if (latest?.ok !== false || state === 'down') continue
        for (const record of families.values()) if (record.fold.state !== 'down') record.fold = record.settled
      }
    }
    const { failed, total } = this.#doubts(watched, now)
    this.#options.onQuarantine?.(quarantined, failed, total)
  }

  /** A group must not lose most of its targets to a suspicion: those that fail outright are gone already. */
  #mayEject({ target: { id, group } }: Watched): boolean {
    let size = 0
    let ejected = 0
    for (const { target, families } of this.#watched.values()) {
      if (target.group?.id !== group?.id) continue
      size++
      if (target.id !== id && [...families.values()].some((record) => record.fold.ejected)) ejected++
    }
    return ejected < ejectable(size)
  }
}

function specOf(target: Target, check: HealthCheck, family: Family): CheckSpec {
  return {
    target,
    url: check.url,
    method: check.method,
    ...(check.host === undefined ? {} : { host: check.host }),
    ...(check.statuses === undefined ? {} : { statuses: check.statuses }),
    ...(check.contains === undefined ? {} : { contains: check.contains }),
    deadlineMs: check.timeoutMs,
    connectMs: check.timeoutMs,
    allowInternal: check.allowInternal,
    family,
  }
}

/** Without the families that the name does not have. Where it has none of them, that is a failure of each. */
function sensible(results: ReadonlyMap<Family, ProbeResult>): ReadonlyMap<Family, ProbeResult> {
  const real = [...results].filter(([, { why }]) => why !== 'no_such_family')
  return new Map(real.length > 0 ? real : [...results.keys()].map((family) => [family, { ok: false, why: 'dns' }]))
}

function* viewsOf(records: Iterable<FamilyRecord>) {
  for (const { fold: { state }, proven } of records) yield { state, proven }
}

/** What an operator is to be told: the failure, where there is one. */
function worst(results: ReadonlyMap<Family, ProbeResult>): ProbeWhy {
  const all = [...results.values()]
  return (all.find(({ ok }) => ok) ?? all.at(0))?.why ?? 'other'
}
