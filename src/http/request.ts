/**
 * From a wire request to what a decision needs, or to the reason why it is none. Pure and total.
 *
 * It is stricter than HTTP asks for: origin-form targets only, exactly one valid `Host`, GET, HEAD and OPTIONS only, and
 * no content. What is refused here can neither confuse a target that reads it differently nor smuggle a second request.
 */
import type { ClientAddress } from '../privacy/address.ts'
import type { Scheme } from '../routing/model.ts'
import { prefersJson } from './accept.ts'
import { clientAddress } from './client-address.ts'
import type { TrustedProxies } from './client-address.ts'
import { readHost } from './host.ts'
import { isNamed } from './message.ts'
import type { WireRequest } from './message.ts'
import type { HttpRejection, HttpRejectionName } from './rejection.ts'
import { MAX_TARGET, readTarget } from './target.ts'

export interface RequestConfig {
  /** Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  readonly trusted: TrustedProxies
}

export const METHODS = ['GET', 'HEAD', 'OPTIONS'] as const
export type Method = (typeof METHODS)[number]

export interface ResolvedRequest {
  readonly rejected: undefined
  readonly method: Method
  readonly scheme: Scheme
  /** Lower case, without port or trailing dot; IPv6 in brackets. Empty for HTTP/1.0 without `Host`. */
  readonly host: string
  /** The same with its port, as the client wrote it but in lower case. */
  readonly authority: string
  /** Starts with exactly one `/`; `*` for `OPTIONS *`. */
  readonly path: string
  /** As received, without the `?`. */
  readonly query: string
  readonly address: ClientAddress | undefined
  /** Whether a trusted proxy passed on an `X-Forwarded-For` that could not be read to its end. */
  readonly forwardedInvalid: boolean
  readonly wants: 'redirect' | 'json'
  readonly userAgent: string | undefined
}

export function readRequest(wire: WireRequest, config: RequestConfig): ResolvedRequest | HttpRejection {
  const method = methodOf(wire.method)
  if (method === undefined) return rejection('method')
  if (wire.target.length > MAX_TARGET) return rejection('too_long')

  let host: string | undefined
  let accept: string | undefined
  let userAgent: string | undefined
  let proto: string | undefined
  let forwarded = false
  const { headers } = wire
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    // Names are compared by length first, so that most headers cost no lower-casing.
    switch (name.length) {
      case 4:
        if (!isNamed(name, 'host')) break
        if (host !== undefined) return rejection('host')
        host = value
        break
      case 6:
        if (isNamed(name, 'accept')) accept = accept === undefined ? value : `${accept},${value}`
        else if (isNamed(name, 'expect') && value.toLowerCase() !== '100-continue') return rejection('expectation')
        break
      case 10:
        if (isNamed(name, 'user-agent')) userAgent ??= value
        break
      case 14:
        if (isNamed(name, 'content-length') && value !== '0') return rejection('body')
        break
      case 15:
        if (isNamed(name, 'x-forwarded-for')) forwarded = true
        break
      case 17:
        if (isNamed(name, 'transfer-encoding')) return rejection('body')
        // A repeated value is kept as a list, which is no valid value.
        if (isNamed(name, 'x-forwarded-proto')) proto = proto === undefined ? value : `${proto},${value}`
        break
    }
  }

  const named = host === undefined ? (wire.http10 ? '' : undefined) : readHost(host)
  if (named === undefined) return rejection('host')
  const target = readTarget(wire.target, method === 'OPTIONS')
  if (target === undefined) return rejection('target')
  const client = clientAddress(wire.peer, forwarded || proto !== undefined ? headers : NO_HEADERS, config.trusted)
  return {
    rejected: undefined,
    method,
    scheme: wire.encrypted || (client.viaProxy && proto?.toLowerCase() === 'https') ? 'https' : 'http',
    host: named,
    authority: host === undefined ? '' : host.toLowerCase(),
    path: target.path,
    query: target.query,
    address: client.address,
    forwardedInvalid: client.invalid,
    wants: accept !== undefined && prefersJson(accept) ? 'json' : 'redirect',
    userAgent,
  }
}

const NO_HEADERS: readonly string[] = Object.freeze([])

/** Methods are case-sensitive (RFC 9110, 9.1). */
function methodOf(method: string): Method | undefined {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? method : undefined
}

function rejection(rejected: HttpRejectionName): HttpRejection {
  return { rejected }
}
