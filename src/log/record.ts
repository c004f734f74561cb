/**
 * From a decision to its record. The only place where the two meet: what is not copied here is not in any log.
 */
import { countryOf } from '../privacy/country.ts'
import { minuteOf } from '../privacy/minute.ts'
import type { DecisionRecord, RecordJurisdiction } from '../privacy/record.ts'
import { RECORD_STATUSES, countryListOf, declaredCountryOf, idOf, stepNameOf, versionLabelOf } from '../privacy/values.ts'
import type { AgentClass, ContentId, RecordFormat, RecordObject } from '../privacy/values.ts'
import { complies } from '../routing/jurisdiction.ts'
import type { Decision, Jurisdiction, Redirect, RejectedCounts } from '../routing/model.ts'
import type { Reason } from '../routing/reasons.ts'

/** All that the log is told of one request. Nothing of it is text from the viewer: the classes are made in `privacy/`. */
export interface DecisionFacts {
  readonly decision: Decision
  readonly object: RecordObject
  readonly format: RecordFormat
  readonly agent: AgentClass
  readonly content: ContentId
  /** HTTP status as sent; it differs from the decision's where the answer was JSON. */
  readonly status: number
  /** `Snapshot.label` of the snapshot that decided. */
  readonly snapshot: string
  /** Milliseconds since the epoch: the request's own `now`, so that evidence is judged as the decision judged it. */
  readonly now: number
}

const MINUTE_MS = 60_000
const SEPARATOR = '\n'

/**
 * Equal for two decisions when, and only when, their records are equal but for the count. Indexes stand for ids, so the
 * snapshot is part of it. Made for every request, so it is one string and little else.
 */
export function keyOf(facts: DecisionFacts, content: string): string {
  const { decision } = facts
  let key = `${Math.floor(facts.now / MINUTE_MS)} ${decision.service?.index ?? -1} ${facts.status} ${decision.outcome} `
    + `${decision.localization} ${countryOf(decision.country)} ${facts.agent} ${facts.object} ${facts.format} `
    + `${facts.snapshot} ${content}`
  if (decision.outcome !== 'refuse') key += `${SEPARATOR}${decision.member.target.index} ${decision.step?.index ?? -1}`
  for (const reason of decision.why) key += ` ${reason}`
  return key + SEPARATOR + rejectedKey(decision.rejected)
}

/** Whatever order the reasons were counted in. */
function rejectedKey(rejected: RejectedCounts): string {
  let key = ''
  let reasons = 0
  for (const reason in rejected) {
    const count = rejected[reason as Reason] ?? 0
    if (count === 0) continue
    key += ` ${reason} ${count}`
    reasons++
  }
  return reasons > 1 ? key.match(/[a-z_]+ \d+/g)?.sort().join(' ') ?? '' : key
}

/** @param n decisions that were exactly so */
export function recordOf(facts: DecisionFacts, content: ContentId, router: string, n: number): DecisionRecord {
  const { decision } = facts
  const sent = decision.outcome === 'refuse' ? undefined : decision
  const policy = decision.service?.policy
  return {
    v: 1,
    t: minuteOf(facts.now),
    service: decision.service === undefined ? null : idOf(decision.service.id),
    content,
    object: facts.object,
    format: facts.format,
    country: countryOf(decision.country),
    agent: facts.agent,
    outcome: decision.outcome,
    step: sent?.step === undefined ? null : stepNameOf(sent.step.name),
    target: sent === undefined ? null : idOf(sent.member.target.id),
    localization: decision.localization,
    why: decision.why,
    status: RECORD_STATUSES.find((status) => status === facts.status) ?? decision.status,
    policy: policy === undefined ? null : idOf(policy.id),
    compliant: sent === undefined || policy === undefined ? null : compliant(sent, facts.now),
    rejected: counted(decision.rejected),
    jurisdiction: sent === undefined ? null : jurisdictionOf(sent.member.target.jurisdiction),
    snapshot: versionLabelOf(facts.snapshot),
    router: idOf(router),
    n,
  }
}

function compliant({ service, member }: Redirect, now: number): boolean {
  return complies(service.policy, member.target.jurisdiction, now)
}

function counted(rejected: RejectedCounts): RejectedCounts {
  if (Object.values(rejected).every((count) => count > 0)) return rejected
  return Object.fromEntries(Object.entries(rejected).filter(([, count]) => count > 0))
}

function jurisdictionOf({ operator, parent, server, logs, foreign }: Jurisdiction): RecordJurisdiction {
  return {
    operator: operator === undefined ? null : declaredCountryOf(operator),
    parent: parent === undefined ? null : declaredCountryOf(parent),
    server: server === undefined ? null : countryListOf(server),
    logs: logs === undefined ? null : countryListOf(logs),
    foreign: foreign === undefined ? null : [...new Set(foreign)].sort(),
  }
}
