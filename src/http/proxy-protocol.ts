/**
 * The PROXY protocol, versions 1 and 2: the line or block in front of a connection by which a proxy that does not speak
 * HTTP tells whose connection it is. HAProxy's `proxy-protocol.txt` is the specification. Pure.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { ClientPort } from '../privacy/port.ts'

/** Bytes of a whole header. The specification allows 16 + 65,535, for extensions that nobody sends here. */
export const MAX_PROXY_HEADER = 4096

export interface ProxySource {
  /** Undefined: the proxy speaks for itself, or of what is no TCP connection; the real end point is meant. */
  readonly address: string | undefined
  /** Undefined where the address is. */
  readonly port: ClientPort | undefined
  /** Whether the proxy says that the client spoke TLS to it. */
  readonly encrypted: boolean
}

/** `partial`: what is there may begin a header. */
export type ProxyHeader = 'partial' | 'invalid' | { readonly length: number; readonly source: ProxySource }

export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return 'partial'
  return bytes[0] === SIGNATURE[0] ? readBlock(bytes) : readLine(bytes)
}

const UNKNOWN: ProxySource = Object.freeze({ address: undefined, port: undefined, encrypted: false })

// Version 1

const BEGIN = 'PROXY '
/** With CRLF. */
const MAX_LINE = 107

function readLine(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, MAX_LINE)
  if (!text.startsWith(BEGIN.slice(0, text.length))) return 'invalid'
  const end = text.indexOf('\r\n')
  const line = end === -1 ? text : text.slice(0, end)
  // A CR that is the last byte so far may be the line's end.
  if (/[\r\n]/.test(end === -1 ? line.replace(/\r$/, '') : line)) return 'invalid'
  if (end === -1) return text.length < MAX_LINE ? 'partial' : 'invalid'
  const length = end + 2
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { length, source: UNKNOWN }
  const [, family, source = '', destination = '', ...ports] = /^PROXY (TCP[46]) ([^ ]+) ([^ ]+) (\d+) (\d+)$/.exec(line) ?? []
  const isAddress = family === 'TCP4' ? isIPv4 : isPlainIPv6
  if (family === undefined || !isAddress(source) || !isAddress(destination) || !ports.every(isPort)) return 'invalid'
  return { length, source: { address: source, port: ClientPort.of(Number(ports[0])), encrypted: false } }
}

/** Without a zone, which means something to one machine only. */
function isPlainIPv6(text: string): boolean {
  return !text.includes('%') && isIPv6(text)
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535
}

// Version 2

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Signature, version and command, family, length. */
const FIXED = 16
/** Bytes of both addresses and ports, by family and protocol. Every other combination is invalid. */
const ADDRESSES: ReadonlyMap<number, number> = new Map([[0x00, 0], [0x11, 12], [0x12, 12], [0x21, 36], [0x22, 36], [0x31, 216], [0x32, 216]])
const [TCP4, TCP6] = [0x11, 0x21] as const

function readBlock(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, SIGNATURE.length)
  if (SIGNATURE.compare(bytes, 0, known, 0, known) !== 0) return 'invalid'
  const command = bytes[12]
  if (command !== undefined && command !== 0x20 && command !== 0x21) return 'invalid'
  const family = bytes[13] ?? 0
  if (command === 0x21 && !ADDRESSES.has(family)) return 'invalid'
  if (bytes.length < FIXED) return 'partial'
  const length = FIXED + bytes.readUInt16BE(14)
  if (length > MAX_PROXY_HEADER) return 'invalid'
  const extensionsAt = FIXED + (ADDRESSES.get(family) ?? 0)
  if (command === 0x21 && extensionsAt > length) return 'invalid'
  if (bytes.length < length) return 'partial'
  // LOCAL: the proxy's own connection, a health check say. What else the block holds is not read.
  if (command === 0x20) return { length, source: UNKNOWN }
  const encrypted = readExtensions(bytes.subarray(0, length), extensionsAt)
  if (encrypted === undefined) return 'invalid'
  return { length, source: { ...endOf(bytes, family), encrypted } }
}

/** Both addresses come first, then both ports. */
function endOf(bytes: Buffer, family: number): Pick<ProxySource, 'address' | 'port'> {
  if (family === TCP4) return { address: bytes.subarray(FIXED, FIXED + 4).join('.'), port: ClientPort.of(bytes.readUInt16BE(FIXED + 8)) }
  if (family !== TCP6) return { address: undefined, port: undefined }
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(FIXED + group * 2).toString(16))
  return { address: groups.join(':'), port: ClientPort.of(bytes.readUInt16BE(FIXED + 32)) }
}

const [CRC32C, TLS] = [0x03, 0x20] as const

/** @returns whether the client spoke TLS; undefined where an extension does not fit or the checksum is wrong */
function readExtensions(header: Buffer, at: number): boolean | undefined {
  let encrypted = false
  let checked = false
  while (at < header.length) {
    if (at + 3 > header.length) return undefined
    const type = header[at]
    const from = at + 3
    at = from + header.readUInt16BE(at + 1)
    if (at > header.length) return undefined
    if (type === CRC32C) {
      if (checked || at - from !== 4 || header.readUInt32BE(from) !== checksum(header, from)) return undefined
      checked = true
    } else if (type === TLS) {
      const says = readTls(header.subarray(from, at))
      if (says === undefined) return undefined
      encrypted ||= says
    }
  }
  return encrypted
}

/** A byte of flags, four of the certificate's verification, and extensions of its own. */
function readTls(value: Buffer): boolean | undefined {
  if (value.length < 5) return undefined
  for (let at = 5; at < value.length; ) {
    if (at + 3 > value.length) return undefined
    at += 3 + value.readUInt16BE(at + 1)
    if (at > value.length) return undefined
  }
  return ((value[0] ?? 0) & 1) === 1
}

/** CRC-32C (RFC 3720, appendix B.4) of a header whose own checksum, at `hole`, counts as zeros. */
export function checksum(header: Uint8Array, hole: number): number {
  let crc = -1
  for (let at = 0; at < header.length; at++) {
    crc ^= at >= hole && at < hole + 4 ? 0 : (header[at] ?? 0)
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
