/**
 * What arrives with a request, and what becomes of it in each of the three things that are written: the table of PRIVACY.md.
 * Tests hold it against the schemas: every field of each stands in a row, and what is dropped has no field.
 */
import type { DecisionRecord } from './record.ts'

/** Coarsened: to a class or a bucket. Sealed: in the archive, for its officers alone. */
export type Fate = 'kept' | 'coarsened' | 'sealed'

/** `dropped`: used in memory for one answer, or not read at all. */
export type Becomes<Field extends string> = 'dropped' | 'does not exist' | {
  readonly fate: Fate
  /** Follows the fate, such as `to the country`, or behind a comma. */
  readonly how: string
  /** Where it is written. */
  readonly fields: readonly Field[]
}

export type CounterField = 'v' | 't' | 'service' | 'device' | 'ip' | 'asn' | 'ref' | 'n' | 'k'
export type ArchiveField = 'time' | 'address' | 'port' | 'request' | 'agent' | 'service' | 'outcome' | 'target' | 'status'

export interface Arrival {
  readonly what: string
  readonly record: Becomes<keyof DecisionRecord>
  readonly counters: Becomes<CounterField>
  readonly archive: Becomes<ArchiveField>
  readonly why: string
}

function is<Field extends string>(fate: Fate, how: string, ...fields: Field[]): { readonly fate: Fate, readonly how: string, readonly fields: readonly Field[] } {
  return { fate, how, fields }
}

const NOWHERE = { record: 'dropped', counters: 'dropped', archive: 'dropped' } as const

export const ARRIVALS: readonly Arrival[] = [
  {
    what: 'client address: socket, `X-Forwarded-For`, PROXY protocol',
    record: is('coarsened', 'to the country', 'country'),
    counters: is('coarsened', 'to the IP version; beside it one bit of 256, in memory until the threshold is reached', 'ip'),
    archive: is('sealed', '', 'address'),
    why: 'it names a household; looked up in memory, then dropped. Its type cannot be printed or put in a record',
  },
  { ...NOWHERE, what: 'prefix, hash or encryption of the address', why: 'short inputs are found again by trying them all' },
  { ...NOWHERE, what: 'the viewer\'s draw, a keyed hash that decides between equal targets', why: 'it would be an identifier if it were written; its key is in memory and changes daily' },
  {
    ...NOWHERE,
    what: 'source port: socket, PROXY protocol, or `X-Forwarded-For` where an entry has one',
    archive: is('sealed', 'where it is known: a proxy may pass on addresses alone', 'port'),
    why: 'behind a shared address it is what tells one household from the others. Its type cannot be printed either, and only the archive reads it',
  },
  { ...NOWHERE, what: 'country', record: is('kept', 'but for countries with few people, which are `ZZ`', 'country', 'localization'), why: 'the finest place that a record has, and how it was found' },
  { ...NOWHERE, what: 'region, city, coordinates, time zone', why: 'used to choose the nearest target; too few people share them' },
  { ...NOWHERE, what: 'autonomous system', counters: is('kept', 'per day, above the threshold', 'asn'), why: 'a small one is one employer' },
  { what: 'time', record: is('coarsened', 'to the UTC minute', 't'), counters: is('coarsened', 'to the hour or day', 't'), archive: is('sealed', 'in ms', 'time'), why: 'a fine time joins logs to each other' },
  {
    what: 'user agent',
    record: is('coarsened', 'to human, bot, tool, unknown', 'agent'),
    counters: is('coarsened', 'to one of ten device classes, per hour, above the threshold', 'device'),
    archive: is('sealed', 'cut to a length', 'agent'),
    why: 'its text is a fingerprint',
  },
  { ...NOWHERE, what: 'client hints, `Accept-Language`, `DNT`, `Sec-GPC`', why: 'a fingerprint; not read' },
  { ...NOWHERE, what: '`Referer`', counters: is('coarsened', 'to the host, per day, above the threshold, only if the service lists it', 'ref'), why: 'it tells what somebody reads' },
  { ...NOWHERE, what: '`Origin`', why: 'the same; not read' },
  {
    ...NOWHERE,
    what: 'path',
    record: is('coarsened', 'to a title that the service\'s content rules name, else `_other`; and to format and kind', 'content', 'format', 'object'),
    archive: is('sealed', 'what the service\'s content rules name, short words and the file\'s extension; all else cut', 'request'),
    why: 'signed tokens live in paths',
  },
  { ...NOWHERE, what: 'query, with signatures and tokens', archive: is('sealed', 'names alone, values cut', 'request'), why: 'it is passed on in `Location`, unless the service says otherwise; where manifests are steered, to the target by the router itself, which keeps them for as long as their headers allow, an hour and another one in case of errors at most, under a keyed hash of their address' },
  { ...NOWHERE, what: 'CMCD: session, content, measurements', archive: is('sealed', 'the name alone, values cut', 'request'), why: 'a session id follows one playback; taken out of `Location` too, but for measurements that a service lists in `query.cmcd`' },
  { ...NOWHERE, what: 'cookies, `Authorization`, `If-None-Match`', why: 'identifiers; not read, and none are set' },
  { ...NOWHERE, what: 'session, trace and request ids in headers', why: 'the same; not read' },
  { ...NOWHERE, what: '`Range`, bytes, timing of the connection', why: 'they tell what is watched, even encrypted. Consumption is of machines and in sums' },
  { ...NOWHERE, what: 'TLS and HTTP fingerprints', why: 'a fingerprint; not computed' },
  { what: 'host name', record: is('coarsened', 'to the service', 'service'), counters: is('coarsened', 'to the service', 'service'), archive: is('sealed', '', 'request', 'service'), why: 'needed to tell customers apart; a connection that asks again remembers it while it lasts' },
  { ...NOWHERE, what: 'method', archive: is('sealed', '', 'request'), why: 'no statistic needs it' },
  {
    ...NOWHERE,
    what: 'what was decided, where to, why, under which policy',
    record: is('kept', '', 'outcome', 'step', 'target', 'why', 'status', 'policy', 'compliant', 'rejected', 'jurisdiction', 'snapshot', 'router'),
    archive: is('sealed', '', 'outcome', 'target', 'status'),
    why: 'the product\'s proof',
  },
  {
    what: 'how many requests were alike',
    record: is('kept', 'with the version of the format', 'n', 'v'),
    counters: is('kept', 'above the threshold, which is told with it', 'n', 'k', 'v'),
    archive: 'dropped',
    why: 'it is what is counted',
  },
  { what: 'an id that joins a record to the archive', record: 'does not exist', counters: 'does not exist', archive: 'does not exist', why: 'it would make the record personal for as long as both are kept' },
]
