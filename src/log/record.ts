/**
 * From a decision to its record. The only place where the two meet: what is not copied here is not in any log.
 */
import { countryOf } from '../privacy/country.ts'
import { minuteOf } from '../privacy/minute.ts'
import type { DecisionRecord, RecordJurisdiction } from '../privacy/record.ts'
import {
  AGENTS, RECORD_FORMATS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_STATUSES,
  countryListOf, declaredCountryOf, idOf, stepNameOf, versionLabelOf,
} from '../privacy/values.ts'
import type { AgentClass, ContentId, Minute, RecordFormat, RecordLocalization, RecordObject, RecordOutcome } from '../privacy/values.ts'
import type { Decision, Redirect, RejectedCounts } from '../routing/decision.ts'
import { complies } from '../routing/jurisdiction.ts'
import type { Jurisdiction } from '../routing/model.ts'
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

/**
 * Equal for two decisions when, and only when, their records are equal but for title and count. Indexes stand for ids, so the
 * snapshot is part of it. Made for every request and looked up among thousands, so it is short: a character for each value,
 * two for a number that may be more than 65,535.
 */
export function keyOf({ decision, status, object, format, agent, snapshot, now }: DecisionFacts): string {
  const minute = Math.floor(now / MINUTE_MS)
  const country = countryOf(decision.country)
  const service = decision.service?.index ?? -1
  const sent = decision.outcome === 'refuse' ? undefined : decision
  const target = sent?.member.target.index ?? -1
  const step = sent?.step?.index ?? -1
  let key = String.fromCharCode(
    minute, minute >> 16, service, service >> 16, target, target >> 16, step, step >> 16, status, country.charCodeAt(0), country.charCodeAt(1),
    codeOf(decision.outcome), codeOf(decision.localization), codeOf(agent), codeOf(object), codeOf(format),
  ) + snapshot
  for (const reason of decision.why) key += ` ${reason}`
  return key + rejectedKey(decision.rejected)
}

/** Numbers of names. Lists share names, and then numbers. */
const CODES: Readonly<Record<string, number>> = Object.fromEntries(
  [...RECORD_OUTCOMES, ...RECORD_LOCALIZATIONS, ...AGENTS, ...RECORD_OBJECTS, ...RECORD_FORMATS].map((name, i) => [name, i]),
)

function codeOf(name: RecordOutcome | RecordLocalization | AgentClass | RecordObject | RecordFormat): number {
  return CODES[name] ?? -1
}

/** Whatever order the reasons were counted in. */
export function rejectedKey(rejected: RejectedCounts): string {
  let key = ''
  let reasons = 0
  for (const reason in rejected) {
    const count = toldOf(reason, rejected[reason as Reason] ?? 0)
    if (count === 0) continue
    key += ` ${reason} ${count}`
    reasons++
  }
  return reasons > 1 ? key.match(/ [a-z_]+ \d+/g)?.sort().join('') ?? '' : key
}

/** What records repeat: a jurisdiction for every target, the minute of them all. */
export class RecordMemo {
  readonly #jurisdictions = new WeakMap<Jurisdiction, RecordJurisdiction>()
  #minute = NaN
  #text: Minute | undefined

  jurisdiction(declared: Jurisdiction): RecordJurisdiction {
    const known = this.#jurisdictions.get(declared)
    if (known !== undefined) return known
    const made = jurisdictionOf(declared)
    this.#jurisdictions.set(declared, made)
    return made
  }

  minute(now: number): Minute {
    const minute = Math.floor(now / MINUTE_MS)
    if (this.#text === undefined || minute !== this.#minute) {
      this.#minute = minute
      this.#text = minuteOf(now)
    }
    return this.#text
  }
}

/** @param n decisions that were exactly so */
export function recordOf(facts: DecisionFacts, content: ContentId, router: string, n: number, memo = new RecordMemo()): DecisionRecord {
  const { decision } = facts
  const sent = decision.outcome === 'refuse' ? undefined : decision
  const policy = decision.service?.policy
  return {
    v: 1,
    t: memo.minute(facts.now),
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
    jurisdiction: sent === undefined ? null : memo.jurisdiction(sent.member.target.jurisdiction),
    snapshot: versionLabelOf(facts.snapshot),
    router: idOf(router),
    n,
  }
}

function compliant({ service, member }: Redirect, now: number): boolean {
  return complies(service.policy, member.target.jurisdiction, now)
}

function counted(rejected: RejectedCounts): RejectedCounts {
  return Object.fromEntries(Object.entries(rejected).flatMap(([reason, count]) => (count > 0 ? [[reason, toldOf(reason, count)]] : [])))
}

/**
 * Other reasons are the same for everybody whom the same steps are tried for; `overload` is not: how many targets turn a viewer
 * away for their load follows from the viewer's draw. It is told as the highest power of two that is not above it, which is enough
 * to see what viewers meet.
 */
function toldOf(reason: string, count: number): number {
  return reason === 'overload' && count > 0 ? 2 ** (31 - Math.clz32(count)) : count
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
