/** The proof in a shorter form, on a router in a process of its own: what it leaves behind, running and ended. */
import t from 'tap'
import { canaries } from './canaries.ts'
import { CRASHES, crash } from './crash.ts'
import { REDIS_ABSENT } from '../state/redis-server.ts'

t.test('no canary is found anywhere, whatever way it came in', { skip: REDIS_ABSENT }, async (t) => {
  const { hits, requests, places } = await canaries()
  t.same(hits, [])
  t.ok(requests > 100)
  for (const place of [
    'standard output', 'standard error', 'admin /metrics', 'collector', 'redis keys', 'redis value wissel:decisions', 'redis file appendonly.aof.1.incr.aof', 'redis slow log', 'redis monitor', 'archive, opened',
  ]) t.ok(places.includes(place), place)
  t.ok(places.some((place) => place.startsWith('log/archive/') && place.endsWith('.age')), 'sealed segments')
})

t.test('nothing that ends the router leaves anything of a viewer behind', async (t) => {
  // Those that end at once, or not at all; the others take long.
  for (const kind of CRASHES.filter((kind) => ['SIGUSR1', 'SIGUSR2', 'abort', 'uncaught', 'thread'].includes(kind))) {
    const { files, hits, inspector } = await crash(kind)
    t.same({ kind, files, hits, inspector }, { kind, files: [], hits: [], inspector: false })
  }
})
