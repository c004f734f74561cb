import t from 'tap'
import { HOSTILE } from './hostile-table.ts'
import { LANES, RawClient, headerOf, start as startServer } from './raw-socket.ts'
import type { PublicServerOptions } from '../../src/http/public-server.ts'

const FOLLOW_UP = 'GET /demo/after.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'

for (const [title, fastLane] of LANES) t.test(title, async (t) => {
  const start = (options: Partial<PublicServerOptions> = {}) => startServer({ fastLane, ...options })

  t.test('whatever a stranger sends gets exactly the answers in the table', async (t) => {
    const { server, port, errors } = await start()
    t.teardown(() => server.close())
    t.ok(HOSTILE.length >= 110, `${HOSTILE.length} cases`)
    for (const { name, bytes, statuses, head, location, ...expected } of HOSTILE) {
      let { open } = expected
      const client = new RawClient(port)
      await client.send(bytes)
      const heads: string[] = []
      const seen: number[] = []
      for (const [position] of statuses.entries()) {
        const answer = await client.answer()
        if (answer === undefined) break
        seen.push(expected.mayRefuse === true && answer.status === 400 ? (statuses[position] ?? 0) : answer.status)
        if (expected.mayRefuse === true && answer.status === 400) open = false
        heads.push(answer.head)
        t.strictSame(headerOf(answer, 'Access-Control-Allow-Origin'), ['*'], `${name}: a page may read the answer`)
        t.strictSame(headerOf(answer, 'Cache-Control'), ['no-store'], `${name}: nobody stores it`)
        t.equal(headerOf(answer, 'Date').length, 1, `${name}: it is dated`)
        t.notMatch(answer.head, /^(set-cookie|etag|server|x-injected):/im, `${name}: nothing that it should not say`)
        t.notMatch(answer.body, /[<>]|evil|x\.m3u8/, `${name}: nothing of the request in the body`)
        if (position < statuses.length - 1) continue
        if (head !== undefined) t.match(answer.head, head, name)
        if (location !== undefined) t.strictSame(headerOf(answer, 'Location'), [location], name)
        if (!open) t.match(answer.head, /^Connection: close\r$/im, `${name}: the end is announced`)
      }
      t.strictSame(seen, statuses, `${name}: statuses`)
      if (open) {
        await client.send(FOLLOW_UP)
        t.equal((await client.answer())?.status, 302, `${name}: the connection goes on`)
      } else {
        await client.closed
        t.equal(client.rest, '', `${name}: nothing after the last answer`)
      }
      client.destroy()
    }
    t.strictSame(errors, [], 'no request was an error of ours')
  })

  t.test('a request that the parser refuses is counted under a name from the closed list', async (t) => {
    const { server, port, rejected } = await start()
    t.teardown(() => server.close())
    for (const bytes of ['BAD\r\n\r\n', `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(70)}\r\n`, 'CONNECT a:1 HTTP/1.1\r\n\r\n', 'GET /\r\n\r\n']) {
      const client = new RawClient(port)
      await client.send(bytes)
      const answer = await client.answer()
      t.ok(answer !== undefined && headerOf(answer, 'Date').length === 1)
      if (/^BAD/.test(bytes)) t.match(answer?.head, /^Date: Thu, 01 Jan 1970 00:00:00 GMT\r$/m, 'by the clock that was given')
      await client.closed
      client.destroy()
    }
    t.strictSame(rejected, ['malformed', 'headers_too_large', 'method', 'http_version'])
  })
})
