/** Requests that are nearly plain, and what `node:http` alone makes of those that the fast lane's reader takes. */
import { duplexPair } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { fieldsIn } from '../../src/http/fields.ts'
import type { Fields } from '../../src/http/fields.ts'
import { Host } from '../../src/http/host.ts'
import { LIMITS } from '../../src/http/limits.ts'
import { hardenedServer } from '../../src/http/node-http.ts'
import { readPlain } from '../../src/http/plain-request.ts'
import type { PlainRequest, Sender } from '../../src/http/plain-request.ts'
import { ClientPort } from '../../src/privacy/port.ts'

const HOST = 'Host: play.example\r\n'
const BROWSER = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0\r\nAccept: */*\r\n'
  + 'Accept-Language: nl,en;q=0.8\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nOrigin: https://www.tv.example\r\n'
  + 'Referer: https://www.tv.example/\r\nsec-fetch-dest: empty\r\nsec-fetch-mode: cors\r\nsec-fetch-site: cross-site\r\n'

/** Plain requests, as players, proxies and programs send them. */
export const PLAIN: readonly string[] = [
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `GET /demo/x.m3u8?t=a~b+c%2F&d HTTP/1.1\r\n${HOST}\r\n`,
  `HEAD /demo/x.mpd HTTP/1.1\r\nhost:play.example:8080\r\naccept: application/json\r\n\r\n`,
  `GET /demo/master.m3u8?session=01234567 HTTP/1.1\r\n${HOST}${BROWSER}X-Forwarded-For: 192.0.2.1, 2001:db8::1\r\nX-Forwarded-Proto: https\r\n\r\n`,
  `GET /demo/x.m3u8 HTTP/1.1\r\n${BROWSER}Connection: keep-alive\r\n${HOST}\r\n`,
  `GET /demo/x.m3u8 HTTP/1.1\r\n${HOST}Connection: close\r\nRange: bytes=0-\r\n\r\n`,
  `GET //x"<>^\`{|}[]\\~!$&'()*+,;=:@ HTTP/1.1\r\nHOST: [2001:db8::1]\r\nX: \t a b \t\r\nY:\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}Accept: a\r\nUser-Agent: one\r\nX-Forwarded-For: 192.0.2.1\r\naccept:b\r\nX-FORWARDED-FOR: 192.0.2.2\r\nuser-agent: two\r\nX-Forwarded-Proto: http\r\nx-forwarded-proto: https\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}${'X-A: b\r\n'.repeat(63)}\r\n`,
  `GET /demo/a.m3u8 HTTP/1.1\r\n${HOST}\r\nGET /demo/b.m3u8 HTTP/1.1\r\n${HOST}\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}CMCD-Session: sid="x",cid="y"\r\nKeep-Alive: timeout=5\r\nTE: gzip\r\nTrailer: X\r\nCookie: a=b; c=d\r\nVia: 1.1 x\r\n\r\n`,
]

const PIECES = [
  '\r', '\n', '\r\n', '\r\n\r\n', '\n\n', '\t', ' ', '  ', ':', ': ', ' :', '\0', '\x0b', '\x0c', '\x1f', '\x7f', '\x80', '\xa0', '\xff', '#', '?', '/', '//', '\\', '@', '*', ',', ';',
  '"', '%', 'GET ', 'HEAD ', 'POST ', 'get ', 'OPTIONS ', 'PRI ', 'CONNECT ', 'http://evil.example/', 'evil.example:443', ' HTTP/1.1', ' HTTP/1.0', ' HTTP/2.0', ' HTTP/1.1\r\n', 'HTTP/1.1',
  'Host: evil.example\r\n', 'host:\r\n', 'Host : a\r\n', 'Host', '\r\n ', '\r\n\t', 'X\r\n', 'X-A: b\r\n', 'Content-Length: 0\r\n', 'content-length: 5\r\n', 'Content-Length', 'Content-Length: 0, 0\r\n',
  'Transfer-Encoding: chunked\r\n', 'transfer-encoding:chunked\r\n', 'Transfer-Encoding', 'Transfer_Encoding: x\r\n', 'Transfer-Encoding : chunked\r\n', '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n',
  'Upgrade: websocket\r\n', 'Upgrade: h2c\r\n', 'Connection: upgrade\r\n', 'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Connection: close, x\r\n', 'Connection: Close\r\n', 'Connection:\r\n',
  'Connection: transfer-encoding\r\n', 'Proxy-Connection: close\r\n', 'proxy-connection: keep-alive\r\n', 'Proxy-Connection: upgrade\r\n', 'Keep-Alive: x\r\n', 'Expect: 100-continue\r\n', 'expect: x\r\n', 'HTTP2-Settings: AAMAAABkAAQAAP__\r\n',
  'Accept: x\r\n', 'accept:\r\n', 'User-Agent: x\r\n', 'X-Forwarded-For: 2001:db8::1\r\n', 'x-forwarded-proto: https\r\n', 'X_Forwarded_For: 192.0.2.9\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'X-A: b\r\n'.repeat(64), `X-Fill: ${'a'.repeat(4000)}\r\n`, 'a'.repeat(9000),
] as const

/** @param random in [0, 1) */
export function mutant(random: () => number): string {
  const below = (n: number) => Math.floor(random() * n)
  let text = PLAIN[below(PLAIN.length)] ?? ''
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(text.length + 1)
    const kind = below(100)
    // Lines begin and end where the grammar turns, so half of the changes are made there.
    const line = text.lastIndexOf('\n', at) + 1
    const piece = PIECES[below(PIECES.length - (random() < 0.99 ? 3 : 0))] ?? ''
    if (kind < 20) text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1)
    else if (kind < 35) text = text.slice(0, at) + text.slice(at + 1 + below(3))
    else if (kind < 50) text = text.slice(0, at) + piece + text.slice(at)
    else if (kind < 75) text = text.slice(0, line) + piece + text.slice(line)
    else if (kind < 85) text = text.slice(0, at) + piece + text.slice(at + piece.length)
    else if (kind < 92) text = text.slice(0, line) + text.slice(at, at + below(60)) + text.slice(line)
    else text = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << below(8))) + text.slice(at + 1)
  }
  return text
}

/** Two readings of the same bytes. */
interface Reading {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly close: boolean
}

export interface Mismatch {
  /** Latin-1. */
  readonly text: string
  readonly reader: Reading
  readonly http: Reading | undefined
}

interface Taken {
  readonly text: string
  readonly request: PlainRequest
}

/** Whoever sent it. Its connection has asked for the host of most requests before. */
export const SENDER: Sender = { peer: '192.0.2.1', port: ClientPort.of(40_000), encrypted: false, host: new Host('play.example') }

/** Requests in one batch: they share a connection, so that where each of them ends is judged too. */
const BATCH = 400

/** Asks `node:http`, in this process and without a network, about everything that the reader takes. */
export class Judge {
  /** How many were read, and how many of them were taken. */
  tried = 0
  taken = 0
  #batch: Taken[] = []
  #read: Reading[] = []
  readonly #server = hardenedServer(LIMITS)

  constructor() {
    this.#server.on('request', ({ method = '', url = '', rawHeaders }, { shouldKeepAlive }) => {
      this.#read.push({ method, target: url, headers: rawHeaders, close: !shouldKeepAlive })
    })
    // What is refused is missing among what was read.
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** @param text Latin-1, of which the beginning may be a request */
  async judge(text: string): Promise<Mismatch | undefined> {
    this.tried++
    const request = readPlain(Buffer.from(text, 'latin1'), text, 0, LIMITS, SENDER)
    if (request === undefined) return undefined
    this.taken++
    this.#batch.push({ text: text.slice(0, request.end), request })
    return request.close || this.#batch.length === BATCH ? this.finish() : undefined
  }

  /** Must be called after the last. */
  async finish(): Promise<Mismatch | undefined> {
    const batch = this.#batch
    this.#batch = []
    this.#read = []
    const [here, there] = duplexPair()
    here.on('error', () => undefined)
    this.#server.emit('connection', there)
    here.write(Buffer.from(batch.map(({ text }) => text).join(''), 'latin1'))
    for (let turns = 0; turns < 3 && this.#read.length < batch.length; turns++) await new Promise((resolve) => setImmediate(resolve))
    here.destroy()
    there.destroy()
    for (const [position, { text, request }] of batch.entries()) {
      const http = this.#read[position]
      if (http === undefined || !isEqual(request, http) || !isDeepStrictEqual(asTexts(request.fields), asTexts(fieldsIn(http.headers))) || !hasOneHost(http)) return { text, reader: request, http }
    }
    return undefined
  }
}

function isEqual(one: Reading, other: Reading): boolean {
  return one.method === other.method && one.target === other.target && one.close === other.close
    && one.headers.length === other.headers.length && one.headers.every((part, position) => part === other.headers[position])
}

/** The user agent is some bytes of whatever holds it. */
function asTexts({ userAgent, ...fields }: Fields): object {
  return { ...fields, userAgent: userAgent?.text }
}

/** `node:http` takes more, which the router refuses. */
function hasOneHost({ headers }: Reading): boolean {
  return headers.filter((name, position) => position % 2 === 0 && name.toLowerCase() === 'host').length === 1
}
