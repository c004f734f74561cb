/**
 * The metrics, for Prometheus to fetch.
 *
 * What is counted per request comes from `RequestCounts`, of one thread or several, when somebody asks. No label holds anything of a
 * viewer, and how many series there are is decided by the configuration (`definitions.ts`).
 */
import type { DecisionLog } from '../log/decision-log.ts'
import { HEALTH_STATES } from '../routing/model.ts'
import type { HealthTable } from '../routing/health-table.ts'
import type { HealthState, Snapshot } from '../routing/model.ts'
import { REASON_NAMES } from '../routing/reasons.ts'
import { renderDurations } from './durations.ts'
import type { Page, Sample, Series } from './page.ts'
import { NO_REQUESTS } from './request-counts.ts'
import type { RequestTotals } from './request-counts.ts'

export interface MetricsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Closed list of another part of the router. A reason that is not in it counts as `other`. */
  readonly snapshotReasons: readonly string[]
  /** What was counted of requests so far. Asked once for each rendering. */
  readonly requests?: () => RequestTotals | Promise<RequestTotals>
  readonly log?: Pick<DecisionLog, 'decided' | 'recorded' | 'dropped' | 'sinks'>
  /** Threads that answer now. */
  readonly threads?: { readonly alive: number }
  /** Build time of the database in use, milliseconds since the epoch. */
  readonly geo?: { readonly builtAt: number | undefined }
  /** Whether to add the process's own metrics: processor, memory, event loop, garbage. Default true. */
  readonly process?: boolean
}

/** What a `Shipper` counts. */
interface ShippingFacts {
  readonly name: string
  readonly shipped: number
  readonly dropped: number
}

/** `since`: milliseconds since the epoch. */
interface LinkFacts {
  readonly up: boolean
  readonly since: number
}

/** Of the sealed archive's writer. */
interface ArchiveFacts {
  readonly written: number
  readonly dropped: Readonly<Record<string, number>>
  readonly memory: number
  readonly segments: number
  readonly bytes: number
  readonly expired: number
  readonly daysLeft: number
}

export class Metrics {
  readonly #series: Series[] = []
  readonly #process: boolean
  #page: Promise<Page> | undefined
  readonly #read: () => RequestTotals | Promise<RequestTotals>
  /** As they were when they were asked for last. */
  #requests: RequestTotals = NO_REQUESTS
  readonly #snapshotRefused: Map<string, number>
  #threadDeaths = 0
  #quarantined = 0
  #shippers: readonly ShippingFacts[] = []
  #segments: { readonly deleted: number, readonly repaired: number } | undefined
  #kept: boolean | undefined
  #evicts: boolean | undefined
  #stateSeenAt: number | undefined
  #link: () => LinkFacts | undefined = () => undefined
  readonly #transitions: Record<HealthState, number> = { unknown: 0, up: 0, down: 0 }
  #proberQuarantined = false
  #archive: ArchiveFacts | undefined
  #world: { readonly snapshot: Snapshot, readonly health: HealthTable, readonly appliedAt: number } | undefined

  constructor({ now, snapshotReasons, requests = () => NO_REQUESTS, threads, log, geo, process = true }: MetricsOptions) {
    this.#read = requests
    this.#process = process
    this.#snapshotRefused = new Map([...snapshotReasons, OTHER].map((reason) => [reason, 0]))
    this.#collect('wissel_steering_answers_total', () => [...this.#requests.steered].map(([name, value]) => {
      const [result = '', following = ''] = name.split(' ')
      return sample(value, { result, following })
    }))
    this.#collect('wissel_steering_fallbacks_total', () => byReason(this.#requests.steeringFallbacks))
    this.#collect('wissel_decisions_total', () => samples(this.#requests.decisions))
    this.#collect('wissel_decision_reasons_total', () => REASON_NAMES.map((reason) => sample(this.#requests.reasons[reason], { reason })))
    this.#collect('wissel_rejections_total', () => REASON_NAMES.map((reason) => sample(this.#requests.rejections[reason], { reason })))
    this.#collect('wissel_refusals_total', () => samples(this.#requests.refusals))
    this.#collect('wissel_http_rejected_total', () => byReason(this.#requests.httpRejected))
    this.#collect('wissel_requests_failed_total', () => [sample(this.#requests.failed)])
    this.#collect('wissel_threads', () => [sample(threads?.alive ?? 0)])
    this.#collect('wissel_thread_deaths_total', () => [sample(this.#threadDeaths)])
    this.#collect('wissel_snapshot_version', () => (this.#world === undefined ? [] : [sample(this.#world.snapshot.version.number)]))
    this.#collect('wissel_snapshot_age_seconds', () => (this.#world === undefined ? [] : [sample((now() - this.#world.appliedAt) / 1000)]))
    this.#collect('wissel_snapshot_refused_total', () => byReason(this.#snapshotRefused))
    this.#collect('wissel_services_quarantined', () => [sample(this.#quarantined)])
    this.#collect('wissel_state_kept', () => (this.#kept === undefined ? [] : [sample(this.#kept ? 1 : 0)]))
    this.#collect('wissel_redis_up', () => this.#linkSample((link) => (link.up ? 1 : 0)))
    this.#collect('wissel_redis_state_seconds', () => this.#linkSample((link) => (now() - link.since) / 1000))
    this.#collect('wissel_redis_evicts', () => (this.#evicts === undefined ? [] : [sample(this.#evicts ? 1 : 0)]))
    this.#collect('wissel_state_seen_seconds', () => (this.#stateSeenAt === undefined ? [] : [sample((now() - this.#stateSeenAt) / 1000)]))
    this.#collect('wissel_health_transitions_total', () => HEALTH_STATES.map((state) => sample(this.#transitions[state], { state })))
    this.#collect('wissel_prober_quarantined', () => [sample(this.#proberQuarantined ? 1 : 0)])
    this.#collect('wissel_geo_database_age_seconds', () => (
      geo?.builtAt === undefined ? [] : [sample((now() - geo.builtAt) / 1000)]
    ))
    this.#collect('wissel_geo_lookup_failures_total', () => [sample(this.#requests.lookupFailures)])
    this.#collect('wissel_records_decided_total', () => [sample(log?.decided ?? 0)])
    this.#collect('wissel_records_recorded_total', () => [sample(log?.recorded ?? 0)])
    this.#collect('wissel_records_dropped_total', () => [sample(log?.dropped ?? 0)])
    this.#collect('wissel_sink_dropped_total', () => [...(log?.sinks ?? []), ...this.#shippers].map(({ name, dropped }) => sample(dropped, { sink: name })))
    this.#collect('wissel_sink_shipped_total', () => this.#shippers.map(({ name, shipped }) => sample(shipped, { sink: name })))
    this.#collect('wissel_segments_deleted_total', () => (this.#segments === undefined ? [] : [sample(this.#segments.deleted)]))
    this.#collect('wissel_segments_repaired_total', () => (this.#segments === undefined ? [] : [sample(this.#segments.repaired)]))
    this.#collect('wissel_archive_records_total', () => this.#archiveSamples(({ written, dropped }) => [sample(written, { result: 'written' }), ...Object.entries(dropped).map(([result, value]) => sample(value, { result }))]))
    this.#collect('wissel_archive_waiting_bytes', () => this.#archiveSamples(({ memory }) => [sample(memory)]))
    this.#collect('wissel_archive_segments_total', () => this.#archiveSamples(({ segments }) => [sample(segments)]))
    this.#collect('wissel_archive_bytes_total', () => this.#archiveSamples(({ bytes }) => [sample(bytes)]))
    this.#collect('wissel_archive_expired_total', () => this.#archiveSamples(({ expired }) => [sample(expired)]))
    this.#collect('wissel_archive_key_days', () => this.#archiveSamples(({ daysLeft }) => [sample(daysLeft)]))
    this.#collect('wissel_target_state', () => this.#targetStates())
  }

  threadDied(): void {
    this.#threadDeaths++
  }

  snapshotRefused(reason: string): void {
    const name = this.#snapshotRefused.has(reason) ? reason : OTHER
    this.#snapshotRefused.set(name, (this.#snapshotRefused.get(name) ?? 0) + 1)
  }

  /** Services that run on an older version of their own. */
  quarantined(count: number): void {
    this.#quarantined = count
  }

  /** Whether the last known good snapshot could be written. */
  lastKnownGood(saved: boolean): void {
    this.#kept = saved
  }

  /** What takes segments elsewhere, and who writes them. Names are those of sinks, each once. */
  shipping(shippers: readonly ShippingFacts[], segments: { readonly deleted: number, readonly repaired: number } | undefined): void {
    this.#shippers = shippers
    this.#segments = segments
  }

  /** Whether Redis throws keys away when its memory is full. */
  redisEvicts(evicts: boolean): void {
    this.#evicts = evicts
  }

  /** @param at milliseconds since the epoch: when it was last seen which version is published */
  stateSeen(at: number): void {
    this.#stateSeenAt = at
  }

  /** Where the state of the connection to Redis is read. */
  link(read: () => LinkFacts | undefined): void {
    this.#link = read
  }

  /** The sealed archive, where there is one. */
  archive(facts: ArchiveFacts): void {
    this.#archive = facts
  }

  healthChanged(state: HealthState): void {
    this.#transitions[state]++
  }

  /** Whether this router withholds its opinion. */
  quarantine(on: boolean): void {
    this.#proberQuarantined = on
  }

  /** A new snapshot decides from now on. */
  reset(snapshot: Snapshot, health: HealthTable, appliedAt: number): void {
    this.#world = { snapshot, health, appliedAt }
  }

  /** Begins to watch the process. To be called once players are answered: what it loads takes 40 ms, for which no start should wait. */
  async open(): Promise<void> {
    await this.#opened()
  }

  async render(): Promise<{ readonly contentType: string, readonly text: string }> {
    this.#requests = await this.#read()
    const page = await this.#opened()
    return { contentType: page.contentType, text: `${await page.render()}\n${renderDurations(this.#requests.durations)}` }
  }

  #opened(): Promise<Page> {
    this.#page ??= import('./page.ts').then(({ createPage }) => createPage(this.#series, this.#process))
    // What failed once may work the next time.
    this.#page.catch(() => (this.#page = undefined))
    return this.#page
  }

  #collect(name: Series['name'], read: Series['read']): void {
    this.#series.push({ name, read })
  }

  #archiveSamples(read: (archive: ArchiveFacts) => Sample[]): Sample[] {
    return this.#archive === undefined ? [] : read(this.#archive)
  }

  #linkSample(value: (link: LinkFacts) => number): Sample[] {
    const link = this.#link()
    return link === undefined ? [] : [sample(value(link))]
  }

  #targetStates(): Sample[] {
    const world = this.#world
    if (world === undefined) return []
    return world.snapshot.targets.flatMap((target) => {
      const now = world.health.state(target)
      return HEALTH_STATES.map((state) => sample(state === now ? 1 : 0, { target: target.id, state }))
    })
  }
}

const OTHER = 'other'

function byReason(map: ReadonlyMap<string, number>): Sample[] {
  return [...map].map(([reason, value]) => sample(value, { reason }))
}

function samples(counts: readonly { readonly value: number }[]): Sample[] {
  return counts.map(({ value, ...labels }) => sample(value, labels))
}

function sample(value: number, labels: Sample['labels'] = {}): Sample {
  return { value, labels }
}
