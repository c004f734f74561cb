/** The proof in a shorter form, on a router in a process of its own: what it leaves behind, running and ended. */
import t from 'tap'
import { canaries } from './canaries.ts'
import { CRASHES, crash } from './crash.ts'

t.test('no canary is found anywhere, whatever way it came in', async (t) => {
  const { hits, requests, places } = await canaries()
  t.same(hits, [])
  t.ok(requests > 100)
  t.ok(places >= 12)
})

t.test('nothing that ends the router leaves anything of a viewer behind', async (t) => {
  // Those that end at once, or not at all; the others take long.
  for (const kind of CRASHES.filter((kind) => ['SIGUSR1', 'SIGUSR2', 'abort', 'uncaught'].includes(kind))) {
    const { files, hits, inspector } = await crash(kind)
    t.same({ kind, files, hits, inspector }, { kind, files: [], hits: [], inspector: false })
  }
})
