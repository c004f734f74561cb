/** Configurations by the services and edges that they hold, and a follower's surroundings. */
import type { Bundle } from '../../src/policy/bundle.ts'
import { encodeBundle } from '../../src/policy/bundle.ts'
import type { Built } from '../../src/policy/build.ts'
import { buildSnapshot } from '../../src/policy/build.ts'
import type { Snapshot, Version } from '../../src/routing/model.ts'
import type { FollowerOptions } from '../../src/state/follower.ts'
import { Follower } from '../../src/state/follower.ts'
import type { StateStore } from '../../src/state/store.ts'
import { bundle as base, NOW } from '../policy/base.ts'

export function serviceText(id: string, more = ''): string {
  return `service: ${id}\nhosts: [${id}.example]\nsteps:\n  - name: own\n    targets: { group: eu }\n    select: nearest\n${more}`
}

/** The base's fleet with services of these names; a text instead of `undefined` replaces the service's file. */
export function bundleOfServices(services: Readonly<Record<string, string | undefined>>, more: Readonly<Record<string, string>> = {}): Bundle {
  const files = Object.entries(services).map(([id, text]) => [`services/${id}.yaml`, text ?? serviceText(id)] as const)
  return base({ 'services/tv.yaml': undefined, ...Object.fromEntries(files), ...more })
}

export function bytesOf(services: Readonly<Record<string, string | undefined>>, more: Readonly<Record<string, string>> = {}): Buffer {
  return encodeBundle(bundleOfServices(services, more))
}

export function buildAt(bundle: Bundle, version: Version): Built {
  return buildSnapshot(bundle, { version, now: NOW, continentOf: () => 'EU' })
}

export interface Followed {
  readonly follower: Follower
  readonly applied: Snapshot[]
}

export function followerOf(store: StateStore, more: Partial<FollowerOptions> = {}): Followed {
  const applied: Snapshot[] = []
  return { applied, follower: new Follower({ store, build: buildAt, apply: (snapshot) => void applied.push(snapshot), ...more }) }
}

export function servicesOf(snapshot: Snapshot | undefined): string[] {
  return Array.from(snapshot?.services ?? [], ({ id }) => id)
}
