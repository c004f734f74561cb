/**
 * Requests that a stranger may send, byte for byte, and what must come back. Any listener that claims to be the public
 * one has to pass all of them.
 */

export interface HostileCase {
  readonly name: string
  /** Latin-1 text. */
  readonly bytes: string
  /** Status codes of the answers, in order; empty: closed without one. */
  readonly statuses: readonly number[]
  /** Whether a listener may be stricter than the table, and refuse with 400 what others put up with. */
  readonly mayRefuse?: true
  /** Whether another request on the same connection is answered afterwards. */
  readonly open: boolean
  /** What the last answer's head must hold. */
  readonly head?: RegExp
  readonly location?: string
}

const HOST = 'Host: play.example\r\n'
const EDGE = 'http://edge.ams.example'

function get(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`
}

function hosted(host: string): string {
  return `GET /demo/x.m3u8 HTTP/1.1\r\n${host}\r\n`
}

function ok(name: string, bytes: string, location?: string): HostileCase {
  return { name, bytes, statuses: [302], open: true, ...(location === undefined ? {} : { location }) }
}

function bad(name: string, bytes: string, status = 400): HostileCase {
  return { name, bytes, statuses: [status], open: false }
}

/** Pads a request to a number of bytes of request line and headers, as the parser counts them. */
function headersOf(bytes: number): string {
  const name = 'X-Fill: '
  let text = ''
  while (bytes > 0) {
    const size = Math.min(bytes, 4000)
    text += `${name}${'a'.repeat(size)}\r\n`
    bytes -= size
  }
  return text
}

const pathOf = (length: number) => `/demo/${'p'.repeat(length - 6)}`

export const HOSTILE: readonly HostileCase[] = [
  // request line
  ok('a plain request', get('/demo/x.m3u8')),
  bad('HTTP/0.9', 'GET /demo/x.m3u8\r\n\r\n'),
  { name: 'HTTP/1.0 with Host', bytes: `GET /demo/x.m3u8 HTTP/1.0\r\n${HOST}\r\n`, statuses: [302], open: false },
  { name: 'HTTP/1.0 without Host, by prefix', bytes: 'GET /demo/x.m3u8 HTTP/1.0\r\n\r\n', statuses: [302], open: false,
    location: `${EDGE}/x.m3u8` },
  { name: 'HTTP/1.0 that asks to stay', bytes: `GET /demo/x.m3u8 HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`, statuses: [302],
    open: false },
  bad('HTTP/1.2', `GET /x.m3u8 HTTP/1.2\r\n${HOST}\r\n`),
  bad('HTTP/2.0', `GET /x.m3u8 HTTP/2.0\r\n${HOST}\r\n`),
  bad('HTTP/11', `GET /x.m3u8 HTTP/11\r\n${HOST}\r\n`),
  bad('lower-case protocol', `GET /x.m3u8 http/1.1\r\n${HOST}\r\n`),
  { name: 'another protocol', bytes: `GET /x.m3u8 RTSP/1.0\r\n${HOST}\r\n`, statuses: [302], open: false, mayRefuse: true },
  bad('an unknown method', `BREW /x.m3u8 HTTP/1.1\r\n${HOST}\r\n`),
  bad('a lower-case method', `get /x.m3u8 HTTP/1.1\r\n${HOST}\r\n`),
  { ...ok('two spaces before the target', `GET  //evil.example HTTP/1.1\r\n${HOST}\r\n`), mayRefuse: true },
  bad('a target without a slash', get('@evil.example')),
  bad('a space in the target', get('/x y.m3u8')),
  bad('a tab in the target', get('/x\ty.m3u8')),
  bad('NUL in the target', get('/x\0.m3u8')),
  bad('a high byte in the target', get('/\xff.m3u8')),
  bad('UTF-8 in the target', get('/\xc3\xa9.m3u8')),
  bad('a bare LF after the request line', 'GET /x.m3u8 HTTP/1.1\nHost: play.example\n\n'),
  bad('a bare CR in the request line', `GET /x.m3u8\rHTTP/1.1\r\n${HOST}\r\n`),
  bad('absolute-form', get('http://evil.example/x.m3u8')),
  bad('absolute-form of our own host', get('http://play.example/x.m3u8')),
  bad('authority-form', get('evil.example:443')),
  bad('GET *', get('*')),
  { name: 'OPTIONS *', bytes: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, statuses: [204], open: true,
    head: /^Access-Control-Allow-Origin: \*\r$/m },
  bad('CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', 405),
  bad('TRACE', `TRACE /x.m3u8 HTTP/1.1\r\n${HOST}\r\n`, 405),
  { name: 'DELETE is told what is allowed', bytes: `DELETE /x.m3u8 HTTP/1.1\r\n${HOST}\r\n`, statuses: [405], open: false,
    head: /^Allow: GET, HEAD, OPTIONS\r$/m },
  bad('QUERY', `QUERY /x.m3u8 HTTP/1.1\r\n${HOST}\r\n`, 405),
  // path
  ok('several slashes in front', get('//evil.example/x.m3u8')),
  ok('many slashes in front of a prefix', `GET ////demo/x.m3u8 HTTP/1.1\r\nHost: any.example\r\n\r\n`, `${EDGE}/x.m3u8`),
  ok('a second slash after the prefix', `GET /demo//evil.example/x.m3u8 HTTP/1.1\r\nHost: any.example\r\n\r\n`,
    `${EDGE}//evil.example/x.m3u8`),
  ok('userinfo as a path', `GET /demo/@evil.example/x.m3u8 HTTP/1.1\r\nHost: any.example\r\n\r\n`, `${EDGE}/@evil.example/x.m3u8`),
  bad('a backslash', get('/\\evil.example/x.m3u8')),
  bad('an escaped backslash', get('/%5cevil.example/x.m3u8')),
  bad('a fragment', get('/x.m3u8#y')),
  bad('a fragment in the query', get('/x.m3u8?a=1#y')),
  bad('dot segments', get('/a/../x.m3u8')),
  bad('one dot', get('/./x.m3u8')),
  bad('dots at the end', get('/a/..')),
  bad('escaped dots', get('/a/%2e%2E/x.m3u8')),
  bad('half-escaped dots', get('/a/.%2e/x.m3u8')),
  bad('dots between escaped slashes', get('/a%2f..%2fx.m3u8')),
  bad('dots with parameters', get('/a/..;x/x.m3u8')),
  ok('dots that are part of a name', `GET /demo/..a/b../...m3u8 HTTP/1.1\r\nHost: any.example\r\n\r\n`, `${EDGE}/..a/b../...m3u8`),
  ok('dots that are doubly escaped', `GET /demo/%252e%252e/x.m3u8 HTTP/1.1\r\nHost: any.example\r\n\r\n`, `${EDGE}/%252e%252e/x.m3u8`),
  bad('escaped NUL', get('/x%00.m3u8')),
  bad('escaped CR and LF', get('/x%0d%0aSet-Cookie:%20a=b')),
  bad('escaped DEL', get('/x%7f.m3u8')),
  bad('an escape cut short', get('/x%2')),
  bad('an escape of something else', get('/x%zz.m3u8')),
  ok('escaped line breaks in the query stay escaped', `GET /demo/x.m3u8?a=%0d%0aX:y HTTP/1.1\r\nHost: any.example\r\n\r\n`,
    `${EDGE}/x.m3u8?a=%0d%0aX:y`),
  ok('a URL in the query', `GET /demo/x.m3u8?u=//evil.example/\\..%2f HTTP/1.1\r\nHost: any.example\r\n\r\n`,
    `${EDGE}/x.m3u8?u=//evil.example/\\..%2f`),
  ok('a target of 8192 bytes', get(pathOf(8192))),
  bad('a target of 8193 bytes', get(pathOf(8193)), 414),
  // host
  bad('no Host', 'GET /demo/x.m3u8 HTTP/1.1\r\n\r\n'),
  bad('two Hosts', hosted('Host: play.example\r\nHost: evil.example\r\n')),
  bad('two equal Hosts', hosted('Host: play.example\r\nhost: play.example\r\n')),
  bad('an empty Host', hosted('Host:\r\n')),
  bad('userinfo in Host', hosted('Host: play.example@evil.example\r\n')),
  bad('a slash in Host', hosted('Host: play.example/evil\r\n')),
  bad('a space in Host', hosted('Host: play.example evil\r\n')),
  bad('a percent sign in Host', hosted('Host: play%2eexample\r\n')),
  bad('a list in Host', hosted('Host: play.example, evil.example\r\n')),
  bad('a high byte in Host', hosted('Host: pl\xe4y.example\r\n')),
  bad('port 0', hosted('Host: play.example:0\r\n')),
  bad('port 99999', hosted('Host: play.example:99999\r\n')),
  bad('an empty port', hosted('Host: play.example:\r\n')),
  bad('two ports', hosted('Host: play.example:80:80\r\n')),
  bad('a Host of 300 bytes', hosted(`Host: ${'a.'.repeat(150)}\r\n`)),
  bad('a Host of one dot', hosted('Host: .\r\n')),
  bad('two dots at the end', hosted('Host: play.example..\r\n')),
  bad('a broken IPv6 Host', hosted('Host: [::1\r\n')),
  bad('a zone in an IPv6 Host', hosted('Host: [fe80::1%25eth0]\r\n')),
  ok('upper case, a dot and a port', `GET /x.m3u8 HTTP/1.1\r\nHost: PLAY.Example.:8443\r\n\r\n`),
  ok('an IPv6 Host', hosted('Host: [2001:DB8::1]:8080\r\n'), `${EDGE}/x.m3u8`),
  ok('an IPv4 Host', hosted('Host: 192.0.2.1:8080\r\n'), `${EDGE}/x.m3u8`),
  { name: 'a Host that nobody has', bytes: 'GET /x.m3u8 HTTP/1.1\r\nHost: evil.example\r\n\r\n', statuses: [404], open: true },
  { name: 'a Host named like a property', bytes: 'GET /__proto__/x HTTP/1.1\r\nHost: __proto__\r\n\r\n', statuses: [404], open: true },
  ok('X-Forwarded-Host', `GET /demo/x.m3u8 HTTP/1.1\r\n${HOST}X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n\r\n`),
  // content and framing
  bad('content with GET', get('/x.m3u8', 'Content-Length: 3\r\n') + 'abc', 413),
  bad('content that looks like a request', get('/x.m3u8', 'Content-Length: 43\r\n') + 'GET /smuggled HTTP/1.1\r\nHost: evil.example\r\n',
    413),
  ok('no content, said so', get('/x.m3u8', 'Content-Length: 0\r\n')),
  bad('POST', `POST /x.m3u8 HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`, 405),
  bad('chunked content', get('/x.m3u8', 'Transfer-Encoding: chunked\r\n') + '3\r\nabc\r\n0\r\n\r\n', 413),
  bad('chunked in other case', get('/x.m3u8', 'Transfer-Encoding: Chunked\r\n') + '0\r\n\r\n', 413),
  bad('length and chunked', get('/x.m3u8', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n') + '0\r\n\r\n'),
  bad('two lengths', get('/x.m3u8', 'Content-Length: 3\r\nContent-Length: 4\r\n')),
  bad('two equal lengths', get('/x.m3u8', 'Content-Length: 0\r\nContent-Length: 0\r\n')),
  bad('a list of lengths', get('/x.m3u8', 'Content-Length: 5, 5\r\n')),
  bad('a signed length', get('/x.m3u8', 'Content-Length: +1\r\n')),
  bad('a hexadecimal length', get('/x.m3u8', 'Content-Length: 0x1\r\n')),
  bad('a length with an underscore', get('/x.m3u8', 'Content-Length: 1_0\r\n')),
  bad('a length beyond 64 bits', get('/x.m3u8', 'Content-Length: 99999999999999999999\r\n')),
  bad('an unknown transfer coding', get('/x.m3u8', 'Transfer-Encoding: identity\r\n'), 413),
  bad('chunked that is not last', get('/x.m3u8', 'Transfer-Encoding: chunked, gzip\r\n')),
  bad('content with OPTIONS', `OPTIONS /x.m3u8 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`, 413),
  // headers
  bad('a space before the colon', get('/x.m3u8', 'X-A : b\r\n')),
  bad('a folded header', get('/x.m3u8', 'X-A: b\r\n c\r\n')),
  bad('a header that begins with a space', `GET /x.m3u8 HTTP/1.1\r\n ${HOST}\r\n`),
  bad('NUL in a name', get('/x.m3u8', 'X-\0: b\r\n')),
  bad('NUL in a value', get('/x.m3u8', 'X-A: \0\r\n')),
  bad('a bare CR in a value', get('/x.m3u8', 'X-A: b\rc\r\n')),
  bad('a bare LF between headers', get('/x.m3u8', 'X-A: b\nX-C: d\r\n')),
  bad('a line without a colon', get('/x.m3u8', 'X-A\r\n')),
  bad('an empty name', get('/x.m3u8', ': b\r\n')),
  ok('headers named like properties', get('/x.m3u8', '__proto__: x\r\nconstructor: y\r\ntoString: z\r\n')),
  ok('64 headers', get('/x.m3u8', 'X-A: b\r\n'.repeat(63))),
  bad('65 headers', get('/x.m3u8', 'X-A: b\r\n'.repeat(64)), 431),
  bad('a second Host behind 3,000 headers', get('/x.m3u8', `${'X-A: b\r\n'.repeat(3000)}Host: evil.example\r\n`), 431),
  ok('7 KB of headers', get('/x.m3u8', headersOf(7000))),
  bad('17 KB of headers', get('/x.m3u8', headersOf(17000)), 431),
  bad('a target of 17 KB', get(pathOf(17000)), 431),
  { name: 'Expect: 100-continue gets the final answer', bytes: get('/x.m3u8', 'Expect: 100-continue\r\n'), statuses: [302], open: false },
  bad('another Expect', get('/x.m3u8', 'Expect: 200-maybe\r\n'), 417),
  { name: 'a wish for h2c', bytes: get('/x.m3u8', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    statuses: [302], open: false },
  { name: 'a wish for WebSocket', bytes: get('/x.m3u8', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n'),
    statuses: [302], open: false },
  { name: 'what comes with a wish to upgrade is not taken for a request', bytes: get('/x.m3u8', 'Connection: Upgrade\r\nUpgrade: h2c\r\n')
    + get('/1.m3u8').slice(0, 20), statuses: [302], open: false },
  ok('line breaks in no header of the answer', get('/x.m3u8', 'Origin: http://%0d%0aX-Injected:1\r\nX-Forwarded-For: %0d%0a\r\n')),
  { name: 'Connection: close', bytes: get('/x.m3u8', 'Connection: close\r\n'), statuses: [302], open: false },
  // order and other protocols
  { name: 'three in one packet', bytes: get('/demo/1.m3u8') + get('/2.m3u8') + get('/nothing.ts'), statuses: [302, 302, 404], open: true },
  { name: 'a bad one after two good ones', bytes: get('/1.m3u8') + get('/2.m3u8') + 'BAD\r\n\r\n' + get('/3.m3u8'), statuses: [302, 302,
    400], open: false },
  { name: 'a good one after content', bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx` + get('/2.m3u8'), statuses: [405],
    open: false },
  { name: 'CONNECT after a good one', bytes: get('/1.m3u8') + 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', statuses: [302, 405],
    open: false },
  ok('empty lines in front', `\r\n\r\n${get('/x.m3u8')}`),
  bad('an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  bad('a TLS hello', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'),
  bad('SSH', 'SSH-2.0-OpenSSH_9.6\r\n'),
  bad('Redis', '*1\r\n$4\r\nPING\r\n'),
  bad('a PROXY line that nobody asked for', `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${get('/x.m3u8')}`),
  bad('PROXY version 2', '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c'),
]
