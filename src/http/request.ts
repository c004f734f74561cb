/**
 * From a wire request to what a decision needs, or to the reason why it is none. Pure and total.
 *
 * It is stricter than HTTP asks for: origin-form targets only, exactly one valid `Host`, GET, HEAD and OPTIONS only, and
 * no content. What is refused here can neither confuse a target that reads it differently nor smuggle a second request.
 */
import type { ClientAddress } from '../privacy/address.ts'
import type { UserAgent } from '../privacy/user-agent.ts'
import type { Scheme } from '../routing/model.ts'
import { prefersJson } from './accept.ts'
import { clientAddress } from './client-address.ts'
import type { TrustedProxies } from './client-address.ts'
import { fieldsIn } from './fields.ts'
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
  /** The same with its port, as the client wrote it. */
  readonly authority: string
  /** Starts with exactly one `/`; `*` for `OPTIONS *`. */
  readonly path: string
  /** As received, without the `?`. */
  readonly query: string
  readonly address: ClientAddress | undefined
  /** Whether a trusted proxy passed on an `X-Forwarded-For` that could not be read to its end. */
  readonly forwardedInvalid: boolean
  readonly wants: 'redirect' | 'json'
  readonly userAgent: UserAgent | undefined
}

export function readRequest(wire: WireRequest, config: RequestConfig): ResolvedRequest | HttpRejection {
  const method = methodOf(wire.method)
  if (method === undefined) return rejection('method')
  if (wire.target.length > MAX_TARGET) return rejection('too_long')

  const { host, accept, userAgent, forwardedFor, forwardedProto, rejected } = wire.fields ?? fieldsIn(wire.headers)
  if (rejected !== undefined) return rejection(rejected)
  const named = host === undefined ? (wire.http10 ? '' : undefined) : host.name
  if (named === undefined) return rejection('host')
  const target = readTarget(wire.target, method === 'OPTIONS')
  if (target === undefined) return rejection('target')
  const client = clientAddress(wire.peer, forwardedFor, config.trusted)
  return {
    rejected: undefined,
    method,
    scheme: wire.encrypted || (client.viaProxy && forwardedProto !== undefined && isNamed(forwardedProto, 'https')) ? 'https' : 'http',
    host: named,
    authority: host?.text ?? '',
    path: target.path,
    query: target.query,
    address: client.address,
    forwardedInvalid: client.invalid,
    wants: accept !== undefined && prefersJson(accept) ? 'json' : 'redirect',
    userAgent,
  }
}

/** Methods are case-sensitive (RFC 9110, 9.1). */
function methodOf(method: string): Method | undefined {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? method : undefined
}

function rejection(rejected: HttpRejectionName): HttpRejection {
  return { rejected }
}
