/**
 * What the sealed archive holds of one request: enough to trace abuse, as providers are asked to be able to (RFC 6302: an
 * address behind a shared gateway means nothing without its port and an exact time), and nothing that lets whoever reads it
 * play or join: what is neither named by the operator nor a word is cut (`cut.ts`), and no id is shared with the decision stream.
 *
 * Here alone a client's address and port become text. The text goes from here into a sealed segment.
 */
import type { ClientAddress } from '../privacy/address.ts'
import type { ClientPort } from '../privacy/port.ts'
import { cutHost, cutPath, cutQuery } from './cut.ts'
import type { Named } from './cut.ts'

export interface RawFacts {
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly address: ClientAddress | undefined
  /** The client's, where it is known: behind a proxy the socket's own port is the proxy's. */
  readonly port: ClientPort | undefined
  readonly method: string
  readonly scheme: string
  readonly host: string
  /** As received, with its leading slash. */
  readonly path: string
  /** As received, without the question mark. */
  readonly query: string
  readonly userAgent: string | undefined
  /** Absent: nothing of the request was configured, as where no service was found. */
  readonly named?: Named | undefined
  readonly decision: {
    /** Ids of the configuration. */
    readonly service: string | undefined
    readonly target: string | undefined
    readonly outcome: string
    /** HTTP status as sent. */
    readonly status: number
  }
}

/** One line of JSON. `null`: not known. */
export interface RawRecord {
  readonly time: number
  readonly address: string | null
  readonly port: number | null
  readonly request: string
  readonly agent: string | null
  readonly service: string | null
  readonly outcome: string
  readonly target: string | null
  readonly status: number
}

/** Characters of a user agent that are kept. */
export const MAX_AGENT = 512

export function rawRecordOf(facts: RawFacts): RawRecord {
  const { time, address, port, method, scheme, host, path, query, userAgent, named, decision } = facts
  return {
    time,
    address: address === undefined ? null : addressText(address),
    port: port?.portNumber() ?? null,
    request: `${method} ${scheme}://${cutHost(host, named)}${cutPath(path, named)}${query === '' ? '' : `?${cutQuery(query)}`}`,
    agent: userAgent === undefined ? null : userAgent.slice(0, MAX_AGENT),
    service: decision.service ?? null,
    outcome: decision.outcome,
    target: decision.target ?? null,
    status: decision.status,
  }
}

/** Delete, and the controls of Latin-1, which a terminal obeys and JSON leaves as they are. */
const CONTROLS = /[\x7f-\x9f]/g

/** With its line end. Printed as it is, it tells a terminal nothing: every control in it is escaped. */
export function rawLine(record: RawRecord): string {
  return `${JSON.stringify(record).replace(CONTROLS, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)}\n`
}

/** The time and address of a line, which is all that a search looks at; undefined for what is no record. */
export function readRawLine(line: string): Pick<RawRecord, 'time' | 'address'> | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('time' in value) || !('address' in value)) return undefined
  const { time, address } = value
  return typeof time === 'number' && (address === null || typeof address === 'string') ? { time, address } : undefined
}

/** Dotted decimal, or the one canonical text of RFC 5952. */
export function addressText(address: ClientAddress): string {
  const first = address.word(0)
  if (address.family === 4) return `${first >>> 24}.${(first >>> 16) & 255}.${(first >>> 8) & 255}.${first & 255}`
  const words = [first, address.word(1), address.word(2), address.word(3)]
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff])
  const { start, length } = longestZeros(groups)
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

function longestZeros(groups: readonly number[]): { start: number, length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
    start += length
  }
  return best
}
