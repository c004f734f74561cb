// What is kept of a request once it is answered, and what the side counters alone are given.
import t from 'tap'
import { Locator } from '../../src/geo/locator.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import { ClientPort } from '../../src/privacy/port.ts'
import { Router } from '../../src/router.ts'
import type { Decided, Seen } from '../../src/router.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { LoadTally } from '../../src/routing/load.ts'
import { DRAW_KEY } from '../prove/people.ts'
import { LISTED, NOW, SNAPSHOT } from '../prove/pipeline.ts'

const world = { snapshot: SNAPSHOT, health: new HealthTable(SNAPSHOT), tally: new LoadTally() }

async function ask(host: string, counted: boolean): Promise<{ decided: Decided[], seen: Seen[] }> {
  const decided: Decided[] = []
  const seen: Seen[] = []
  const router = new Router({
    locator: new Locator(), config: { trusted: TrustedProxies.parse([]) }, world: () => world, drawKey: () => DRAW_KEY, now: () => NOW, monotonic: () => 0,
    onDecided: (one) => decided.push(one),
    onRejected: () => undefined,
    ...(counted ? { onViewer: (one: Seen) => seen.push(one) } : {}),
  })
  const headers = ['Host', host, 'User-Agent', 'curl/8.5', 'rEFERER', `https://${LISTED}/a`, 'Referer', 'https://second.example/']
  await router.respond({ method: 'GET', target: '/live/news/a.m3u8', peer: '145.97.1.2', port: ClientPort.of(51_234), encrypted: false, http10: false, headers })
  return { decided, seen }
}

/** Whether an address or a port can be reached from a value, however deep. */
function holdsAddress(value: unknown, known = new Set<unknown>()): boolean {
  if (value instanceof ClientAddress || value instanceof ClientPort) return true
  if (typeof value !== 'object' || value === null || known.has(value)) return false
  known.add(value)
  const inside = value instanceof Map ? [...value.entries()].flat() : value instanceof Set ? [...value] : Object.values(value)
  return inside.some((one) => holdsAddress(one, known))
}

t.test('from what is kept of a request neither address nor port can be reached, whether viewers are counted or not', async (t) => {
  for (const counted of [true, false]) {
    const { decided } = await ask('one.example', counted)
    t.equal(decided.length, 1)
    t.notOk(holdsAddress(decided))
  }
})

t.test('the side counters get the first referer of a known service, and nothing of any other', async (t) => {
  const { seen } = await ask('one.example', true)
  t.match(seen, [{ service: { id: 'one', referrers: new Set([LISTED]) }, asn: 0, userAgent: 'curl/8.5', referer: `https://${LISTED}/a`, now: NOW }])
  t.ok(holdsAddress(seen))
  t.same((await ask('nobody.example', true)).seen, [])
})
