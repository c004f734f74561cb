/**
 * Random fleets, policies, services, health and clients. Mistakes in selection live at nothing and at everything, so half
 * of all numbers are 0 or at an edge. Few countries and few targets, so that they often meet.
 */
import fc from 'fast-check'
import type { Jurisdiction, JurisdictionPolicy } from '../../src/routing/model.ts'
import { ADMIN_STATES, HEALTH_STATES, KEYS, SELECTORS } from '../../src/routing/model.ts'
import type { Ask, FixedSketch, PolicySketch, ServiceSketch, Sketch, StepSketch, TargetSketch } from './situation.ts'
import { NOW } from './situation.ts'

const DAY = 86_400_000

function maybe<T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(values, { nil: undefined })
}

const known = fc.constantFrom('NL', 'DE', 'US')
const country = fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: fc.constant('ZZ') })
const law = fc.constantFrom('US-CLOUD-ACT', 'UK-IPA') as fc.Arbitrary<'US-CLOUD-ACT' | 'UK-IPA'>
const degrees = fc.oneof(
  fc.constantFrom<[number, number]>([0, 0], [90, 0], [-90, 0], [0, 180], [0, -180], [52, 5], [50, 8]),
  fc.tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true })),
)
const moment = fc.constantFrom(NOW - 365 * DAY, NOW - 1, NOW, NOW + 1, NOW + 365 * DAY)
const weight = fc.oneof(fc.constantFrom(0, 1, 1_000_000), fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }))
const share = fc.oneof(fc.constantFrom(0, 0, 1), fc.double({ min: 0, max: 1, noNaN: true }))

export const jurisdictions: fc.Arbitrary<Jurisdiction> = fc.record({
  operator: maybe(known),
  parent: maybe(known),
  server: maybe(fc.array(known, { maxLength: 2 })),
  logs: maybe(fc.array(known, { maxLength: 2 })),
  foreign: maybe(fc.array(law, { maxLength: 2 })),
  evidenceUntil: maybe(moment),
  reviewedAt: maybe(moment),
})

const countries = maybe(fc.uniqueArray(known, { maxLength: 3 }))
const policySketches: fc.Arbitrary<PolicySketch> = fc.record({
  operator: countries,
  parent: countries,
  server: countries,
  logs: countries,
  foreign: maybe(fc.uniqueArray(law)),
  reviewDays: maybe(fc.constantFrom(1, 365)),
  evidence: fc.boolean(),
})

export const policies: fc.Arbitrary<JurisdictionPolicy> = policySketches.map((written) => {
  const set = <T>(values: readonly T[] | undefined) => values && new Set(values)
  const { operator, parent, server, logs, foreign, reviewDays, evidence = false } = written
  return { index: 0, id: 'p', operator: set(operator), parent: set(parent), server: set(server), logs: set(logs), foreign: set(foreign), reviewDays, evidence }
})

/** Demands that about half of the random targets meet, so that decisions under it are worth looking at. */
const mildPolicies: fc.Arbitrary<PolicySketch> = fc.oneof(
  fc.record({ operator: fc.constant(['NL', 'DE']) }),
  fc.record({ server: fc.constant(['NL', 'DE']) }),
  fc.record({ evidence: fc.constant(true) }),
  policySketches,
)

const IDS = ['t0', 't1', 't2', 't3', 't4', 't5'] as const
const id = fc.constantFrom(...IDS)
const targetSketches: fc.Arbitrary<TargetSketch> = fc.record({
  at: maybe(degrees),
  group: maybe(fc.constantFrom('inner', 'outer')),
  admin: fc.constantFrom('auto' as const, 'auto' as const, ...ADMIN_STATES),
  state: fc.constantFrom(...HEALTH_STATES),
  shed: share,
  schemes: fc.constantFrom(['http', 'https'] as const, ['http', 'https'] as const, ['https'] as const, ['http'] as const, [] as const),
  jurisdiction: fc.oneof(fc.constant({}), fc.constant({ evidenceUntil: NOW + 1 }), jurisdictions),
})

const when = fc.record({
  countries: maybe(fc.uniqueArray(known, { maxLength: 2 })),
  continents: maybe(fc.constant(['EU'])),
  zones: maybe(fc.constant(['z0'])),
  asns: maybe(fc.constant([64500])),
})

const stepSketches: fc.Arbitrary<StepSketch> = fc.record({
  targets: fc.dictionary(id, weight, { minKeys: 1, maxKeys: 6 }),
  select: fc.constantFrom(...SELECTORS),
  key: fc.constantFrom(...KEYS),
  spread: fc.constantFrom(1, 1.5, 20),
  factor: fc.constantFrom(undefined, 1.01, 1.25),
  when: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: when }),
})

const fixed: fc.Arbitrary<FixedSketch> = fc.oneof(fc.record({ target: id }), fc.record({ target: id, path: fc.constant('/sorry.m3u8') }))
const fence = fc.record({
  mode: fc.constantFrom('allow' as const, 'deny' as const),
  countries: fc.uniqueArray(known, { maxLength: 3 }),
  unknown: fc.constantFrom('allow' as const, 'deny' as const),
  status: fc.constantFrom(403 as const, 404 as const, 451 as const),
  redirect: maybe(fixed),
})

const serviceSketches: fc.Arbitrary<ServiceSketch> = fc.record({
  hosts: fc.constant(['tv.example']),
  policy: fc.constantFrom(undefined, undefined, 'p'),
  fence: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fence }),
  steps: fc.array(stepSketches, { maxLength: 3 }),
  bypass: maybe(fixed),
  segments: fc.constantFrom('redirect' as const, 'refuse' as const),
  panic: fc.constantFrom(0, 1, 50, 100),
})

export const sketches: fc.Arbitrary<Sketch> = fc.record({
  groups: fc.constant({ outer: { at: [50, 10] as const }, inner: { at: [52, 5] as const, parent: 'outer' } }),
  targets: fc.tuple(...IDS.map(() => targetSketches)).map((list) => Object.fromEntries(IDS.map((name, i) => [name, list[i] ?? {}]))),
  policies: mildPolicies.map((p) => ({ p })),
  zones: fc.oneof(
    fc.constant({ z0: { group: 'outer' }, z1: { group: 'inner', country: 'NL', asns: [64500] } }),
    id.map((target) => ({ z0: { target, country: 'DE' }, z1: { target, asns: [64500] } })),
  ),
  services: serviceSketches.map((tv) => ({ tv })),
})

export const asks: fc.Arbitrary<Ask> = fc.record({
  scheme: fc.constantFrom('http' as const, 'https' as const, 'https' as const),
  host: fc.constantFrom('tv.example', 'tv.example', 'tv.example', 'tv.example', 'other.example'),
  path: fc.constantFrom('/', '/live/a.m3u8', '/live/b.mpd', '/live/1.ts', '/a'),
  country,
  continent: fc.constantFrom('EU', 'NA', 'ZZ'),
  at: maybe(degrees),
  zone: fc.constantFrom(undefined, undefined, 'z0', 'z1'),
  asn: fc.constantFrom(0, 64500, 64501),
  now: fc.constantFrom(NOW, NOW, NOW - 1, NOW + 1, NOW + 366 * DAY),
  exclude: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.subarray([...IDS]) }),
})

/** A viewer's draw. */
export const draws = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff))
