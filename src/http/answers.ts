/**
 * Every answer that the public listener gives, with its exact headers.
 *
 * All of them may be read by any web page (`Access-Control-Allow-Origin: *`, without which browser players see a network
 * error), none may be stored, and none repeats anything that the client sent except in a redirect's `Location`.
 */
import type { Reason } from '../routing/reasons.ts'
import type { Answer } from './message.ts'
import { METHODS } from './request.ts'
import { HTTP_REJECTIONS } from './rejection.ts'
import type { HttpRejectionName } from './rejection.ts'

/**
 * A redirect. Browsers store neither 302 nor 307 with `no-store`; 301 and 308 they would keep.
 * `Location` is `base` followed by a path and a query, all of printable ASCII; anything else is a bug and becomes a refusal
 * with status 503, because a wrong host is worse than no answer.
 *
 * @param base the member's base, such as `https://edge.example`: scheme and authority, without user information, and perhaps a path
 * @param query without its `?`; empty for none
 */
export function redirectAnswer(base: string, path: string, query: string, status: 302 | 307): Answer {
  const sound = isBase(base) && path.charCodeAt(0) === SLASH && PRINTABLE.test(path) && (query === '' || PRINTABLE.test(query))
  return sound ? new Redirection(base, path, query, status) : refusalAnswer(503, 'assertion')
}

/** Who writes its lines has no need of its headers one by one, so they are put together only when asked for. */
class Redirection implements Answer {
  readonly status: number
  readonly body = undefined
  readonly lines: string

  constructor(base: string, path: string, query: string, status: 302 | 307) {
    this.status = status
    this.lines = query === '' ? `${LOCATION}${base}${path}${EMPTY_LINES}` : `${LOCATION}${base}${path}?${query}${EMPTY_LINES}`
  }

  get headers(): readonly string[] {
    return ['Location', this.lines.slice(LOCATION.length, this.lines.indexOf('\r')), ...EMPTY]
  }
}

/** The reason is one of a closed list, so the body can tell it. Not HTML, whatever the path's extension is. */
export function refusalAnswer(status: 403 | 404 | 451 | 503, reason: Reason): Answer {
  return contentAnswer(status, 'text/plain; charset=utf-8', `${reason}\n`)
}

export function rejectionAnswer(name: HttpRejectionName): Answer {
  const { status, text } = HTTP_REJECTIONS[name]
  const plain = contentAnswer(status, 'text/plain; charset=utf-8', `${text}\n`)
  // RFC 9110, 15.5.6 demands `Allow`.
  const headers = name === 'method' ? ['Allow', ALLOWED, ...plain.headers] : plain.headers
  return { ...plain, headers, close: true }
}

/** Without `Vary: Accept`: that speaks to caches, and no cache may keep an answer that says `no-store`. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return contentAnswer(status, 'application/json', `${JSON.stringify(value)}\n`)
}

/** @param body text, sent as UTF-8 */
export function contentAnswer(status: number, contentType: string, body: string): Answer {
  return { status, headers: ['Content-Type', contentType, ...COMMON, 'Content-Length', String(Buffer.byteLength(body))], body }
}

/**
 * A preflight's answer, the same for every path: browsers fail on an OPTIONS that is redirected.
 * `Authorization` is not allowed, because browsers drop it on the way to another host.
 */
export function optionsAnswer(): Answer {
  return OPTIONS
}

/** What a bug in the router costs: this request. */
export function failureAnswer(): Answer {
  return refusalAnswer(503, 'assertion')
}

const COMMON = [
  'Cache-Control',
  'no-store',
  'Access-Control-Allow-Origin',
  '*',
  'Referrer-Policy',
  'no-referrer',
  'X-Content-Type-Options',
  'nosniff',
] as const

const LOCATION = 'Location: '
/** What follows `Location`, which is checked whenever it is written. */
const EMPTY = [...COMMON, 'Content-Length', '0'] as const
const EMPTY_LINES = EMPTY.reduce((text, part, i) => text + (i % 2 === 0 ? `\r\n${part}: ` : part), '') + '\r\n'

const ALLOWED = METHODS.join(', ')

/** What players send beyond the headers that need no permission. */
const REQUEST_HEADERS = [
  'accept',
  'cache-control',
  'cmcd-object',
  'cmcd-request',
  'cmcd-session',
  'cmcd-status',
  'content-type',
  'if-modified-since',
  'if-none-match',
  'pragma',
  'range',
  'x-requested-with',
]

const OPTIONS: Answer = Object.freeze({
  status: 204,
  headers: Object.freeze([
    'Allow',
    ALLOWED,
    ...COMMON,
    'Access-Control-Allow-Methods',
    ALLOWED,
    'Access-Control-Allow-Headers',
    REQUEST_HEADERS.join(', '),
    'Access-Control-Max-Age',
    '86400',
  ]),
  body: undefined,
})

const PRINTABLE = /^[\x21-\x7e]+$/

const SLASH = 0x2f

/** Bases that were judged already: there are few, and each is in thousands of answers. */
const judged = new Map<string, boolean>()
const MAX_JUDGED = 10_000

function isBase(base: string): boolean {
  let sound = judged.get(base)
  if (sound === undefined) {
    sound = PRINTABLE.test(base) && /^https?:\/\/[^/@?#\\]+(?:\/[^?#\\]*)?$/.test(base)
    if (judged.size >= MAX_JUDGED) judged.clear()
    judged.set(base, sound)
  }
  return sound
}
