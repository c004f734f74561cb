/** Jurisdiction as written in files becomes what a decision judges by. */
import type { Jurisdiction, JurisdictionPolicy } from '../routing/model.ts'
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
    server: server?.countries,
    logs: logs?.mode === 'none' ? [] : logs?.countries,
    foreign,
    // The chain is as strong as the evidence that ends first.
    evidenceUntil: evidence === undefined || evidence.length === 0 ? undefined : Math.min(...evidence.map(({ validUntil }) => Date.parse(validUntil))),
    reviewedAt: reviewedAt === undefined ? undefined : Date.parse(reviewedAt),
  }
}
