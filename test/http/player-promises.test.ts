/** What real players force on a redirecting server, R1 to R10 of the acceptance list, as far as HTTP alone can show it. */
import t from 'tap'
import { redirectAnswer } from '../../src/http/answers.ts'
import { snapshot } from './tiny-snapshot.ts'
import { RawClient, headerOf, start } from './raw-socket.ts'
import type { RawAnswer } from './raw-socket.ts'

const { server, port } = await start()
t.teardown(() => server.close())

async function ask(method: string, target: string, headers: readonly string[] = []): Promise<RawAnswer> {
  const client = new RawClient(port, '127.0.0.1')
  await client.send(`${method} ${target} HTTP/1.1\r\n${['Host: play.example', ...headers].map((line) => `${line}\r\n`).join('')}\r\n`)
  const answer = await client.answer(method === 'HEAD')
  client.destroy()
  if (answer === undefined) throw new Error('closed without an answer')
  return answer
}

const HOSTS = snapshot.targets.flatMap((target) => target.hosts)

t.test('R1: a manifest gets a 302 to a target, over the scheme of the request, that is stored nowhere and names no referrer', async (t) => {
  for (const path of ['/a/master.m3u8', '/a/manifest.mpd', '/b.ism/Manifest']) {
    const answer = await ask('GET', path, ['Origin: https://page.example'])
    const location = new URL(headerOf(answer, 'Location')[0] ?? '')
    t.equal(answer.status, 302)
    t.equal(location.protocol, 'http:')
    t.ok(HOSTS.includes(location.hostname))
    t.equal(location.hostname, location.hostname.toLowerCase())
    t.equal(answer.body, '')
    t.strictSame(headerOf(answer, 'Content-Length'), ['0'])
    t.strictSame(headerOf(answer, 'Cache-Control'), ['no-store'])
    t.strictSame(headerOf(answer, 'Access-Control-Allow-Origin'), ['*'])
    t.strictSame(headerOf(answer, 'Referrer-Policy'), ['no-referrer'])
    t.strictSame(headerOf(answer, 'Set-Cookie'), [])
  }
})

t.test('R2: HEAD is answered as GET is, header by header', async (t) => {
  const undated = (answer: RawAnswer) => answer.head.replace(/^Date: .*\r\n/m, '')
  for (const [target, accept] of [['/a.m3u8', '*/*'], ['/a.m3u8', 'application/json'], ['/a.ts', '*/*'], ['/../x', '*/*']] as const) {
    const [get, head] = [await ask('GET', target, [`Accept: ${accept}`]), await ask('HEAD', target, [`Accept: ${accept}`])]
    t.equal(undated(head), undated(get), `${target} ${accept}`)
    t.equal(head.body, '')
  }
})

t.test('R3: a preflight is answered by the router itself, for every path, and never redirected', async (t) => {
  for (const path of ['/a/master.m3u8', '/a.ts', '/nothing', '*']) {
    const answer = await ask('OPTIONS', path, ['Origin: null', 'Access-Control-Request-Method: GET',
      'Access-Control-Request-Headers: cmcd-request'])
    t.equal(answer.status, 204)
    t.strictSame(headerOf(answer, 'Access-Control-Allow-Origin'), ['*'])
    t.strictSame(headerOf(answer, 'Access-Control-Allow-Methods'), ['GET, HEAD, OPTIONS'])
    const allowed = (headerOf(answer, 'Access-Control-Allow-Headers')[0] ?? '').split(', ')
    for (const name of ['cmcd-object', 'cmcd-request', 'cmcd-session', 'cmcd-status', 'range']) t.ok(allowed.includes(name), name)
    t.strictSame(headerOf(answer, 'Access-Control-Max-Age'), ['86400'])
    t.strictSame(headerOf(answer, 'Location'), [])
    t.strictSame(headerOf(answer, 'Content-Length'), [], 'RFC 9110, 8.6: not with 204')
  }
})

t.test('R4: any other method gets 405 and is never moved', async (t) => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY']) {
    const answer = await ask(method, '/a.m3u8')
    t.equal(answer.status, 405, method)
    t.strictSame(headerOf(answer, 'Allow'), ['GET, HEAD, OPTIONS'])
    t.strictSame(headerOf(answer, 'Location'), [])
  }
})

t.test('R5: the query goes along byte for byte and in order, but for CMCD', async (t) => {
  const query = 'b=~%2F+%2b&a==&&t=exp=1~hmac=0%aF/x?y\\&c%'
  for (const [sent, passed] of [[query, query], [`CMCD=sid%3D1&${query}`, query], [`x=1&cmcd=y&%43MCD=z`, 'x=1'], ['CMCD=x',
    '']] as const) {
    const [location = ''] = headerOf(await ask('GET', `/a.m3u8?${sent}`), 'Location')
    t.equal(location.split('?').slice(1).join('?'), passed, sent)
    t.notMatch(location, /#|@/)
  }
})

t.test('R6: neither an unknown client nor one that lies about itself ever costs the redirect', async (t) => {
  for (const headers of [
    ['X-Forwarded-For: not-an-address'], ['X-Forwarded-For: 999.1.1.1, ,'], [`X-Forwarded-For: ${'1.2.3.4,'.repeat(900)}`],
    ['X-Forwarded-Proto: gopher'], ['User-Agent:'],
    ['Accept: ;;;q=,'], ['CMCD-Session: sid="x'], ['Range: bytes=9-1'], ['If-None-Match: *'], ['If-Modified-Since: yesterday'],
    ['Cookie: a=b; a=c'], ['Authorization: Basic !'],
  ]) t.equal((await ask('GET', '/a.m3u8', headers)).status, 302, String(headers[0]).slice(0, 40))
})

t.test('R7: a media segment is refused with 404', async (t) => {
  for (const path of ['/a.ts', '/a.m4s', '/a.mp4', '/a.aac', '/a.vtt', '/a.key', '/A.TS?x=.m3u8']) {
    const answer = await ask('GET', path)
    t.equal(answer.status, 404, path)
    t.equal(answer.body, 'segment\n')
  }
})

t.test('R8: the extension of a path is kept, and nothing that is asked for as a manifest is HTML', async (t) => {
  for (const path of ['/a/x.m3u8', '/a/x.mpd', '/a.b/x.M3U8']) {
    const [location = ''] = headerOf(await ask('GET', path), 'Location')
    t.ok(new URL(location).pathname.endsWith(path), location)
  }
  for (const [target, host] of [['/x.m3u8', 'nobody.example'], ['/../x.m3u8', 'play.example'], ['/x.mpd#', 'play.example']] as const) {
    const client = new RawClient(port)
    await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    const answer = await client.answer()
    t.strictSame(answer && headerOf(answer, 'Content-Type'), ['text/plain; charset=utf-8'], target)
    client.destroy()
  }
})

t.test('R9: what is not behind the chosen member\'s base, such as the router itself, is never sent', async (t) => {
  t.equal(redirectAnswer('https://edge.ams.example', 'https://play.example/x.m3u8', '', 302).status, 503)
  const [location = ''] = headerOf(await ask('GET', '/a.m3u8', ['X-Forwarded-Host: play.example']), 'Location')
  t.notOk(snapshot.hosts.has(new URL(location).hostname))
})

t.test('R10: the same request gets the same target, with no cookie and nothing kept', async (t) => {
  const locations = new Set<string>()
  for (let i = 0; i < 20; i++) locations.add(headerOf(await ask('GET', '/a.m3u8', ['Cookie: id=' + i]), 'Location')[0] ?? '')
  t.equal(locations.size, 1)
})
