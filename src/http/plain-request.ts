/**
 * The plainest requests, read in one pass over bytes that are all there: what nearly every player sends.
 *
 * It decides nothing about HTTP. Whatever is not plain beyond doubt is `undefined`, which says only that somebody else must
 * judge it. What it does accept, llhttp accepts too and reads the same: a test holds it to that on millions of mutants.
 */
import type { Limits } from './limits.ts'
import { isNamed } from './message.ts'

export interface PlainRequest {
  readonly method: 'GET' | 'HEAD'
  /** Origin-form, printable ASCII. */
  readonly target: string
  /** Names and values in turn, as `node:http` gives them: values without white space around them. */
  readonly headers: readonly string[]
  /** Whether the client asked for the connection's end. */
  readonly close: boolean
  /** Where the next request begins. */
  readonly end: number
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
export function readPlain(bytes: Uint8Array, text: string, start: number, limits: Pick<Limits, 'maxHeaderSize' | 'maxHeaders'>): PlainRequest | undefined {
  // A request line shorter than this is none, so nothing up to there needs a check of its own.
  if (bytes.length - start < 'GET / HTTP/1.1\r\n\r\n'.length) return undefined
  const stop = Math.min(bytes.length, start + limits.maxHeaderSize)
  const method = bytes[start] === 0x47 ? 'GET' : 'HEAD'
  if (!text.startsWith(method === 'GET' ? 'GET /' : 'HEAD /', start)) return undefined
  const targetAt = start + method.length + 1
  let at = pass(bytes, targetAt, stop, TARGET)
  const target = text.slice(targetAt, at)
  if (!text.startsWith(' HTTP/1.1\r\n', at)) return undefined
  at += ' HTTP/1.1\r\n'.length

  const headers: string[] = []
  const most = limits.maxHeaders * 2
  let hosts = 0
  let connection: string | undefined
  while (bytes[at] !== CR) {
    const nameEnd = pass(bytes, at, stop, NAME)
    if (nameEnd === at || bytes[nameEnd] !== COLON || headers.length === most) return undefined
    const name = text.slice(at, nameEnd)
    let valueAt = nameEnd + 1
    while (bytes[valueAt] === SPACE || bytes[valueAt] === TAB) valueAt++
    at = pass(bytes, valueAt, stop, VALUE)
    if (at >= stop || bytes[at] !== CR || bytes[at + 1] !== LF) return undefined
    let valueEnd = at
    while (valueEnd > valueAt && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--
    const value = text.slice(valueAt, valueEnd)
    at += 2
    headers.push(name, value)
    // By length first, so that most headers cost no lower-casing.
    switch (name.length) {
      case 4:
        if (isNamed(name, 'host')) hosts++
        break
      case 6:
        if (isNamed(name, 'expect')) return undefined
        break
      case 7:
        if (isNamed(name, 'upgrade')) return undefined
        break
      case 10:
        if (!isNamed(name, 'connection')) break
        if (connection !== undefined) return undefined
        connection = value.toLowerCase()
        if (connection !== 'close' && connection !== 'keep-alive') return undefined
        break
      case 14:
        if (isNamed(name, 'content-length')) return undefined
        break
      case 16:
        // An old spelling of `Connection`, which llhttp obeys.
        if (isNamed(name, 'proxy-connection')) return undefined
        break
      case 17:
        if (isNamed(name, 'transfer-encoding')) return undefined
        break
    }
  }
  if (at + 1 >= stop || bytes[at + 1] !== LF || hosts !== 1) return undefined
  return { method, target, headers, close: connection === 'close', end: at + 2 }
}

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
