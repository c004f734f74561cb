/** Everything that is known of one target now, and what follows for routing. It outlives snapshots. Times are milliseconds awake. */
import type { HealthTable } from '../routing/health-table.ts'
import type { AdminState, HealthState, Target, TargetHealth } from '../routing/model.ts'
import { isStale, receive, shedShare, utilisation } from './load.ts'
import type { LoadReport, LoadState } from './load.ts'
import { acceptedShare } from './slow-start.ts'

/** For a target whose configuration says nothing: it reports no load, and comes back all at once. */
const UNCONFIGURED: TargetHealth = {
  check: undefined, capacityMbps: undefined, bitrateMbps: 3, shedLow: 0.8, shedHigh: 0.95, slowStartMs: 0, loadTokenHash: undefined,
}
/** Share of the capacity that may be sent before the share that is turned away is worked out anew. */
const GRAIN = 0.01

export class LiveTarget {
  target: Target
  measured: HealthState = 'unknown'
  admin: AdminState = 'auto'
  load: LoadState | undefined
  /** Viewers that this router has sent here since the load report. */
  sent = 0
  /** Viewers until the share is worked out anew. */
  #left = Infinity
  #serving: boolean | undefined
  #returnedAt: number | undefined

  constructor(target: Target) {
    this.target = target
  }

  get health(): TargetHealth {
    return this.target.health ?? UNCONFIGURED
  }

  set(table: HealthTable, measured: HealthState, admin: AdminState, now: number): void {
    const wasForced = this.admin === 'down' || this.admin === 'drain'
    this.measured = measured
    this.admin = admin
    const serving = admin === 'up' || (admin === 'auto' && measured !== 'down')
    if (!serving) this.#returnedAt = undefined
    // An operator's word needs no ramp, and a state that is only not known any more must not cost capacity.
    else if (this.#serving === false && admin === 'auto' && (wasForced || measured === 'up')) this.#returnedAt = now
    else if (admin === 'up') this.#returnedAt = undefined
    this.#serving = serving
    table.setState(this.target, measured)
    table.setAdmin(this.target, admin)
    this.share(table, now)
  }

  /** Brings the share that is turned away up to date. */
  share(table: HealthTable, now: number): void {
    const { health } = this
    const accepted = this.#returnedAt === undefined ? 1 : acceptedShare(now - this.#returnedAt, health.slowStartMs)
    if (accepted === 1) this.#returnedAt = undefined
    const capacity = this.load?.report.capacityMbps ?? health.capacityMbps
    this.#left = this.load === undefined || capacity === undefined ? Infinity : Math.max(1, Math.floor((GRAIN * capacity) / health.bitrateMbps))
    table.setShed(this.target, shedShare(this.utilisation(now), health), 1 - accepted)
  }

  utilisation(now: number): number | undefined {
    return utilisation(this.load, this.sent, this.health, now)
  }

  /** False where a newer report is known. */
  take(report: LoadReport, now: number): boolean {
    const next = receive(this.load, report, now)
    if (next === undefined) return false
    this.load = next
    this.sent = 0
    return true
  }

  /** Viewers were sent here. */
  count(viewers: number, table: HealthTable, now: () => number): void {
    this.sent += viewers
    this.#left -= viewers
    if (this.#left <= 0) this.share(table, now())
  }

  forgetStale(now: number): void {
    if (this.load !== undefined && isStale(this.load, now)) this.load = undefined
  }
}
