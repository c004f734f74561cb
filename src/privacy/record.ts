/**
 * The decision record: all that is kept of a decision.
 *
 * Every value is from a closed list, an id from the configuration, a UTC minute, a country or a count. `RECORD_FIELDS`
 * is the one description of it: documentation is generated from it and `checkRecord` judges by it. `serialise` writes
 * the fields that are named there and nothing else, so an unknown key cannot be written.
 */
import {
  AGENTS, RECORD_FORMATS, RECORD_LAWS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_REASONS, RECORD_STATUSES,
  isContentId, isCountryCode, isCountryList, isId, isMinute, isStepName, isVersionLabel,
} from './values.ts'
import type {
  AgentClass, ContentId, CountryCode, CountryList, Id, Minute, RecordFormat, RecordLaw, RecordLocalization, RecordObject, RecordOutcome,
  RecordReason, RecordStatus, StepName, VersionLabel,
} from './values.ts'

export interface DecisionRecord {
  readonly v: 1
  readonly t: Minute
  readonly service: Id | null
  readonly content: ContentId
  readonly object: RecordObject
  readonly format: RecordFormat
  readonly country: CountryCode
  readonly agent: AgentClass
  readonly outcome: RecordOutcome
  readonly step: StepName | null
  readonly target: Id | null
  readonly localization: RecordLocalization
  readonly why: readonly RecordReason[]
  readonly status: RecordStatus
  readonly policy: Id | null
  readonly compliant: boolean | null
  readonly rejected: Readonly<Partial<Record<RecordReason, number>>>
  readonly jurisdiction: RecordJurisdiction | null
  readonly snapshot: VersionLabel
  readonly router: Id
  readonly n: number
}

/** Of the target that was chosen. `null`: not declared. An empty list of countries: there are none, as with logs that are not kept. */
export interface RecordJurisdiction {
  readonly operator: CountryCode | null
  readonly parent: CountryCode | null
  readonly server: CountryList | null
  readonly logs: CountryList | null
  readonly foreign: readonly RecordLaw[] | null
}

/** What a field's value may be. `list`: one of `values`; the others are described in `KINDS`. */
export type FieldKind = 'list' | 'reasons' | 'counts' | 'id' | 'step' | 'content' | 'version' | 'minute' | 'country' | 'count' | 'jurisdiction'

export interface RecordField {
  readonly name: keyof DecisionRecord
  readonly kind: FieldKind
  /** Of a `list`. */
  readonly values?: readonly (string | number | boolean)[]
  /** Whether the value may be `null`. */
  readonly nullable?: true
  readonly meaning: string
  /** Where the value comes from. */
  readonly source: string
  /** Why it may be kept, or how it was made coarse. */
  readonly kept: string
}

export const RECORD_FIELDS: readonly RecordField[] = [
  { name: 'v', kind: 'list', values: [1], meaning: 'version of this format', source: 'constant', kept: 'says nothing of a viewer' },
  { name: 't', kind: 'minute', meaning: 'minute of the decision, UTC', source: 'clock', kept: 'milliseconds are cut off: a fine time joins records to other logs' },
  { name: 'service', kind: 'id', nullable: true, meaning: 'service, null where no service matched', source: 'configuration', kept: 'needed for statistics' },
  { name: 'content', kind: 'content', meaning: 'title', source: 'the service\'s content rules, otherwise _other', kept: 'the path itself is dropped: signed tokens live in paths' },
  { name: 'object', kind: 'list', values: RECORD_OBJECTS, meaning: 'what was asked for', source: 'extension of the path', kept: 'needed to count plays' },
  { name: 'format', kind: 'list', values: RECORD_FORMATS, meaning: 'streaming format', source: 'extension of the path', kept: 'needed for statistics' },
  { name: 'country', kind: 'country', meaning: 'country of the viewer, ZZ where not known', source: 'zone table or geo database', kept: 'the finest place there is; countries with few people become ZZ' },
  { name: 'agent', kind: 'list', values: AGENTS, meaning: 'person or machine', source: 'user agent', kept: 'four classes; the user agent itself is dropped' },
  { name: 'outcome', kind: 'list', values: RECORD_OUTCOMES, meaning: 'what was decided', source: 'decision', kept: 'needed for the proof' },
  { name: 'step', kind: 'step', nullable: true, meaning: 'step that gave the target, null for bypass, fence and refuse', source: 'configuration', kept: 'needed for the proof' },
  { name: 'target', kind: 'id', nullable: true, meaning: 'where the viewer was sent, null for refuse', source: 'configuration', kept: 'needed for the proof' },
  { name: 'localization', kind: 'list', values: RECORD_LOCALIZATIONS, meaning: 'how the viewer was placed', source: 'decision', kept: 'needed to judge the geo data' },
  { name: 'why', kind: 'reasons', meaning: 'reasons, in order; for refuse the one reason', source: 'decision', kept: 'needed for the proof' },
  { name: 'status', kind: 'list', values: RECORD_STATUSES, meaning: 'HTTP status as sent; 200 for a JSON answer', source: 'answer', kept: 'needed for operation' },
  { name: 'policy', kind: 'id', nullable: true, meaning: 'jurisdiction policy of the service, null where it has none', source: 'configuration', kept: 'needed for the proof' },
  { name: 'compliant', kind: 'list', values: [true, false], nullable: true, meaning: 'whether the target satisfied the policy, judged again for the record; null where there is no policy or no target', source: 'policy and target', kept: 'the proof' },
  { name: 'rejected', kind: 'counts', meaning: 'targets that were not eligible, by reason', source: 'decision', kept: 'needed for the proof' },
  { name: 'jurisdiction', kind: 'jurisdiction', nullable: true, meaning: 'jurisdiction of the target, null for refuse', source: 'configuration', kept: 'the proof' },
  { name: 'snapshot', kind: 'version', meaning: 'snapshot that decided, number and digest', source: 'configuration', kept: 'needed to replay' },
  { name: 'router', kind: 'id', meaning: 'router that decided', source: 'configuration', kept: 'needed for operation' },
  { name: 'n', kind: 'count', meaning: 'decisions that were exactly so', source: 'counted', kept: 'the sum of n is the number of decisions' },
]

export const KINDS: Readonly<Record<Exclude<FieldKind, 'list'>, string>> = {
  reasons: 'a list of reasons from the closed list, each at most once',
  counts: 'counts of at least 1 by reasons from the closed list',
  id: 'an id of the configuration or _other',
  step: 'a name of the configuration, 1 to 64 printable ASCII characters',
  content: 'an id of the configuration, a captured path segment or _other',
  version: 'a number, a colon and 8 hexadecimal digits',
  minute: 'a UTC minute such as 2026-03-01T20:31Z',
  country: 'two capital letters',
  count: 'a whole number of at least 1',
  jurisdiction: 'operator and parent (country), server and logs (countries with commas between them), foreign (list of laws); null where not declared',
}

/** What is wrong with a value that claims to be a record; empty when nothing is. Names fields, never values: they may be somebody's. */
export function checkRecord(value: unknown): string[] {
  if (!isPlain(value)) return ['record: must be an object']
  const problems: string[] = []
  for (const field of RECORD_FIELDS) {
    const given = Object.hasOwn(value, field.name) ? value[field.name] : undefined
    if (given === undefined) problems.push(`${field.name}: is missing`)
    else if (!fits(field, given)) problems.push(`${field.name}: must be ${describe(field)}`)
  }
  const unknown = Object.keys(value).filter((key) => !NAMES.has(key)).length
  if (unknown > 0) problems.push(`record: ${unknown} unknown field(s)`)
  return problems
}

export function isRecord(value: unknown): value is DecisionRecord {
  return checkRecord(value).length === 0
}

/** One line of JSON without the line end. The same record gives the same text, whatever order its keys were set in. */
export function serialise(record: DecisionRecord): string {
  const ordered: Record<string, unknown> = {}
  for (const { name } of RECORD_FIELDS) ordered[name] = record[name]
  ordered['rejected'] = inOrder(record.rejected, RECORD_REASONS)
  if (record.jurisdiction !== null) ordered['jurisdiction'] = inOrder(record.jurisdiction, JURISDICTION)
  return JSON.stringify(ordered)
}

function describe(field: RecordField): string {
  const what = field.kind === 'list' ? `one of ${(field.values ?? []).join(', ')}` : KINDS[field.kind]
  return field.nullable === true ? `${what}, or null` : what
}

const NAMES: ReadonlySet<string> = new Set(RECORD_FIELDS.map((field) => field.name))
const REASONS: ReadonlySet<unknown> = new Set(RECORD_REASONS)
const LAWS: ReadonlySet<unknown> = new Set(RECORD_LAWS)
const JURISDICTION = ['operator', 'parent', 'server', 'logs', 'foreign'] as const

function fits(field: RecordField, value: unknown): boolean {
  if (value === null) return field.nullable === true
  switch (field.kind) {
    case 'list': return field.values?.includes(value as string) === true
    case 'reasons': return isSetOf(REASONS, value)
    case 'counts': return isPlain(value) && Object.entries(value).every(([reason, count]) => REASONS.has(reason) && isCount(count))
    case 'id': return typeof value === 'string' && isId(value)
    case 'step': return typeof value === 'string' && isStepName(value)
    case 'content': return typeof value === 'string' && isContentId(value)
    case 'version': return typeof value === 'string' && isVersionLabel(value)
    case 'minute': return typeof value === 'string' && isMinute(value)
    case 'country': return typeof value === 'string' && isCountryCode(value)
    case 'count': return isCount(value)
    case 'jurisdiction': return isJurisdiction(value)
  }
}

function isJurisdiction(value: unknown): boolean {
  if (!isPlain(value) || Object.keys(value).length !== JURISDICTION.length) return false
  const { operator, parent, server, logs, foreign } = value
  const country = (code: unknown) => code === null || (typeof code === 'string' && isCountryCode(code))
  const countries = (codes: unknown) => codes === null || (typeof codes === 'string' && isCountryList(codes))
  return country(operator) && country(parent) && countries(server) && countries(logs) && (foreign === null || isSetOf(LAWS, foreign))
}

function inOrder<K extends string>(value: Readonly<Partial<Record<K, unknown>>>, keys: readonly K[]): Partial<Record<K, unknown>> {
  const ordered: Partial<Record<K, unknown>> = {}
  for (const key of keys) if (value[key] !== undefined) ordered[key] = value[key]
  return ordered
}

function isSetOf(allowed: ReadonlySet<unknown>, value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => allowed.has(item)) && new Set(value).size === value.length
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
