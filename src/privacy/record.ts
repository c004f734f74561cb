/**
 * The decision record: all that is kept of a decision.
 *
 * Every value is from a closed list, an id from the configuration, a UTC minute, a country or a count. `RECORD_FIELDS`
 * is the one description of it: documentation is generated from it and `checkRecord` judges by it. `serialise` writes
 * the fields that are named there and nothing else, so an unknown key cannot be written.
 */
import { KINDS, RECORD_FIELDS } from './fields.ts'
import type { RecordField } from './fields.ts'
import {
  RECORD_LAWS, RECORD_REASONS, isContentId, isCountryCode, isCountryList, isId, isMinute, isStepName, isVersionLabel,
} from './values.ts'
import type {
  AgentClass, ContentId, CountryCode, CountryList, Id, Minute, RecordFormat, RecordLaw, RecordLocalization, RecordObject, RecordOutcome,
  RecordReason, RecordStatus, StepName, VersionLabel,
} from './values.ts'

export { KINDS, RECORD_FIELDS }
export type { FieldKind, RecordField } from './fields.ts'

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
  return JSON.stringify(Object.fromEntries(RECORD_FIELDS.map((field) => [field.name, written(field, record[field.name])])))
}

/** What stands in a field for a value that fits, with keys in one order. */
export function written({ kind }: RecordField, value: unknown): unknown {
  if (!isPlain(value)) return value
  return inOrder(value, kind === 'counts' ? RECORD_REASONS : JURISDICTION)
}

function describe(field: RecordField): string {
  const what = field.kind === 'list' ? `one of ${(field.values ?? []).join(', ')}` : KINDS[field.kind]
  return field.nullable === true ? `${what}, or null` : what
}

const NAMES: ReadonlySet<string> = new Set(RECORD_FIELDS.map((field) => field.name))
const REASONS: ReadonlySet<unknown> = new Set(RECORD_REASONS)
const LAWS: ReadonlySet<unknown> = new Set(RECORD_LAWS)
const JURISDICTION = ['operator', 'parent', 'server', 'logs', 'foreign'] as const

/** Whether a value may stand in a field. */
export function fits(field: RecordField, value: unknown): boolean {
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
