/** Steering answers and steered manifests against the plain redirect: `Router.respond` for the same viewers, in one run. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Locator } from '../src/geo/locator.ts'
import { compileGeo } from '../src/geo/mmdb.ts'
import { TrustedProxies } from '../src/http/client-address.ts'
import type { WireRequest } from '../src/http/message.ts'
import { buildSnapshot } from '../src/policy/build.ts'
import { bundleOf } from '../src/policy/bundle.ts'
import { drawKey } from '../src/privacy/draw.ts'
import { Router } from '../src/router.ts'
import { HealthTable } from '../src/routing/health-table.ts'
import { LoadTally } from '../src/routing/load.ts'
import { SteeredManifests } from '../src/steering/manifests.ts'
import { Steering } from '../src/steering/steer.ts'
import { Upstream } from '../src/steering/upstream.ts'
import { table, tell, time } from './measure.ts'
import { headersOf, viewers } from './viewers.ts'

const INPUTS = 1024
const PLAYLIST = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Nederlands",DEFAULT=YES,URI="audio/nl.m3u8"
${[400, 800, 1600, 3200, 6400].map((kbps) => `#EXT-X-STREAM-INF:BANDWIDTH=${kbps}000,CODECS="avc1.64001f,mp4a.40.2",AUDIO="a"\nvideo/${kbps}.m3u8`).join('\n')}
`

const TARGETS = `groups: [{ id: eu }]
targets:
${['ams', 'fra', 'par', 'waw'].map((id, i) => `  - { id: ${id}, group: eu, host: ${id}.edge.example, latitude: ${48 + i}, longitude: ${4 + 4 * i} }`).join('\n')}
`

const service = (id: string, delivery: string) => `service: ${id}
hosts: [${id}.example]
delivery: ${delivery}
steps: [{ name: own, targets: { group: eu }, select: nearest, key: prefix }]
`

/** A section of `RESULTS.md`. */
export async function measureSteering(options: { rounds: number; batchMs: number; until: number }): Promise<string> {
  const bundle = bundleOf([
    { path: 'targets/all.yaml', text: TARGETS },
    { path: 'services/plain.yaml', text: service('plain', 'redirect') },
    { path: 'services/steered.yaml', text: service('steered', 'steered') },
  ])
  const { snapshot } = buildSnapshot(bundle, { version: { epoch: 1, number: 1, digest: 'be'.repeat(8) }, now: Date.now(), continentOf: () => undefined })
  if (snapshot === undefined) throw new Error('the configuration of the bench is not usable')
  const locator = new Locator()
  locator.swap(compileGeo(readFileSync(fileURLToPath(import.meta.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb')))), Date.now())
  const world = { snapshot, health: new HealthTable(snapshot), tally: new LoadTally() }
  const key = drawKey((bytes) => new Uint8Array(bytes).fill(7))
  const steering = new Steering({})
  const upstream = new Upstream({ fetch: () => Promise.resolve({ status: 200, headers: new Map([['cache-control', 'max-age=3600'], ['content-type', 'application/vnd.apple.mpegurl']]), body: new TextEncoder().encode(PLAYLIST) }), now: () => 0 })
  const router = new Router({
    steering,
    manifests: new SteeredManifests({ steering, upstream, onFallback: () => undefined }),
    locator,
    config: { trusted: TrustedProxies.parse(['127.0.0.0/8']) },
    world: () => world,
    drawKey: () => key,
    now: () => 0,
    monotonic: () => performance.now(),
    onDecided: () => undefined,
    onRejected: () => undefined,
  })
  const wires = (host: string, target: (i: number) => string, more: readonly string[] = []): WireRequest[] =>
    viewers(INPUTS).map((viewer, i) => ({ method: 'GET', target: target(i), headers: [...headersOf(viewer, host), ...more], peer: '127.0.0.1', encrypted: true, http10: false }))
  const title = (i: number) => `/live/channel-${i % 20}`
  const works = [
    { name: 'redirect', inputs: wires('plain.example', (i) => `${title(i)}/master.m3u8`) },
    { name: 'steering answer', inputs: wires('router.example', (i) => `/-/steering/hls/plain${title(i)}?_HLS_pathway=ams&_HLS_throughput=5140000`) },
    { name: 'steered manifest, from memory', inputs: wires('steered.example', (i) => `${title(i)}/master.m3u8`) },
    { name: 'list for an app', inputs: wires('plain.example', (i) => `${title(i)}/master.m3u8`, ['Accept', 'application/json']) },
  ]
  // Fetches and rewrites every manifest once, so that what is measured is the answer from memory.
  for (const { name, inputs } of works) {
    for (const wire of inputs) {
      const { status } = await router.respond(wire)
      if (status !== (name === 'redirect' ? 302 : 200)) throw new Error(`${name} is answered with ${status}`)
    }
  }
  const respond = (inputs: readonly WireRequest[]) => (i: number) => {
    const wire = inputs[i & (INPUTS - 1)]
    return wire && router.respond(wire)
  }
  const times = time(works.map(({ name, inputs }) => ({ name, run: respond(inputs) })), options)
  const base = times.get('redirect')?.median ?? Number.NaN
  const rows = works.map(({ name }) => {
    const found = times.get(name)
    return found === undefined ? [name, '', '', ''] : [name, tell(found), (found.median / base).toFixed(2), Math.round(1e9 / found.median).toLocaleString('en')]
  })
  return [
    '## Steering, ns within the router\n',
    'Four targets, twenty titles, the country database; without sockets, record and metrics. 100,000 viewers at a TTL of 20 s ask 5,000 times a second.\n',
    table(['', 'ns', 'against the redirect', 'a second and core'], rows),
  ].join('\n')
}
