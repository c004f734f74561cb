import t from 'tap'
import { createPublicServer } from '../../src/http/public-server.ts'
import type { Answer, WireRequest } from '../../src/http/message.ts'
import { LANES, RawClient, headerOf, start as startServer } from './raw-socket.ts'
import type { PublicServerOptions } from '../../src/http/public-server.ts'
import { ClientPort } from '../../src/privacy/port.ts'
import { tinyRouter } from './tiny-router.ts'

const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'

for (const [title, fastLane] of LANES) t.test(title, async (t) => {
  const start = (options: Partial<PublicServerOptions> = {}) => startServer({ fastLane, ...options })

  t.test('the wire request is what was sent: case, order and duplicates', async (t) => {
    const seen: WireRequest[] = []
    const route = tinyRouter()
    const { server, port } = await start({ respond: (wire) => (seen.push(wire), route(wire)) })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send('HEAD //A?b HTTP/1.0\r\nhOST: x\r\nX: 1\r\nx: 2\r\n\r\n')
    await client.answer(true)
    client.destroy()
    const [{ port: source, ...rest } = {}] = seen
    t.strictSame(rest, { method: 'HEAD', target: '//A?b', headers: ['hOST', 'x', 'X', '1', 'x', '2'], peer: '127.0.0.1', encrypted: false, http10: true })
    t.ok(source instanceof ClientPort)
  })

  t.test('a request knows the port that it came from, whoever read it', async (t) => {
    const seen: WireRequest[] = []
    const route = tinyRouter()
    const { server, port } = await start({ respond: (wire) => (seen.push(wire), route(wire)) })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(GET + GET)
    await client.answer()
    await client.answer()
    t.same(seen.map((wire) => wire.port?.portNumber()), [client.socket.localPort, client.socket.localPort])
    client.destroy()
  })

  t.test('an error in the router costs that request a 503, and says only what kind it was', async (t) => {
    const secret = 'GET /demo/x.m3u8'
    let fail = true
    const route = tinyRouter()
    const { server, port, errors } = await start({
      respond: (wire) => {
        if (fail) throw new TypeError(secret)
        return route(wire)
      },
    })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(GET)
    const answer = await client.answer()
    t.equal(answer?.status, 503)
    t.strictSame(answer && headerOf(answer, 'Access-Control-Allow-Origin'), ['*'])
    fail = false
    await client.send(GET)
    t.equal((await client.answer())?.status, 302, 'the same connection goes on')
    t.strictSame(errors, ['TypeError'])
    client.destroy()
  })

  t.test('an error after the answer changes nothing for the client', async (t) => {
    const { server, port, errors } = await start({
      after: () => {
        throw new RangeError('x')
      },
    })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    for (let i = 0; i < 2; i++) {
      await client.send(GET)
      t.equal((await client.answer())?.status, 302)
    }
    t.strictSame(errors, ['RangeError', 'RangeError'])
    client.destroy()
  })

  t.test('an answer that cannot be written costs its connection and nothing else', async (t) => {
    const answer: Answer = { status: 200, headers: ['X', 'a\r\nb'], body: 'x' }
    const route = tinyRouter()
    const { server, port, errors } = await start({ respond: (wire) => (wire.target === '/bad' ? answer : route(wire)) })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(GET.replace('/demo/x.m3u8', '/bad'))
    await client.closed
    t.equal(client.rest, '')
    const next = new RawClient(port)
    await next.send(GET)
    t.equal((await next.answer())?.status, 302)
    t.strictSame(errors, ['TypeError'])
    next.destroy()
  })

  t.test('what is told after an answer is the request and the very answer', async (t) => {
    const told: [string, number][] = []
    const { server, port } = await start({ after: (wire, answer) => told.push([wire.target, answer.status]) })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(`${GET}GET /demo/../x HTTP/1.1\r\nHost: a\r\n\r\n${GET}`)
    await client.closed
    t.strictSame(told, [['/demo/x.m3u8', 302], ['/demo/../x', 400]], 'the request behind a last answer is not answered')
    client.destroy()
  })

  const SPLIT = [
    GET,
    'HEAD /demo/x.m3u8?a=b HTTP/1.1\r\nHost: PLAY.example.:80\r\nAccept: application/json\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /demo/x.m3u8 HTTP/1.0\r\n\r\n',
    'GET /demo/../x HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab',
    'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
    'GET /a\r\n\r\n',
    `${GET}GET /x.ts HTTP/1.1\r\nHost: play.example\r\nConnection: close\r\n\r\n`,
  ]

  t.test('however the network cuts a request, it is answered the same', async (t) => {
    const { server, port } = await start()
    t.teardown(() => server.close())
    async function exchange(parts: readonly string[], count: number, head: boolean): Promise<string> {
      const client = new RawClient(port)
      for (const part of parts) {
        await client.send(part)
        // One turn of the loop, so that the parts are not written together.
        await new Promise((resolve) => setImmediate(resolve))
      }
      let text = ''
      for (let i = 0; i < count; i++) text += JSON.stringify(await client.answer(head)).replace(/Date: [^\\]*/, '')
      client.destroy()
      return text
    }
    for (const request of SPLIT) {
      const [count, head] = [request.startsWith(`${GET}GET`) ? 2 : 1, request.startsWith('HEAD')]
      const whole = await exchange([request], count, head)
      let differing = 0
      const cuts = Array.from({ length: request.length - 1 }, (_, i) => [request.slice(0, i + 1), request.slice(i + 1)])
      for (const parts of [...cuts, [...request]]) if ((await exchange(parts, count, head)) !== whole) differing++
      t.equal(differing, 0, `${JSON.stringify(request.slice(0, 40))} at ${cuts.length} places and byte by byte`)
    }
  })

  t.test('999 good requests in one packet are answered in order before the bad one behind them is refused', async (t) => {
    const { server, port } = await start({ limits: { maxRequestsPerConnection: 2000 } })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    let bytes = ''
    for (let i = 1; i < 1000; i++) bytes += `GET /demo/${i}.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n`
    await client.send(`${bytes}BAD\r\n\r\n`)
    let inOrder = 0
    for (let i = 1; i < 1000; i++) {
      const answer = await client.answer()
      if (answer?.status === 302 && headerOf(answer, 'Location')[0]?.endsWith(`/${i}.m3u8`) === true) inOrder++
    }
    t.equal(inOrder, 999)
    t.equal((await client.answer())?.status, 400)
    await client.closed
    t.equal(client.rest, '')
    client.destroy()
  })

  t.test('a listener that is closed while it begins to listen does not listen', async (t) => {
    const server = createPublicServer({ fastLane, respond: tinyRouter(), onRejected: () => undefined, onError: () => undefined, now: () => 0 })
    // Free a moment ago, so that it is known where nobody must listen.
    const other = createPublicServer({ fastLane, respond: tinyRouter(), onRejected: () => undefined, onError: () => undefined, now: () => 0 })
    const { port } = await other.listen({ host: '127.0.0.1', port: 0 })
    await other.close()
    const listening = t.rejects(server.listen({ host: '127.0.0.1', port }), { message: /closed/ })
    await server.close()
    await listening
    const client = new RawClient(port)
    await client.send(GET).catch(() => undefined)
    t.equal(await client.answer(), undefined)
    client.destroy()
  })

  t.test('a port that is taken is an error of listening, and several listeners may share one when they say so', async (t) => {
    const make = () => createPublicServer({ fastLane, respond: tinyRouter(), onRejected: () => undefined, onError: () => undefined, now: () => 0 })
    const [one, two, three] = [make(), make(), make()]
    t.teardown(() => Promise.all([one.close(), two.close(), three.close()]))
    const { port } = await one.listen({ host: '127.0.0.1', port: 0, reusePort: true })
    t.equal((await two.listen({ host: '127.0.0.1', port, reusePort: true })).port, port)
    await t.rejects(three.listen({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' })
  })
})
