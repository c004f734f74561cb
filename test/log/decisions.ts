/** A small world and the decisions in it, for tests of what is kept of them. */
import fc from 'fast-check'
import type { DecisionFacts } from '../../src/log/record.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { AGENTS, RECORD_FORMATS, RECORD_OBJECTS } from '../../src/privacy/values.ts'
import { LOCALIZATIONS } from '../../src/routing/decision.ts'
import type { Decision, Redirect, Refuse } from '../../src/routing/decision.ts'
import type { Jurisdiction, JurisdictionPolicy, Pool, Service, Snapshot, Step, Target } from '../../src/routing/model.ts'
import { REASON_NAMES } from '../../src/routing/reasons.ts'

/** 2026-03-01T20:31:00.000Z */
export const NOW = Date.UTC(2026, 2, 1, 20, 31)

const GERMAN: Jurisdiction = { operator: 'DE', parent: 'DE', server: ['DE'], logs: ['DE'], foreign: [], evidenceUntil: undefined, reviewedAt: undefined }
const AMERICAN: Jurisdiction = { ...GERMAN, parent: 'US', server: ['NL', 'DE'], logs: undefined, foreign: ['US-FISA-702', 'US-CLOUD-ACT'] }

export const EU_ONLY: JurisdictionPolicy = {
  index: 0, id: 'eu-only', operator: undefined, parent: new Set(['DE', 'NL']), server: undefined, logs: undefined, foreign: undefined, reviewDays: undefined, evidence: false,
}

export function targetNamed(index: number, id: string, jurisdiction: Jurisdiction = GERMAN): Target {
  const base = { http: undefined, https: `https://${id}.example` }
  return { index, id, kind: 'edge', group: undefined, at: undefined, base, hosts: [`${id}.example`], adminState: 'auto', jurisdiction, seed: index }
}

export function snapshotOf(serviceIds: readonly string[], targets: readonly Target[], number = 42): Snapshot {
  const members = targets.map((target) => ({ target, weight: 1, base: target.base }))
  const pool: Pool = { index: 0, members, policy: undefined }
  const steps = serviceIds.map((id, index): Step => ({
    index, name: `own edges of ${id}`, seed: index, when: undefined, pool, select: 'nearest', key: 'none', spread: 1, loadFactor: undefined,
  }))
  const services = serviceIds.map((id, index): Service => ({
    index, id, host: `${id}.example`, prefix: undefined, policy: index === 0 ? EU_ONLY : undefined, fence: undefined, steps: steps.slice(index, index + 1), bypass: undefined, status: 302,
    query: { mode: 'all', names: new Set() }, segments: 'refuse', panicThreshold: 50, content: [],
  }))
  return {
    version: { epoch: 1, number, digest: '9f2c17ab'.repeat(8) }, label: `${number}:9f2c17ab`, targets, groups: [], policies: [EU_ONLY], services, steered: false, pools: [pool],
    ids: new Map(services.map((service) => [service.id, service])),
    hosts: new Map(services.map((service) => [`${service.id}.example`, service])), prefixes: new Map(),
    zones: { size: 0, find4: () => undefined, find6: () => undefined, findAsn: () => undefined },
  }
}

export const WORLD = snapshotOf(['omroep-live', 'hospital'], [targetNamed(0, 'edge-fra-2'), targetNamed(1, 'cdn-us', AMERICAN), targetNamed(2, 'edge-ams-1')])

export function redirectTo(service: Service, target: Target, rest: Partial<Redirect> = {}): Redirect {
  return {
    outcome: 'redirect', service, step: service.steps[0], member: { target, weight: 1, base: target.base }, path: '/a.m3u8', withQuery: true, status: 302,
    localization: 'geo', country: 'NL', why: ['nearest'], rejected: {}, ...rest,
  }
}

export function refusalOf(service: Service | undefined, rest: Partial<Refuse> = {}): Refuse {
  return { outcome: 'refuse', service, reason: 'unknown_service', status: 404, localization: 'default', country: 'ZZ', why: ['unknown_service'], rejected: {}, ...rest }
}

export function factsOf(decision: Decision, rest: Partial<DecisionFacts> = {}): DecisionFacts {
  return { decision, object: 'master', format: 'hls', agent: 'human', content: 'live-main' as ContentId, status: decision.status, snapshot: WORLD.label, now: NOW, ...rest }
}

const countries = fc.constantFrom('NL', 'DE', 'LI', 'ZZ')
const rejected = fc.uniqueArray(fc.tuple(fc.constantFrom('jurisdiction', 'down', 'drain', 'overload'), fc.integer({ min: 1, max: 3 })), { selector: ([reason]) => reason, maxLength: 3 })
  .map((entries) => Object.fromEntries(entries))

export const decisions: fc.Arbitrary<Decision> = fc.oneof(
  fc.record({
    service: fc.constantFrom(...WORLD.services), target: fc.constantFrom(...WORLD.targets), rejected, country: countries, localization: fc.constantFrom(...LOCALIZATIONS),
    outcome: fc.constantFrom('redirect', 'panic', 'last_resort', 'bypass', 'fence'), why: fc.uniqueArray(fc.constantFrom(...REASON_NAMES), { minLength: 1, maxLength: 3 }),
  }).map(({ service, target, outcome, ...rest }) => redirectTo(service, target, {
    ...rest, outcome: outcome as Redirect['outcome'], step: outcome === 'bypass' || outcome === 'fence' ? undefined : service.steps[0],
  })),
  fc.record({ service: fc.option(fc.constantFrom(...WORLD.services), { nil: undefined }), reason: fc.constantFrom(...REASON_NAMES), country: countries, rejected })
    .map(({ service, ...rest }) => refusalOf(service, { ...rest, why: [rest.reason] })),
)

export const facts: fc.Arbitrary<DecisionFacts> = fc.record({
  decision: decisions,
  object: fc.constantFrom(...RECORD_OBJECTS),
  format: fc.constantFrom(...RECORD_FORMATS),
  agent: fc.constantFrom(...AGENTS),
  content: fc.constantFrom('live-main', 'news', '_other').map((content) => content as ContentId),
  minutes: fc.integer({ min: 0, max: 2 }),
}).map(({ decision, minutes, ...rest }) => factsOf(decision, { ...rest, now: NOW + minutes * 60_000 }))
