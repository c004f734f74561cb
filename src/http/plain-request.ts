/**
 * The plainest requests, read in one pass over bytes that are all there: what nearly every player sends.
 *
 * It decides nothing about HTTP. Whatever is not plain beyond doubt is `undefined`, which says only that somebody else must
 * judge it. What it does accept, llhttp accepts too and reads the same: a test holds it to that on millions of mutants.
 */
import type { ClientPort } from '../privacy/port.ts'
import { UserAgent } from '../privacy/user-agent.ts'
import { joined } from './fields.ts'
import type { Fields } from './fields.ts'
import { Host } from './host.ts'
import type { Limits } from './limits.ts'
import type { WireRequest } from './message.ts'

/** What is sent along with a request by its connection. */
export type Sender = Pick<WireRequest, 'peer' | 'encrypted'> & { readonly port: ClientPort, readonly host?: Host | undefined }

export class PlainRequest implements WireRequest {
  readonly method: 'GET' | 'HEAD'
  /** Origin-form, printable ASCII. */
  readonly target: string
  readonly fields: Fields
  readonly peer: string
  readonly port: ClientPort
  readonly encrypted: boolean
  readonly http10 = false
  /** Whether the client asked for the connection's end. */
  readonly close: boolean
  /** Where the next request begins. */
  readonly end: number
  readonly #text: string
  readonly #headersAt: number

  /** @param text from whose place `headersAt` on the headers stand, to `end` */
  constructor(method: 'GET' | 'HEAD', target: string, fields: Fields, { peer, port, encrypted }: Sender, close: boolean, text: string, headersAt: number, end: number) {
    this.method = method
    this.target = target
    this.fields = fields
    this.peer = peer
    this.port = port
    this.encrypted = encrypted
    this.close = close
    this.end = end
    this.#text = text
    this.#headersAt = headersAt
  }

  /** Names and values in turn, as `node:http` gives them: values without white space around them. Taken apart when asked for, which is seldom. */
  get headers(): readonly string[] {
    const lines = this.#text.slice(this.#headersAt, this.end).split('\r\n').slice(0, -2)
    return lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).replace(/^[\t ]+|[\t ]+$/g, '')])
  }
}

const TARGET = 1
const NAME = 2
const VALUE = 4
const [TAB, LF, CR, SPACE, COLON] = [0x09, 0x0a, 0x0d, 0x20, 0x3a] as const

/**
 * GET or HEAD, origin-form, HTTP/1.1, printable ASCII, CRLF, exactly one `Host`, no content and nothing that asks for
 * another protocol, within the limits.
 *
 * @param text the same bytes as Latin-1 text
 */
export function readPlain(bytes: Uint8Array, text: string, start: number, limits: Pick<Limits, 'maxHeaderSize' | 'maxHeaders'>, sender: Sender): PlainRequest | undefined {
  // A request line shorter than this is none, so nothing up to there needs a check of its own.
  if (bytes.length - start < 'GET / HTTP/1.1\r\n\r\n'.length) return undefined
  const stop = Math.min(bytes.length, start + limits.maxHeaderSize)
  const method = bytes[start] === 0x47 ? 'GET' : 'HEAD'
  if (!isAt(bytes, start, method === 'GET' ? GET : HEAD)) return undefined
  const targetAt = start + method.length + 1
  let at = pass(bytes, targetAt, stop, TARGET)
  const targetEnd = at
  if (!isAt(bytes, at, VERSION)) return undefined
  at += VERSION.length

  const headersAt = at
  let left = limits.maxHeaders
  let host: Host | undefined
  let accept: string | undefined
  let userAgent: UserAgent | undefined
  let forwardedFor: string | undefined
  let forwardedProto: string | undefined
  let connection: 'close' | 'keep-alive' | undefined
  while (bytes[at] !== CR) {
    const nameAt = at
    const nameEnd = pass(bytes, at, stop, NAME)
    if (nameEnd === at || bytes[nameEnd] !== COLON || left-- === 0) return undefined
    let valueAt = nameEnd + 1
    while (bytes[valueAt] === SPACE || bytes[valueAt] === TAB) valueAt++
    at = pass(bytes, valueAt, stop, VALUE)
    if (at >= stop || bytes[at] !== CR || bytes[at + 1] !== LF) return undefined
    let valueEnd = at
    while (valueEnd > valueAt && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--
    at += 2
    // By length first: few headers are looked at twice, and fewer become text.
    switch (nameEnd - nameAt) {
      case 4:
        if (!isNameAt(bytes, nameAt, HOST)) break
        if (host !== undefined) return undefined
        host = sender.host !== undefined && isTextAt(bytes, valueAt, valueEnd, sender.host.text) ? sender.host : new Host(text.slice(valueAt, valueEnd))
        break
      case 6:
        if (isNameAt(bytes, nameAt, ACCEPT)) accept = joined(accept, text.slice(valueAt, valueEnd))
        else if (isNameAt(bytes, nameAt, EXPECT)) return undefined
        break
      case 7:
        if (isNameAt(bytes, nameAt, UPGRADE)) return undefined
        break
      case 10:
        if (isNameAt(bytes, nameAt, USER_AGENT)) userAgent ??= new UserAgent(bytes, valueAt, valueEnd)
        else if (isNameAt(bytes, nameAt, CONNECTION)) {
          if (connection !== undefined) return undefined
          connection = optionAt(bytes, valueAt, valueEnd)
          if (connection === undefined) return undefined
        }
        break
      case 14:
        if (isNameAt(bytes, nameAt, CONTENT_LENGTH)) return undefined
        break
      case 15:
        if (isNameAt(bytes, nameAt, FORWARDED_FOR)) forwardedFor = joined(forwardedFor, text.slice(valueAt, valueEnd))
        break
      case 16:
        // An old spelling of `Connection`, which llhttp obeys.
        if (isNameAt(bytes, nameAt, PROXY_CONNECTION)) return undefined
        break
      case 17:
        if (isNameAt(bytes, nameAt, TRANSFER_ENCODING)) return undefined
        if (isNameAt(bytes, nameAt, FORWARDED_PROTO)) forwardedProto = joined(forwardedProto, text.slice(valueAt, valueEnd))
        break
    }
  }
  if (at + 1 >= stop || bytes[at + 1] !== LF || host === undefined) return undefined
  const fields: Fields = { host, accept, userAgent, forwardedFor, forwardedProto, rejected: undefined }
  return new PlainRequest(method, text.slice(targetAt, targetEnd), fields, sender, connection === 'close', text, headersAt, at + 2)
}

const [GET, HEAD, VERSION] = ['GET /', 'HEAD /', ' HTTP/1.1\r\n'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer]

function isAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  return true
}

function isTextAt(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

/** Lower-case names of headers. */
const [HOST, ACCEPT, EXPECT, UPGRADE, USER_AGENT, CONNECTION] = names('host', 'accept', 'expect', 'upgrade', 'user-agent', 'connection')
const [CONTENT_LENGTH, FORWARDED_FOR, PROXY_CONNECTION, TRANSFER_ENCODING, FORWARDED_PROTO] = names('content-length', 'x-forwarded-for', 'proxy-connection', 'transfer-encoding', 'x-forwarded-proto')

function names<const T extends readonly string[]>(...all: T): { readonly [K in keyof T]: Uint8Array } {
  return all.map((name) => Buffer.from(name)) as unknown as { readonly [K in keyof T]: Uint8Array }
}

/** Whether a name of that very length stands there, in either case (RFC 9110, 5.1). */
function isNameAt(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    const expected = name[i] ?? 0
    if (((bytes[at + i] ?? 0) | (expected === HYPHEN ? 0 : 0x20)) !== expected) return false
  }
  return true
}

/** What a connection is asked for; undefined for everything but the two words that llhttp takes for the whole of it. */
function optionAt(bytes: Uint8Array, start: number, end: number): 'close' | 'keep-alive' | undefined {
  if (end - start === CLOSE.length && isNameAt(bytes, start, CLOSE)) return 'close'
  return end - start === KEEP_ALIVE.length && isNameAt(bytes, start, KEEP_ALIVE) ? 'keep-alive' : undefined
}

const [CLOSE, KEEP_ALIVE] = names('close', 'keep-alive')
const HYPHEN = 0x2d

/** The first place from `at` on whose byte is not of a class, or `stop`. */
function pass(bytes: Uint8Array, at: number, stop: number, of: number): number {
  while (at < stop && ((CLASSES[bytes[at] ?? 0] ?? 0) & of) !== 0) at++
  return at
}

/** By byte: what it may be part of. A `#` is left to those who judge, and a name is a token (RFC 9110, 5.6.2). */
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code === TAB || code === SPACE) return VALUE
  if (code < SPACE || code > 0x7e) return 0
  const character = String.fromCharCode(code)
  return VALUE | (character === '#' ? 0 : TARGET) | (/[!#$%&'*+.^_`|~0-9a-z-]/i.test(character) ? NAME : 0)
})
