// An answer that is still being made holds up its own connection, and nothing else.
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { contentAnswer } from '../../src/http/answers.ts'
import type { Answer } from '../../src/http/message.ts'
import { createPublicServer } from '../../src/http/public-server.ts'

for (const fastLane of [true, false]) {
  t.test(fastLane ? 'with the fast lane' : 'with node:http alone', async (t) => {
    const late = new Map<string, (answer: Answer | Error) => void>()
    const errors: string[] = []
    const server = createPublicServer({
      fastLane,
      respond: ({ target }) => (target.startsWith('/late') ? new Promise<Answer>((resolve, reject) => late.set(target, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))) : plain(target)),
      onRejected: () => undefined,
      onError: (name) => errors.push(name),
      now: () => 0,
    })
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    t.teardown(() => server.close())

    const client = () => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      let look = () => undefined as void
      socket.on('data', (data) => {
        text += data.toString()
        look()
      })
      return { socket, ask: (...targets: string[]) => socket.write(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')), bodies: () => [...text.matchAll(/\r\n\r\n(\/[a-z0-9]+)/g)].map(([, body]) => body), until: (count: number) => new Promise<void>((resolve) => {
        look = () => (text.match(/HTTP\/1\.1 /g)?.length ?? 0) >= count && resolve()
        look()
      }), text: () => text }
    }
    const asked = async (target: string) => {
      while (!late.has(target)) await new Promise((resolve) => setImmediate(resolve))
      return late.get(target)
    }

    await t.test('pipelined answers come in the order of their requests', async (t) => {
      const { socket, ask, bodies, until } = client()
      ask('/a', '/late1', '/b', '/late2', '/c')
      const first = await asked('/late1')
      const other = client()
      other.ask('/d')
      await other.until(1)
      t.same(other.bodies(), ['/d'], 'another connection does not wait')
      first?.(plain('/late1'))
      ;(await asked('/late2'))?.(plain('/late2'))
      await until(5)
      t.same(bodies(), ['/a', '/late1', '/b', '/late2', '/c'])
      ask('/e')
      await until(6)
      t.equal(bodies().at(-1), '/e', 'and the connection goes on')
      socket.destroy()
      other.socket.destroy()
    })

    await t.test('a promise that is broken costs its own request', async (t) => {
      const { socket, ask, text, until } = client()
      ask('/late3', '/f')
      ;(await asked('/late3'))?.(new TypeError('no'))
      await until(2)
      t.match(text(), /^HTTP\/1\.1 503 [^]*HTTP\/1\.1 200 [^]*\/f$/)
      t.same(errors, ['TypeError'])
      socket.destroy()
    })

    await t.test('a client that leaves before its answer is made harms nobody', async (t) => {
      const { socket, ask } = client()
      ask('/late4')
      const answer = await asked('/late4')
      socket.destroy()
      await once(socket, 'close')
      while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve))
      answer?.(plain('/late4'))
      const next = client()
      next.ask('/g')
      await next.until(1)
      t.same(next.bodies(), ['/g'])
      next.socket.destroy()
    })
  })
}

function plain(text: string): Answer {
  return contentAnswer(200, 'text/plain', text)
}
