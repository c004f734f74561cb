/**
 * Every metric of Wissel's own: the one description that documentation is generated from and a test compares with.
 * A label's values are a closed list or ids of the configuration, so no traffic can make the number of series grow.
 */
import { OUTCOMES } from '../routing/decision.ts'
import { HEALTH_STATES } from '../routing/model.ts'
import { REASON_NAMES } from '../routing/reasons.ts'

/** A closed list, or the name of what in the configuration has these ids. */
export type LabelValues = readonly string[] | 'service' | 'target' | 'sink' | 'given'

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: Readonly<Record<string, LabelValues>>
}

/** What becomes of a record of the sealed archive: written, or dropped and why. */
export const ARCHIVE_RESULTS = ['written', 'no_keys', 'full', 'late', 'seal', 'closed', 'invalid'] as const

export const METRICS = {
  wissel_decisions_total: {
    type: 'counter', help: 'Decisions. The target is empty for a refusal.', labels: { service: 'service', outcome: OUTCOMES, target: 'target' },
  },
  wissel_decision_reasons_total: {
    type: 'counter', help: 'Reasons that decisions gave; a decision may give several.', labels: { reason: REASON_NAMES },
  },
  wissel_rejections_total: {
    type: 'counter', help: 'Targets that were not eligible, summed over decisions.', labels: { reason: REASON_NAMES },
  },
  wissel_refusals_total: {
    type: 'counter', help: 'Refusals. The service is empty where none matched.', labels: { service: 'service', reason: REASON_NAMES },
  },
  wissel_steering_answers_total: {
    type: 'counter', help: 'Steering answers. Following: whether the viewer reported the first pathway of its order.', labels: { result: 'given', following: 'given' },
  },
  wissel_steering_fallbacks_total: { type: 'counter', help: 'Viewers of steered services who got the plain redirect.', labels: { reason: 'given' } },
  wissel_decision_duration_seconds: { type: 'histogram', help: 'Time from a request to its answer, within the process.', labels: {} },
  wissel_http_rejected_total: { type: 'counter', help: 'Requests that were turned away before a decision.', labels: { reason: 'given' } },
  wissel_requests_failed_total: { type: 'counter', help: 'Requests that failed by a fault of the router.', labels: {} },
  wissel_threads: { type: 'gauge', help: 'Threads that answer players.', labels: {} },
  wissel_thread_deaths_total: { type: 'counter', help: 'Threads that died and were replaced. What they had counted since the metrics were last fetched is gone with them.', labels: {} },
  wissel_snapshot_version: { type: 'gauge', help: 'Number of the snapshot that decides.', labels: {} },
  wissel_snapshot_age_seconds: { type: 'gauge', help: 'Time since the snapshot that decides was applied.', labels: {} },
  wissel_snapshot_refused_total: { type: 'counter', help: 'Snapshots that were refused.', labels: { reason: 'given' } },
  wissel_services_quarantined: { type: 'gauge', help: 'Services that run on an older version of their own, because the published one cannot be built.', labels: {} },
  wissel_state_kept: { type: 'gauge', help: '1 when the last known good snapshot was written to disk, 0 when it could not be. Absent before there was one to write.', labels: {} },
  wissel_redis_up: { type: 'gauge', help: '1 while Redis answers, else 0. Absent without Redis.', labels: {} },
  wissel_redis_state_seconds: { type: 'gauge', help: 'Time since Redis came up or went down. Absent without Redis.', labels: {} },
  wissel_redis_evicts: { type: 'gauge', help: '1 where Redis throws keys away when its memory is full (maxmemory-policy is not noeviction), else 0. Absent without Redis and until it was asked.', labels: {} },
  wissel_state_seen_seconds: { type: 'gauge', help: 'Time since this router last saw which version is published. Absent without Redis and until it saw one for the first time.', labels: {} },
  wissel_health_transitions_total: { type: 'counter', help: 'Changes of targets\' measured states, by the state that they changed to.', labels: { state: HEALTH_STATES } },
  wissel_prober_quarantined: { type: 'gauge', help: '1 while this router withholds its opinion on health, because most targets seem to fail at once.', labels: {} },
  wissel_geo_database_age_seconds: { type: 'gauge', help: 'Time since the geo database was built. Absent without one.', labels: {} },
  wissel_geo_lookup_failures_total: { type: 'counter', help: 'Look-ups that failed by a fault of the database.', labels: {} },
  wissel_records_decided_total: { type: 'counter', help: 'Decisions that were given to the decision log; 0 where it has no sinks.', labels: {} },
  wissel_records_recorded_total: { type: 'counter', help: 'Decisions in records that were given to the sinks.', labels: {} },
  wissel_records_dropped_total: { type: 'counter', help: 'Decisions that are in no record.', labels: {} },
  wissel_sink_dropped_total: { type: 'counter', help: 'Decisions in records that a sink could not take.', labels: { sink: 'sink' } },
  wissel_archive_records_total: { type: 'counter', help: 'Requests that were given to the sealed archive, by what became of them.', labels: { result: ARCHIVE_RESULTS } },
  wissel_archive_waiting_bytes: { type: 'gauge', help: 'Memory that waits to be sealed or written. Absent without an archive, as all of these are.', labels: {} },
  wissel_archive_segments_total: { type: 'counter', help: 'Sealed segments that were written.', labels: {} },
  wissel_archive_bytes_total: { type: 'counter', help: 'Bytes of sealed segments that were written.', labels: {} },
  wissel_archive_expired_total: { type: 'counter', help: 'Local segments that were deleted after an hour without being shipped.', labels: {} },
  wissel_archive_key_days: { type: 'gauge', help: 'Days in a row that there are keys for, from today on. With 0 nothing is archived.', labels: {} },
  wissel_sink_shipped_total: { type: 'counter', help: 'Decisions in records that a receiver has acknowledged.', labels: { sink: 'sink' } },
  wissel_segments_deleted_total: { type: 'counter', help: 'Segments that were deleted for the budget of the disk or for their age.', labels: {} },
  wissel_segments_repaired_total: { type: 'counter', help: 'Segments that a killed process had left open.', labels: {} },
  wissel_target_state: {
    type: 'gauge', help: '1 for the state that a target is in, by its health checks, else 0.', labels: { target: 'target', state: HEALTH_STATES },
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type MetricName = keyof typeof METRICS

/** Upper bounds of `wissel_decision_duration_seconds`. */
export const DURATION_BUCKETS: readonly number[] = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2]
