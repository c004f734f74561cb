/** Clients that are slow, silent or endless, against limits that are shortened so that nobody waits for them. */
import { Socket } from 'node:net'
import t from 'tap'
import { contentAnswer } from '../../src/http/answers.ts'
import { LIMITS } from '../../src/http/limits.ts'
import { LANES, RawClient, headerOf, start as startServer } from './raw-socket.ts'
import type { PublicServerOptions } from '../../src/http/public-server.ts'

const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'

/** The most bytes that the server's end of any connection to a port has read, seen when sockets go. */
function watchReads(port: number): { most(): number; stop(): void } {
  let most = 0
  let sockets = 0
  const { destroy } = Socket.prototype
  Socket.prototype.destroy = function (this: Socket, ...given) {
    if (this.localPort === port) {
      most = Math.max(most, this.bytesRead)
      sockets++
    }
    return destroy.apply(this, given)
  }
  return {
    most: () => (sockets === 0 ? Infinity : most),
    stop: () => void (Socket.prototype.destroy = destroy),
  }
}

t.test('the limits are those that were argued for', (t) => {
  t.match(LIMITS, {
    maxHeaderSize: 16384, maxHeaders: 64, headersTimeout: 5000, requestTimeout: 10000, keepAliveTimeout: 5000, checkingInterval: 1000,
      idleTimeout: 15000,
    maxRequestsPerConnection: 1000, linger: 250,
  })
  t.end()
})

for (const [title, fastLane] of LANES) t.test(title, async (t) => {
  const start = (options: Partial<PublicServerOptions> = {}) => startServer({ fastLane, ...options })

  t.test('clients that drip their headers are told 408 and closed, while an honest one is served', async (t) => {
    const { server, port, rejected } = await start({ limits: { headersTimeout: 2000, requestTimeout: 2500, checkingInterval: 50 } })
    t.teardown(() => server.close())
    const drips = Array.from({ length: 200 }, () => new RawClient(port))
    await Promise.all(drips.map((client) => client.send('GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\nX-')))
    const dripping = setInterval(() => {
      for (const client of drips) if (client.socket.writable) client.socket.write('a')
    }, 20)
    const honest = new RawClient(port)
    await honest.send(GET)
    t.equal((await honest.answer())?.status, 302)
    const answers = await Promise.all(drips.map((client) => client.answer()))
    await Promise.all(drips.map((client) => client.closed))
    clearInterval(dripping)
    t.equal(answers.filter((answer) => answer?.status === 408).length, 200)
    t.equal(rejected.filter((reason) => reason === 'timeout').length, 200)
    for (const client of [...drips, honest]) client.destroy()
  })

  t.test('a connection that never says a word is closed without one, because an answer to no question could be taken for the first',
    async (t) => {
    const { server, port } = await start({ limits: { headersTimeout: 100, requestTimeout: 200, checkingInterval: 20, linger: 20, idleTimeout: 600_000 } })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.closed
    t.equal(client.rest, '')
    client.destroy()
  })

  t.test('an idle connection between requests is closed without a word', async (t) => {
    const { server, port } = await start({ limits: { keepAliveTimeout: 50, checkingInterval: 100, headersTimeout: 100, idleTimeout: 600_000 } })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(GET)
    await client.answer()
    await client.closed
    t.equal(client.rest, '')
    client.destroy()
  })

  t.test('who sends line ends and never a request idles like any other, while who asks is kept', async (t) => {
    const { server, port } = await start({ limits: { keepAliveTimeout: 50, checkingInterval: 20, headersTimeout: 100, idleTimeout: 600_000 } })
    t.teardown(() => server.close())
    const options = 'OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n'
    const [asking, dripping, silent] = [new RawClient(port), new RawClient(port), new RawClient(port)]
    for (const client of [asking, dripping]) {
      await client.send(options)
      await client.answer()
    }
    const drip = setInterval(() => {
      for (const { socket } of [dripping, silent]) if (socket.writable) socket.write('\r\n')
    }, 20)
    let gone = false
    void Promise.all([dripping.closed, silent.closed]).then(() => (gone = true))
    while (!gone) {
      await asking.send(options)
      t.equal((await asking.answer())?.status, 204)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    clearInterval(drip)
    t.equal(dripping.rest, '')
    for (const client of [asking, dripping, silent]) client.destroy()
  })

  t.test('content without end costs at most 256 KB of reading, and its sender still gets the answer', async (t) => {
    const { server, port } = await start()
    t.teardown(() => server.close())
    const chunk = Buffer.alloc(65536, 'a')
    for (const framing of ['Content-Length: 2147483648', 'Transfer-Encoding: chunked']) {
      for (const method of ['POST', 'GET']) {
        const client = new RawClient(port)
        const begun = framing.startsWith('T') ? '80000000\r\n' : ''
        await client.send(`${method} /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n${framing}\r\n\r\n${begun}`)
        const pump = () => {
          while (client.socket.writable && client.socket.write(chunk));
        }
        client.socket.on('drain', pump)
        pump()
        const answer = await client.answer()
        t.equal(answer?.status, method === 'POST' ? 405 : 413, `${method} ${framing}`)
        t.match(answer?.head, /^Connection: close\r$/m)
        client.destroy()
      }
    }
  })

  const LAST = ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n', 'BAD\r\n\r\n']

  t.test('after a last answer the connection stays half open for a moment, so that no reset overtakes the answer', async (t) => {
    for (const bytes of LAST) {
      const { server, port } = await start({ limits: { linger: 20_000 } })
      const client = new RawClient(port, '127.0.0.1', true)
      await client.send(bytes)
      await client.closed
      for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
      t.equal(server.connections, 1, `${JSON.stringify(bytes)}: the client has seen the end, and the socket is still there`)
      client.destroy()
      await server.close()
    }
  })

  t.test('the bytes of content that are read are bounded', async (t) => {
    const { server, port } = await start({ limits: { linger: 250 } })
    t.teardown(() => server.close())
    const read = watchReads(port)
    t.teardown(read.stop)
    const client = new RawClient(port)
    const chunk = Buffer.alloc(65536, 'a')
    await client.send('POST /x HTTP/1.1\r\nHost: play.example\r\nContent-Length: 2147483648\r\n\r\n')
    const pump = () => {
      while (client.socket.writable && client.socket.write(chunk));
    }
    client.socket.on('drain', pump)
    pump()
    await new Promise((resolve) => client.socket.once('close', resolve))
    while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve))
    t.ok(read.most() <= 262144, `${read.most()} bytes were read`)
  })

  t.test('a client that asks and never reads is answered until the system takes no more, and then closed', async (t) => {
    let answered = 0
    const limits = { idleTimeout: 60_000, answerTimeout: 200, checkingInterval: 50, maxRequestsPerConnection: Infinity }
    const { server, port } = await start({ limits, after: () => answered++ })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    client.socket.pause()
    client.socket.write(GET.repeat(100_000))
    while (answered === 0) await new Promise((resolve) => setImmediate(resolve))
    while (server.connections > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    t.ok(answered < 100_000, `${answered} of 100,000 were answered`)
    client.destroy()
  })

  t.test('of what is sent behind a last answer that nobody fetches no more is read than was under way', async (t) => {
    const limits = { idleTimeout: 60_000, answerTimeout: 300, checkingInterval: 50, maxRequestsPerConnection: 2 }
    let answered = 0
    const respond = () => ({ status: 200, headers: ['Content-Length', '30000000'], body: 'x'.repeat(30_000_000) })
    const { server, port } = await start({ limits, respond, after: () => answered++ })
    t.teardown(() => server.close())
    const read = watchReads(port)
    t.teardown(read.stop)
    const client = new RawClient(port)
    client.socket.pause()
    client.socket.write(GET.repeat(500_000))
    while (answered === 0) await new Promise((resolve) => setImmediate(resolve))
    while (server.connections > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    t.ok(answered <= 2, 'the second need not be made while nobody fetches the first')
    t.ok(read.most() <= 262144, `${read.most()} of ${GET.length * 500_000} bytes were read`)
    client.destroy()
  })

  t.test('a client that reads too slowly to be done is closed although it never idles', async (t) => {
    const { server, port } = await start({
      limits: { idleTimeout: 60_000, answerTimeout: 200, checkingInterval: 50 },
      respond: () => ({ status: 200, headers: ['Content-Length', '30000000'], body: 'x'.repeat(30_000_000) }),
    })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    client.socket.pause()
    await client.send(GET)
    const sip = setInterval(() => client.socket.read(1024), 10)
    while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    while (server.connections > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    clearInterval(sip)
    t.pass('closed')
    client.destroy()
  })

  t.test('after its share of requests a connection ends with an answer, not with an error', async (t) => {
    const { server, port } = await start({ limits: { maxRequestsPerConnection: 3 } })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(GET.repeat(5))
    const answers = [await client.answer(), await client.answer(), await client.answer(), await client.answer()]
    t.strictSame(answers.map((answer) => answer?.status), [302, 302, 302, undefined])
    t.strictSame(answers.map((answer) => answer && /^Connection: close\r$/im.test(answer.head)), [false, false, true, undefined])
    client.destroy()
  })

  t.test('a last answer, and those before it, arrive also where more was sent than is read', async (t) => {
    for (const [name, drains] of [['after its share', false], ['in a drain', true]] as const) {
      let told = 0
      const { server, port } = await start({ limits: { maxRequestsPerConnection: drains ? Infinity : 1000 }, after: () => told++ })
      const client = new RawClient(port)
      client.socket.pause()
      let answered = 0
      if (drains) {
        await client.send(GET)
        while (told === 0) await new Promise((resolve) => setImmediate(resolve))
        void server.drain(1)
      }
      // More than one reading of the listener takes.
      await client.send(GET.repeat(10_000))
      for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
      client.socket.resume()
      while ((await client.answer())?.status === 302) answered++
      t.equal(answered, drains ? 2 : 1000, name)
      t.equal(told, answered)
      client.destroy()
      await server.close()
    }
  })

  t.test('a last answer may take longer to fetch than the moment that the connection stays half open', async (t) => {
    const body = 'x'.repeat(12_000_000)
    const { server, port } = await start({ limits: { linger: 20, maxRequestsPerConnection: 1 }, respond: () => contentAnswer(200, 'text/plain', body) })
    t.teardown(() => server.close())
    const [slow, rude] = [new RawClient(port), new RawClient(port, '127.0.0.1', true)]
    slow.socket.pause()
    await slow.send(GET)
    await rude.send(GET)
    await rude.answer()
    // Who fetched at once and stays is let go when the moment is over.
    while (server.connections > 1) await new Promise((resolve) => setImmediate(resolve))
    slow.socket.resume()
    t.equal((await slow.answer())?.body.length, body.length)
    for (const client of [slow, rude]) client.destroy()
  })

  t.test('a client that goes when it is told by a last answer is let go at once', async (t) => {
    const { server, port } = await start({ limits: { linger: 600_000, maxRequestsPerConnection: 2 } })
    t.teardown(() => server.close())
    const client = new RawClient(port)
    await client.send(GET.repeat(2))
    await client.answer()
    t.match((await client.answer())?.head, /^Connection: close\r$/m)
    await client.closed
    while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve))
    t.pass()
    client.destroy()
  })

  t.test('more connections than the listener holds are closed and counted, and a freed place is given again', async (t) => {
    const { server, port, rejected } = await start({ limits: { maxConnections: 2 } })
    t.teardown(() => server.close())
    const held = [new RawClient(port), new RawClient(port)]
    for (const client of held) {
      await client.send(GET)
      await client.answer()
    }
    const late = new RawClient(port)
    await late.closed
    t.strictSame(rejected, ['connection_limit'])
    held[0]?.destroy()
    while (server.connections > 1) await new Promise((resolve) => setImmediate(resolve))
    const next = new RawClient(port)
    await next.send(GET)
    const answer = await next.answer()
    t.equal(answer?.status, 302)
    t.strictSame(answer && headerOf(answer, 'Connection'), ['keep-alive'])
    for (const client of [...held, late, next]) client.destroy()
  })
})
