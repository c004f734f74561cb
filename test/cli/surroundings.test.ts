// What stands around a configuration and would be missed without a word.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tmpdir } from 'node:os'
import t from 'tap'
import { loadConfiguration } from '../../src/cli/configuration.ts'
import { formatProblem } from '../../src/policy/problem.ts'
import { NOW, POLICY, SERVICE, TARGETS, ZONES } from '../policy/base.ts'

async function told(files: Record<string, string | undefined>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-'))
  for (const [path, text] of Object.entries({ 'targets/all.yaml': TARGETS, 'policies/eu-only.yaml': POLICY, 'zones/all.yaml': ZONES, 'services/tv.yaml': SERVICE, ...files })) {
    if (text === undefined) continue
    mkdirSync(join(directory, dirname(path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  try {
    return (await loadConfiguration(directory, NOW)).problems.map(formatProblem)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

t.test('a file in a folder that nobody reads is warned of', async (t) => {
  t.same(await told({ 'service/two.yaml': SERVICE.replace('tv', 'two') }), ['service/two.yaml:1: warning: is not read; move it to services/'])
  t.same(await told({ 'eu.yaml': POLICY }), ['eu.yaml:1: warning: is not read; move it to policies/'])
  t.same(await told({ 'wissel.yml': 'router: x\n' }), ['wissel.yml:1: warning: is not read; name it wissel.yaml'])
})

t.test('a file in a folder that is read and is not read itself is warned of', async (t) => {
  t.same(await told({ 'services/kids.YAML': SERVICE, 'targets/x.json': '{}' }), [
    'targets/x.json:1: warning: is not read; name it .yaml, or move it elsewhere',
    'services/kids.YAML:1: warning: is not read; name it .yaml, or move it elsewhere',
  ])
})

t.test('a file that cannot be read is named, and the directory is not blamed', async (t) => {
  await t.rejects(told({ zones: 'in the way', 'zones/all.yaml': undefined }), { code: 'WISSEL_FILE_UNREADABLE', message: /zones cannot be read \(ENOTDIR\)/ })
})

t.test('files that are something else are left alone', async (t) => {
  t.same(await told({ 'alerts.yaml': 'groups: [{ name: x }]\n', 'notes.txt': 'service: x\n', 'schema/x.yaml': 'type: object\n', '.git/x.yaml': 'service: x\n' }), [])
})

t.test('files that settings name and that are not there are warned of, at their line', async (t) => {
  t.same(await told({ 'wissel.yaml': 'router: ams-1\ngeo:\n  database: city.mmdb\nadmin:\n  tokenFile: token\n' }), [
    'wissel.yaml:5: warning: admin.tokenFile: "token" cannot be read here (ENOENT); a router does not start without it',
    'wissel.yaml:3: warning: geo.database: "city.mmdb" cannot be read here (ENOENT); until it is there clients are placed by zones alone',
  ])
  t.same(await told({ 'wissel.yaml': 'geo: { database: city.mmdb }\n', 'city.mmdb': '' }), [])
})

t.test('so is every other file without which a router does not start', async (t) => {
  const archive = `archive: { recipients: list, recipientsKey: "ed25519:${'A'.repeat(43)}", signingKey: key, directory: sealed }\n`
  const gone = (path: string, file: string) => `wissel.yaml:1: warning: ${path}: "${file}" cannot be read here (ENOENT); a router does not start without it`
  const goneRedis = (path: string, file: string) => `wissel.yaml:1: warning: ${path}: "${file}" cannot be read here (ENOENT), in the working directory where it is relative; a router does not start without it`
  const rows: [settings: string, told: string[]][] = [
    [archive, [gone('archive.recipients', 'list'), gone('archive.signingKey', 'key')]],
    ['log: { sinks: [{ type: segments, directory: s }, { type: http, url: "http://a.example/", tokenFile: token }] }\n', [gone('log.sinks[1].tokenFile', 'token')]],
    ['redis: { url: "redis://h", passwordFile: no-such-password, tls: { caFile: no-such-ca } }\n', [goneRedis('redis.passwordFile', 'no-such-password')]],
    ['redis: { url: "rediss+sentinel://h/m", sentinelPasswordFile: no-such-password, tls: { caFile: no-such-ca } }\n', [goneRedis('redis.sentinelPasswordFile', 'no-such-password'), goneRedis('redis.tls.caFile', 'no-such-ca')]],
  ]
  for (const [settings, expected] of rows) t.same(await told({ 'wissel.yaml': settings }), expected, settings)
})

t.test('a token that is too short is warned of: a router does not start with it', async (t) => {
  for (const name of ['admin: { tokenFile: token }', 'usage: { tokenFile: token, path: usage.jsonl }']) {
    t.match(await told({ 'wissel.yaml': `${name}\n`, token: 'short\nand more than sixteen characters' }), [/^wissel\.yaml:1: warning: \w+\.tokenFile: "token" has 5 characters in its first line; a router does not start with fewer than 16$/], name)
    t.same(await told({ 'wissel.yaml': `${name}\n`, token: 'sixteen-and-more-of-them\n' }), [], name)
  }
})

t.test('an admin listener that would not start is warned of', async (t) => {
  t.match(await told({ 'wissel.yaml': 'admin: { listen: "0.0.0.0:9090" }\n' }), [/^wissel\.yaml:1: warning: admin\.listen: .*set admin\.tokenFile$/])
  for (const listen of ['127.0.0.1:9090', '127.9.9.9:1', 'localhost:9090', '[::1]:9090']) t.same(await told({ 'wissel.yaml': `admin: { listen: "${listen}" }\n` }), [])
})

t.test('what names autonomous systems is nothing without a database of them', async (t) => {
  const asns = { 'zones/all.yaml': 'zones: [{ zone: isp, asns: [3320], group: ams }]\n' }
  t.same(await told({ ...asns, 'wissel.yaml': 'router: ams-1\n' }), ['wissel.yaml:1: warning: geo.asnDatabase: is not set, so no zone or step that names an asn holds for anybody'])
  t.same(await told({ ...asns, 'wissel.yaml': 'redis: { url: "redis://127.0.0.1" }\n' }), [], 'there it comes from the deployment')
  t.same(await told(asns), [], 'whoever publishes has no settings')
})
