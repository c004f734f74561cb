import t from 'tap'
import { createDataPlane } from '../../src/app/data-plane.ts'
import type { Lines } from '../../src/log/sinks/sink.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { WORLD, factsOf, redirectTo, targetNamed } from '../log/decisions.ts'

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
