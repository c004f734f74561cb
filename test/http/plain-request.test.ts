import t from 'tap'
import { LIMITS } from '../../src/http/limits.ts'
import { readPlain } from '../../src/http/plain-request.ts'
import { HOSTILE } from './hostile-table.ts'
import { seeded } from './open-redirect.ts'
import { FOUND } from './plain-found.ts'
import { Judge, PLAIN, SENDER, mutant } from './plain-mutants.ts'

const MUTANTS = 1_000_000

function read(text: string, start = 0) {
  return readPlain(Buffer.from(text, 'latin1'), text, start, LIMITS, SENDER)
}

t.test('a plain request is read as it was sent, but for white space around values', (t) => {
  const parts = (text: string, start = 0) => {
    const request = read(text, start)
    return request && { method: request.method, target: request.target, headers: request.headers, close: request.close, end: request.end }
  }
  t.strictSame(parts('HEAD //a?b HTTP/1.1\r\nhOST:\t a \t\r\nX:\r\nx: 1 2\r\nConnection: CLOSE\r\n\r\nGET'), {
    method: 'HEAD', target: '//a?b', headers: ['hOST', 'a', 'X', '', 'x', '1 2', 'Connection', 'CLOSE'], close: true, end: 66,
  })
  t.strictSame(parts('xxGET / HTTP/1.1\r\nHost: a\r\n\r\n', 2), { method: 'GET', target: '/', headers: ['Host', 'a'], close: false, end: 29 })
  t.end()
})

t.test('what players and browsers send is plain', (t) => {
  for (const text of PLAIN) t.ok(read(text), JSON.stringify(text.slice(0, 60)))
  t.end()
})

t.test('a request that is not all there is left to others, wherever it is cut', (t) => {
  for (const text of PLAIN.filter((text) => !text.includes('\r\n\r\nGET'))) {
    const taken = Array.from(text, (_, cut) => text.slice(0, cut)).filter((part) => read(part) !== undefined)
    t.strictSame(taken, [], JSON.stringify(text.slice(0, 60)))
  }
  t.end()
})

const get = (headers: string) => `GET / HTTP/1.1\r\nHost: a\r\n${headers}\r\n`

t.test('whatever could be read in another way is left to others', (t) => {
  for (const text of [
    '', 'GET', get('Expect: 100-continue\r\n'), get('Upgrade: h2c\r\n'), get('Content-Length: 0\r\n'), get('CONTENT-LENGTH: 0\r\n'),
    get('Transfer-Encoding: chunked\r\n'), get('Connection: upgrade\r\n'), get('Connection: close, x\r\n'), get('Connection:\r\n'),
    get('Connection: close\r\nConnection: close\r\n'), get('Proxy-Connection: keep-alive\r\n'), get('Host: a\r\n'), get('X : b\r\n'), get(' X: b\r\n'),
    get('X: b\r\n c\r\n'), get('X: b\rc\r\n'), get('X: b\nY: c\r\n'), get('X: \x80\r\n'), get('X: \0\r\n'), get('X: \x7f\r\n'), get('\x80: b\r\n'), get(': b\r\n'), get('X\r\n'),
    get('X: b\r\n'.repeat(64)), get(`X: ${'a'.repeat(16384)}\r\n`), '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET / HTTP/1.1\nHost: a\n\n', 'GET / HTTP/1.1\r\nHost: a\r\n\rX',
    'GET / HTTP/1.1\r\n\r\n', 'GET /\r\nHost: a\r\n\r\n', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 'get / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GETX/ HTTP/1.1\r\nHost: a\r\n\r\n', 'GEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) t.equal(read(text), undefined, JSON.stringify(text.slice(0, 60)))
  t.end()
})

t.test('whatever the reader takes, node:http takes and reads the same: every known request, and those once found', async (t) => {
  const judge = new Judge()
  for (const text of [...PLAIN, ...HOSTILE.map(({ bytes }) => bytes), ...FOUND]) t.equal(await judge.judge(text), undefined)
  t.equal(await judge.finish(), undefined)
  t.ok(judge.taken > PLAIN.length)
})

t.test('whatever the reader takes, node:http takes and reads the same: a million mutants', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? 20260301)
  const random = seeded(seed)
  const judge = new Judge()
  for (let i = 0; i < MUTANTS; i++) {
    const mismatch = await judge.judge(mutant(random))
    if (mismatch !== undefined) return t.fail('read in two ways: add it to plain-found.ts', { seed, mismatch })
  }
  t.equal(await judge.finish(), undefined)
  t.ok(judge.taken > MUTANTS / 10 && judge.taken < MUTANTS, `${judge.taken} of ${judge.tried} were taken`)
})
