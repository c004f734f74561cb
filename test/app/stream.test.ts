import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { openStream } from '../../src/app/stream.ts'
import { parseLine } from '../../src/log/segments/lines.ts'
import type { Batch } from '../../src/log/segments/shipper.ts'
import { redisStreamShipper } from '../../src/log/sinks/redis-stream.ts'
import type { StreamPort } from '../../src/log/sinks/redis-stream.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { WORLD, factsOf, redirectTo } from '../log/decisions.ts'
import { SegmentDisk } from '../log/segment-disk.ts'
import { IN_CLUSTER, REDIS_ABSENT, formCluster, link, startServer, until } from '../state/redis-server.ts'

const [service] = WORLD.services
const [target] = WORLD.targets
if (!service || !target) throw new Error('the world is too small')
const decision = redirectTo(service, target)

/** In front of a Redis: can lose the answers to scripts, and the connection with them. */
async function lossy(t: Test, port: number) {
  const link = { losses: 0, lost: 0, url: '' }
  const sockets: Socket[] = []
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    sockets.push(near, far)
    let armed = false
    near.on('data', (bytes) => {
      armed ||= bytes.includes('XADD')
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (!armed || link.lost >= link.losses) return void near.write(bytes)
      link.lost++
      near.destroy()
      far.destroy()
    })
    for (const [one, other] of [[near, far], [far, near]] as const) one.on('error', () => undefined).on('close', () => other.destroy())
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  link.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  return link
}

async function filled(t: Test, count: number): Promise<SegmentDisk> {
  const d = new SegmentDisk()
  t.teardown(() => d.remove())
  const log = d.log(d.sink())
  for (let i = 0; i < count; i++) log.add(factsOf(decision, { content: `title-${i}` as ContentId }))
  log.flush()
  await log.close()
  return d
}

async function opened(t: Test, url: string, settings: { readonly stream?: string } = {}) {
  const stream = await openStream({ url, ...settings }, Date.now)
  t.teardown(() => stream.close())
  return stream
}

type Entry = readonly [string, readonly string[]]

t.test('records are in the stream once, each with its place, however often the answer to a batch is lost', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  const between = await lossy(t, server.port)
  const d = await filled(t, 40)
  const shipper = redisStreamShipper({ port: await opened(t, between.url), directory: d.directory, cursor: join(d.root, 'redis.cursor'), setTimer: d.clock.setTimer, batchBytes: 5000 })
  between.losses = 3
  shipper.wake()
  await until(() => {
    d.clock.advance(60_000)
    return shipper.shipped === 40
  })
  await shipper.close()
  t.equal(between.lost, 3)
  const entries = (await (await link(t, server.url)).call('XRANGE', 'wissel:decisions', '-', '+')) as Entry[]
  const [file = ''] = d.files
  const text = Buffer.from(d.text(file))
  t.equal(entries.map(([, [, line]]) => `${line}\n`).join(''), text.toString(), 'every line of the segment, in order')
  for (const [, [record, line = '', place, where = '']] of entries) {
    t.same([record, place], ['record', 'place'])
    const [writer, segment, offset] = where.split('/')
    t.same([writer, segment], ['ams-1-4f2a9c01-0', '1'])
    t.equal(text.toString('utf8', Number(offset), Number(offset) + Buffer.byteLength(line)), line)
  }
  t.equal(entries.filter(([, [, line = '']]) => parseLine(line).kind === 'record').length, 40)
})

const batch = (segment: number, offset: number, lines: readonly string[], writer = 'ams-1-4f2a9c01-0'): Batch => {
  const offsets = lines.map((_, i) => offset + lines.slice(0, i).reduce((sum, line) => sum + line.length + 1, 0))
  return { lines, from: `${writer}/${segment}/${offset}`, writer, segment, offsets }
}

/** As soon as the connection is there. */
const added = (port: StreamPort, wanted: Batch) => until(() => port.xadd(wanted).then(() => true, () => false))

t.test('only what comes after the last place of its writer is added', { skip: REDIS_ABSENT }, async (t) => {
  const server = await startServer(t)
  const stream = await opened(t, server.url)
  const redis = await link(t, server.url)
  await until(() => redis.state.up)
  const held = async () => ((await redis.call('XRANGE', 'wissel:decisions', '-', '+')) as Entry[]).map(([, [, line]]) => line)
  await added(stream, batch(9, 0, ['a', 'b']))
  await stream.xadd(batch(9, 0, ['a', 'b', 'c']))
  t.same(await held(), ['a', 'b', 'c'], 'a longer batch from the same place')
  await stream.xadd(batch(10, 0, ['d']))
  await stream.xadd(batch(9, 4, ['c']))
  t.same(await held(), ['a', 'b', 'c', 'd'], 'an earlier segment, by number and not by its digits')
  await stream.xadd(batch(1, 0, ['e'], 'ams-1-4f2a9c02-0'))
  t.same(await held(), ['a', 'b', 'c', 'd', 'e'], 'another writer')
  t.ok(Number(await redis.call('TTL', '{wissel:decisions}:last:ams-1-4f2a9c01-0')) > 86_000)
  await redis.call('DEL', 'wissel:decisions')
  await stream.xadd(batch(9, 0, ['a']))
  t.same(await held(), ['a'], 'a stream that was emptied gets it again')
})

t.test('in a cluster the stream and the places beside it are in one slot', { skip: REDIS_ABSENT }, async (t) => {
  const master = await startServer(t, IN_CLUSTER)
  const url = await formCluster(t, master)
  for (const stream of ['wissel:decisions', 'of:{one}:slot']) {
    const port = await opened(t, url, { stream })
    await added(port, batch(1, 0, ['a', 'b']))
    t.equal(await (await link(t, master.url)).call('XLEN', stream), 2, stream)
  }
})
