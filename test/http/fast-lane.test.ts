/** The fast lane beside `node:http` alone: the same bytes in, the same bytes out, however they are cut and mixed. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { fieldsIn } from '../../src/http/fields.ts'
import type { Answer } from '../../src/http/message.ts'
import type { PublicServerOptions } from '../../src/http/public-server.ts'
import { HOSTILE } from './hostile-table.ts'
import { seeded } from './open-redirect.ts'
import { PLAIN } from './plain-mutants.ts'
import { RawClient, start } from './raw-socket.ts'
import type { Started } from './raw-socket.ts'
import { tinyRouter } from './tiny-router.ts'

const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'
const LAST = 'GET /demo/last.m3u8 HTTP/1.1\r\nHost: play.example\r\nConnection: close\r\n\r\n'
/** Exchanges at once. */
const PARALLEL = 48
/** So long that no reset can overtake an answer; clients go when they have seen the end. */
const LINGER = 4_000

/** Both kinds of listener, with the same of everything else. */
async function both(options: Partial<PublicServerOptions> = {}): Promise<{ lane: Started; http: Started; close(): Promise<unknown> }> {
  const given = { ...options, limits: { linger: LINGER, ...options.limits } }
  const [lane, http] = [await start({ fastLane: true, ...given }), await start({ fastLane: false, ...given })]
  return { lane, http, close: () => Promise.all([lane.server.close(), http.server.close()]) }
}

/** Everything that comes back until the server ends the connection, without dates. */
async function exchange(port: number, parts: readonly string[]): Promise<string> {
  const client = new RawClient(port)
  for (const part of parts) {
    await client.send(part)
    // Two turns: in between, the server in this very process has read the part.
    if (parts.length > 1) for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
  }
  await client.closed
  client.destroy()
  return client.rest.replaceAll(/^Date: .*\r\n/gm, '')
}

/** Does something for all, many at once, and gives the results in order. */
async function parallel<T, R>(all: readonly T[], one: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const work = async () => {
    for (let i = next++; i < all.length; i = next++) results[i] = await one(all[i] as T)
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return results
}

/** Streams that end with the connection's end, so that everything that came back is known. */
const STREAMS: readonly { name: string; bytes: string }[] = [
  ...HOSTILE.map(({ name, bytes, open }) => ({ name, bytes: open ? bytes + LAST : bytes })),
  ...PLAIN.map((bytes) => ({ name: bytes.slice(0, 40), bytes: bytes + LAST })),
  { name: 'plain, not plain, plain', bytes: `${GET}OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n${GET}${LAST}` },
  { name: 'bad behind good', bytes: `${GET}${GET}BAD\r\n\r\n` },
  { name: 'JSON', bytes: GET.replace('\r\n\r\n', '\r\nAccept: application/json\r\n\r\n') + LAST },
  { name: 'HEAD of a refusal', bytes: 'HEAD /demo/x.ts HTTP/1.1\r\nHost: play.example\r\n\r\n' + LAST },
  { name: 'a refused plain request', bytes: 'GET /demo/../x HTTP/1.1\r\nHost: a\r\n\r\n' + GET },
  { name: 'too long', bytes: `GET /${'a'.repeat(8192)} HTTP/1.1\r\nHost: a\r\n\r\n` },
]

/** Every place of a short text; of a long one those near its ends, and some between. */
function places(length: number, random: () => number): number[] {
  if (length <= 700) return Array.from({ length: length - 1 }, (_, i) => i + 1)
  const near = Array.from({ length: 80 }, (_, i) => (i < 40 ? i + 1 : length - (i - 39)))
  return [...near, ...Array.from({ length: 40 }, () => 1 + Math.floor(random() * (length - 1)))]
}

function cut(text: string, at: readonly number[]): string[] {
  const sorted = [0, ...at.toSorted((a, b) => a - b), text.length]
  return sorted.slice(1).map((end, i) => text.slice(sorted[i], end))
}

t.test('however the network cuts a request, with the lane it is answered byte for byte as node:http alone answers it whole', async (t) => {
  const { lane, http, close } = await both()
  t.teardown(close)
  const random = seeded(Number(process.env['FUZZ_SEED'] ?? 20260301))
  const whole = await parallel(STREAMS, ({ bytes }) => exchange(http.port, [bytes]))
  const trials = STREAMS.flatMap(({ bytes }, stream) => [
    { stream, parts: [bytes] },
    ...places(bytes.length, random).map((at) => ({ stream, parts: cut(bytes, [at]) })),
    ...Array.from({ length: 10 }, () => ({ stream, parts: cut(bytes, Array.from({ length: 1 + Math.floor(random() * 4) }, () => Math.floor(random() * bytes.length))) })),
  ])
  const answers = await parallel(trials, ({ parts }) => exchange(lane.port, parts))
  const wrong = trials.filter(({ stream }, i) => answers[i] !== whole[stream])
  t.strictSame(wrong.slice(0, 3), [], `${trials.length} ways of cutting ${STREAMS.length} streams; ${wrong.length} were answered differently`)
  t.ok(whole.every((text, stream) => text.startsWith('HTTP/1.1 ') || STREAMS[stream]?.bytes === ''), 'each was answered')
  t.ok(trials.length > 10_000)
  t.strictSame(lane.errors, [])
})

t.test('both count the same refusals and tell the same of each request', async (t) => {
  const seen: Record<string, string[]> = { lane: [], http: [] }
  const note = (name: string): Partial<PublicServerOptions> => ({ after: (wire, { status }) => seen[name]?.push(`${wire.method} ${wire.target} ${wire.peer} ${status}`) })
  const [lane, http] = [await start({ fastLane: true, ...note('lane') }), await start({ fastLane: false, ...note('http') })]
  t.teardown(() => Promise.all([lane.server.close(), http.server.close()]))
  for (const { bytes } of STREAMS) for (const { port } of [lane, http]) await exchange(port, [bytes])
  t.strictSame(seen['lane'], seen['http'])
  t.strictSame(lane.rejected, http.rejected)
  t.ok(lane.rejected.length > 30 && (seen['lane']?.length ?? 0) > 100)
})

t.test('answers come in the order of the requests, whoever reads each of them', async (t) => {
  const { lane, http, close } = await both()
  t.teardown(close)
  const random = seeded(Number(process.env['FUZZ_SEED'] ?? 20260301))
  const kinds = [
    (i: number) => `GET /demo/${i}.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n`,
    (i: number) => `GET /demo/${i}.m3u8 HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n`,
    (i: number) => `HEAD /demo/${i}.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n`,
    (i: number) => `GET /demo/${i}.m3u8 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`,
    (i: number) => `GET /demo/${i}.m3u8 HTTP/1.1\r\nHost: a\r\nConnection: x\r\n\r\n`,
  ]
  const pipelines = Array.from({ length: 300 }, () => {
    // Until somewhere all are plain, and then not all.
    const turn = Math.floor(random() * 40)
    const requests = Array.from({ length: 40 }, (_, i) => kinds[Math.floor(random() * (i < turn ? 3 : kinds.length))]?.(i) ?? '')
    return { turn, bytes: requests.join('') + LAST }
  })
  const trials = pipelines.map(({ bytes }) => cut(bytes, Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * bytes.length))))
  const [mixed, alone] = [await parallel(trials, (parts) => exchange(lane.port, parts)), await parallel(pipelines, ({ bytes }) => exchange(http.port, [bytes]))]
  for (const [i, text] of mixed.entries()) {
    if (text !== alone[i]) t.fail('answered differently', { bytes: pipelines[i]?.bytes })
    const order = [...text.matchAll(/edge\.ams\.example\/(\d+)\.m3u8/g)].map(([, number]) => Number(number))
    if (!order.every((number, at) => number === at) || order.length !== 40) t.fail(`out of order: ${order.join()}`)
  }
  t.equal(mixed.length, 300)
})

t.test('a connection may ask for another host with each request, and each gets its own', async (t) => {
  const asked: Record<string, string[]> = { lane: [], http: [] }
  const note = (name: string): Partial<PublicServerOptions> => ({ after: ({ fields, headers }) => asked[name]?.push((fields ?? fieldsIn(headers)).host?.text ?? '') })
  const [lane, http] = [await start({ fastLane: true, ...note('lane') }), await start({ fastLane: false, ...note('http') })]
  t.teardown(() => Promise.all([lane.server.close(), http.server.close()]))
  const hosts = ['play.example', 'play.example', 'play.example', 'a', 'play.exampl', 'play.example.', 'play.example', 'PLAY.example', 'pl\x41y.example', 'play.example:80', 'play.examplf', 'b@c', '', 'play.example']
  const text = hosts.map((host) => `GET /demo/x.m3u8 HTTP/1.1\r\nHost: ${host}\r\n\r\n`).slice(0, -3).join('') + LAST
  t.equal(await exchange(lane.port, [text]), await exchange(http.port, [text]))
  t.same(asked['lane'], [...hosts.slice(0, -3), 'play.example'])
  t.same(asked['lane'], asked['http'])
})

t.test('an answer that takes its time holds back those behind it, and nothing else', async (t) => {
  const route = tinyRouter()
  const { lane, http, close } = await both({
    respond: (wire) => {
      if (!wire.target.includes('wait')) return route(wire)
      return new Promise((resolve, reject) => setImmediate(() => (wire.target.includes('fail') ? reject(new TypeError('x')) : resolve(route(wire)))))
    },
  })
  t.teardown(close)
  const random = seeded(Number(process.env['FUZZ_SEED'] ?? 20260301))
  const pipelines = Array.from({ length: 200 }, () => Array.from({ length: 20 }, (_, i) => {
    const query = random() < 0.3 ? '?wait' : random() < 0.1 ? '?waitfail' : ''
    const headers = i > 12 && random() < 0.3 ? 'Content-Length: 0\r\n' : ''
    return `${random() < 0.2 ? 'HEAD' : 'GET'} /demo/${i}.m3u8${query} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`
  }).join('') + LAST.replace('last.m3u8', random() < 0.5 ? 'last.m3u8?wait' : 'last.m3u8'))
  const alone = await parallel(pipelines, (bytes) => exchange(http.port, [bytes]))
  for (const cuts of [0, 3]) {
    const mixed = await parallel(pipelines, (bytes) => exchange(lane.port, cut(bytes, Array.from({ length: cuts }, () => Math.floor(random() * bytes.length)))))
    t.equal(mixed.filter((text, i) => text !== alone[i]).length, 0)
  }
  t.equal(lane.errors.length, http.errors.length * 2)
})

t.test('a request that fails in the middle of a pipeline costs itself alone', async (t) => {
  const route = tinyRouter()
  const { lane, http, close } = await both({
    respond: (wire) => {
      if (wire.target === '/fail') throw new TypeError('x')
      return route(wire)
    },
  })
  t.teardown(close)
  const bytes = `${GET}GET /fail HTTP/1.1\r\nHost: a\r\n\r\n${GET}${LAST}`
  const text = await exchange(lane.port, [bytes])
  t.strictSame([...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status), ['302', '503', '302', '302'])
  t.equal(text, await exchange(http.port, [bytes]))
  t.strictSame(lane.errors, ['TypeError'])
})

const STATUSES = [200, 302, 307, 400, 403, 404, 405, 414, 417, 431, 451, 503] as const

t.test('an answer of any status, with any text in it, is written as node:http writes it', async (t) => {
  let answer: Answer = { status: 200, headers: [], body: undefined }
  const { lane, http, close } = await both({ respond: () => answer })
  t.teardown(close)
  for (const status of STATUSES) {
    for (const body of [undefined, 'plain', 'h\u00e9\u20ac\ud83d\ude00', 'x'.repeat(200_000)]) {
      for (const closes of [false, true]) {
        answer = { status, headers: ['Content-Type', 'text/plain', 'Content-Length', String(Buffer.byteLength(body ?? ''))], body, close: closes }
        for (const parts of [[GET + LAST], [GET.replace('GET', 'HEAD') + LAST], closes ? [GET] : [GET, LAST]]) {
          t.equal(await exchange(lane.port, parts), await exchange(http.port, parts), `${status} ${body?.length} ${closes}`)
        }
      }
    }
  }
})

t.test('the last answer that a connection may have says so on both sides of the change of readers', async (t) => {
  const { lane, http, close } = await both({ limits: { maxRequestsPerConnection: 5 } })
  t.teardown(close)
  for (let change = 0; change < 6; change++) {
    const requests = Array.from({ length: 8 }, (_, i) => (i === change ? GET.replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n') : GET))
    const [one, other] = [await exchange(lane.port, [requests.join('')]), await exchange(http.port, [requests.join('')])]
    t.equal(one.match(/^HTTP/gm)?.length, 5)
    t.equal(one, other)
  }
})

t.test('answers before one that cannot be written are sent', async (t) => {
  const route = tinyRouter()
  const { server, port, errors } = await start({ respond: (wire) => (wire.target === '/bad' ? { status: 200, headers: ['X', 'a\r\nb'], body: 'x' } : route(wire)) })
  t.teardown(() => server.close())
  const text = await exchange(port, [`${GET}${GET}GET /bad HTTP/1.1\r\nHost: a\r\n\r\n${GET}`])
  t.equal(text.match(/^HTTP\/1\.1 302/gm)?.length, 2)
  t.notMatch(text, 'X: a')
  t.strictSame(errors, ['TypeError'])
})

/** A listener with large answers, and the server's end of its first connection. */
async function startLarge(t: Test, size: number, onAnswered: () => void): Promise<{ port: number; socket(): Socket | undefined }> {
  const sockets: Socket[] = []
  const note = (message: unknown) => void sockets.push((message as { socket: Socket }).socket)
  subscribe('net.server.socket', note)
  const answer: Answer = { status: 200, headers: ['Content-Length', String(size)], body: 'x'.repeat(size) }
  const { server, port } = await start({ respond: () => answer, after: onAnswered, limits: { maxRequestsPerConnection: Infinity } })
  t.teardown(() => {
    unsubscribe('net.server.socket', note)
    return server.close()
  })
  return { port, socket: () => sockets[0] }
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('to a client that asks again and again and never reads a bounded amount is owed, and what it asked is answered when it reads', async (t) => {
  let answered = 0
  const { port, socket } = await startLarge(t, 100_000, () => answered++)
  const client = new RawClient(port)
  client.socket.pause()
  for (let asked = 0; asked < 400; asked++) {
    await client.send(GET)
    await turns(3)
  }
  t.ok(answered < 200, `${answered} of 400 were answered`)
  t.ok((socket()?.writableLength ?? Infinity) <= 262_144, `${socket()?.writableLength} bytes wait to be written`)
  client.socket.resume()
  while (answered < 400) await turns(1)
  client.destroy()
})

t.test('however much is asked at once, a bounded amount is gathered', async (t) => {
  let answered = 0
  const { port, socket } = await startLarge(t, 20_000, () => answered++)
  const client = new RawClient(port)
  client.socket.pause()
  await client.send(GET.repeat(600))
  while (answered === 0) await turns(1)
  await turns(100)
  t.ok((socket()?.writableLength ?? Infinity) <= 262_144, `${socket()?.writableLength} bytes wait to be written`)
  client.socket.resume()
  while (answered < 600) await turns(1)
  client.destroy()
})

t.test('a client that never reads makes the listener hold a bounded amount, and it reads nothing more from it', async (t) => {
  const sockets: Socket[] = []
  const note = (message: unknown) => void sockets.push((message as { socket: Socket }).socket)
  subscribe('net.server.socket', note)
  t.teardown(() => unsubscribe('net.server.socket', note))
  let answered = 0
  const { server, port } = await start({ after: () => answered++, limits: { maxRequestsPerConnection: Infinity } })
  t.teardown(() => server.close())
  const client = new RawClient(port)
  client.socket.pause()
  client.socket.write(GET.repeat(100_000))
  let before = -1
  while (answered === 0 || answered !== before) {
    before = answered
    for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve))
  }
  const [socket] = sockets
  t.ok(answered < 100_000 / 2, `${answered} were answered`)
  t.ok((socket?.writableLength ?? Infinity) <= 262_144, `${socket?.writableLength} bytes wait to be written`)
  t.ok((socket?.readableLength ?? Infinity) <= 262_144, `${socket?.readableLength} bytes wait to be read`)
  client.socket.resume()
  client.socket.on('data', () => undefined)
  while (answered < 100_000) await new Promise((resolve) => setImmediate(resolve))
  t.pass('and when it reads at last, it gets the rest')
  client.destroy()
})
