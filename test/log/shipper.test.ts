import { existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { CUT_LINE, parseLine } from '../../src/log/segments/lines.ts'
import { DISK } from '../../src/log/segments/segment-io.ts'
import { Shipper } from '../../src/log/segments/shipper.ts'
import type { Batch, ShipperOptions } from '../../src/log/segments/shipper.ts'
import { httpShipper } from '../../src/log/sinks/http.ts'
import { redisStreamShipper } from '../../src/log/sinks/redis-stream.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { settle } from './clock.ts'
import { WORLD, factsOf, redirectTo } from './decisions.ts'
import { SegmentDisk, until } from './segment-disk.ts'

const [omroep] = WORLD.services
const [fra] = WORLD.targets
if (!omroep || !fra) throw new Error('the world is too small')
const toFra = redirectTo(omroep, fra)

/** A receiver that can be away. */
class Receiver {
  away = false
  attempts = 0
  readonly batches: Batch[] = []

  readonly send = async (batch: Batch): Promise<void> => {
    this.attempts++
    if (this.away) throw Object.assign(new Error('away, and a token that nobody should see'), { code: 'ECONNREFUSED' })
    this.batches.push(batch)
  }

  get titles(): string[] {
    return this.batches.flatMap(({ lines }) => lines.map(parseLine)).flatMap((line) => (line.kind === 'record' ? [line.record.content] : []))
  }
}

type Test = { teardown(run: () => void): unknown }

/** A disk with so many titles in segments of a window each. */
async function filled(t: Test, count: number, boot = '4f2a9c01') {
  const d = new SegmentDisk()
  t.teardown(() => d.remove())
  await add(d, 0, count, boot)
  return d
}

async function add(d: SegmentDisk, from: number, to: number, boot: string) {
  const log = d.log(d.sink({ segmentBytes: 900, writer: { router: 'ams-1', boot } }))
  for (let i = from; i < to; i++) {
    const already = d.lines.filter(({ kind }) => kind === 'record').length
    log.add(factsOf(toFra, { content: `title-${i}` as ContentId }))
    log.flush()
    await d.records(already + 1)
  }
  await log.close()
}

function ship(d: SegmentDisk, receiver: Receiver, options: Partial<ShipperOptions> = {}) {
  const states: string[] = []
  const shipper = new Shipper({
    name: 'test', directory: d.directory, cursor: join(d.root, 'test.cursor'), send: receiver.send, setTimer: d.clock.setTimer, onState: (state, code) => states.push(`${state} ${code}`), ...options,
  })
  return { shipper, states }
}

const titles = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `title-${from + i}`)

t.test('closed segments are taken in order, every line once', async (t) => {
  const d = await filled(t, 12)
  const receiver = new Receiver()
  const { shipper } = ship(d, receiver, { batchBytes: 300 })
  shipper.wake()
  await until(() => shipper.shipped === 12)
  t.same(receiver.titles, titles(0, 12))
  t.equal(shipper.dropped, 0)
  t.equal(new Set(receiver.batches.map(({ from }) => from)).size, receiver.batches.length)
  await shipper.close()
  t.equal(d.clock.waiting, 0)
})

t.test('after a restart it goes on after the last batch that was acknowledged', async (t) => {
  const d = await filled(t, 6)
  const first = new Receiver()
  const { shipper } = ship(d, first)
  shipper.wake()
  await until(() => shipper.shipped === 6)
  await shipper.close()
  await add(d, 6, 10, '4f2a9c02')
  const second = new Receiver()
  const { shipper: next } = ship(d, second)
  next.wake()
  await until(() => next.shipped === 4)
  t.same(second.titles, titles(6, 10))
  await next.close()
})

t.test('while the receiver is away it is asked ever less often, and then gets everything', async (t) => {
  const d = await filled(t, 3)
  const receiver = new Receiver()
  receiver.away = true
  const { shipper, states } = ship(d, receiver, { retryMs: 1000, maxRetryMs: 4000 })
  shipper.wake()
  for (const [round, wait] of [1000, 2000, 4000, 4000].entries()) {
    await until(() => receiver.attempts === round + 1 && d.clock.waiting === 1)
    d.clock.advance(wait - 1)
    await settle()
    t.equal(receiver.attempts, round + 1, `not before ${wait} ms`)
    d.clock.advance(1)
  }
  await until(() => receiver.attempts === 5 && d.clock.waiting === 1)
  t.same(states, ['failed ECONNREFUSED'])
  receiver.away = false
  d.clock.advance(4000)
  await until(() => shipper.shipped === 3 && d.clock.waiting === 1)
  t.same(receiver.titles, titles(0, 3))
  t.same(states, ['failed ECONNREFUSED', 'recovered ECONNREFUSED'])
  await shipper.close()
})

t.test('without a position everything is taken again', async (t) => {
  const d = await filled(t, 8)
  for (let run = 0; run < 2; run++) {
    const receiver = new Receiver()
    const { shipper } = ship(d, receiver)
    shipper.wake()
    await until(() => shipper.shipped === 8)
    await shipper.close()
    t.same(receiver.titles, titles(0, 8))
    unlinkSync(join(d.root, 'test.cursor'))
  }
})

for (const [code, state] of [['EMFILE', ['failed EMFILE', 'recovered EMFILE']], ['ENOENT', []]] as const) {
  t.test(`a directory that cannot be listed (${code}) is not an empty one: nothing is sent again`, async (t) => {
    const d = await filled(t, 4)
    const receiver = new Receiver()
    let fails = false
    const readdir = (path: string) => (fails ? Promise.reject(Object.assign(new Error('not now'), { code })) : DISK.readdir(path))
    const { shipper, states } = ship(d, receiver, { io: { ...DISK, readdir } })
    shipper.wake()
    await until(() => shipper.shipped === 4 && d.clock.waiting === 1)
    for (fails of [true, false]) {
      d.clock.advance(1000)
      await until(() => d.clock.waiting === 1)
    }
    await shipper.close()
    t.same(receiver.titles, titles(0, 4))
    t.same(states, state)
  })
}

t.test('what the disk\'s budget deleted before it was taken is counted', async (t) => {
  const d = await filled(t, 8)
  const receiver = new Receiver()
  const files = d.files
  let taken = 0
  const { shipper } = ship(d, receiver, { send: async (batch) => {
    await receiver.send(batch)
    // The disk's budget deletes the next two meanwhile.
    if (taken++ === 0) for (const file of files.slice(1, 3)) unlinkSync(join(d.directory, file))
  }, retryMs: 100 })
  shipper.wake()
  await until(() => {
    d.clock.advance(1000)
    return shipper.shipped + shipper.dropped === 8
  })
  await shipper.close()
  t.equal(shipper.shipped + shipper.dropped, 8)
  t.ok(shipper.dropped > 0)
})

/** Removes so many segments, the oldest first, as the disk's budget does. */
function prune(d: SegmentDisk, count = Infinity) {
  for (const file of d.files.slice(0, count)) unlinkSync(join(d.directory, file))
}

t.test('what is deleted while the receiver was never there is counted, over a restart too', async (t) => {
  for (const restart of [false, true]) {
    const d = await filled(t, 8)
    const receiver = new Receiver()
    receiver.away = true
    let { shipper } = ship(d, receiver)
    shipper.wake()
    await until(() => receiver.attempts === 1 && d.clock.waiting === 1)
    if (restart) {
      await shipper.close()
      shipper = ship(d, receiver).shipper
    }
    prune(d, 3)
    receiver.away = false
    shipper.wake()
    await until(() => shipper.shipped > 0 && d.clock.waiting === 1)
    await shipper.close()
    t.ok(shipper.dropped > 0)
    t.equal(shipper.shipped + shipper.dropped, 8, `restart: ${restart}`)
  }
})

for (const end of ['stopped as planned', 'was killed']) {
  t.test(`of a writer that ${end}, what was not taken when its last segment is deleted is counted`, async (t) => {
    const d = await filled(t, 6)
    if (end === 'was killed') {
      // As the next process finds it: without the last lines, and closed for it.
      const last = join(d.directory, d.files.at(-1) ?? '')
      writeFileSync(last, `${readFileSync(last, 'utf8').split('\n').slice(0, -2).join('\n')}\n${CUT_LINE}`)
    }
    const receiver = new Receiver()
    let room = 2
    const { shipper } = ship(d, receiver, { batchBytes: 300, send: (batch) => {
      receiver.away = receiver.titles.length === room
      return receiver.send(batch)
    } })
    shipper.wake()
    await until(() => receiver.away && d.clock.waiting === 1)
    t.equal(shipper.shipped, 2)
    prune(d)
    room = Infinity
    await add(d, 6, 8, '4f2a9c03')
    shipper.wake()
    await until(() => shipper.shipped === 4 && d.clock.waiting === 1)
    await shipper.close()
    t.equal(shipper.dropped, 4)
  })
}

t.test('what was deleted before there was a position is nobody\'s loss', async (t) => {
  const d = await filled(t, 8)
  prune(d, 3)
  const { shipper } = ship(d, new Receiver())
  shipper.wake()
  await until(() => shipper.shipped > 0 && d.clock.waiting === 1)
  await shipper.close()
  t.equal(shipper.dropped, 0)
})

t.test('a segment that is still written to is not touched', async (t) => {
  const d = new SegmentDisk()
  t.teardown(() => d.remove())
  const log = d.log(d.sink())
  log.add(factsOf(toFra))
  log.flush()
  await d.records(1)
  const receiver = new Receiver()
  const { shipper } = ship(d, receiver)
  shipper.wake()
  await settle()
  t.equal(receiver.attempts, 0)
  await log.close()
  shipper.wake()
  await until(() => shipper.shipped === 1)
  await shipper.close()
})

t.test('a position that cannot be read is none', async (t) => {
  const d = await filled(t, 2)
  for (const text of ['', 'not json', '[]', '{"ams-1-4f2a9c01-0":null}', '{"ams-1-4f2a9c01-0":{"segment":"1"}}']) {
    writeFileSync(join(d.root, 'test.cursor'), text)
    const receiver = new Receiver()
    const { shipper } = ship(d, receiver)
    shipper.wake()
    await until(() => shipper.shipped === 2)
    await shipper.close()
    t.same(receiver.titles, titles(0, 2), text)
  }
})

t.test('a position that cannot be saved keeps nothing from being sent, is told once, and is saved as soon as it can be', async (t) => {
  const d = await filled(t, 6)
  // As on a disk that takes nothing.
  const place = join(d.root, 'not', 'yet')
  const cursor = join(place, 'test.cursor')
  const receiver = new Receiver()
  const { shipper, states } = ship(d, receiver, { batchBytes: 300, cursor })
  shipper.wake()
  await until(() => d.clock.waiting === 1)
  t.equal(shipper.shipped, 6, 'in one go')
  d.clock.advance(1000)
  await until(() => d.clock.waiting === 1)
  t.same(states, ['failed CURSOR_ENOENT'])
  mkdirSync(place, { recursive: true })
  d.clock.advance(1000)
  await until(() => d.clock.waiting === 1)
  t.same(states, ['failed CURSOR_ENOENT', 'recovered CURSOR_ENOENT'])
  await shipper.close()
  t.same(receiver.titles, titles(0, 6))
  const after = new Receiver()
  const { shipper: next } = ship(d, after, { cursor })
  next.wake()
  await until(() => d.clock.waiting === 1)
  await next.close()
  t.same(after.titles, [], 'without a new batch')
})

t.test('what is closed while a batch is on its way is taken before the end, and nothing after the time for it', async (t) => {
  for (const inTime of [true, false]) {
    const d = await filled(t, 2)
    const receiver = new Receiver()
    const { promise, resolve } = Promise.withResolvers<void>()
    const { shipper } = ship(d, receiver, { send: async (batch) => {
      await receiver.send(batch)
      await promise
    }, closeMs: 5000, batchBytes: 300 })
    shipper.wake()
    await until(() => receiver.attempts === 1)
    await add(d, 2, 3, '4f2a9c02')
    shipper.wake()
    const closed = shipper.close()
    if (!inTime) {
      d.clock.advance(5000)
      await closed
    }
    resolve()
    await closed
    await until(() => !readFileSync(join(d.root, 'test.cursor'), 'utf8').includes('"offset":0,'))
    await settle()
    if (inTime) t.same(receiver.titles, titles(0, 3))
    else t.equal(receiver.attempts, 1)
    t.equal(d.clock.waiting, 0)
  }
})

t.test('a Redis Stream gets lines through its port', async (t) => {
  const d = await filled(t, 3)
  const added: string[] = []
  const shipper = redisStreamShipper({
    port: { xadd: async ({ lines }) => void added.push(...lines) }, directory: d.directory, cursor: join(d.root, 'redis.cursor'), setTimer: d.clock.setTimer,
  })
  shipper.wake()
  await until(() => shipper.shipped === 3)
  await shipper.close()
  t.equal(added.filter((line) => parseLine(line).kind === 'record').length, 3)
  t.ok(existsSync(join(d.root, 'redis.cursor')))
})

t.test('a collector gets NDJSON with its token and the name of the batch; what it says against it is not repeated', async (t) => {
  const d = await filled(t, 3)
  const got: { token: string | undefined, batch: unknown, type: string | undefined, body: string }[] = []
  const answers = [500, 302, 204]
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk)).on('end', () => {
      const status = answers.shift() ?? 200
      got.push({ token: request.headers.authorization, batch: request.headers['wissel-batch'], type: request.headers['content-type'], body })
      response.writeHead(status).end('who knows what')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const states: string[] = []
  const shipper = httpShipper({
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/records`), token: 'secret', directory: d.directory, cursor: join(d.root, 'http.cursor'),
    setTimer: d.clock.setTimer, onState: (state, code) => states.push(`${state} ${code}`), batchBytes: 1 << 20,
  })
  shipper.wake()
  await until(() => {
    d.clock.advance(5000)
    return shipper.shipped === 3
  })
  await shipper.close()
  t.equal(shipper.shipped, 3)
  t.match(got[0], { token: 'Bearer secret', type: 'application/x-ndjson', batch: 'ams-1-4f2a9c01-0/1/0' })
  t.equal(got[0]?.body, got[2]?.body, 'sent again whole')
  t.same(states, ['failed HTTP_500', 'recovered HTTP_302'])
})

const RECORDS = 'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n'
const answers: [what: string, answer: (socket: Socket) => unknown, shipped: number, state: string | undefined][] = [
  ['says yes and never ends its answer', (socket) => socket.write(RECORDS), 3, undefined],
  ['says yes and lets its answer trickle', (socket) => trickle(socket, RECORDS, '.'), 3, undefined],
  ['says yes and breaks its answer off', (socket) => socket.end(`${RECORDS}.`), 3, undefined],
  ['says no and lets its answer trickle', (socket) => trickle(socket, RECORDS.replace('200', '500'), '.'), 0, 'failed HTTP_500'],
  ['lets its headers trickle', (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\n', 'X-A: b\r\n'), 0, 'failed HTTP_TIMEOUT'],
  ['never answers', () => undefined, 0, 'failed HTTP_TIMEOUT'],
]

function trickle(socket: Socket, first: string, then: string) {
  socket.write(first)
  const timer = setInterval(() => socket.write(then), 20)
  socket.on('close', () => clearInterval(timer))
}

for (const [what, answer, shipped, state] of answers) {
  t.test(`a collector that ${what} is judged by its status, and in time`, async (t) => {
    const d = await filled(t, 3)
    const sockets = new Set<Socket>()
    const server = createTcpServer((socket) => {
      sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)))
      socket.once('data', () => void answer(socket))
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const states: string[] = []
    const shipper = httpShipper({
      url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), directory: d.directory, cursor: join(d.root, 'http.cursor'), setTimer: d.clock.setTimer,
      onState: (state, code) => states.push(`${state} ${code}`), timeoutMs: 100,
    })
    shipper.wake()
    await until(() => d.clock.waiting === 1)
    t.equal(shipper.shipped, shipped)
    t.same(states, state === undefined ? [] : [state])
    // Answers that go on are broken off; a connection for the next batch may wait.
    await until(() => sockets.size <= 1)
  })
}
