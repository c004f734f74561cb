/** A small configuration that is right, for tests that make one thing wrong. */
import type { Bundle } from '../../src/policy/bundle.ts'
import { bundleOf } from '../../src/policy/bundle.ts'
import type { Built } from '../../src/policy/build.ts'
import { buildSnapshot } from '../../src/policy/build.ts'
import { countryPlace } from '../../src/geo/countries.ts'

export const NOW = Date.parse('2026-06-01')

export const TARGETS = `groups:
  - { id: eu }
  - { id: ams, in: eu, latitude: 52.37, longitude: 4.9 }
  - { id: fra, in: eu, latitude: 50.11, longitude: 8.68 }
targets:
  - id: edge-ams
    group: ams
    host: ams.edge.example
    jurisdiction: &eu
      operator: { country: NL }
      parent: { country: NL }
      server: { countries: [NL] }
      logs: { mode: none }
      foreign: []
      evidence: [{ kind: contract, ref: "1", validUntil: 2030-01-01 }]
  - id: edge-fra
    group: fra
    host: fra.edge.example
    jurisdiction: *eu
  - id: cdn-us
    kind: cdn
    host: us.cdn.example
    hosts: ["*.cdn.example"]
    jurisdiction:
      operator: { country: IE }
      parent: { country: US }
      server: { countries: [IE] }
      logs: { mode: raw, countries: [US] }
      foreign: [US-CLOUD-ACT]
      evidence: [{ kind: contract, ref: "2", validUntil: 2030-01-01 }]
`

export const POLICY = `policy: eu-only
operator: [eu-members]
parent: [eu-members]
server: [eu-members]
logs: [eu-members]
foreign: []
`

export const ZONES = `zones:
  - zone: campus
    prefixes: [192.0.2.0/24]
    group: ams
`

export const SERVICE = `service: tv
hosts: [play.tv.example]
jurisdiction: eu-only
steps:
  - name: own
    targets: { group: eu }
    select: nearest
`

/** The base with some files replaced, or taken away where the text is `undefined`. */
export function bundle(changes: Record<string, string | undefined> = {}): Bundle {
  const files: Record<string, string | undefined> = { 'targets/all.yaml': TARGETS, 'policies/eu-only.yaml': POLICY, 'zones/all.yaml': ZONES, 'services/tv.yaml': SERVICE, ...changes }
  return bundleOf(Object.entries(files).flatMap(([path, text]) => (text === undefined ? [] : [{ path, text }])))
}

export function build(changes: Record<string, string | undefined> = {}, now = NOW): Built {
  return buildSnapshot(bundle(changes), { version: { epoch: 1, number: 1, digest: '0123456789abcdef' }, now, continentOf: (country) => countryPlace(country)?.continent })
}
