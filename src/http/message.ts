/**
 * A request as it came off the wire and the answer that goes back: what every listener shares, whatever parsed the bytes.
 * Everything between the two is synchronous.
 */
import { STATUS_CODES } from './builtin.ts'
import type { ClientPort } from '../privacy/port.ts'
import type { Fields } from './fields.ts'

export interface WireRequest {
  /** As sent, case kept. */
  readonly method: string
  /** The raw request target. */
  readonly target: string
  /** Names and values in turn, in the order and case of the wire, with duplicates. */
  readonly headers: readonly string[]
  /** What routing reads of them, where whoever read the request has picked it out already. */
  readonly fields?: Fields
  /** The other end's address as text, or what a trusted proxy said it is; empty where it is not known. */
  readonly peer: string
  /** The port at that address. Absent where whoever made the request knows of none. */
  readonly port?: ClientPort
  /** Whether the client speaks TLS, to this socket or, by its own word, to the trusted proxy at its other end. */
  readonly encrypted: boolean
  /** HTTP/1.0, where `Host` may be missing. */
  readonly http10: boolean
}

/** A listener adds `Date` and the connection's own headers. To HEAD it writes the headers and leaves the body out. */
export interface Answer {
  readonly status: number
  /** Names and values in turn, in wire order; `Content-Length` included where the status has one. */
  readonly headers: readonly string[]
  readonly body: string | undefined
  /** The same headers as text, each line ended, where the maker has it at hand and vouches for every byte. */
  readonly lines?: string
  /** Whether the connection ends with this answer. */
  readonly close?: boolean
}

/**
 * Whether a header has a name, whatever the case of either (RFC 9110, 5.1), without making a lower-case copy of it.
 *
 * @param expected lower-case letters and hyphens
 */
export function isNamed(name: string, expected: string): boolean {
  if (name.length !== expected.length) return false
  for (let i = 0; i < expected.length; i++) {
    const code = expected.charCodeAt(i)
    if ((name.charCodeAt(i) | (code === HYPHEN ? 0 : 0x20)) !== code) return false
  }
  return true
}

const HYPHEN = 0x2d

/**
 * The bytes of an answer, one character each, for whoever writes to a socket without an HTTP library: the system takes
 * Latin-1 fastest.
 *
 * @param date value of `Date`, IMF-fixdate
 * @param head whether the request was HEAD
 * @throws TypeError for a header that cannot be written
 */
export function serialize(answer: Answer, date: string, close: boolean, head = false): string {
  const text = `${headOf(answer)}Date: ${date}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`
  return head ? text : text + bodyOf(answer)
}

/** The bytes of an answer's body as UTF-8, one character each. */
export function bodyOf({ body }: Answer): string {
  return body === undefined ? '' : Buffer.from(body).toString('latin1')
}

/**
 * Status line and the answer's own headers, each line ended.
 *
 * @throws TypeError for a header that is not of printable ASCII
 */
export function headOf({ status, headers, lines }: Answer): string {
  let text = status === 302 ? 'HTTP/1.1 302 Found\r\n' : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  if (lines !== undefined) return text + lines
  for (let i = 0; i < headers.length; i += 2) text += `${sound(headers[i])}: ${sound(headers[i + 1])}\r\n`
  return text
}

function sound(text = ''): string {
  if (/[^\t\x20-\x7e]/.test(text)) throw new TypeError('a header is not of printable ASCII')
  return text
}
