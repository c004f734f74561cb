import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { contentAnswer } from '../../src/http/answers.ts'
import { createPublicServer } from '../../src/http/public-server.ts'
import { LANES, RawClient, start as startServer } from './raw-socket.ts'
import type { PublicServerOptions } from '../../src/http/public-server.ts'
import { tinyRouter } from './tiny-router.ts'

interface Outcome {
  readonly succeeded: number
  readonly failed: readonly [failure: string, port: number | undefined][]
}

/** For `node:http`, which then keeps the connection. */
const OPTIONS = 'OPTIONS /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'
const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'

for (const [title, fastLane] of LANES) t.test(title, async (t) => {
  const start = (options: Partial<PublicServerOptions> = {}) => startServer({ fastLane, ...options })

  t.test('no request that reached a listener fails over ten restarts on one port under twenty keep-alive loops', async (t) => {
    const route = tinyRouter()
    let answered = 0
    // A loop whose thread gets no time for a while is not silent, and is not taken to be.
    const limits = { linger: 20_000, drainDeadline: 60_000 }
    const launch = () => createPublicServer({ fastLane, limits, respond: route, after: () => answered++, onRejected: () => undefined, onError: () => undefined, now: () => 0 })
    // A connection that the system took on and the listener had no chance to accept is beyond what it can promise.
    const accepted = new Set<number | undefined>()
    const watch = (message: unknown) => void accepted.add((message as { socket: Socket }).socket.remotePort)
    subscribe('net.server.socket', watch)
    t.teardown(() => unsubscribe('net.server.socket', watch))
    let server = launch()
    const { port } = await server.listen({ host: '127.0.0.1', port: 0, reusePort: true })
    const clients = new Worker(new URL('keep-alive-loops.ts', import.meta.url), { workerData: { port, loops: 20 } })
    await once(clients, 'message')
    const result = new Promise<Outcome>((resolve) => clients.once('message', resolve))
    for (let restart = 0; restart < 10; restart++) {
      const next = launch()
      await next.listen({ host: '127.0.0.1', port, reusePort: true })
      await server.drain(60)
      server = next
      // As many between two restarts on a slow machine as on a fast one.
      for (const before = answered; answered < before + 200; ) await new Promise((resolve) => setImmediate(resolve))
    }
    clients.postMessage('stop')
    const { succeeded, failed } = await result
    await server.close()
    const unreached = failed.filter(([failure, from]) => failure === 'ECONNRESET' && !accepted.has(from))
    t.strictSame(failed.filter((one) => !unreached.includes(one)), [], `${succeeded} succeeded, ${unreached.length} reached no listener`)
    t.ok(unreached.length < succeeded / 10)
  })

  t.test('while it drains every answer says that its connection ends', async (t) => {
    const { server, port } = await start()
    const client = new RawClient(port)
    await client.send(GET)
    t.notMatch((await client.answer())?.head, /^Connection: close\r$/im)
    const drained = server.drain(50)
    await client.send(GET)
    const answer = await client.answer()
    t.equal(answer?.status, 302)
    t.match(answer?.head, /^Connection: close\r$/im)
    await client.closed
    await drained
    t.equal(server.connections, 0)
    client.destroy()
  })

  /** Resolves when nobody listens on a port any more. */
  async function gone(port: number): Promise<void> {
    for (let refused = false; !refused; ) {
      const probe = connect(port, '127.0.0.1')
      refused = await new Promise((resolve) => probe.once('connect', () => resolve(false)).once('error', () => resolve(true)))
      probe.destroy()
    }
  }

  t.test('a request that is half sent when the listener goes is still answered', async (t) => {
    const { server, port } = await start()
    const client = new RawClient(port)
    await client.send(GET.slice(0, 30))
    while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    const drained = server.drain(1)
    await gone(port)
    await client.send(GET.slice(30))
    t.equal((await client.answer())?.status, 302)
    await drained
    client.destroy()
  })

  t.test('who connected in time may still ask when the listener is gone', async (t) => {
    const { server, port } = await start()
    const drained = server.drain(50)
    const client = new RawClient(port)
    while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    await gone(port)
    await client.send(GET)
    t.equal((await client.answer())?.status, 302)
    await drained
    client.destroy()
  })

  t.test('connections that are silent all through a drain are ended, and one that has begun to ask is not', async (t) => {
    const { server, port } = await start({ limits: { linger: 20, drainDeadline: 60_000, keepAliveTimeout: 60_000, idleTimeout: 60_000 } })
    const [silent, asking] = [new RawClient(port), new RawClient(port)]
    for (const client of [silent, asking]) {
      await client.send(GET)
      await client.answer()
    }
    const drained = server.drain(50)
    await asking.send(GET.slice(0, 30))
    await silent.closed
    t.equal(silent.rest, '')
    await asking.send(GET.slice(30))
    t.equal((await asking.answer())?.status, 302)
    await drained
    for (const client of [silent, asking]) client.destroy()
  })

  t.test('a request that was half sent before the drain is waited for, and is answered', async (t) => {
    for (const before of ['', GET, OPTIONS]) {
      const { server, port } = await start({ limits: { linger: 20, drainDeadline: 60_000, keepAliveTimeout: 60_000, idleTimeout: 60_000 } })
      const [silent, asking] = [new RawClient(port), new RawClient(port)]
      if (before !== '') {
        await asking.send(before)
        await asking.answer()
      }
      await asking.send(GET.slice(0, 30))
      // Once this is answered, that is read.
      await silent.send(OPTIONS)
      await silent.answer()
      const drained = server.drain(50)
      await silent.closed
      await asking.send(GET.slice(30))
      t.equal((await asking.answer())?.status, 302, JSON.stringify(before))
      await drained
      for (const client of [silent, asking]) client.destroy()
    }
  })

  t.test('an answer that is not fetched yet is not lost to a drain', async (t) => {
    const body = 'x'.repeat(12_000_000)
    const { server, port } = await start({ respond: () => contentAnswer(200, 'text/plain', body), limits: { linger: 20, drainDeadline: 60_000 } })
    const [slow, silent] = [new RawClient(port), new RawClient(port)]
    slow.socket.pause()
    await slow.send(OPTIONS)
    while (server.connections < 2) await new Promise((resolve) => setImmediate(resolve))
    const drained = server.drain(20)
    await silent.closed
    slow.socket.resume()
    t.equal((await slow.answer())?.body.length, body.length)
    await drained
    for (const client of [slow, silent]) client.destroy()
  })

  t.test('a request that is never finished does not keep the listener from stopping', async (t) => {
    const { server, port } = await start({ limits: { drainDeadline: 50 } })
    const client = new RawClient(port)
    await client.send('GET /demo/x')
    while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    await server.drain(1)
    await client.closed
    t.equal(client.rest, '')
    client.destroy()
  })
})
