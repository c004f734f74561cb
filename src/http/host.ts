/** The `Host` header: a host name or address literal with an optional port, or nothing at all. */
import { ClientAddress } from '../privacy/address.ts'

/** RFC 1035: a name is at most 253 characters as text. */
const MAX_HOST = 253
const PORT = /^[1-9]\d{0,4}$/
const [DOT, COLON, BRACKET] = [0x2e, 0x3a, 0x5b] as const

/** As a client sent it, and what it names. A connection that asks for the same again has it read no more from the third request on. */
export class Host {
  readonly text: string
  /** As `readHost` has it. */
  readonly name: string | undefined

  constructor(text: string) {
    this.text = text
    this.name = readHost(text)
  }

  /** In memory of its own: a text that was cut out of a request keeps all of it, cookies and all. */
  static copyOf({ text }: Host): Host {
    return new Host(Buffer.from(text).toString())
  }
}

/** @returns lower case, without port and trailing dot; undefined where it is no valid host */
export function readHost(value: string): string | undefined {
  if (value.length > MAX_HOST + '.:65535'.length) return undefined
  if (value.charCodeAt(0) === BRACKET) return readLiteral(value)
  const end = endOfName(value)
  if (end < value.length && !(value.charCodeAt(end) === COLON && isPort(value.slice(end + 1)))) return undefined
  const dotted = value.charCodeAt(end - 1) === DOT
  const length = dotted ? end - 1 : end
  if (length === 0 || length > MAX_HOST) return undefined
  return lowered(value.slice(0, length))
}

/** Where labels of letters, digits, hyphens and underscores end, and no empty one among them. Everything else, such as `@`, `/` and `%`, changes what a URL means. */
function endOfName(value: string): number {
  let label = 0
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    const small = code | 0x20
    const within = (small >= 0x61 && small <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f
    if (!within && (code !== DOT || label === i)) return i
    if (!within) label = i + 1
  }
  return value.length
}

/** Hosts are lower case as a rule, and to look is faster than to have V8 make another text of each. */
function lowered(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code >= 0x41 && code <= 0x5a) return name.toLowerCase()
  }
  return name
}

function readLiteral(value: string): string | undefined {
  const end = value.lastIndexOf(']') + 1
  if (end < value.length && !(value.charCodeAt(end) === COLON && isPort(value.slice(end + 1)))) return undefined
  const host = value.slice(0, end).toLowerCase()
  return isIPv6Literal(host) ? host : undefined
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65535
}

function isIPv6Literal(host: string): boolean {
  return /^\[[0-9a-f:.]+\]$/.test(host) && host.includes(':') && ClientAddress.parse(host) !== undefined
}
