/** Requests that are read in one turn of the event loop: decided together, written together, and each as if it were alone. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import { contentAnswer } from '../../src/http/answers.ts'
import { Connection } from '../../src/http/connection.ts'
import { FastLane } from '../../src/http/fast-lane.ts'
import { Front } from '../../src/http/front.ts'
import { LIMITS } from '../../src/http/limits.ts'
import type { Answer } from '../../src/http/message.ts'
import { NodeReader } from '../../src/http/node-reader.ts'
import { Responder } from '../../src/http/responder.ts'

/** A front whose connections get what they read by hand, and what it did, in order. */
function stage(respond: (target: string) => Answer | Promise<Answer> = plain, now = () => 0) {
  const done: string[] = []
  const dates: (string | undefined)[] = []
  const hosts: unknown[] = []
  const undelayed: string[] = []
  const responder = new Responder({
    respond: ({ target, fields }) => {
      hosts.push(fields?.host)
      done.push(`decide ${target}`)
      return respond(target)
    },
    onRejected: (reason) => done.push(`rejected ${reason}`),
    onError: (name) => done.push(`error ${name}`),
    now,
  }, LIMITS)
  const connections = new Map<Socket, Connection>()
  const front = new Front({ responder, nodeReader: new NodeReader(responder, connections), lane: new FastLane(responder), proxies: undefined })
  const open = (name: string) => {
    const duplex = new Duplex({
      read: () => undefined,
      write: (text: Buffer, _encoding, written) => {
        dates.push(/^Date: (.*)\r$/m.exec(text.toString('latin1'))?.[1])
        for (const [, body = ''] of text.toString('latin1').matchAll(/\r\n\r\n(\/\w+?)(?=HTTP\/|$)/g)) done.push(`write ${name} ${body}`)
        written()
      },
      final: (ended) => {
        done.push(`end ${name}`)
        ended()
      },
    })
    const socket = Object.assign(duplex, { setNoDelay: () => undelayed.push(name) }) as unknown as Socket
    const connection = new Connection(socket)
    connections.set(socket, connection)
    front.accept(connection)
    return { socket, ask: (target: string) => socket.push(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`) }
  }
  return { done, dates, hosts, undelayed, open }
}

const plain = (target: string) => contentAnswer(200, 'text/plain', target)
/** The end of this turn, and what follows it at once. */
const turn = async () => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('all is decided before anything is written', async (t) => {
  const { done, open } = stage()
  const all = ['a', 'b', 'c'].map(open)
  await turn()
  for (const [i, { ask }] of all.entries()) ask(`/${i}`)
  t.same(done, [], 'nothing while it is read')
  await turn()
  t.same(done, ['decide /0', 'decide /1', 'decide /2', 'write a /0', 'write b /1', 'write c /2'])
})

t.test('an answer has the date of the turn in which it is made', async (t) => {
  const late = Promise.withResolvers<Answer>()
  let now = 1000
  const { dates, open } = stage((target) => (target === '/late' ? late.promise : plain(target)), () => now)
  const [one, other, third] = [open('one'), open('other'), open('third')]
  await turn()
  one.ask('/late')
  other.ask('/now')
  await turn()
  now = 61_000
  other.ask('/next')
  await turn()
  now = 121_000
  late.resolve(plain('/late'))
  await turn()
  now = 181_000
  third.socket.push('GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n')
  await turn()
  t.same(dates, [0, 1, 2, 3].map((minute) => `Thu, 01 Jan 1970 00:0${minute}:01 GMT`))
})

t.test('from the third request on, the host of a connection is a copy of the second one, as long as it stays', async (t) => {
  const { hosts, open } = stage()
  const { ask, socket } = open('one')
  await turn()
  for (let i = 0; i < 4; i++) {
    ask(`/${i}`)
    await turn()
  }
  socket.push('GET /4 HTTP/1.1\r\nHost: b\r\n\r\n')
  await turn()
  ask('/5')
  await turn()
  t.equal(hosts.length, 6)
  t.same(hosts.map((host) => hosts.indexOf(host)), [0, 1, 2, 2, 4, 2])
})

t.test('a turn that is full does not wait for its end', async (t) => {
  const { done, open } = stage()
  const all = Array.from({ length: 130 }, (_, i) => open(`c${i}`))
  await turn()
  const decided = all.map(({ ask }, i) => {
    ask(`/${i}`)
    return done.filter((what) => what.startsWith('decide')).length
  })
  t.same([...new Set(decided)], [0, 64, 128])
  await turn()
  t.equal(done.filter((what) => what.startsWith('write')).length, 130)
})

t.test('a connection that asks twice in a turn gets its answers in order', async (t) => {
  const { done, open } = stage()
  const [one, other] = [open('one'), open('other')]
  await turn()
  other.ask('/x')
  one.ask('/1')
  one.ask('/2')
  one.ask('/3')
  await turn()
  t.same(done.filter((what) => what.startsWith('write one')), ['write one /1', 'write one /2', 'write one /3'])
  t.ok(done.includes('write other /x'))
})

t.test('what is not plain, behind what is, in the same turn, is answered second', async (t) => {
  const { done, open } = stage()
  const { socket, ask } = open('one')
  await turn()
  ask('/1')
  socket.push('GET /2 HTTP/1.0\r\nHost: a\r\n\r\n')
  await once(socket, 'finish')
  t.same(done, ['decide /1', 'write one /1', 'decide /2', 'write one /2', 'end one'])
})

t.test('who has said all in the turn of its request is answered before its connection ends', async (t) => {
  const { done, open } = stage()
  const { socket, ask } = open('one')
  await turn()
  ask('/1')
  socket.push(null)
  await once(socket, 'finish')
  t.same(done, ['decide /1', 'write one /1', 'end one'])
})

t.test('and also where its answer takes a while', async (t) => {
  const late = Promise.withResolvers<Answer>()
  const { done, open } = stage(() => late.promise)
  const { socket, ask } = open('one')
  await turn()
  ask('/1')
  socket.push(null)
  await turn()
  t.same(done, ['decide /1'])
  late.resolve(plain('/1'))
  await once(socket, 'finish')
  t.same(done, ['decide /1', 'write one /1', 'end one'])
})

t.test('a second request in the turn waits for a first whose answer takes a while', async (t) => {
  const late = Promise.withResolvers<Answer>()
  const { done, open } = stage((target) => (target === '/1' ? late.promise : plain(target)))
  const { ask } = open('one')
  await turn()
  ask('/1')
  ask('/2')
  await turn()
  t.same(done, ['decide /1'])
  late.resolve(plain('/1'))
  await turn()
  t.same(done, ['decide /1', 'write one /1', 'decide /2', 'write one /2'])
})

t.test('what was asked behind an answer that takes a while is answered too, when the client has said all', async (t) => {
  const late = Promise.withResolvers<Answer>()
  const { done, open } = stage((target) => (target === '/1' ? late.promise : plain(target)))
  const { socket } = open('one')
  await turn()
  socket.push(['/1', '/2', '/3'].map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  socket.push(null)
  await turn()
  t.same(done, ['decide /1'])
  late.resolve(plain('/1'))
  await once(socket, 'finish')
  t.same(done, ['decide /1', 'write one /1', 'decide /2', 'decide /3', 'write one /2', 'write one /3', 'end one'])
})

t.test('who is gone before the turn ends costs nobody else an answer', async (t) => {
  const { done, open } = stage()
  const [gone, here] = [open('gone'), open('here')]
  await turn()
  gone.ask('/1')
  here.ask('/2')
  gone.socket.destroy()
  await turn()
  t.same(done, ['decide /1', 'decide /2', 'write here /2'])
})

t.test('a second answer does not wait until the first is acknowledged; for a first one nothing is asked of the system', async (t) => {
  const { undelayed, open } = stage()
  const [plainly, otherwise] = [open('plainly'), open('otherwise')]
  await turn()
  plainly.ask('/1')
  await turn()
  t.same(undelayed, [])
  for (const target of ['/2', '/3']) {
    plainly.ask(target)
    await turn()
  }
  t.same(undelayed, ['plainly'])
  otherwise.socket.push('GET /1 HTTP/1.0\r\nHost: a\r\n\r\n')
  await once(otherwise.socket, 'finish')
  t.same(undelayed, ['plainly', 'otherwise'])
})
