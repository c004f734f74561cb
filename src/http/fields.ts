/** The few request headers that routing reads, picked out once, by whoever reads the request. */
import { UserAgent } from '../privacy/user-agent.ts'
import { Host } from './host.ts'
import { isNamed } from './message.ts'

/** Values of a name that was sent more than once are one list (RFC 9110, 5.3). */
export interface Fields {
  readonly host: Host | undefined
  readonly accept: string | undefined
  /** The first. */
  readonly userAgent: UserAgent | undefined
  readonly forwardedFor: string | undefined
  readonly forwardedProto: string | undefined
  /** Why a request with these headers is none, whatever else it says; the first reason. */
  readonly rejected: 'host' | 'expectation' | 'body' | undefined
}

/** @param headers names and values in turn */
export function fieldsIn(headers: readonly string[]): Fields {
  let host: string | undefined
  let accept: string | undefined
  let userAgent: UserAgent | undefined
  let forwardedFor: string | undefined
  let forwardedProto: string | undefined
  let rejected: Fields['rejected']
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    // Names are compared by length first, so that most headers cost no lower-casing.
    switch (name.length) {
      case 4:
        if (!isNamed(name, 'host')) break
        if (host !== undefined) rejected ??= 'host'
        host = value
        break
      case 6:
        if (isNamed(name, 'accept')) accept = joined(accept, value)
        else if (isNamed(name, 'expect') && value.toLowerCase() !== '100-continue') rejected ??= 'expectation'
        break
      case 10:
        if (isNamed(name, 'user-agent')) userAgent ??= UserAgent.of(value)
        break
      case 14:
        if (isNamed(name, 'content-length') && value !== '0') rejected ??= 'body'
        break
      case 15:
        if (isNamed(name, 'x-forwarded-for')) forwardedFor = joined(forwardedFor, value)
        break
      case 17:
        if (isNamed(name, 'transfer-encoding')) rejected ??= 'body'
        else if (isNamed(name, 'x-forwarded-proto')) forwardedProto = joined(forwardedProto, value)
        break
    }
  }
  return { host: host === undefined ? undefined : new Host(host), accept, userAgent, forwardedFor, forwardedProto, rejected }
}

export function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`
}
