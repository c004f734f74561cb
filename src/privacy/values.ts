/**
 * What a decision record may be made of. Each kind of text has a type of its own that only the function beside it can
 * make, and that function fails closed: what does not fit becomes `_other`, `ZZ` or nothing, never the text itself.
 *
 * The closed lists repeat `routing/`'s on purpose, because this folder depends on nothing; a test keeps them equal.
 */

declare const kind: unique symbol
type Kind<Name extends string> = string & { readonly [kind]: Name }

/** An id that the operator configured, or `_other`. */
export type Id = Kind<'id'>
/** The name of a step, free text of the operator's. */
export type StepName = Kind<'step'>
/** What a title is called in records: an id, a captured path segment that `content.ts` let through, or `_other`. */
export type ContentId = Kind<'content'>
/** `2026-03-01T20:31Z` */
export type Minute = Kind<'minute'>
/** ISO 3166-1 alpha-2, or `ZZ`. */
export type CountryCode = Kind<'country'>
/** Countries in alphabetical order with commas between them; empty where there are none. */
export type CountryList = Kind<'countries'>
/** A snapshot: `42:9f2c17ab`. */
export type VersionLabel = Kind<'version'>

export const RECORD_OBJECTS = ['master', 'media', 'segment', 'init', 'key', 'other'] as const
export const RECORD_FORMATS = ['hls', 'dash', 'mss', 'cmaf', 'ts', 'mp4', 'other'] as const
export const AGENTS = ['human', 'bot', 'tool', 'unknown'] as const
export const RECORD_OUTCOMES = ['redirect', 'panic', 'last_resort', 'bypass', 'fence', 'refuse'] as const
export const RECORD_LOCALIZATIONS = ['zone', 'asn', 'geo', 'default'] as const
export const RECORD_STATUSES = [200, 302, 307, 403, 404, 451, 503] as const
export const RECORD_LAWS = ['US-CLOUD-ACT', 'US-FISA-702', 'US-EO-12333', 'CN-NIL', 'RU-SORM', 'UK-IPA', 'IN-TA', 'other'] as const
export const RECORD_REASONS = [
  'jurisdiction', 'forced_down', 'drain', 'down', 'overload', 'scheme',
  'nearest', 'weighted', 'rendezvous', 'failover', 'load', 'spill', 'panic', 'last_resort', 'bypass',
  'unknown_service', 'segment', 'country', 'no_target', 'assertion',
] as const

export type RecordObject = (typeof RECORD_OBJECTS)[number]
export type RecordFormat = (typeof RECORD_FORMATS)[number]
export type AgentClass = (typeof AGENTS)[number]
export type RecordOutcome = (typeof RECORD_OUTCOMES)[number]
export type RecordLocalization = (typeof RECORD_LOCALIZATIONS)[number]
export type RecordStatus = (typeof RECORD_STATUSES)[number]
export type RecordLaw = (typeof RECORD_LAWS)[number]
export type RecordReason = (typeof RECORD_REASONS)[number]

export const OTHER = '_other'

const ID = /^[a-z0-9][a-z0-9_.-]{0,63}$/
const STEP = /^[ -~]{1,64}$/
const MINUTE = /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\dZ$/
const COUNTRY = /^[A-Z]{2}$/
const COUNTRIES = /^(?:[A-Z]{2}(?:,[A-Z]{2}){0,299})?$/
const VERSION = /^\d{1,16}:[0-9a-f]{8}$/

export function isId(text: string): text is Id {
  return text === OTHER || ID.test(text)
}

export function isStepName(text: string): text is StepName {
  return STEP.test(text)
}

export function isContentId(text: string): text is ContentId {
  return text === OTHER || ID.test(text)
}

export function isMinute(text: string): text is Minute {
  return MINUTE.test(text)
}

export function isCountryCode(text: string): text is CountryCode {
  return COUNTRY.test(text)
}

export function isCountryList(text: string): text is CountryList {
  return COUNTRIES.test(text)
}

export function isVersionLabel(text: string): text is VersionLabel {
  return VERSION.test(text)
}

/** For an id from the configuration; anything else becomes `_other`. */
export function idOf(text: string): Id {
  return isId(text) ? text : (OTHER as Id)
}

/** For the name of a step from the configuration; anything else becomes `_other`. */
export function stepNameOf(text: string): StepName {
  return isStepName(text) ? text : (OTHER as StepName)
}

/** For the label of a snapshot; anything else becomes `0:00000000`. */
export function versionLabelOf(text: string): VersionLabel {
  return isVersionLabel(text) ? text : ('0:00000000' as VersionLabel)
}

/** The country that a target's operator declared. It is no viewer's, so small countries stay. */
export function declaredCountryOf(country: string): CountryCode {
  return isCountryCode(country) ? country : ('ZZ' as CountryCode)
}

/** Sorted, without repetitions; what is not a country code becomes `ZZ`. */
export function countryListOf(countries: readonly string[]): CountryList {
  const codes = new Set(countries.slice(0, 300).map((code) => (isCountryCode(code) ? code : 'ZZ')))
  return [...codes].sort().join(',') as CountryList
}
