import fc from 'fast-check'
// What real players force on a steering endpoint: S1 to S8.
import t from 'tap'
import type { Answer } from '../../src/http/message.ts'
import { MAX_TTL, MIN_TTL, STEERING_TYPE, steeringTtl } from '../../src/steering/answer.ts'
import type { SteeringManifest } from '../../src/steering/answer.ts'
import { pathways } from '../../src/steering/pathways.ts'
import { decide } from '../../src/routing/decide.ts'
import { order } from '../../src/routing/order.ts'
import { build } from '../policy/base.ts'
import { situation, viewers } from '../routing/situation.ts'
import { header, smallRouter } from './small-router.ts'

const SERVICE = `service: tv
hosts: [play.tv.example]
jurisdiction: eu-only
steps:
  - { name: own, targets: { group: eu }, select: failover }
  - { name: others, targets: [cdn-us], select: weighted }
`
const MULTIVARIANT = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n'
const URL_HLS = '/-/steering/hls/tv'
const URL_DASH = '/-/steering/dash/tv'

function router(service = SERVICE, options: Partial<Parameters<typeof smallRouter>[0]> = {}) {
  const { snapshot } = build({ 'services/tv.yaml': service })
  if (snapshot === undefined) throw new Error('the configuration is wrong')
  const reply = { status: 200, headers: new Map([['cache-control', 'max-age=60']]), body: Buffer.from(MULTIVARIANT) }
  return smallRouter({ snapshot, steered: 'all', fetch: async () => reply, ...options })
}

type Assertions = typeof t

function read(answer: Answer): SteeringManifest {
  return JSON.parse(answer.body ?? '') as SteeringManifest
}

/** Every rule that some player enforces by misbehaving. */
function assertSound(t: Pick<Assertions, 'equal' | 'match' | 'ok' | 'same'>, answer: Answer, what: string): SteeringManifest {
  const manifest = read(answer)
  t.equal(answer.status, 200, what)
  t.equal(header(answer, 'content-type'), STEERING_TYPE, what)
  t.equal(header(answer, 'cache-control'), 'no-store', what)
  t.equal(header(answer, 'access-control-allow-origin'), '*', what)
  t.match(header(answer, 'access-control-expose-headers'), /Retry-After/, what)
  t.equal(header(answer, 'etag'), undefined, what)
  t.equal(Number(header(answer, 'content-length')), Buffer.byteLength(answer.body ?? ''), what)
  t.equal(manifest.VERSION, 1, what)
  t.ok(Number.isInteger(manifest.TTL) && manifest.TTL >= MIN_TTL && manifest.TTL <= MAX_TTL, what)
  const priority = manifest['PATHWAY-PRIORITY']
  t.ok(priority.length > 0 && new Set(priority).size === priority.length && priority.every((id) => /^[A-Za-z0-9._-]+$/.test(id)), what)
  const clones = manifest['PATHWAY-CLONES']
  if (clones !== undefined) {
    t.ok(clones.length > 0, what)
    t.ok(clones.every((clone) => clone['URI-REPLACEMENT'].HOST !== '' && !clone['URI-REPLACEMENT'].HOST.includes(':')), what)
  }
  t.same(Object.keys(manifest).filter((key) => !['VERSION', 'TTL', 'PATHWAY-PRIORITY', 'PATHWAY-CLONES'].includes(key)), [], what)
  return manifest
}

t.test('S1: a steering answer is a complete 200 that every player reads alike', async (t) => {
  const { get } = router()
  for (const url of [URL_HLS, URL_DASH, `${URL_HLS}/live/a/master.m3u8`]) {
    const manifest = assertSound(t, await get(url), url)
    t.same(manifest['PATHWAY-PRIORITY'], ['edge-ams', 'edge-fra'])
    t.notOk('PATHWAY-CLONES' in manifest)
    t.same(await get(url, { method: 'HEAD' }), await get(url))
  }
})

t.test('S1: only what the manifest declares is listed, and all of it while all of it is usable', async (t) => {
  const { get } = router()
  const manifest = await get('/live/a/master.m3u8')
  const declared = [...(manifest.body ?? '').matchAll(/STREAM-INF.*PATHWAY-ID="([^"]+)"/g)].map(([, id]) => id)
  t.same(read(await get(URL_HLS))['PATHWAY-PRIORITY'], declared)
  t.notOk(declared.includes('cdn-us'), 'the policy excludes it from both')
})

t.test('S1: TTLs are spread by a tenth', async (t) => {
  const ttls = viewers(200).map((random) => steeringTtl(20, random, 1))
  t.ok(Math.min(...ttls) >= 18 && Math.max(...ttls) <= 22)
  t.ok(new Set(ttls).size >= 4)
})

const JUNK = ['_HLS_pathway', '_HLS_pathway=%', '_HLS_pathway=<x>&_HLS_throughput=1e999', '_DASH_pathway=%22%22&_DASH_throughput=,,', '=&=&&', 'a=b?c=d', '%E0%A4%A=1', 'x'.repeat(4000)]
t.test('S2: whatever a player reports, the answer is the same', async (t) => {
  const { get } = router()
  const expected = await get(URL_HLS)
  for (const query of JUNK) t.same(await get(`${URL_HLS}?${query}`), expected, query.slice(0, 40))
})

t.test('S3: overload makes answers last longer and nothing else', async (t) => {
  let now = 0
  const { get } = router(SERVICE, { steering: { comfortable: 10 }, now: () => now })
  const calm = assertSound(t, await get(URL_HLS), 'calm')
  for (let i = 0; i < 100; i++) await get(URL_HLS)
  now = 500
  const pressed = assertSound(t, await get(URL_HLS), 'pressed')
  t.ok(pressed.TTL > 5 * calm.TTL)
  t.same(pressed['PATHWAY-PRIORITY'], calm['PATHWAY-PRIORITY'])
  for (let i = 0; i < 10_000; i++) await get(URL_HLS)
  t.equal(assertSound(t, await get(URL_HLS), 'drowning').TTL > 250, true)
  now = 10_000
  t.equal(assertSound(t, await get(URL_HLS), 'calm again').TTL, calm.TTL)
})

t.test('S3: a service that nobody knows and a viewer who may not watch get an answer that moves nobody', async (t) => {
  const { get } = router(`${SERVICE}fence: { deny: [NL] }\n`)
  for (const url of [URL_HLS, '/-/steering/hls/nobody', '/-/steering/', '/-/steering/hls', '/-/steering/smooth/tv', '/-/steering/hls/tv%00', '/-/steering/hls/tv/%22']) {
    const answer = await get(url)
    if (answer.status === 400) continue
    t.same(assertSound(t, answer, url)['PATHWAY-PRIORITY'], ['.'], url)
  }
})

t.test('S3: everything down is still a complete answer', async (t) => {
  const { get, health } = router()
  const { snapshot } = build({ 'services/tv.yaml': SERVICE })
  for (const target of snapshot?.targets ?? []) health.setState(target, 'down')
  t.same(new Set(assertSound(t, await get(URL_HLS), 'down')['PATHWAY-PRIORITY']), new Set(['edge-ams', 'edge-fra']))
})

t.test('S4: a draining target is listed last', async (t) => {
  const { snapshot } = build({ 'services/tv.yaml': SERVICE })
  const { get, health } = router()
  const [ams] = snapshot?.targets ?? []
  if (ams !== undefined) health.setAdmin(ams, 'drain')
  t.same(read(await get(URL_HLS))['PATHWAY-PRIORITY'], ['edge-fra', 'edge-ams'])
})

t.test('S4: a target that an operator forced down is not listed at all', async (t) => {
  const { snapshot } = build({ 'services/tv.yaml': SERVICE })
  const { get, health } = router()
  const [ams] = snapshot?.targets ?? []
  if (ams !== undefined) health.setAdmin(ams, 'down')
  t.same(read(await get(URL_HLS))['PATHWAY-PRIORITY'], ['edge-fra'])
})

t.test('S5: the first of the first answer is the pathway that the manifest starts with', async (t) => {
  const keyed = SERVICE.replace('select: failover', 'select: rendezvous, key: path').replace('targets: [cdn-us]', 'targets: [cdn-us, edge-ams]')
  const firsts = new Set<string>()
  const { get } = router(keyed)
  for (let i = 0; i < 50; i++) {
    const manifest = (await get(`/live/title-${i}/master.m3u8`)).body ?? ''
    const [, server = '', initial = ''] = /SERVER-URI="http:\/\/play\.tv\.example([^"]+)",PATHWAY-ID="([^"]+)"/.exec(manifest) ?? []
    t.equal(read(await get(server))['PATHWAY-PRIORITY'][0], initial)
    t.match(manifest, new RegExp(`^#EXT-X-STREAM-INF:[^\\n]*PATHWAY-ID="${initial}"`, 'm'))
    firsts.add(initial)
  }
  t.equal(firsts.size, 2, 'titles were on both targets')
})

/** Six edges, more than a manifest declares. */
function manyEdges() {
  const ids = Array.from({ length: 6 }, (_, i) => `edge${i}`)
  return situation({ targets: Object.fromEntries(ids.map((id) => [id, {}])), services: { tv: { hosts: ['play.tv.example'], steps: [{ targets: ids, select: 'failover' }] } } })
}

t.test('S6: a target beyond those that a manifest declares comes as a clone, with a bare host and an id of its address', async (t) => {
  const { snapshot } = manyEdges()
  const { get, health } = smallRouter({ snapshot, steered: 'all', fetch: async () => ({ status: 200, headers: new Map(), body: Buffer.from(MULTIVARIANT) }) })
  const manifest = assertSound(t, await get(URL_HLS), 'all well')
  const declared = [...((await get('/live/a.m3u8')).body ?? '').matchAll(/STREAM-INF.*PATHWAY-ID="([^"]+)"/g)].map(([, id]) => id)
  t.same(declared, ['edge0', 'edge1', 'edge2', 'edge3'])
  const clones = manifest['PATHWAY-CLONES'] ?? []
  t.same(clones.map((clone) => [clone['BASE-ID'], clone['URI-REPLACEMENT'].HOST]), [['edge0', 'edge4.example'], ['edge0', 'edge5.example']])
  t.ok(clones.every(({ ID }) => !declared.includes(ID) && manifest['PATHWAY-PRIORITY'].includes(ID)))
  t.ok(manifest['PATHWAY-PRIORITY'].every((id) => declared.includes(id) || clones.some(({ ID }) => ID === id)))

  for (const target of snapshot.targets.slice(0, 5)) health.setAdmin(target, 'down')
  const worse = assertSound(t, await get(URL_HLS), 'all declared ones gone')
  t.same(worse['PATHWAY-PRIORITY'], [clones[1]?.ID])
  t.same(worse['PATHWAY-CLONES']?.map(({ ID }) => ID), [clones[1]?.ID])
  t.notOk('PATHWAY-CLONES' in read(await get(`${URL_HLS}?_HLS_pathway=${clones[1]?.ID ?? ''}`)), 'who is on it has made it already')
})

t.test('S6: an answer names what the viewer\'s own manifest declares, or tells how to make it, whatever has changed meanwhile', async (t) => {
  const ids = Array.from({ length: 7 }, (_, i) => `edge${i}`)
  const fetch = async () => ({ status: 200, headers: new Map<string, string>(), body: Buffer.from(MULTIVARIANT) })
  const states = fc.array(fc.constantFrom('auto' as const, 'down' as const), { minLength: ids.length, maxLength: ids.length })
  const [draw, before, after, count] = [fc.nat(0xffffffff), states, states, fc.integer({ min: 2, max: ids.length })]
  await fc.assert(fc.asyncProperty(count, draw, draw, before, after, async (count, then, now, before, after) => {
    const targets = Object.fromEntries(ids.slice(0, count).map((id) => [id, {}]))
    const { snapshot } = situation({ targets, services: { tv: { hosts: ['play.tv.example'], steps: [{ targets: Object.keys(targets), select: 'weighted' }] } } })
    const [first, later] = [then, now].map((random) => smallRouter({ snapshot, steered: 'all', fetch, random }))
    if (first === undefined || later === undefined) return
    for (const target of snapshot.targets) {
      first.health.setAdmin(target, before[target.index] ?? 'auto')
      later.health.setAdmin(target, after[target.index] ?? 'auto')
    }
    const { status, body = '' } = await first.get('/live/a.m3u8')
    if (status !== 200) return
    const declared = new Set([...body.matchAll(/STREAM-INF.*PATHWAY-ID="([^"]+)"/g)].map(([, id]) => id))
    const url = new URL(/SERVER-URI="([^"]+)"/.exec(body)?.[1] ?? '')
    const manifest = read(await later.get(`${url.pathname}${url.search}&_HLS_pathway=edge0&_HLS_throughput=1`))
    const made = new Set((manifest['PATHWAY-CLONES'] ?? []).filter((clone) => declared.has(clone['BASE-ID'])).map(({ ID }) => ID))
    for (const id of manifest['PATHWAY-PRIORITY']) if (id !== '.' && !declared.has(id) && !made.has(id)) t.fail(`${id} is neither declared nor made of ${[...declared].join()}`)
    await Promise.all([first.close(), later.close()])
  }), { numRuns: 300 })
  t.pass('300 random services, viewers and failures')
})

t.test('S6: a clone\'s id changes with its host', async (t) => {
  const { snapshot, health, request } = manyEdges()
  const all = order(decide(request(), snapshot, health, 1), request(), snapshot, health, 1)
  const [last] = all.slice(-1)
  const idAt = (host: string) => {
    const moved = last === undefined ? [] : [{ ...last, member: { ...last.member, base: { http: undefined, https: `https://${host}` } } }]
    return pathways(moved, all.slice(0, 4), 'https')[0]?.id
  }
  t.not(idAt('one.example'), idAt('two.example'))
  t.equal(idAt('one.example'), idAt('one.example'))
  t.equal(idAt('one.example:8443'), last?.member.target.id, 'a host with a port cannot be cloned')
})

t.test('S7: a dead target is behind the others in the next answer', async (t) => {
  const { snapshot } = build({ 'services/tv.yaml': SERVICE })
  const { get, health } = router()
  const [ams] = snapshot?.targets ?? []
  if (ams !== undefined) health.setState(ams, 'down')
  t.same(read(await get(URL_HLS))['PATHWAY-PRIORITY'], ['edge-fra', 'edge-ams'])
})

t.test('S8: a client that asks a hundred times a second always gets its 200', async (t) => {
  let now = 0
  const { get } = router(SERVICE, { now: () => now })
  const expected = read(await get(URL_HLS))
  for (let i = 0; i < 1000; i++) {
    now += 10
    const answer = await get(`${URL_HLS}?_HLS_pathway=edge-ams&_HLS_throughput=${i}`)
    if (answer.status !== 200 || answer.close === true) t.fail('turned away')
    if (i % 100 === 0) t.same(read(answer), expected)
  }
})
