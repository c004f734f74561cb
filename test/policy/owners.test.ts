// Whose server a host name is. An address that a service writes by hand counts under the jurisdiction of the target whose server it is.
import t from 'tap'
import { formatProblem } from '../../src/policy/problem.ts'
import { build, SERVICE } from './base.ts'

const JURISDICTIONS = `targets:
  - id: own
    host: own.example
    jurisdiction: &eu { operator: { country: NL }, parent: { country: NL }, server: { countries: [NL] }, logs: { mode: none }, foreign: [], evidence: [{ kind: contract, ref: "1", validUntil: 2030-01-01 }] }
  - id: lent
    host: lent.example
    jurisdiction: &us { operator: { country: US }, parent: { country: US }, server: { countries: [US] }, logs: { mode: raw, countries: [US] }, foreign: [US-CLOUD-ACT], evidence: [{ kind: contract, ref: "2", validUntil: 2030-01-01 }] }
  - id: late
    host: late.example
    jurisdiction: &soon { operator: { country: NL }, parent: { country: NL }, server: { countries: [NL] }, logs: { mode: none }, foreign: [], evidence: [{ kind: contract, ref: "3", validUntil: 2027-01-01 }] }
`

/** What `check` says of a service under an EU-only policy that goes to `own`, and where its bypass belongs. */
function told(targets: string, more: string, jurisdiction = 'jurisdiction: eu-only\n') {
  const service = SERVICE.replace('jurisdiction: eu-only\n', jurisdiction).replace('targets: { group: eu }', 'targets: [own]').replace('select: nearest', 'select: failover')
  const { snapshot, problems } = build({ 'targets/all.yaml': JURISDICTIONS + targets, 'zones/all.yaml': undefined, 'services/tv.yaml': `${service}${more}\n` })
  const [tv] = [...snapshot?.services ?? []]
  return { problems: problems.filter(({ severity }) => severity === 'error').map(formatProblem), bypass: tv?.bypass?.member.target.id, redirect: tv?.fence?.redirect?.member.target.id }
}

const WILD_EU = '  - { id: cdn-eu, host: eu.cdn.example, hosts: ["*.cdn.example"], jurisdiction: *eu }\n'
const US = '  - { id: cdn-us, host: us.cdn.example, jurisdiction: *us }\n'
const REFUSED = 'does not satisfy "eu-only" (operator, parent, server, logs, foreign)'

const bypasses: [title: string, targets: string, url: string, problems: string[], bypass?: string][] = [
  ['a host of a target is not lent to the wildcard of an earlier one', WILD_EU + US, 'https://us.cdn.example', [`bypass: target "cdn-us" ${REFUSED}, so nobody would ever be sent there`]],
  ['nor to that of a later one', US + WILD_EU, 'https://us.cdn.example', [`bypass: target "cdn-us" ${REFUSED}, so nobody would ever be sent there`]],
  ['what only the wildcard covers is of the wildcard\'s target', WILD_EU + US, 'https://other.cdn.example', [], 'cdn-eu'],
  ['the smaller domain wins over the larger one', `${WILD_EU}  - { id: cdn-us, host: us.example, hosts: ["*.us.cdn.example"], jurisdiction: *us }\n`, 'https://a.us.cdn.example', [`bypass: target "cdn-us" ${REFUSED}, so nobody would ever be sent there`]],
  ['also where the larger one stands later', `  - { id: cdn-us, host: us.example, hosts: ["*.us.cdn.example"], jurisdiction: *us }\n${WILD_EU}`, 'https://a.us.cdn.example', [`bypass: target "cdn-us" ${REFUSED}, so nobody would ever be sent there`]],
  ['a domain is not its own part', WILD_EU, 'https://cdn.example', ['bypass: "cdn.example" is not a host of a declared target; declare one, so that its jurisdiction is known']],
  ['of two targets with one host the one that is not lawful decides', `  - { id: a, host: shared.example, jurisdiction: *eu }\n  - { id: b, host: shared.example, jurisdiction: *us }\n`, 'https://shared.example', [`bypass: target "b" ${REFUSED}, so nobody would ever be sent there`]],
  ['of two that are lawful the one whose evidence ends first', `  - { id: a, host: shared.example, jurisdiction: *eu }\n  - { id: b, host: shared.example, jurisdiction: *soon }\n`, 'https://shared.example', [], 'b'],
  ['two targets with one host and two ports are told apart by the port', `  - { id: a, host: 127.0.0.1, port: 8101, jurisdiction: *us }\n  - { id: b, host: 127.0.0.1, port: 8102, jurisdiction: *eu }\n`, 'https://127.0.0.1:8102', [], 'b'],
  ['in either direction', `  - { id: a, host: 127.0.0.1, port: 8101, jurisdiction: *us }\n  - { id: b, host: 127.0.0.1, port: 8102, jurisdiction: *eu }\n`, 'https://127.0.0.1:8101', [`bypass: target "a" ${REFUSED}, so nobody would ever be sent there`]],
  ['a port that nobody declared may be anybody\'s of the host', `  - { id: a, host: 127.0.0.1, port: 8101, jurisdiction: *eu }\n  - { id: b, host: 127.0.0.1, port: 8102, jurisdiction: *us }\n`, 'https://127.0.0.1:9000', [`bypass: target "b" ${REFUSED}, so nobody would ever be sent there`]],
]
for (const [title, targets, url, problems, bypass] of bypasses) {
  t.test(`bypass: ${title}`, async (t) => {
    const found = told(targets, `bypass: ${url}`)
    t.same(found.problems, problems.map((problem) => `services/tv.yaml:8: ${problem}`))
    t.equal(found.bypass, bypass)
  })
  t.test(`where a fence redirects: ${title}`, async (t) => {
    const found = told(targets, `fence: { allow: [NL], redirect: "${url}/sorry.html" }`)
    t.same(found.problems, problems.map((problem) => `services/tv.yaml:8: fence.redirect: ${problem.slice('bypass: '.length)}`))
    t.equal(found.redirect, bypass)
  })
}

t.test('without a policy any target of the address will do', async (t) => {
  t.same(told(WILD_EU + US, 'bypass: https://us.cdn.example', '').bypass, 'cdn-us')
})

const OWN = (more: string) => `  - { id: edge, host: edge.example, jurisdiction: *eu, ${more} }\n`
const rewrites: [title: string, targets: string, rule: string, problems: string[]][] = [
  ['a wildcard does not reach a host of another target', OWN('hosts: ["*.cdn.example"]') + US, '{ host: us.cdn.example }', ['rewrite.edge.host: "us.cdn.example" is a host of target "cdn-us", whose jurisdiction counts there; use that target, or another host']],
  ['nor a smaller wildcard of another target', `${OWN('hosts: ["*.cdn.example"]')}  - { id: cdn-us, host: us.example, hosts: ["*.us.cdn.example"], jurisdiction: *us }\n`, '{ host: a.us.cdn.example }', ['rewrite.edge.host: "a.us.cdn.example" is a host of target "cdn-us", whose jurisdiction counts there; use that target, or another host']],
  ['it reaches what is nobody else\'s', OWN('hosts: ["*.cdn.example"]') + US, '{ host: eu.cdn.example }', []],
  ['a host that both name must satisfy the policy by both', OWN('hosts: [us.cdn.example]') + US, '{ host: us.cdn.example }', [`rewrite.edge.host: leads to an address of target "cdn-us" too, which ${REFUSED}; use another one`]],
  ['and may be named by both where it does', `${OWN('hosts: [b.cdn.example]')}  - { id: b, host: b.cdn.example, jurisdiction: *eu }\n`, '{ host: b.cdn.example }', []],
  ['another port of the own host may be another target', `${OWN('port: 8101')}  - { id: b, host: edge.example, port: 8102, jurisdiction: *us }\n`, '{ port: 8102 }', [`rewrite.edge: leads to an address of target "b" too, which ${REFUSED}; use another one`]],
  ['the own port of a shared host is the own one', `${OWN('port: 8101')}  - { id: b, host: edge.example, port: 8102, jurisdiction: *us }\n`, '{ host: edge.example, prefix: /x }', []],
]
for (const [title, targets, rule, problems] of rewrites) {
  t.test(`rewrite: ${title}`, async (t) => t.same(told(targets, `rewrite: { edge: ${rule} }`).problems, problems.map((problem) => `services/tv.yaml:8: ${problem}`)))
}

t.test('a host of a service is no target\'s, neither by name nor by wildcard', async (t) => {
  const loop = (hosts: string) => build({ 'services/tv.yaml': SERVICE.replace('play.tv.example', hosts) }).problems.map(formatProblem)
  t.same(loop('a.b.cdn.example'), ['services/tv.yaml:2: hosts: host "a.b.cdn.example" is also a host of target "cdn-us"; viewers would be sent back to the router'])
  t.same(loop('us.cdn.example'), ['services/tv.yaml:2: hosts: host "us.cdn.example" is also a host of target "cdn-us"; viewers would be sent back to the router'])
  t.same(loop('cdn.example'), [])
})
