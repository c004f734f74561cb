// A request that does not say under which host the player reaches the router, which HTTP/1.0 allows.
import t from 'tap'
import { Locator } from '../../src/geo/locator.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import type { WireRequest } from '../../src/http/message.ts'
import { Router } from '../../src/router.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { LoadTally } from '../../src/routing/load.ts'
import { SteeredManifests } from '../../src/steering/manifests.ts'
import { Steering } from '../../src/steering/steer.ts'
import { Upstream } from '../../src/steering/upstream.ts'
import { build } from '../policy/base.ts'
import { header } from './small-router.ts'

const { snapshot } = build({ 'services/tv.yaml': 'service: tv\nprefix: /tv\njurisdiction: eu-only\ndelivery: steered\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n' })
if (snapshot === undefined) throw new Error('the configuration is wrong')
const world = { snapshot, health: new HealthTable(snapshot), tally: new LoadTally() }

const fallbacks: string[] = []
const steering = new Steering({ ttl: () => 60 })
const fetch = async () => ({ status: 200, headers: new Map(), body: Buffer.from('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n') })
const router = new Router({
  locator: new Locator(), config: { trusted: TrustedProxies.parse([]) }, world: () => world, drawKey: () => new Uint32Array(4), now: () => 0, monotonic: () => 0,
  onDecided: () => undefined, onRejected: () => undefined, steering,
  manifests: new SteeredManifests({ steering, upstream: new Upstream({ fetch, now: () => 0 }), onFallback: (reason) => fallbacks.push(reason) }),
})
const get = (headers: readonly string[]) => router.respond({ method: 'GET', target: '/tv/a/master.m3u8', headers, peer: '192.0.2.1', encrypted: false, http10: true } satisfies WireRequest)

t.test('its JSON answer has the targets, and no address to steer by', async (t) => {
  for (const [headers, expected] of [[['Host', 'play.example'], /^http:\/\/play\.example\/-\/steering\/hls\/tv\?/], [[], null]] as const) {
    const { body } = await get([...headers, 'Accept', 'application/json'])
    t.match(JSON.parse(body ?? ''), { steering: expected, targets: [{ id: 'edge-ams', pathway: 'edge-ams' }, { id: 'edge-fra' }] })
  }
})

t.test('a steered manifest is redirected to, and counted as such', async (t) => {
  t.match((await get(['Host', 'play.example'])).body, /SERVER-URI="http:\/\/play\.example\/-\/steering\/hls\/tv\?/)
  t.same(fallbacks, [])
  const answer = await get([])
  t.equal(answer.status, 302)
  t.match(header(answer, 'location'), /^http:\/\/ams\.edge\.example\//)
  t.same(fallbacks, ['no_host'])
})
