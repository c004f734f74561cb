import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadConfiguration } from '../../src/cli/configuration.ts'
import type { Loaded } from '../../src/cli/configuration.ts'
import { importCommand } from '../../src/cli/log-import.ts'
import { verify } from '../../src/cli/verify.ts'
import { recordOf } from '../../src/log/record.ts'
import { serialise } from '../../src/privacy/record.ts'
import type { DecisionRecord } from '../../src/privacy/record.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { decide } from '../../src/routing/decide.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import type { Snapshot } from '../../src/routing/model.ts'

const NOW = Date.UTC(2026, 2, 1, 20, 31)
const folder = mkdtempSync(join(tmpdir(), 'wissel-verify-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const loaded = await loadConfiguration(join(import.meta.dirname, '..', '..', 'config'), NOW)
const { snapshot } = loaded
if (snapshot === undefined) throw new Error('the shipped configuration is not usable')

function records(of: Snapshot, count: number): DecisionRecord[] {
  const health = new HealthTable(of)
  return Array.from({ length: count }, (_, i) => {
    const place = { country: i % 2 ? 'NL' : 'US', continent: i % 2 ? 'EU' : 'NA', at: undefined }
    const request = { scheme: 'http' as const, host: 'demo.example', path: i % 7 ? `/live/${i}.m3u8` : `/live/${i}.ts`, query: '', client: { place, zone: undefined, asn: 0 }, now: NOW + i * 3_600_000 }
    const decision = decide(request, of, health, i * 7_919_111)
    const facts = { decision, object: 'master', format: 'hls', agent: 'human', content: 'live' as ContentId, status: decision.status, snapshot: of.label, now: request.now } as const
    return recordOf(facts, facts.content, 'ams-1', 2)
  })
}

let files = 0
async function judged(rows: readonly unknown[], configurations: readonly Loaded[] = [loaded]) {
  const path = join(folder, `${++files}.ndjson`)
  writeFileSync(path, rows.map((row) => (typeof row === 'string' ? row : serialise(row as DecisionRecord)) + '\n').join(''))
  let text = ''
  const status = await verify(path, { configurations, json: false, out: (more) => (text += more) })
  return { status, text }
}

t.test('what the router decided is judged again and found lawful, counted by day', async (t) => {
  const { status, text } = await judged(records(snapshot, 60))
  t.equal(status, 0)
  t.match(text, /0 violations in \d+ decisions under a policy/)
  t.match(text, /2026-03-01 .*\n2026-03-02 .*\n2026-03-03 /)
})

t.test('a record that tells of anything unlawful is a violation, whatever it says of itself', async (t) => {
  const [good] = records(snapshot, 10).filter(({ outcome }) => outcome === 'redirect')
  if (good === undefined) throw new Error('nothing was redirected')
  const [other] = snapshot.targets.filter(({ jurisdiction }) => jurisdiction.parent !== 'DE' && jurisdiction.foreign?.length !== 0)
  t.ok(other, 'the demo has a target that its policy excludes')
  const rows: [string, DecisionRecord][] = [
    ['does not satisfy eu-only', { ...good, target: (other?.id ?? '') as DecisionRecord['target'] }],
    ['target is not in the configuration', { ...good, target: 'somewhere' as DecisionRecord['target'] }],
    ['tells another jurisdiction', { ...good, jurisdiction: { ...good.jurisdiction, operator: 'US' } as DecisionRecord['jurisdiction'] }],
    ['does not name the policy', { ...good, policy: null }],
    ['does not say that it complies', { ...good, compliant: false }],
    ['service is not in the configuration', { ...good, service: 'nobody' as DecisionRecord['service'] }],
    ['evidence-expired', { ...good, t: '2099-03-01T20:31Z' as DecisionRecord['t'] }],
  ]
  for (const [expected, row] of rows) {
    const { status, text } = await judged([good, row])
    t.equal(status, 1, expected)
    t.match(text, expected)
    t.match(text, /2 violations in \d decisions/)
  }
})

t.test('a record of another configuration is not judged, and that is said', async (t) => {
  const { status, text } = await judged(records({ ...snapshot, label: '7:00000000' }, 3))
  t.equal(status, 2)
  t.match(text, /not judged: 6 decisions by configurations with the digests 00000000; give each with --config/)
  t.equal((await judged(['what is this'])).status, 2)
  t.equal((await judged([])).status, 2, 'no record proves nothing')
  await t.rejects(verify(join(folder, 'none'), { configurations: [loaded], json: false, out: () => undefined }), { code: 'WISSEL_USAGE' })
})

t.test('wissel log import tells the consumption of a CDN by service', async (t) => {
  const file = join(folder, 'access.log')
  const [target] = snapshot.targets
  writeFileSync(file, '192.0.2.1 - - [01/Mar/2026:21:31:05 +0100] "GET /demo/live/a.m3u8 HTTP/1.1" 200 5 "-" "x"\n192.0.2.1 - - [01/Mar/2026:21:31:05 +0100] "GET /x HTTP/1.1" 200 5\n')
  const said = { out: '', say: '' }
  const options = {
    format: 'combined', file, target: target?.id ?? '', service: undefined, snapshot, stdin: (async function* () {})(),
    out: (text: string) => void (said.out += text), say: (text: string) => void (said.say += text),
  }
  t.equal(await importCommand(options), 0)
  t.match(said.out, /^\{"v":1,"t":"2026-03-01T20:30Z","service":"demo","target":"[a-z0-9-]+","bytes":5,"requests":1\}\n$/)
  t.match(said.say, /^1 requests, 5 bytes; 1 of no service; 0 lines could not be read\n$/)
  for (const wrong of [{ format: 'csv' }, { target: 'nobody' }, { service: 'nobody' }, { file: join(folder, 'none') }]) await t.rejects(importCommand({ ...options, ...wrong }), { code: 'WISSEL_USAGE' })
})
