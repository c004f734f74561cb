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
 * `Location` must be `base` followed by a path, all of printable ASCII; anything else is a bug and becomes a refusal
 * with status 503, because a wrong host is worse than no answer.
 *
 * @param base the member's base, such as `https://edge.example`
 */
export function redirectAnswer(location: string, status: 302 | 307, base: string): Answer {
  if (!isSound(location, base)) return refusalAnswer(503, 'assertion')
  return new Redirection(location, status)
}

/** Who writes its lines has no need of its headers one by one, so they are put together only when asked for. */
class Redirection implements Answer {
  readonly status: number
  readonly body = undefined
  readonly lines: string
  readonly #location: string

  constructor(location: string, status: 302 | 307) {
    this.status = status
    this.lines = `Location: ${location}${EMPTY_LINES}`
    this.#location = location
  }

  get headers(): readonly string[] {
    return ['Location', this.#location, ...EMPTY]
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

function isSound(location: string, base: string): boolean {
  return location.startsWith(base) && location.charCodeAt(base.length) === 0x2f && hasOrigin(base) && PRINTABLE.test(location)
}

/** Whether it begins with scheme and host. */
function hasOrigin(base: string): boolean {
  const at = base.startsWith('https://') ? 8 : base.startsWith('http://') ? 7 : base.length
  return at < base.length && !NO_HOST.has(base.charCodeAt(at))
}

/** What a host does not begin with: `/`, `@`, `?`, `#` and a backslash. */
const NO_HOST: ReadonlySet<number> = new Set(Array.from('/@?#\\', (character) => character.charCodeAt(0)))
