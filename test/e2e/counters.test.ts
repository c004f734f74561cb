// Side counters and consumption: what a deployment reads beside the decision record, from a real router.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ask, demoConfig, start } from './running.ts'

const TOKEN = 'a-token-for-reports-of-usage'
const CANARY = 'canary-7f3a9c'

const { directory, remove } = await demoConfig()
const settings = join(directory, 'wissel.yaml')
writeFileSync(settings, `${readFileSync(settings, 'utf8').replace(/^log:\n/m, 'log:\n  counters: { path: counters.ndjson }\n')}\nusage: { tokenFile: usage-token, path: usage.ndjson }\n`)
writeFileSync(join(directory, 'usage-token'), `${TOKEN}\n`)
const service = join(directory, 'services', 'demo.yaml')
writeFileSync(service, `${readFileSync(service, 'utf8')}\nreferrers: [www.omroep.example]\n`)

const BUCKET_MS = 300_000
/** The router's clock is so much ahead that a bucket has just begun: what falls into two is in neither, where each has too few. */
const ahead = BUCKET_MS - (Date.now() % BUCKET_MS)
const router = await start(directory, [], { preload: `const now = Date.now; Date.now = () => now() + ${ahead}` })
t.teardown(async () => {
  await router.stop()
  remove()
})

const bucket = () => `${new Date(Math.floor((Date.now() + ahead) / BUCKET_MS) * BUCKET_MS).toISOString().slice(0, 16)}Z`
const rows = (file: string) => readFileSync(join(directory, file), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

async function post(body: string, token: string | undefined = TOKEN, path = '/usage'): Promise<{ status: number, body: string }> {
  const answer = await fetch(`${router.admin}${path}`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...(token === '' ? {} : { Authorization: `Bearer ${token}` }) } })
  return { status: answer.status, body: await answer.text() }
}
const report = (more: object = {}) => JSON.stringify({ v: 1, buckets: [{ t: bucket(), service: 'demo', target: 'edge-fra-1', bytes: 1000, requests: 3, ...more }] })

t.test('a report of usage needs its token', async (t) => {
  for (const token of ['', 'not-the-token-for-reports', TOKEN.slice(1)]) t.equal((await post(report(), token)).status, 401)
  t.equal((await ask(`${router.admin}/usage`)).status, 405)
  t.equal((await post(report(), TOKEN, '/usagx')).status, 404)
})

t.test('a report is taken whole or not at all, and no answer repeats what was sent', async (t) => {
  t.same(await post(report()), { status: 202, body: '{"taken":1}\n' })
  t.same(await post(report()), { status: 202, body: '{"taken":1}\n' })
  for (const body of [report({ service: CANARY }), report({ target: CANARY }), report({ [CANARY]: 1 }), report({ t: CANARY }), CANARY, `{"${CANARY}":1}`]) {
    const refused = await post(body)
    t.equal(refused.status, 400)
    t.notMatch(refused.body, CANARY)
    t.ok(refused.body.length < 4096)
  }
  const many = JSON.stringify({ v: 1, buckets: new Array(5000).fill({ t: CANARY }) })
  t.ok((await post(many)).body.length < 4096, 'the answer is bounded')
})

t.test('when the router has stopped, the files hold sums over enough people and nothing else', async (t) => {
  const url = `${router.public}/demo/live/master.m3u8?token=${CANARY}`
  // 60 people, 57 of them from a listed site, one of whom nobody else is like.
  for (let i = 1; i <= 60; i++) {
    const referer = i <= 57 ? `https://www.omroep.example/${CANARY}` : `https://${CANARY}.example/`
    await ask(url, { headers: { 'X-Forwarded-For': `145.97.${i}.${i}`, Referer: referer, 'User-Agent': i === 60 ? `curl/8.5 ${CANARY}` : `Mozilla/5.0 (Windows NT 10.0) ${CANARY}` } })
  }
  t.equal(await router.stop(), 0)

  const counted = rows('counters.ndjson')
  const sum = (dim: string) => counted.filter((row) => row['dim'] === dim).reduce((total, { n }) => total + Number(n), 0)
  for (const dim of ['device', 'ip', 'asn', 'ref']) t.equal(sum(dim), 60, dim)
  t.same(counted.filter(({ dim }) => dim === 'ref').map(({ value }) => value), ['_other'], 'too few came from elsewhere, so that even the listed site is not told')
  for (const row of counted) t.same(Object.keys(row), ['v', 't', 'service', 'dim', 'value', 'n', 'k'])
  t.ok(counted.every(({ n, k }) => k === 10 && Number(n) >= 10))

  const used = rows('usage.ndjson')
  t.same([used.reduce((total, { bytes }) => total + Number(bytes), 0), used.reduce((total, { requests }) => total + Number(requests), 0)], [2000, 6])
  for (const row of used) t.same(Object.keys(row), ['v', 't', 'service', 'target', 'bytes', 'requests'])

  const written = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')).join('\n')
  for (const text of [written, router.stdout(), router.stderr()]) t.notMatch(text, /canary-7f3a9c|145\.97\./)
})
