// What real players force on a redirect: R1 to R10, through the whole router.
import t from 'tap'
import { ask, demoConfig, replaceFile, start } from './running.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { directory, remove } = await demoConfig()
const targets = join(directory, 'targets', 'demo.yaml')
const router = await start(directory, [])
t.teardown(async () => {
  await router.stop()
  remove()
})
const url = `${router.public}/demo/live/master.m3u8`
const names = (raw: readonly string[]) => raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())

t.test('R1: a manifest gets a 302 that browsers may read and nobody stores', async (t) => {
  const { status, headers, raw, body } = await ask(url, { headers: { Origin: 'https://page.example', Cookie: 'id=1' } })
  t.equal(status, 302)
  t.match(headers.location, /^http:\/\/127\.0\.0\.1:\d+\/live\/master\.m3u8$/)
  t.equal(headers['cache-control'], 'no-store')
  t.equal(names(raw).filter((name) => name === 'access-control-allow-origin').length, 1)
  t.equal(headers['access-control-allow-origin'], '*')
  t.equal(headers['referrer-policy'], 'no-referrer')
  t.notOk(headers['set-cookie'])
  t.notOk(headers.etag)
  t.equal(body, '')
})

t.test('R2: HEAD gets what GET gets', async (t) => {
  const [get, head] = await Promise.all([ask(url), ask(url, { method: 'HEAD' })])
  t.equal(head.status, get.status)
  t.same(names(head.raw), names(get.raw))
  t.equal(head.headers.location, get.headers.location)
})

t.test('R3: OPTIONS is answered by the router and never redirected', async (t) => {
  const { status, headers } = await ask(url, { method: 'OPTIONS', headers: { Origin: 'https://page.example', 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'cmcd-request' } })
  t.equal(status, 204)
  t.notOk(headers.location)
  for (const name of ['cmcd-object', 'cmcd-request', 'cmcd-session', 'cmcd-status', 'range']) t.match(headers['access-control-allow-headers'], name)
  t.match(headers['access-control-allow-methods'], /GET, HEAD, OPTIONS/)
  t.ok(Number(headers['access-control-max-age']) > 0)
})

t.test('R4: other methods are refused and never redirected', async (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    const { status, headers } = await ask(url, { method })
    t.equal(status, 405)
    t.match(headers.allow, /GET/)
    t.notOk(headers.location)
  }
})

t.test('R5: the query is passed on byte for byte, but for CMCD', async (t) => {
  const { headers } = await ask(`${url}?token=exp~1/a+b=%2Fc%2f&x=&x=2&CMCD=sid%3D%22abc%22&z`)
  t.match(headers.location, /master\.m3u8\?token=exp~1\/a\+b=%2Fc%2f&x=&x=2&z$/)
})

t.test('R6: whatever is wrong with the viewer\'s address, a manifest gets its 302', async (t) => {
  for (const address of ['not an address', '999.1.1.1', '', '::', '127.0.0.1', '10.0.0.1, junk', 'unknown']) {
    t.equal((await ask(url, { headers: { 'X-Forwarded-For': address } })).status, 302, address)
  }
})

t.test('R7: media segments are not redirected', async (t) => {
  for (const file of ['a.m4s', 'a.ts', 'a.mp4', 'a.aac', 'a.vtt', 'a.key']) {
    const { status, headers } = await ask(`${router.public}/demo/live/${file}`)
    t.equal(status, 404)
    t.notOk(headers.location)
  }
})

t.test('R8: the path keeps its extension, and a manifest is never HTML', async (t) => {
  t.match((await ask(`${router.public}/demo/vod/a/manifest.mpd`)).headers.location, /\/vod\/a\/manifest\.mpd$/)
  t.notMatch((await ask(`${router.public}/nobody/a.m3u8`)).headers['content-type'], /html/)
})

t.test('R9: a target on a service\'s own host name is refused before it can loop', async (t) => {
  const good = readFileSync(targets, 'utf8')
  replaceFile(targets, good.replace('    host: 127.0.0.1', '    host: demo.example'))
  await router.said(/viewers would be sent back to the router/)
  t.match((await ask(url)).headers.location, /^http:\/\/127\.0\.0\.1:/)
  replaceFile(targets, good)
})

t.test('R10: a viewer who asks again gets the same target', async (t) => {
  for (const address of ['193.99.144.80', '2a02:2e0:3fe:1001::1', '8.8.8.8']) {
    const answers = await Promise.all(Array.from({ length: 25 }, () => ask(url, { headers: { 'X-Forwarded-For': address } })))
    t.equal(new Set(answers.map(({ headers }) => headers.location)).size, 1)
  }
})
