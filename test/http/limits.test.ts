/** Clients that are slow, silent or endless, against limits that are shortened so that nobody waits for them. */
import t from 'tap'
import { LIMITS } from '../../src/http/limits.ts'
import { RawClient, headerOf, start } from './raw-socket.ts'

const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'

t.test('the limits are those that were argued for', (t) => {
  t.match(LIMITS, {
    maxHeaderSize: 16384, maxHeaders: 64, headersTimeout: 5000, requestTimeout: 10000, keepAliveTimeout: 5000, checkingInterval: 1000, idleTimeout: 15000,
    maxRequestsPerConnection: 1000, linger: 250,
  })
  t.end()
})

t.test('clients that drip their headers are told 408 and closed, while an honest one is served', async (t) => {
  const { server, port, rejected } = await start({ limits: { headersTimeout: 300, requestTimeout: 400, checkingInterval: 50, linger: 50 } })
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

t.test('a connection that never says a word is closed without one, because an answer to no question could be taken for the first', async (t) => {
  const { server, port } = await start({ limits: { headersTimeout: 100, requestTimeout: 200, checkingInterval: 20, linger: 20 } })
  t.teardown(() => server.close())
  const client = new RawClient(port)
  await client.closed
  t.equal(client.rest, '')
  client.destroy()
})

t.test('an idle connection between requests is closed without a word', async (t) => {
  const { server, port } = await start({ limits: { keepAliveTimeout: 50 } })
  t.teardown(() => server.close())
  const client = new RawClient(port)
  await client.send(GET)
  await client.answer()
  await client.closed
  t.equal(client.rest, '')
  client.destroy()
})

t.test('content without end costs at most 256 KB of reading, and its sender still gets the answer', async (t) => {
  const { server, port } = await start()
  t.teardown(() => server.close())
  const chunk = Buffer.alloc(65536, 'a')
  for (const framing of ['Content-Length: 2147483648', 'Transfer-Encoding: chunked']) {
    for (const method of ['POST', 'GET']) {
      const client = new RawClient(port)
      await client.send(`${method} /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n${framing}\r\n\r\n${framing.startsWith('T') ? '80000000\r\n' : ''}`)
      let sending = true
      const pump = () => {
        while (sending && client.socket.writable && client.socket.write(chunk));
      }
      client.socket.on('drain', pump)
      client.socket.once('close', () => (sending = false))
      pump()
      const answer = await client.answer()
      t.equal(answer?.status, method === 'POST' ? 405 : 413, `${method} ${framing}`)
      t.match(answer?.head, /^Connection: close\r$/m)
      await new Promise((resolve) => client.socket.once('close', resolve))
    }
  }
})

t.test('the bytes of content that are read are bounded', async (t) => {
  const { server, port } = await start()
  t.teardown(() => server.close())
  const net = (await import('node:net')).Socket
  const read: number[] = []
  const destroy = net.prototype.destroy
  // Sockets are counted as they go, from the server's end of the connection.
  net.prototype.destroy = function (...given) {
    if (this.localPort === port) read.push(this.bytesRead)
    return destroy.apply(this, given)
  }
  t.teardown(() => (net.prototype.destroy = destroy))
  const client = new RawClient(port)
  const chunk = Buffer.alloc(65536, 'a')
  await client.send('POST /x HTTP/1.1\r\nHost: play.example\r\nContent-Length: 2147483648\r\n\r\n')
  const pump = () => {
    while (client.socket.writable && client.socket.write(chunk));
  }
  client.socket.on('drain', pump)
  pump()
  await new Promise((resolve) => client.socket.once('close', resolve))
  t.equal(read.length > 0, true)
  t.ok(Math.max(...read) <= 262144, `${Math.max(...read)} bytes were read`)
})

t.test('a client that asks and never reads is answered so far as it may ask, and then closed', async (t) => {
  let answered = 0
  const { server, port } = await start({ limits: { idleTimeout: 150, answerTimeout: 150, checkingInterval: 30, maxRequestsPerConnection: 100 }, after: () => answered++ })
  t.teardown(() => server.close())
  const clients = Array.from({ length: 20 }, () => new RawClient(port))
  for (const client of clients) {
    client.socket.pause()
    client.socket.write(GET.repeat(20_000))
  }
  while (server.connections < 20) await new Promise((resolve) => setImmediate(resolve))
  while (server.connections > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  for (const client of clients) client.destroy()
  t.ok(answered <= 20 * 100, `${answered} of ${20 * 20_000} were answered`)
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
