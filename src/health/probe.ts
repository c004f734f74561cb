/**
 * One health check over HTTP. The owner of `undici`.
 *
 * The other side is not trusted: it may be broken in any way, or somebody else's. Every wait has an end, every answer a
 * size, no redirect is followed, and the address is judged when the connection is made. Nothing of an answer is kept.
 */
import type { Client, Dispatcher } from 'undici'
import type { Family, Target } from '../routing/model.ts'
import { isInternal } from './internal-ranges.ts'
import { familyOf, guarded, resolveAll } from './lookup.ts'
import type { Resolve } from './lookup.ts'

export interface CheckSpec {
  readonly target: Target
  /** `http:` or `https:`, with path and query, without user and password. */
  readonly url: string
  /** Default `GET`. */
  readonly method?: 'GET' | 'HEAD'
  /** `Host`, and the name in the TLS handshake; default the URL's own. */
  readonly host?: string
  /** Default 200 to 299. A redirect is not followed: name 302 here where it is right. */
  readonly statuses?: ReadonlySet<number>
  /** Text that the body must contain, anywhere. */
  readonly contains?: string
  /** Milliseconds until there must be a connection; default 2000. */
  readonly connectMs?: number
  /** Milliseconds for all of it; default 5000. */
  readonly deadlineMs?: number
  /** Bytes of body that a healthy answer has at most; default 1 MiB, above which no playlist is. */
  readonly maxBytes?: number
  /** Whether the target may be at an internal address; default false. */
  readonly allowInternal?: boolean
  /** Addresses of this family alone; default any. */
  readonly family?: Family
}

export const PROBE_RESULTS = [
  'ok', 'url', 'dns', 'no_such_family', 'internal_address', 'refused', 'unreachable', 'connect_timeout', 'tls', 'reset', 'timeout', 'protocol',
  'headers_too_large', 'status', 'body', 'body_too_large', 'cancelled', 'other',
] as const
export type ProbeWhy = (typeof PROBE_RESULTS)[number]

export interface ProbeResult {
  readonly ok: boolean
  readonly why: ProbeWhy
}

const MAX_HEADERS = 16 * 1024
const MAX_BODY = 1024 * 1024

/**
 * Never throws and never takes longer than `deadlineMs`.
 * @param cancel ends the check early, as `cancelled`
 */
export async function probe(spec: CheckSpec, cancel?: AbortSignal, resolve: Resolve = resolveAll): Promise<ProbeResult> {
  const url = readUrl(spec.url)
  if (url === undefined) return failed('url')
  const allowInternal = spec.allowInternal ?? false
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  // A literal address is never looked up.
  const literal = familyOf(hostname)
  if (!allowInternal && literal !== undefined && isInternal(hostname)) return failed('internal_address')
  if (literal !== undefined && literal !== (spec.family ?? literal)) return failed('no_such_family')

  const deadline = AbortSignal.timeout(spec.deadlineMs ?? 5000)
  let client: Client | undefined
  try {
    client = await connectionTo(url, spec, guarded(resolve, allowInternal, spec.family))
    return await exchange(client, url, spec, cancel === undefined ? deadline : AbortSignal.any([deadline, cancel]))
  } catch (error) {
    if (cancel?.aborted === true) return failed('cancelled')
    return failed(deadline.aborted ? 'timeout' : whyOf(error))
  } finally {
    // Not awaited: a socket that does not go quietly must not hold up the next check.
    void client?.destroy().catch(() => undefined)
  }
}

/** A connection of its own for every check: the handshake is part of what is checked, and no session is shared. */
async function connectionTo(url: URL, spec: CheckSpec, lookup: ReturnType<typeof guarded>): Promise<Client> {
  // A router is ready without it.
  const { Client } = await import('undici')
  const deadlineMs = spec.deadlineMs ?? 5000
  return new Client(url.origin, {
    connect: { lookup, timeout: Math.min(spec.connectMs ?? 2000, deadlineMs), maxCachedSessions: 0 },
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
    maxHeaderSize: MAX_HEADERS,
    maxResponseSize: spec.maxBytes ?? MAX_BODY,
    pipelining: 1,
    allowH2: false,
  })
}

async function exchange(client: Client, url: URL, spec: CheckSpec, signal: AbortSignal): Promise<ProbeResult> {
  const method = spec.method ?? 'GET'
  const headers: Record<string, string> = { 'user-agent': 'wissel-health', accept: '*/*' }
  if (spec.host !== undefined) headers['host'] = spec.host
  const { statusCode, body } = await client.request({ path: url.pathname + url.search, method, headers, signal })
  // Whatever happens to the body after the verdict is of no interest, but an unheard error would end the process.
  body.on('error', () => undefined)
  const expected = spec.statuses?.has(statusCode) ?? (statusCode >= 200 && statusCode <= 299)
  if (!expected) return failed('status')
  if (method === 'HEAD') return OK
  return (await contains(body, Buffer.from(spec.contains ?? ''))) ? OK : failed('body')
}

/** Looks for a text as the body arrives, also across its pieces, and reads on to the end: an answer that never ends, or not in time, works for no player. */
async function contains(body: Dispatcher.ResponseData['body'], text: Buffer): Promise<boolean> {
  let tail = Buffer.alloc(0)
  let found = text.length === 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    if (found) continue
    const window = Buffer.concat([tail, piece])
    found = window.includes(text)
    tail = window.subarray(Math.max(0, window.length - text.length + 1))
  }
  return found
}

function readUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') return undefined
  return url
}

const BY_CODE: Readonly<Record<string, ProbeWhy>> = {
  INTERNAL_ADDRESS: 'internal_address',
  NO_SUCH_FAMILY: 'no_such_family',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'connect_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'headers_too_large',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'body_too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  EPROTO: 'tls',
}

function whyOf(error: unknown): ProbeWhy {
  // Several addresses were tried: the last one's fate is as good as any.
  const cause = error instanceof AggregateError ? error.errors.at(-1) : error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const known = BY_CODE[code]
  if (known !== undefined) return known
  // The parser's errors do not always carry a code.
  if (cause instanceof Error && cause.name === 'HTTPParserError') return 'protocol'
  return /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(code) ? 'tls' : 'other'
}

const OK: ProbeResult = Object.freeze({ ok: true, why: 'ok' })

function failed(why: ProbeWhy): ProbeResult {
  return { ok: false, why }
}
