/** Requests that never reach a decision, and why: a closed list that is also a metric label. */

/**
 * `status` is what the client is told and `text` the whole body. A rejected request's connection is closed: what follows
 * on it may be the request's body, or an attempt to have it read as another request.
 */
export const HTTP_REJECTIONS = {
  malformed: { status: 400, text: 'malformed request' },
  http_version: { status: 400, text: 'unsupported HTTP version' },
  target: { status: 400, text: 'invalid request target' },
  host: { status: 400, text: 'invalid host' },
  method: { status: 405, text: 'method not allowed' },
  timeout: { status: 408, text: 'request timeout' },
  // RFC 9110, 9.3.1: content in a GET has no meaning and may be an attempt at request smuggling. The most that is taken is 0 bytes.
  body: { status: 413, text: 'no request content is accepted' },
  too_long: { status: 414, text: 'request target too long' },
  expectation: { status: 417, text: 'expectation failed' },
  headers_too_large: { status: 431, text: 'request header fields too large' },
  // Closed without an answer: no PROXY header where one is asked for, a wrong one, or not from a trusted proxy.
  proxy_header: { status: 400, text: 'PROXY protocol header expected' },
  // Closed without an answer: more connections than the listener holds.
  connection_limit: { status: 503, text: 'too many connections' },
} as const

export type HttpRejectionName = keyof typeof HTTP_REJECTIONS
export const HTTP_REJECTION_NAMES = Object.keys(HTTP_REJECTIONS) as readonly HttpRejectionName[]

export interface HttpRejection {
  readonly rejected: HttpRejectionName
}
