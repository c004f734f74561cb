// Steered manifests through a whole small router, with real targets on loopback where that matters.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Upstream, UpstreamError } from '../../src/steering/upstream.ts'
import type { Fetch } from '../../src/steering/upstream.ts'
import { undiciFetch } from '../../src/steering/undici-fetch.ts'
import { heapUsed } from '../heap.ts'
import { build, TARGETS } from '../policy/base.ts'
import { header, smallRouter } from './small-router.ts'

const MULTIVARIANT = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n'
const MPD = '<MPD type="dynamic"><Period/></MPD>'

function reply(body: string) {
  return { status: 200, headers: new Map([['cache-control', 'max-age=60']]), body: Buffer.from(body) }
}

function router(fetch: Fetch, service = 'service: tv\nhosts: [play.tv.example]\njurisdiction: eu-only\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n') {
  const { snapshot } = build({ 'services/tv.yaml': service })
  if (snapshot === undefined) throw new Error('the configuration is wrong')
  return { ...smallRouter({ snapshot, steered: 'all', fetch }), targets: snapshot.targets }
}

t.test('a steered manifest is a 200 with the decision first, fetched from the decision\'s target with its query', async (t) => {
  const asked: string[] = []
  const { get, fallbacks } = router(async (url) => {
    asked.push(url)
    return reply(MULTIVARIANT)
  })
  const answer = await get('/live/a/master.m3u8?token=exp~1/a+b=%2Fc&CMCD=sid%3D1')
  t.same(asked, ['http://ams.edge.example/live/a/master.m3u8?token=exp~1/a+b=%2Fc'])
  t.equal(answer.status, 200)
  t.equal(header(answer, 'content-type'), 'application/vnd.apple.mpegurl')
  t.equal(header(answer, 'cache-control'), 'no-store')
  t.equal(header(answer, 'access-control-allow-origin'), '*')
  t.match(answer.body, /SERVER-URI="http:\/\/play\.tv\.example\/-\/steering\/hls\/tv\?declared=edge-ams,edge-fra",PATHWAY-ID="edge-ams"/)
  t.same(fallbacks, [])
})

t.test('a player\'s measurements do not make it another manifest, also where targets may have them', async (t) => {
  const asked: string[] = []
  const { get } = router(async (url) => {
    asked.push(url)
    return reply(MULTIVARIANT)
  }, 'service: tv\nhosts: [play.tv.example]\nquery: { cmcd: [br, ot] }\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n')
  for (const br of [1, 2, 3]) await get(`/live/a/master.m3u8?t=1&CMCD=br%3D${br}`)
  t.same(asked, ['http://ams.edge.example/live/a/master.m3u8?t=1'])
})

t.test('from memory it is answered without a promise, also when the order changes', async (t) => {
  let fetches = 0
  const { get, health, targets } = router(async () => {
    fetches++
    return reply(MULTIVARIANT)
  })
  await get('/a.m3u8')
  t.notOk(get('/a.m3u8') instanceof Promise)
  t.same(get('/a.m3u8'), await get('/a.m3u8'))
  t.equal(fetches, 1)
  const fra = targets.find(({ id }) => id === 'edge-fra')
  if (fra !== undefined) health.setAdmin(fra, 'down')
  t.equal((await get('/a.m3u8')).status, 302, 'one target is left')
  if (fra !== undefined) health.setState(fra, 'down')
  if (fra !== undefined) health.setAdmin(fra, 'auto')
  t.notOk(get('/a.m3u8') instanceof Promise)
  t.equal(fetches, 1)
})

t.test('players who ask for one manifest at different addresses get their own back, and share the work', async (t) => {
  let fetches = 0
  const { get } = router(async () => {
    fetches++
    return reply(MPD)
  }, 'service: tv\nhosts: [play.tv.example]\nquery: { keep: [] }\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n')
  const queries = ['', '?token=one', '?token=two&x=%3C%26', '?a&b&token=one']
  const bodies: string[] = []
  for (const host of ['play.tv.example', 'play.tv.example:8080']) for (const query of queries) bodies.push((await get(`/live/a.mpd${query}`, { host })).body ?? '')
  const locations = bodies.map((body) => /<Location>(.*)<\/Location>/.exec(body)?.[1])
  const own = (host: string) => queries.map((query) => `http://${host}/live/a.mpd${query.replaceAll('&', '&amp;')}`)
  t.same(locations, [...own('play.tv.example'), ...own('play.tv.example:8080')])
  t.ok(bodies.slice(4).every((body) => body.includes('>http://play.tv.example:8080/-/steering/dash/tv')))
  t.equal(fetches, 1)
})

t.test('what players say in their queries takes no memory, and is not kept', async (t) => {
  const { get } = router(async () => reply(`<MPD type="dynamic"><Period id="${'p'.repeat(300_000)}"/></MPD>`), 'service: tv\nhosts: [play.tv.example]\nquery: { keep: [] }\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n')
  await get('/live/a.mpd')
  const before = heapUsed()
  for (let i = 0; i < 60; i++) t.equal((await get(`/live/a.mpd?CMCD=sid%3D${i}&x=${i}${'q'.repeat(1000)}`)).status, 200)
  t.ok(heapUsed() - before < 3, '60 players got 18 MB')
})

t.test('a manifest that is kept names no address that a target does not have any more', async (t) => {
  const upstream = new Upstream({ fetch: async () => reply(MULTIVARIANT), now: () => 0 })
  const bodies: string[] = []
  for (const targets of [TARGETS, TARGETS.replace('fra.edge', 'fra-2.edge')]) {
    const { snapshot } = build({ 'targets/all.yaml': targets })
    if (snapshot === undefined) throw new Error('the configuration is wrong')
    bodies.push((await smallRouter({ snapshot, steered: 'all', upstream }).get('/a.m3u8')).body ?? '')
  }
  t.match(bodies[0], 'http://fra.edge.example/low.m3u8')
  t.match(bodies[1], 'http://fra-2.edge.example/low.m3u8')
  t.notMatch(bodies[1], 'fra.edge')
})

t.test('a target that redirects is followed to its own names, not to what another target names, though its domain holds it', async (t) => {
  for (const [host, status] of [['a.ams.example', 200], ['fra.ams.example', 302]] as const) {
    const targets = TARGETS.replace('host: ams.edge.example', 'host: ams.edge.example\n    hosts: ["*.ams.example"]').replace('host: fra.edge.example', 'host: fra.edge.example\n    hosts: [fra.ams.example]')
    const { snapshot, problems } = build({ 'targets/all.yaml': targets })
    if (snapshot === undefined) return t.fail(`${problems[0]?.message}`)
    const { get } = smallRouter({ snapshot, steered: 'all', fetch: async (url) => (url.includes('edge.example') ? { status: 302, headers: new Map([['location', url.replace('ams.edge.example', host)]]), body: Buffer.alloc(0) } : reply(MULTIVARIANT)) })
    t.equal((await get('/a.m3u8')).status, status, host)
  }
})

t.test('a manifest with a character that none may hold is not rewritten', async (t) => {
  const { get, fallbacks } = router(async () => reply(MULTIVARIANT.replace('low', 'l\u0000ow')))
  t.equal((await get('/a.m3u8')).status, 302)
  t.same(fallbacks, ['malformed'])
})

t.test('a live MPD sends players back to the router for its refreshes, without what they measured', async (t) => {
  const { get } = router(async () => reply(MPD))
  const { body } = await get('/live/a.mpd?t=1&CMCD=sid', { host: 'play.tv.example:8080' })
  t.match(body, '<Location>http://play.tv.example:8080/live/a.mpd?t=1</Location>')
  t.match(body, /<ContentSteering defaultServiceLocation="edge-ams"[^>]*>http:\/\/play\.tv\.example:8080\/-\/steering\/dash\/tv\?declared=edge-ams,edge-fra</)
})

t.test('viewers whose queries differ get their own MPD', async (t) => {
  const { get } = router(async () => reply(MPD), 'service: tv\nhosts: [play.tv.example]\nquery: { drop: [user] }\nsteps:\n  - { name: own, targets: { group: eu }, select: failover }\n')
  t.match((await get('/a.mpd?user=1')).body, 'a.mpd?user=1<')
  t.match((await get('/a.mpd?user=2')).body, 'a.mpd?user=2<')
})

t.test('whatever is in the way, the viewer gets the plain redirect and the reason is counted', async (t) => {
  const failing = (reason: 'timeout' | 'too_large'): Fetch => () => Promise.reject(new UpstreamError(reason))
  const cases: readonly (readonly [what: string, fetch: Fetch, path: string, reason: string])[] = [
    ['a dead target', () => Promise.reject(new Error('refused')), '/a.m3u8', 'unreachable'],
    ['a slow target', failing('timeout'), '/a.m3u8', 'timeout'],
    ['a huge manifest', failing('too_large'), '/a.m3u8', 'too_large'],
    ['a 404', async () => ({ ...reply(''), status: 404 }), '/a.m3u8', 'status'],
    ['an error page', async () => reply('<html>'), '/a.m3u8', 'not_a_manifest'],
    ['a media playlist', async () => reply('#EXTM3U\n#EXTINF:1,\na.ts\n'), '/a.m3u8', 'media_playlist'],
    ['a path with a variable', async () => reply(MULTIVARIANT), '/{$a}/a.m3u8', 'path'],
    ['a path with a quote', async () => reply(MULTIVARIANT), '/"/a.m3u8', 'path'],
  ]
  for (const [what, fetch, path, reason] of cases) {
    const { get, fallbacks } = router(fetch)
    for (const round of [1, 2]) {
      const answer = await get(path)
      t.equal(answer.status, 302, what)
      t.equal(header(answer, 'location'), `http://ams.edge.example${path}`, what)
      t.equal(fallbacks.length, round, what)
    }
    t.same(new Set(fallbacks), new Set([reason]), what)
  }
})

t.test('one target alone is a plain redirect, without a fetch', async (t) => {
  const { get, fallbacks } = router(() => t.fail('fetched') as never, 'service: tv\nhosts: [play.tv.example]\nsteps:\n  - { name: own, targets: [edge-ams], select: failover }\n')
  t.equal((await get('/a.m3u8')).status, 302)
  t.same(fallbacks, ['one_target'])
})

t.test('what is no manifest is not fetched, and segments are refused as ever', async (t) => {
  const { get } = router(() => t.fail('fetched') as never)
  t.equal((await get('/poster.jpg')).status, 302)
  t.equal((await get('/a.ism/manifest')).status, 302)
  t.equal((await get('/seg.m4s')).status, 404)
})

t.test('JSON names pathways, protocol and steering URL', async (t) => {
  const { get } = router(async () => reply(MULTIVARIANT))
  const answer = JSON.parse((await get('/a.m3u8', { headers: ['Accept', 'application/json'] })).body ?? '') as unknown
  t.match(answer, { v: 1, service: 'tv', protocol: 'hls', steering: 'http://play.tv.example/-/steering/hls/tv?declared=edge-ams,edge-fra', targets: [{ id: 'edge-ams', pathway: 'edge-ams' }, { id: 'edge-fra', pathway: 'edge-fra' }] })
})

t.test('fetching ends in time, in size, and tells the target nothing of the viewer', async (t) => {
  let headers: readonly string[] = []
  const server = createServer((request, response) => {
    if (request.url === '/never') return
    if (request.url === '/redirect') return void response.writeHead(302, { Location: '/a b' }).end('moved')
    if (request.url === '/endless') {
      response.writeHead(200)
      const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1)
      response.once('close', () => clearInterval(timer))
      return
    }
    headers = request.rawHeaders
    response.writeHead(200, { 'X-Twice': ['1', '2'] }).end(request.url)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const limits = { connectMs: 60_000, headersMs: 60_000, deadlineMs: 120_000, maxBytes: 1_000_000 }
  const { fetch, close } = undiciFetch(limits)
  const hurried = undiciFetch({ ...limits, headersMs: 200 })
  const good = await fetch(`${origin}/a%2F~b?x=+%2f'`)
  t.equal(Buffer.from(good.body).toString(), "/a%2F~b?x=+%2f'")
  t.equal(good.headers.get('x-twice'), '1,2')
  t.same(headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()).sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
  t.equal((await fetch(`${origin}/redirect`)).status, 302)
  await t.rejects(hurried.fetch(`${origin}/never`), /timeout/)
  await t.rejects(fetch(`${origin}/endless`), /too_large/)
  server.closeAllConnections()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  await t.rejects(fetch(`${origin}/gone`), /unreachable/)
  await Promise.all([close(), hurried.close()])
})

t.test('a library that cannot be loaded costs the manifests that need it, and is loaded again for the next', async (t) => {
  let loads = 0
  const { fetch, prepare, close } = undiciFetch({
    load: () => {
      if (++loads < 3) return Promise.reject(new Error('no such file'))
      return import('undici')
    },
  })
  await prepare()
  await t.rejects(fetch('http://127.0.0.1:9/x.m3u8'), /unreachable/)
  t.equal(loads, 2)
  const server = createServer((_request, response) => response.end('x'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.equal((await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x.m3u8`)).status, 200)
  await prepare()
  t.equal(loads, 3)
  await close()
  server.closeAllConnections()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
})
