import t from 'tap'
import { formatProblem } from '../../src/policy/problem.ts'
import { build, TARGETS } from '../policy/base.ts'

/** The base's targets with fields for edge-ams, and something on top of the file. */
function written(fields: string, top = ''): Record<string, string> {
  const text = `${top}${TARGETS}`.replace('host: ams.edge.example\n', `host: ams.edge.example\n${fields.split('\n').map((line) => `    ${line}\n`).join('')}`)
  return { 'targets/all.yaml': text }
}

function healthOf(fields: string, top = '', id = 'edge-ams') {
  const { snapshot, problems } = build(written(fields, top))
  if (snapshot === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return snapshot.targets.find((target) => target.id === id)?.health
}

t.test('nothing is checked unless it is asked for', async (t) => {
  t.equal(healthOf('port: 443')?.check, undefined)
})

t.test('an empty check has every default', async (t) => {
  t.same(healthOf('check: {}')?.check, {
    method: 'GET', url: 'https://ams.edge.example/', host: undefined, statuses: undefined, contains: undefined, intervalMs: 2000, jitter: 0.1, timeoutMs: 2000, rise: 2, fall: 3,
    allowInternal: false, families: undefined,
  })
  t.match(healthOf('check: {}'), { capacityMbps: undefined, bitrateMbps: 3, shedLow: 0.8, shedHigh: 0.95, slowStartMs: 30_000, loadTokenHash: undefined })
})

t.test('a target\'s check differs from its file\'s field by field, and false switches it off', async (t) => {
  const top = 'checks: { path: /health, fall: 4, scheme: http }\n'
  t.match(healthOf('port: 8080', top)?.check, { url: 'http://ams.edge.example:8080/health', fall: 4 })
  t.match(healthOf('check: { path: "/live?x=1", rise: 5, port: 81 }', top)?.check, { url: 'http://ams.edge.example:81/live?x=1', fall: 4, rise: 5 })
  t.equal(healthOf('check: false', top)?.check, undefined)
  t.match(healthOf('check: false', top, 'edge-fra')?.check, { url: 'http://fra.edge.example/health' })
})

t.test('every field arrives', async (t) => {
  t.same(healthOf([
    'check: { method: HEAD, host: live.example, statuses: [200, 302], intervalSeconds: 5, jitter: 0.2, timeoutSeconds: 1.5, fall: 2, allowInternal: true, families: [ipv6] }',
    'capacityMbps: 20000', 'bitrateMbps: 6.5', 'shedLow: 0.5', 'shedHigh: 0.9', 'slowStartSeconds: 0', `loadToken: "sha256:${'0a'.repeat(32)}"`,
  ].join('\n')), {
    check: {
      method: 'HEAD', url: 'https://ams.edge.example/', host: 'live.example', statuses: new Set([200, 302]), contains: undefined, intervalMs: 5000, jitter: 0.2, timeoutMs: 1500,
      rise: 2, fall: 2, allowInternal: true, families: ['ipv6'],
    },
    capacityMbps: 20_000, bitrateMbps: 6.5, shedLow: 0.5, shedHigh: 0.9, slowStartMs: 0, loadTokenHash: '0a'.repeat(32),
  })
})

const cases: [title: string, fields: string, problems: string[]][] = [
  ['true is no check', 'check: true', ['check: true is not a map']],
  ['several mistakes in one check', 'check: { rise: 0, interval: 5, families: [] }', [
    'check.rise: 0 is too small; the least is 1', 'check.families: needs at least 1 entries', 'check.interval: "interval" is not a key here',
  ]],
  ['a path without its slash', 'check: { path: health }', ['check.path: "health" is not valid here; use a path such as /health, with a query where it is needed']],
  ['a fall of one', 'check: { fall: 1 }', ['check.fall: 1 is too small; the least is 2']],
  ['text in an answer that has none', 'check: { method: HEAD, contains: ok }', ['check: an answer to HEAD has no body, so nothing can be found in it; use GET or take contains away']],
  ['watermarks the wrong way round', 'shedLow: 0.95', ['shedLow: shedLow (0.95) must be below shedHigh (0.95)']],
  ['a high mark below the default low one', 'shedHigh: 0.7', ['shedHigh: shedLow (0.8) must be below shedHigh (0.7)']],
  ['a token instead of its hash', 'loadToken: secret', ['loadToken: "secret" is not valid here; use sha256: and the 64 lower-case hexadecimal digits of the SHA-256 of the token']],
  ['a family that there is not', 'check: { families: [ipv5] }', ['check.families[0]: "ipv5" is not one of ipv4, ipv6 (did you mean "ipv4"?)']],
]
for (const [title, fields, expected] of cases) {
  t.test(title, async (t) => {
    const { problems, snapshot } = build(written(fields))
    t.same(problems.map(({ path, message }) => `${path.replace('targets[0].', '')}: ${message}`), expected)
    t.equal(snapshot, undefined)
  })
}
