/** The `Host` header: a host name or address literal with an optional port, or nothing at all. */
import { ClientAddress } from '../privacy/address.ts'

/** RFC 1035: a name is at most 253 characters as text. */
const MAX_HOST = 253
/** Labels of letters, digits, hyphens and underscores. Everything else, such as `@`, `/` and `%`, changes what a URL means. */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const PORT = /^[1-9]\d{0,4}$/

/** @returns lower case, without port and trailing dot; undefined where it is no valid host */
export function readHost(value: string): string | undefined {
  if (value.length > MAX_HOST + '.:65535'.length) return undefined
  const colon = value.indexOf(':', value.lastIndexOf(']') + 1)
  if (colon !== -1 && !isPort(value.slice(colon + 1))) return undefined
  let host = (colon === -1 ? value : value.slice(0, colon)).toLowerCase()
  if (host.charCodeAt(0) === 0x5b) return isIPv6Literal(host) ? host : undefined
  if (host.endsWith('.')) host = host.slice(0, -1)
  return host.length <= MAX_HOST && NAME.test(host) ? host : undefined
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65535
}

function isIPv6Literal(host: string): boolean {
  return /^\[[0-9a-f:.]+\]$/.test(host) && host.includes(':') && ClientAddress.parse(host) !== undefined
}
