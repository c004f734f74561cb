// The client is what an app's developer meets first.
import t from 'tap'
import { resolve, ResolveError } from '../../src/client/wissel.ts'
import type { Resolved as Answered } from '../../src/http/resolve.ts'
import type { Resolved } from '../../src/client/wissel.ts'
import { build } from '../policy/base.ts'
import { smallRouter } from '../steering/small-router.ts'

// Compiles only while the client's copy of the shape is what the router sends.
const same: Answered extends Omit<Resolved, 'targets'> & { targets: readonly Resolved['targets'][number][] } ? true : false = true

const { snapshot } = build({ 'services/tv.yaml': 'service: tv\nprefix: /tv\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n' })
if (snapshot === undefined) throw new Error('the configuration is wrong')
const router = smallRouter({ snapshot })
const url = await router.listen()
t.teardown(() => router.close())

t.test('a manifest URL becomes an ordered list of targets', async (t) => {
  t.ok(same)
  const { v, service, protocol, steering, targets } = await resolve(`${url}/tv/live/a.m3u8?t=1`)
  t.same({ v, service, protocol, steering }, { v: 1, service: 'tv', protocol: 'hls', steering: `${url}/-/steering/hls/tv?declared=edge-ams,edge-fra` })
  t.same(targets.map(({ id, url: at }) => [id, at]), [['edge-ams', 'http://ams.edge.example/live/a.m3u8?t=1'], ['edge-fra', 'http://fra.edge.example/live/a.m3u8?t=1']])
})

t.test('a refusal is an error with the router\'s status and reason', async (t) => {
  const refused = resolve(`${url}/nobody/a.m3u8`)
  await t.rejects(refused, ResolveError)
  await t.rejects(refused, { status: 404, message: 'unknown_service' })
})

t.test('an answer of another version is an error and not a guess', async (t) => {
  const fetch = async () => new Response('{"v":2}')
  await t.rejects(resolve(`${url}/tv/a.m3u8`, { fetch }), /another version/)
})

t.test('it can be given up', async (t) => {
  await t.rejects(resolve(`${url}/tv/a.m3u8`, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})
