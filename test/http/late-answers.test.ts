// An answer that is still being made holds up its own connection, and nothing else.
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { contentAnswer } from '../../src/http/answers.ts'
import type { Limits } from '../../src/http/limits.ts'
import type { Answer } from '../../src/http/message.ts'
import { createPublicServer } from '../../src/http/public-server.ts'

for (const fastLane of [true, false]) {
  const open = async (t: Test, limits: Partial<Limits> = {}) => {
    const late = new Map<string, (answer: Answer | Error) => void>()
    const [errors, rejected, targets]: [string[], string[], string[]] = [[], [], []]
    const server = createPublicServer({
      fastLane,
      limits,
      respond: ({ target }) => (targets.push(target), target.startsWith('/late') ? new Promise<Answer>((resolve, reject) => late.set(target, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))) : plain(target)),
      onRejected: (reason) => rejected.push(reason),
      onError: (name) => errors.push(name),
      now: () => 0,
    })
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    t.teardown(() => server.close())

    const client = () => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      let look = () => undefined as void
      socket.on('close', () => look())
      socket.on('data', (data) => {
        text += data.toString()
        look()
      })
      return { socket, ask: (...targets: string[]) => socket.write(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')), bodies: () => [...text.matchAll(/\r\n\r\n(\/[a-z0-9]+)/g)].map(([, body]) => body), until: (count: number) => new Promise<void>((resolve) => {
        look = () => ((text.match(/HTTP\/1\.1 /g)?.length ?? 0) >= count || socket.destroyed) && resolve()
        look()
      }), text: () => text }
    }
    const asked = async (target: string) => {
      while (!late.has(target)) await new Promise((resolve) => setImmediate(resolve))
      const answer = late.get(target)
      late.delete(target)
      return answer
    }
    return { server, errors, rejected, targets, client, asked }
  }

  t.test(fastLane ? 'with the fast lane' : 'with node:http alone', async (t) => {
    const { errors, client, asked } = await open(t)

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
      // Who has said all may still wait for the answer: only the time limit tells that nobody is there.
      for (const [leave, limits] of [['destroy', { answerTimeout: 200, checkingInterval: 50 }], ['resetAndDestroy', { answerTimeout: 600_000 }]] as const) {
        const { server, client, asked } = await open(t, limits)
        const { socket, ask } = client()
        ask('/late4')
        const answer = await asked('/late4')
        socket[leave]()
        await once(socket, 'close')
        while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve))
        answer?.(plain('/late4'))
        const next = client()
        next.ask('/g')
        await next.until(1)
        t.same(next.bodies(), ['/g'], leave)
        next.socket.destroy()
      }
    })

    await t.test('a client that has said all gets its late answer, and then the end', async (t) => {
      const { server, client, asked } = await open(t, { keepAliveTimeout: 600_000, idleTimeout: 600_000 })
      for (const [name, parts, answers] of [
        ['HTTP/1.1', ['GET /late HTTP/1.1\r\nHost: a\r\n\r\n'], ['/late']],
        ['HTTP/1.0', ['GET /late HTTP/1.0\r\n\r\n'], ['/late']],
        ['in two packets', ['GET /late HTTP/1.1\r\n', 'Host: a\r\n\r\n'], ['/late']],
        ['behind another', ['GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /late HTTP/1.0\r\nHost: a\r\n\r\n'], ['/a', '/late']],
        ['before another', ['GET /late HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n'], ['/late', '/b']],
      ] as const) {
        const { socket, bodies } = client()
        const ended = once(socket, 'close')
        for (const part of parts.slice(0, -1)) {
          socket.write(part)
          await turns()
        }
        socket.end(parts.at(-1) ?? '')
        const answer = await asked('/late')
        // The end of what is said has arrived by then.
        await turns()
        answer?.(plain('/late'))
        await ended
        t.same(bodies(), answers, name)
      }
      t.equal(server.connections, 0)
    })

    await t.test('behind a last answer that is still being made nothing is decided, and nothing refused', async (t) => {
      const plainGet = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
      for (const [name, last] of [
        ['the connection has had its share', plainGet('/a') + plainGet('/late', 'Content-Length: 0\r\n')],
        ['the client asked for the end', plainGet('/late', 'Connection: close\r\nContent-Length: 0\r\n')],
        ['the client asked for the end, plainly', plainGet('/late', 'Connection: close\r\n')],
        ['HTTP/1.0', 'GET /late HTTP/1.0\r\n\r\n'],
        ['an upgrade', plainGet('/late', 'Connection: Upgrade\r\nUpgrade: h2c\r\n')],
      ] as const) {
        const { client, asked, targets, rejected } = await open(t, { maxRequestsPerConnection: 2 })
        for (const behind of [plainGet('/b') + plainGet('/c'), 'BAD\r\n\r\n']) {
          targets.length = 0
          const { socket, until, text } = client()
          const ended = once(socket, 'close')
          socket.write(last + behind)
          const answer = await asked('/late')
          await turns()
          answer?.(plain('/late'))
          await until(last.startsWith('GET /a') ? 2 : 1)
          await ended
          t.same(targets, last.startsWith('GET /a') ? ['/a', '/late'] : ['/late'], name)
          t.match(text(), /\r\nConnection: close\r\n[^]*\/late$/, name)
          t.same(rejected, [], name)
        }
      }
    })

    await t.test('where a drain begins while answers are made, the last of them says that the connection ends', async (t) => {
      for (const more of ['', 'Content-Length: 0\r\n']) {
        const { server, client, asked } = await open(t)
        const { socket, text } = client()
        const ended = once(socket, 'close')
        socket.write(['/late1', '/late2'].map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`).join(''))
        const first = await asked('/late1')
        // The lane asks for one at a time.
        const both = more !== '' || !fastLane
        const second = both ? await asked('/late2') : undefined
        const drained = server.drain(50)
        second?.(plain('/late2'))
        first?.(plain('/late1'))
        await ended
        t.same([...text().matchAll(/^Connection: (.*)\r$/gm)].map(([, value]) => value), both ? ['keep-alive', 'close'] : ['close'])
        await drained
      }
    })

    await t.test('a client that fetches each answer may be owed one at every check; one answer must be made in time', async (t) => {
      const limits = { answerTimeout: 200, checkingInterval: 50 }
      const { server, client, asked } = await open(t, limits)
      const { socket, ask, bodies, until } = client()
      let count = 0
      for (const end = performance.now() + 4 * limits.answerTimeout; performance.now() < end && !socket.destroyed; count++) {
        ask(`/late${count}`)
        const answer = await asked(`/late${count}`)
        // Most checks find it waiting.
        await new Promise((resolve) => setTimeout(resolve, limits.checkingInterval / 3))
        answer?.(plain(`/late${count}`))
        await until(count + 1)
      }
      t.equal(bodies().length, count)
      t.equal(server.connections, 1)
      ask('/late')
      if (!socket.destroyed) await once(socket, 'close')
      t.equal(bodies().length, count)
    })
  })
}

function plain(text: string): Answer {
  return contentAnswer(200, 'text/plain', text)
}

/** What was sent to this process has come by then. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}
