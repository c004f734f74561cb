/** Checked targets, and what their checks are told, for tests of the health of a fleet. */
import type { CheckSpec, ProbeResult } from '../../src/health/probe.ts'
import type { Family, Group, HealthCheck, Snapshot, Target, TargetHealth } from '../../src/routing/model.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { Clock } from '../log/clock.ts'
import { snapshotOf, targetNamed } from '../log/decisions.ts'

export const OK: ProbeResult = { ok: true, why: 'ok' }
export const REFUSED: ProbeResult = { ok: false, why: 'refused' }
export const ABSENT: ProbeResult = { ok: false, why: 'no_such_family' }

export const CHECK: HealthCheck = {
  method: 'GET', url: 'http://edge.example/', host: undefined, statuses: undefined, contains: undefined,
  intervalMs: 2000, jitter: 0.1, timeoutMs: 2000, rise: 2, fall: 3, allowInternal: false, families: ['ipv4'],
}

export const HEALTH: TargetHealth = {
  check: CHECK, capacityMbps: undefined, bitrateMbps: 3, shedLow: 0.8, shedHigh: 0.95, slowStartMs: 0, loadTokenHash: undefined,
}

export interface TargetRest {
  readonly health?: Partial<TargetHealth>
  readonly check?: Partial<HealthCheck>
  readonly group?: Group
}

export function checked(index: number, id: string, { health, check, group }: TargetRest = {}): Target {
  return { ...targetNamed(index, id), group, health: { ...HEALTH, ...health, check: { ...CHECK, url: `http://${id}.example/`, ...check } } }
}

export function edges(count: number, rest: TargetRest = {}): Target[] {
  return Array.from({ length: count }, (_, i) => checked(i, `edge-${i}`, rest))
}

export function groupNamed(id: string): Group {
  return { index: 0, id, parent: undefined, at: undefined }
}

/** Probes that find what a test says, by target and family. */
export class World {
  readonly clock = new Clock()
  /** Targets that fail. */
  readonly broken = new Set<string>()
  /** Families that fail or are absent, as `edge-0 ipv6`. */
  readonly results = new Map<string, ProbeResult>()
  readonly asked: string[] = []

  readonly probe = async ({ target, family = 'ipv4' }: CheckSpec): Promise<ProbeResult> => {
    this.asked.push(target.id)
    return this.results.get(`${target.id} ${family}`) ?? (this.broken.has(target.id) ? REFUSED : OK)
  }

  says(id: string, family: Family, result: ProbeResult): void {
    this.results.set(`${id} ${family}`, result)
  }
}

export function tableOf(targets: readonly Target[]): { snapshot: Snapshot; table: HealthTable } {
  const snapshot = snapshotOf(['s'], targets)
  return { snapshot, table: new HealthTable(snapshot) }
}

/** Numbers from 0 up to 1 that are the same in every run. */
export function chance(seed = 1): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
