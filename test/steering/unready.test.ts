// A router that has no snapshot yet, through the whole of it.
import t from 'tap'
import { Locator } from '../../src/geo/locator.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import { Router } from '../../src/router.ts'
import { header } from './small-router.ts'

const router = new Router({
  locator: new Locator(), config: { trusted: TrustedProxies.parse([]) }, world: () => undefined, drawKey: () => new Uint32Array(4),
  now: () => 0, monotonic: () => 0, onDecided: () => undefined, onRejected: () => undefined,
})
const get = (target: string) => router.respond({ method: 'GET', target, headers: ['Host', 'play.example'], peer: '192.0.2.1', encrypted: false, http10: false })

t.test('a player in mid-stream gets a complete 200 that moves nobody, since a 503 would make it ask without pause or never again', async (t) => {
  for (const path of ['/-/steering/hls/tv', '/-/steering/dash/tv/live/a.mpd?_DASH_pathway=a', '/-/steering/']) {
    const answer = await get(path)
    t.equal(answer.status, 200)
    t.equal(header(answer, 'content-type'), 'application/vnd.apple.steering-list')
    t.match(JSON.parse(answer.body ?? ''), { VERSION: 1, 'PATHWAY-PRIORITY': ['.'] })
  }
})

t.test('a player that starts gets a 503: there is nowhere to send it', async (t) => {
  t.equal((await get('/live/a.m3u8')).status, 503)
})
