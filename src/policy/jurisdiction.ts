/** Jurisdiction as written in files becomes what a decision judges by. */
import type { Country, Jurisdiction, JurisdictionPolicy } from '../routing/model.ts'
import type { PolicyInput, TargetInput } from './schema.ts'
import { expandCountries } from './sets.ts'

export function compilePolicy(input: PolicyInput, index: number): JurisdictionPolicy {
  const set = (names: readonly string[] | undefined) => (names === undefined ? undefined : expandCountries(names))
  return {
    index,
    id: input.policy,
    operator: set(input.operator),
    parent: set(input.parent),
    server: set(input.server),
    logs: set(input.logs),
    foreign: input.foreign === undefined ? undefined : new Set(input.foreign),
    evidence: input.evidence ?? true,
    reviewDays: input.reviewDays,
  }
}

export function compileJurisdiction(input: TargetInput['jurisdiction']): Jurisdiction {
  const { operator, parent, server, logs, foreign, evidence, reviewedAt } = input ?? {}
  return {
    operator: operator?.country,
    parent: parent?.country,
    server: declared(server?.countries),
    // No log country means that there are no logs, which mode none alone declares.
    logs: logs?.mode === 'none' ? [] : declared(logs?.countries),
    foreign,
    // The chain is as strong as the evidence that ends first.
    evidenceUntil: evidence === undefined || evidence.length === 0 ? undefined : Math.min(...evidence.map(({ validUntil }) => Date.parse(validUntil))),
    reviewedAt: reviewedAt === undefined ? undefined : Date.parse(reviewedAt),
  }
}

/** A list of places with nothing in it says of no place that it is one: as if it were absent. */
function declared(countries: readonly Country[] | undefined): readonly Country[] | undefined {
  return countries?.length === 0 ? undefined : countries
}
