import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createDataPlane } from '../../src/app/data-plane.ts'
import type { Lines } from '../../src/log/sinks/sink.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import type { Service, Snapshot, Target } from '../../src/routing/model.ts'
import { WORLD, factsOf, redirectTo, snapshotOf, targetNamed } from '../log/decisions.ts'

const [service] = WORLD.services
if (service === undefined) throw new Error('the world has no service')

/** A plane that nobody asks; what its log drops, and writes. */
function plane(shuffled: boolean) {
  const written: string[] = []
  let dropped = 0
  const { log } = createDataPlane(
    { router: 'one', trustedProxies: [], proxyProtocol: false, fastLane: true, maxConnections: undefined, windowMs: 60_000, shuffled },
    {
      sinks: [{ name: 'memory', dropped: 0, write: ({ bytes }: Lines) => void written.push(...bytes.toString().trim().split('\n')), close: () => Promise.resolve() }],
      onDropped: (count) => (dropped += count), setTimer: () => () => undefined, drawKey: () => new Uint32Array(4), onSent: () => undefined, onError: () => undefined,
    },
  )
  return { log, written, dropped: () => dropped }
}

function titles(lines: readonly string[]): number {
  return new Set(lines.map((line) => (JSON.parse(line) as { content: string }).content)).size - 1
}

t.test('a window whose lines are shuffled lasts a minute and may not end early: it tells 25,000 titles apart, where others tell 5,000', (t) => {
  for (const [shuffled, expected] of [[true, 25_000], [false, 5_000]] as const) {
    const { log, written, dropped } = plane(shuffled)
    for (let i = 0; i < 30_000; i++) log.add(factsOf(redirectTo(service, targetNamed(0, 'edge-fra-2')), { content: `title-${i}` as ContentId }))
    log.flush()
    t.equal(titles(written), expected)
    t.equal(dropped(), 0)
    t.equal(log.recorded, 30_000)
  }
  t.end()
})

t.test('it holds 50,000 records that differ in more than their title; those beyond are dropped, and counted', (t) => {
  const { log, written, dropped } = plane(true)
  for (let i = 1; i <= 50_003; i++) log.add(factsOf(redirectTo(service, targetNamed(0, 'edge-fra-2'), { rejected: { down: i } })))
  log.flush()
  t.equal(written.length, 50_000)
  t.equal(dropped(), 3)
  t.equal(log.dropped, 3)
  t.end()
})

t.test('a viewer whose answer was made while the snapshot was swapped is counted for the service and target of the same name, or not at all', async (t) => {
  const held: (() => void)[] = []
  const origin = createServer((_request, response) => {
    held.push(() => response.writeHead(200, { 'Content-Type': 'application/vnd.apple.mpegurl', 'Cache-Control': 'no-store' }).end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n'))
  })
  await new Promise<void>((resolve) => void origin.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => void origin.close())
  const base = { http: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`, https: undefined }
  const local = (index: number, id: string): Target => ({ ...targetNamed(index, id), base, hosts: ['127.0.0.1'] })
  const world = (services: readonly string[], targets: readonly string[], number: number): Snapshot => {
    const snapshot = snapshotOf(services, targets.map((id, index) => local(index, id)), number)
    const steered = [...snapshot.services].map((service): Service => ({ ...service, delivery: 'steered' }))
    const ids = new Map(steered.map((service) => [service.id, service]))
    return { ...snapshot, steered: true, services: steered, ids, hosts: new Map(steered.map((service) => [`${service.id}.example`, service])) }
  }
  const first = world(['a', 'b'], ['edge-1', 'edge-2'], 1)
  for (const [name, next, expected] of [
    ['both have moved', world(['new', 'a'], ['new', 'edge-2', 'edge-1'], 2), ['a']],
    ['both are gone', world(['new', 'b'], ['new', 'newer'], 2), []],
    ['nothing is swapped', undefined, ['a']],
  ] as const) {
    const [seen, sent]: [Service[], Target[]] = [[], []]
    const plane = createDataPlane(
      { router: 'one', trustedProxies: [], proxyProtocol: false, fastLane: true, maxConnections: undefined, windowMs: 60_000, shuffled: false },
      {
        sinks: [], onDropped: () => undefined, setTimer: () => () => undefined, drawKey: () => new Uint32Array(4), onError: (error) => t.fail(error),
        onSent: (target) => void sent.push(target), onViewer: ({ service }) => void seen.push(service),
      },
    )
    plane.apply(first, new HealthTable(first))
    const { port } = await plane.listen({ host: '127.0.0.1', port: 0 })
    const answer = new Promise<number | undefined>((resolve) => void get({ port, path: '/x/master.m3u8', headers: { Host: 'a.example' }, agent: false }, (response) => resolve(response.resume().statusCode)))
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    if (next !== undefined) plane.apply(next, new HealthTable(next))
    held.pop()?.()
    t.equal(await answer, 200, name)
    const decides = next ?? first
    t.same(seen.map(({ id }) => id), expected, name)
    t.equal(sent.length, expected.length, name)
    t.ok(seen.every((service) => decides.services.at(service.index) === service), `${name}: the service is of the snapshot that decides`)
    t.ok(sent.every((target) => decides.targets[target.index] === target), `${name}: so is the target`)
    t.same(plane.totals().decisions.map(({ service, value }) => `${service} ${value}`), expected.map((id) => `${id} 1`), name)
    await plane.close()
  }
})
