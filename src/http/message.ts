/**
 * A request as it came off the wire and the answer that goes back: what every listener shares, whatever parsed the bytes.
 * Everything between the two is synchronous.
 */

export interface WireRequest {
  /** As sent, case kept. */
  readonly method: string
  /** The raw request target. */
  readonly target: string
  /** Names and values in turn, in the order and case of the wire, with duplicates. */
  readonly headers: readonly string[]
  /** The socket's remote address as text; empty where it is not known. */
  readonly peer: string
  /** Whether the socket itself speaks TLS. */
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
  /** Whether the connection ends with this answer. */
  readonly close?: boolean
}

const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  302: 'Found',
  307: 'Temporary Redirect',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  503: 'Service Unavailable',
}

/**
 * The bytes of an answer, for whoever writes to a socket without an HTTP library.
 *
 * @param date value of `Date`, IMF-fixdate
 * @param head whether the request was HEAD
 */
export function serialize(answer: Answer, date: string, close: boolean, head = false): string {
  let text = `HTTP/1.1 ${answer.status} ${PHRASES[answer.status] ?? ''}\r\n`
  const { headers } = answer
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  text += `Date: ${date}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`
  return head || answer.body === undefined ? text : text + answer.body
}
