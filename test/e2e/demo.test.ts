// What a newcomer does with a fresh clone, on the configuration that is shipped.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkRecord } from '../../src/privacy/record.ts'
import { ask, demoConfig, replaceFile, start } from './running.ts'

const { directory, remove } = await demoConfig()
const router = await start(directory)
t.teardown(async () => {
  await router.stop()
  remove()
})
const url = `${router.public}/demo/live/master.m3u8`
const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } })

/** Follows the redirect and gives the target's name. */
async function servedTo(address: string): Promise<unknown> {
  const { headers, status } = await ask(url, from(address))
  if (status !== 302) return status
  return (await ask(headers.location ?? '')).headers['x-target']
}

t.test('a manifest URL ends in a 200 with a playlist', async (t) => {
  const redirect = await ask(url)
  t.equal(redirect.status, 302)
  const playlist = await ask(redirect.headers.location ?? '')
  t.equal(playlist.status, 200)
  t.match(playlist.body, /^#EXTM3U\n/)
})

t.test('a German, a French and an American viewer end at different targets', async (t) => {
  const [german, french, american] = await Promise.all(['193.99.144.80', '212.27.48.10', '8.8.8.8'].map(servedTo))
  t.match(german, /^edge-fra-[12]$/)
  t.equal(french, 'edge-par-1')
  t.equal(american, 'cdn-eu')
})

t.test('the zone beats the geo database', async (t) => {
  t.equal(await servedTo('192.0.2.77'), 'edge-ams-1')
})

t.test('the service is on its host name as well as on its prefix', async (t) => {
  const { status, headers } = await ask(`${router.public}/live/master.m3u8`, { headers: { Host: 'demo.example', 'X-Forwarded-For': '212.27.48.10' } })
  t.equal(status, 302)
  t.match(headers.location, /\/live\/master\.m3u8$/)
})

t.test('the target that jurisdiction forbids is never chosen, and explain says why', async (t) => {
  const { body } = await ask(`${router.admin}/explain?ip=8.8.8.8&url=${encodeURIComponent(url)}`)
  const { steps, target } = JSON.parse(body) as { steps: { targets: { target: string; rejected?: string; faults?: string[] }[] }[]; target: string }
  t.equal(target, 'cdn-eu')
  t.match(steps[1]?.targets[1], { target: 'cdn-global', rejected: 'jurisdiction', faults: ['parent', 'logs', 'foreign'] })
})

t.test('explain gives the target that the viewer gets', async (t) => {
  for (let i = 1; i <= 20; i++) {
    const address = `145.97.${i}.${i}`
    const { body } = await ask(`${router.admin}/explain?ip=${address}&url=${encodeURIComponent(url)}`)
    t.equal((JSON.parse(body) as { location: string }).location, (await ask(url, from(address))).headers.location)
  }
})

t.test('explain refuses what is not an address or a URL, and repeats neither', async (t) => {
  for (const query of ['', 'ip=8.8.8.8', `ip=nowhere-7&url=${encodeURIComponent(url)}`, 'ip=8.8.8.8&url=nowhere-7', 'ip=8.8.8.8&url=http://nowhere-7/../x']) {
    const { status, body } = await ask(`${router.admin}/explain?${query}`)
    t.equal(status, 400)
    t.notMatch(body, /nowhere-7/)
  }
})

t.test('an app gets a list instead of a redirect, its first target being the redirect\'s', async (t) => {
  const { status, headers, body } = await ask(url, { headers: { ...from('212.27.48.10').headers, Accept: 'application/json' } })
  t.equal(status, 200)
  t.equal(headers['cache-control'], 'no-store')
  const list = JSON.parse(body) as { v: number; service: string; ttl: number; targets: { id: string; url: string }[] }
  t.match(list, { v: 1, service: 'demo', ttl: Number })
  t.same(list.targets.map(({ id }) => id).toSorted(), ['cdn-eu', 'edge-ams-1', 'edge-fra-1', 'edge-fra-2', 'edge-par-1'])
  t.equal(list.targets[0]?.url, (await ask(url, from('212.27.48.10'))).headers.location)
})

t.test('the admin listener answers what operators ask', async (t) => {
  t.equal((await ask(`${router.admin}/livez`)).status, 200)
  t.equal((await ask(`${router.admin}/readyz`)).status, 200)
  t.match(JSON.parse((await ask(`${router.admin}/snapshot`)).body), { snapshot: /^1:[0-9a-f]{8}$/, services: 1, targets: 6, geo: { places: Number } })
  t.match(JSON.parse((await ask(`${router.admin}/services`)).body), { services: [{ id: 'demo', jurisdiction: 'eu-only' }] })
  t.equal((JSON.parse((await ask(`${router.admin}/targets`)).body) as { targets: unknown[] }).targets.length, 6)
  const { body } = await ask(`${router.admin}/metrics`)
  t.match(body, /wissel_decisions_total\{service="demo",outcome="redirect",target="edge-par-1"\} [1-9]/)
  t.match(body, /wissel_snapshot_version 1\n/)
  t.match(body, /wissel_geo_database_age_seconds \d/)
})

t.test('the admin listener does not answer a web page that calls itself something else', async (t) => {
  t.equal((await ask(`${router.admin}/targets`, { headers: { Host: 'rebound.example' } })).status, 403)
})

t.test('a configuration that is wrong is refused, and what runs goes on running', async (t) => {
  const file = join(directory, 'services', 'demo.yaml')
  const good = readFileSync(file, 'utf8')
  replaceFile(file, good.replace('select: nearest', 'select: neerest'))
  await router.said(/snapshot_refused/)
  t.equal((await ask(url)).status, 302)
  replaceFile(file, good.replace('- name: own edges', '- name: our edges'))
  await router.said(/"event":"snapshot_applied","version":"2:/)
  t.match(JSON.parse((await ask(`${router.admin}/services`)).body), { services: [{ steps: [{ name: 'our edges' }] }] })
  t.match((await ask(`${router.admin}/metrics`)).body, /wissel_snapshot_refused_total\{reason="invalid"\} 1/)
})

t.test('when it stops, every decision is in a record, and no record holds anything else', async (t) => {
  const { body } = await ask(`${router.admin}/metrics`)
  const decided = Number(/wissel_records_decided_total (\d+)/.exec(body)?.[1])
  t.ok(decided > 20)
  t.equal(await router.stop(), 0)
  const records = router.stdout().trim().split('\n').map((line) => JSON.parse(line) as { n: number })
  t.same(records.flatMap(checkRecord), [])
  t.equal(records.reduce((sum, { n }) => sum + n, 0), decided)
  const messages = router.stderr().split('\n').filter((line) => line.startsWith('{'))
  t.notMatch(router.stdout() + messages.join('\n'), /193\.99\.144|212\.27\.48|8\.8\.8\.8|145\.97\./, 'no address was written')
})
