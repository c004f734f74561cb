import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createPublicServer } from '../../src/http/public-server.ts'
import type { PublicServer } from '../../src/http/public-server.ts'
import { RawClient, start } from './raw-socket.ts'
import { tinyRouter } from './tiny-router.ts'

const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'

t.test('no request fails over ten restarts on one port under twenty keep-alive loops', async (t) => {
  const route = tinyRouter()
  const launch = (): PublicServer => createPublicServer({ respond: route, onRejected: () => undefined, onError: () => undefined,
    now: () => 0 })
  let server = launch()
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, reusePort: true })
  const clients = new Worker(new URL('keep-alive-loops.ts', import.meta.url), { workerData: { port, loops: 20 } })
  const result = new Promise<{ succeeded: number; failed: string[] }>((resolve) => clients.once('message', resolve))
  for (let restart = 0; restart < 10; restart++) {
    const next = launch()
    await next.listen({ host: '127.0.0.1', port, reusePort: true })
    await server.drain(60)
    server = next
  }
  clients.postMessage('stop')
  const { succeeded, failed } = await result
  await server.close()
  t.strictSame(failed, [], `${succeeded} succeeded`)
  t.ok(succeeded > 200)
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

t.test('a request that is half sent when the listener goes is still answered', async (t) => {
  const { server, port } = await start()
  const client = new RawClient(port)
  await client.send(GET.slice(0, 30))
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
  const drained = server.drain(1)
  const refused = new Promise<void>((resolve) => {
    const probe = setInterval(() => {
      const late = new RawClient(port)
      late.socket.once('error', () => {
        clearInterval(probe)
        resolve()
      })
      late.socket.once('connect', () => late.destroy())
    }, 5)
  })
  await refused
  await client.send(GET.slice(30))
  t.equal((await client.answer())?.status, 302)
  await drained
  client.destroy()
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

t.test('an idle connection does not keep the listener from stopping', async (t) => {
  const { server, port } = await start()
  const client = new RawClient(port)
  await client.send(GET)
  await client.answer()
  await server.drain(1)
  await client.closed
  t.equal(client.rest, '')
  client.destroy()
})
