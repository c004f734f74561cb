import t from 'tap'
import { contentAnswer, jsonAnswer, optionsAnswer, redirectAnswer, refusalAnswer, rejectionAnswer } from '../../src/http/answers.ts'
import type { Answer } from '../../src/http/message.ts'
import { serialize } from '../../src/http/message.ts'
import { HTTP_REJECTIONS, HTTP_REJECTION_NAMES } from '../../src/http/rejection.ts'
import { REASON_NAMES } from '../../src/routing/reasons.ts'

function header(answer: Answer, name: string): string[] {
  return answer.headers.filter((_, position) => position % 2 === 1 && answer.headers[position - 1]?.toLowerCase() === name.toLowerCase())
}

const EVERY: readonly Answer[] = [
  redirectAnswer('https://edge.example', '/x', '', 302),
  redirectAnswer('https://edge.example', '/x', '', 307),
  ...REASON_NAMES.map((reason) => refusalAnswer(404, reason)),
  ...HTTP_REJECTION_NAMES.map((name) => rejectionAnswer(name)),
  jsonAnswer(200, { text: 'é' }),
  optionsAnswer(),
]

t.test('every answer may be read by any page, is stored nowhere, and sets nothing that could follow anybody', (t) => {
  for (const answer of EVERY) {
    t.strictSame(header(answer, 'Access-Control-Allow-Origin'), ['*'])
    t.strictSame(header(answer, 'Cache-Control'), ['no-store'])
    t.strictSame(header(answer, 'Referrer-Policy'), ['no-referrer'])
    t.strictSame(header(answer, 'X-Content-Type-Options'), ['nosniff'])
    for (const name of ['Set-Cookie', 'ETag', 'Last-Modified', 'Server', 'Retry-After', 'Vary',
      'Access-Control-Allow-Credentials']) t.strictSame(header(answer, name), [], name)
    for (const type of header(answer, 'Content-Type')) t.notMatch(type, 'html')
    const length = answer.status === 204 ? [] : [String(Buffer.byteLength(answer.body ?? ''))]
    t.strictSame(header(answer, 'Content-Length'), length)
    t.not([301, 303, 308, 410, 429].includes(answer.status), true)
    t.match(answer.headers.join(''), /^[\x20-\x7e]*$/)
  }
  t.end()
})

t.test('a redirect is a Location and no content', (t) => {
  const answer = redirectAnswer('https://edge.example/live', '/x.m3u8', 't=1', 307)
  t.equal(answer.status, 307)
  t.strictSame(header(answer, 'Location'), ['https://edge.example/live/x.m3u8?t=1'])
  t.equal(answer.body, undefined)
  t.end()
})

t.test('a rejection says what is listed for it and ends the connection', (t) => {
  for (const name of HTTP_REJECTION_NAMES) {
    const answer = rejectionAnswer(name)
    t.equal(answer.status, HTTP_REJECTIONS[name].status)
    t.equal(answer.body, `${HTTP_REJECTIONS[name].text}\n`)
    t.equal(answer.close, true)
    t.strictSame(header(answer, 'Allow'), name === 'method' ? ['GET, HEAD, OPTIONS'] : [])
  }
  t.end()
})

t.test('an answer on the wire is its headers, a date and its body', (t) => {
  const answer = contentAnswer(200, 'text/plain', 'é')
  const text = serialize(answer, 'Thu, 01 Jan 1970 00:00:00 GMT', true)
  t.match(text, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain\r\n(?:[\w-]+: [^\r\n]*\r\n)+Content-Length: 2\r\n/)
  t.ok(text.endsWith('\r\nContent-Length: 2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n\r\n\xc3\xa9'), 'one character a byte')
  t.equal(serialize(answer, 'd', true, true), text.slice(0, -2).replace(/Date: [^\r]*/, 'Date: d'))
  t.notMatch(serialize(answer, 'd', false), /Connection/)
  t.end()
})
