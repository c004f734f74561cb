// Each row is one mistake in an otherwise right configuration, and the whole list of problems that it must give.
import t from 'tap'
import { readHost } from '../../src/http/host.ts'
import { formatProblem } from '../../src/policy/problem.ts'
import { build, POLICY, SERVICE, TARGETS, ZONES } from './base.ts'

const tv = (text: string) => ({ 'services/tv.yaml': text })
const replaced = (from: string, to: string) => tv(replace(SERVICE, from, to))

function replace(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the base has no "${from}"`)
  return text.replace(from, to)
}

const cases: [title: string, changes: Record<string, string | undefined>, problems: string[]][] = [
  ['a right configuration has no problems', {}, []],
  ['an unknown key names the one that was meant', replaced('select:', 'selct:'), [
    'services/tv.yaml:5: steps[0].select: is missing; use one of nearest, weighted, rendezvous, failover',
    'services/tv.yaml:7: steps[0].selct: "selct" is not a key here (did you mean "select"?)',
  ]],
  ['a key in the wrong place is told where it belongs, and not that it was meant', tv(`${SERVICE}select: nearest\nspread: 2\n`), [
    'services/tv.yaml:8: select: "select" is not a key here; it belongs under steps[]',
    'services/tv.yaml:9: spread: "spread" is not a key here; it belongs under steps[]',
  ]],
  ['so is one of several places', { 'targets/all.yaml': replace(TARGETS, '    group: ams', '    country: NL\n    group: ams') }, [
    'targets/all.yaml:7: targets[0].country: "country" is not a key here; it belongs under targets[].jurisdiction.operator or under targets[].jurisdiction.parent',
  ]],
  ['and one that belongs to the document', replaced('    select: nearest', '    select: nearest\n    panic: 10'), [
    'services/tv.yaml:8: steps[0].panic: "panic" is not a key here; it belongs at the top of the document',
  ]],
  ['a key of the map itself is likelier than the same word elsewhere', replaced('hosts:', 'host:'), [
    'services/tv.yaml:2: host: "host" is not a key here (did you mean "hosts"?)',
  ]],
  ['a slip in a key of another place names both', tv(`${SERVICE}selct: nearest\n`), [
    'services/tv.yaml:8: selct: "selct" is not a key here (did you mean "select" under steps[]?)',
  ]],
  ['a key within a map that a list may stand for', replaced('{ group: eu }', '{ grop: eu }'), [
    'services/tv.yaml:6: steps[0].targets.group: is missing; give text',
    'services/tv.yaml:6: steps[0].targets.grop: "grop" is not a key here (did you mean "group"?)',
  ]],
  ['a wrong word names the right ones', replaced('select: nearest', 'select: neerest'), [
    'services/tv.yaml:7: steps[0].select: "neerest" is not one of nearest, weighted, rendezvous, failover (did you mean "nearest"?)',
  ]],
  ['a wrong type says what it should be', replaced('hosts: [play.tv.example]', 'hosts: play.tv.example'), [
    'services/tv.yaml:2: hosts: "play.tv.example" is not a list',
  ]],
  ['a dangling policy', replaced('jurisdiction: eu-only', 'jurisdiction: eu-onli'), [
    'services/tv.yaml:3: jurisdiction: there is no policy "eu-onli" (did you mean "eu-only"?); add policies/eu-onli.yaml',
  ]],
  ['a dangling group', replaced('{ group: eu }', '{ group: ue }'), [
    'services/tv.yaml:6: steps[0].targets.group: there is no group "ue" (did you mean "eu"?)',
  ]],
  ['a dangling target', replaced('{ group: eu }', '[edge-ams, edge-xyz]'), [
    'services/tv.yaml:6: steps[0].targets[1]: there is no target "edge-xyz"',
  ]],
  ['a dangling zone in a condition', replaced('    targets:', '    when: { zone: [campsu] }\n    targets:'), [
    'services/tv.yaml:6: steps[0].when.zone[0]: there is no zone "campsu" (did you mean "campus"?)',
  ]],
  ['a target that is listed twice', replaced('{ group: eu }', '[edge-ams, edge-ams]'), [
    'services/tv.yaml:6: steps[0].targets[1]: target "edge-ams" is in this list twice; give it one weight',
  ]],
  ['weights that are all zero', replaced('{ group: eu }', '[{ id: edge-ams, weight: 0 }]'), [
    'services/tv.yaml:6: steps[0].targets: all weights are 0, so nothing could be chosen; give one of them a weight',
  ]],
  ['a negative weight', replaced('{ group: eu }', '[{ id: edge-ams, weight: -1 }]'), [
    'services/tv.yaml:6: steps[0].targets[0].weight: -1 is too small; the least is 0',
  ]],
  ['a weight that is text', replaced('{ group: eu }', '[edge-ams, { id: edge-fra, weight: "70" }]'), [
    'services/tv.yaml:6: steps[0].targets[1].weight: "70" is not a number',
  ]],
  ['a weight that is no number', replaced('{ group: eu }', '[{ id: edge-fra, weight: .nan }]'), [
    'services/tv.yaml:6: steps[0].targets[0].weight: NaN is not a number',
  ]],
  ['a key of an entry', replaced('{ group: eu }', '[{ id: edge-fra, wieght: 70 }]'), [
    'services/tv.yaml:6: steps[0].targets[0].wieght: "wieght" is not a key here (did you mean "weight"?)',
  ]],
  ['an entry that is neither an id nor a map', replaced('{ group: eu }', '[edge-ams, 7]'), [
    'services/tv.yaml:6: steps[0].targets[1]: 7 is not valid here; give a target id, or { id: ID, weight: NUMBER }',
  ]],
  ['an id that is none', replaced('{ group: eu }', '[Edge]'), [
    'services/tv.yaml:6: steps[0].targets[0]: "Edge" is not valid here; use 1 to 63 lower-case letters, digits, "-" and "_"',
  ]],
  ['targets that are neither a group nor a list', replaced('{ group: eu }', 'eu'), [
    'services/tv.yaml:6: steps[0].targets: "eu" is not valid here; give { group: ID }, or a list of target ids, each alone or as { id: ID, weight: NUMBER }',
  ]],
  ['a service whose own policy leaves no target', replaced('{ group: eu }', '[cdn-us]'), [
    'services/tv.yaml:3: jurisdiction: policy "eu-only" leaves no target (cdn-us: parent, logs, foreign); add one that complies or choose another policy',
  ]],
  ['a service id that is there twice', { 'services/two.yaml': replace(SERVICE, 'play.tv', 'play2.tv') }, [
    'services/two.yaml:1: service: service "tv" is already in services/tv.yaml; ids are unique',
  ]],
  ['a host of two services', { 'services/two.yaml': replace(SERVICE, 'service: tv', 'service: two') }, [
    'services/two.yaml:2: hosts[0]: host "play.tv.example" already belongs to service "tv"; a host has one service',
  ]],
  ['a prefix within another service\'s prefix', {
    'services/tv.yaml': replace(SERVICE, 'hosts: [play.tv.example]', 'prefix: /tv'),
    'services/two.yaml': SERVICE.replace('service: tv', 'service: two').replace('hosts: [play.tv.example]', 'prefix: /tv/two'),
  }, ['services/two.yaml:2: prefix: prefix "/tv/two" overlaps "/tv" of service "tv"; give one of them another prefix']],
  ['the router\'s own prefix', replaced('hosts: [play.tv.example]', 'prefix: /-/tv'), [
    'services/tv.yaml:2: prefix: everything under /-/ is the router\'s own; use another prefix',
  ]],
  ['a host that is a target\'s too would be a loop', replaced('play.tv.example', 'ams.edge.example'), [
    'services/tv.yaml:2: hosts: host "ams.edge.example" is also a host of target "edge-ams"; viewers would be sent back to the router',
  ]],
  ['a host within the domain of a target would be a loop too', replaced('play.tv.example', 'play.cdn.example'), [
    'services/tv.yaml:2: hosts: host "play.cdn.example" is also a host of target "cdn-us"; viewers would be sent back to the router',
  ]],
  ['a step that its policy empties is warned of, since another step hides it', tv(`${SERVICE}  - { name: rest, targets: [cdn-us], select: failover }\n`), [
    'services/tv.yaml:8: warning: steps[1].targets: policy "eu-only" leaves none of these, so nobody is ever sent there',
  ]],
  ['what a selector does not look at is warned of', replaced('select: nearest', 'select: weighted\n    spread: 2\n    key: path'), [
    'services/tv.yaml:8: warning: steps[0].spread: has no effect: weighted does not look at distance; use it with nearest',
    'services/tv.yaml:9: warning: steps[0].key: has no effect: weighted does not look at titles; use it with nearest or rendezvous',
  ]],
  ['the nearest of targets without a place', tv('service: tv\nsteps:\n  - { name: us, targets: [cdn-us], select: nearest }\n'), [
    'services/tv.yaml:3: warning: steps[0].select: none of the targets has a place, so none is the nearest; give them or their groups latitude and longitude',
  ]],
  ['steering with nowhere to steer to', tv(`${SERVICE.replace('{ group: eu }', '[edge-ams, cdn-us]')}delivery: steered\n`), [
    'services/tv.yaml:8: warning: delivery: has no effect: with less than two targets there is nowhere to steer to, and players get the redirect',
  ]],
  ['a rewrite of a target that no step has', tv(`${SERVICE}rewrite: { cdn-us: { prefix: /x } }\n`), [
    'services/tv.yaml:8: warning: rewrite.cdn-us: has no effect: no step has the target "cdn-us"',
  ]],
  ['a bypass for one scheme where targets serve both', tv(`${SERVICE}bypass: https://ams.edge.example\n`), [
    'services/tv.yaml:8: warning: bypass: serves only viewers who come by https; those who come by http have none, although targets serve them; write //host for both',
  ]],
  ['and for the other', tv(`${SERVICE}bypass: http://ams.edge.example\n`), [
    'services/tv.yaml:8: warning: bypass: serves only viewers who come by http; those who come by https have none, although targets serve them; write //host for both',
  ]],
  ['a bypass for both', tv(`${SERVICE}bypass: //ams.edge.example\n`), []],
  ['a bypass for the one scheme that there is', { 'targets/all.yaml': TARGETS.replaceAll(/( *)host: (ams|fra)/g, '$1scheme: https\n$1host: $2'), ...tv(`${SERVICE}bypass: https://ams.edge.example\n`) }, []],
  ['CMCD that is kept by name', tv(`${SERVICE}query: { keep: [token, cmcd] }\n`), [
    'services/tv.yaml:8: warning: query.keep[1]: "cmcd" has no effect: of CMCD only those keys reach targets that query.cmcd lists; list them there',
  ]],
  ['CMCD that is kept by name and by its keys', tv(`${SERVICE}query: { keep: [token, CMCD], cmcd: [br] }\n`), []],
  ['CMCD that is dropped by name and kept by its keys', tv(`${SERVICE}query: { drop: [CMCD], cmcd: [br] }\n`), [
    'services/tv.yaml:8: warning: query.drop[0]: "CMCD" has no effect: query.cmcd lets its keys through; leave one of the two out',
  ]],
  ['CMCD that is dropped by name, as it is anyhow', tv(`${SERVICE}query: { drop: [CMCD] }\n`), []],
  ['two targets at one address', { 'targets/more.yaml': 'targets:\n  - { id: copy, host: us.cdn.example }\n  - { id: other, host: us.cdn.example, prefix: /x }\n  - { id: third, host: us.cdn.example, port: 8443 }\n' }, [
    'targets/more.yaml:2: warning: targets[0].host: is the address of target "cdn-us" too, which declares another jurisdiction for it; give one of them another host, port or prefix, or take it away',
  ]],
  ['two at one address in one scheme, under one jurisdiction', { 'targets/more.yaml': 'targets:\n  - { id: one, host: x.example }\n  - { id: two, host: x.example, scheme: https }\n' }, [
    'targets/more.yaml:3: warning: targets[1].host: is the address of target "one" too; give one of them another host, port or prefix, or take it away',
  ]],
  ['two at one host, each for its scheme', { 'targets/more.yaml': 'targets:\n  - { id: one, host: x.example, scheme: http }\n  - { id: two, host: x.example, scheme: https }\n' }, []],
  ['a zone whose group is empty', { 'targets/more.yaml': 'groups: [{ id: new }]\n', 'zones/all.yaml': replace(ZONES, 'group: ams', 'group: new') }, [
    'zones/all.yaml:4: warning: zones[0].group: group "new" has no targets, so its clients are sent where all others are; give a target `group: new`',
  ]],
  ['a zone whose group holds another one that is not empty', { 'zones/all.yaml': replace(ZONES, 'group: ams', 'group: eu') }, []],
  ['a bypass to a host that nobody declared', tv(`${SERVICE}bypass: https://elsewhere.example/\n`), [
    'services/tv.yaml:8: bypass: "elsewhere.example" is not a host of a declared target; declare one, so that its jurisdiction is known',
  ]],
  ['a bypass that jurisdiction forbids', tv(`${SERVICE}bypass: https://us.cdn.example\n`), [
    'services/tv.yaml:8: bypass: target "cdn-us" does not satisfy "eu-only" (parent, logs, foreign), so nobody would ever be sent there',
  ]],
  ['a bypass with a user name in it', tv(`${SERVICE}bypass: https://ams.edge.example@evil.example/\n`), [
    'services/tv.yaml:8: bypass: "https://ams.edge.example@evil.example/" is not usable; give https://host/path, or //host/path for the scheme of the request',
  ]],
  ['a rewrite to a host that is not the target\'s', tv(`${SERVICE}rewrite: { edge-ams: { host: evil.example } }\n`), [
    'services/tv.yaml:8: rewrite.edge-ams.host: "evil.example" is not a host of target "edge-ams"; add it to the target\'s hosts',
  ]],
  ['a fence that allows and denies', tv(`${SERVICE}fence: { allow: [NL], deny: [BE] }\n`), ['services/tv.yaml:8: fence: give either allow or deny']],
  ['a fence for a code that no country has would hold for nobody', tv(`${SERVICE}fence: { deny: [UK, XX] }\n`), [
    'services/tv.yaml:8: fence.deny[0]: "UK" is not valid here; no country has this code; use GB',
    'services/tv.yaml:8: fence.deny[1]: "XX" is not valid here; no country has this code; use one of ISO 3166-1',
  ]],
  ['a target in a country that does not exist', { 'targets/all.yaml': replace(TARGETS, 'countries: [IE]', 'countries: [EI]') }, [
    'targets/all.yaml:27: targets[2].jurisdiction.server.countries[0]: "EI" is not valid here; no country has this code; use one of ISO 3166-1',
  ]],
  ['a step may be meant for clients whose country is not known', replaced('    targets:', '    when: { country: [ZZ] }\n    targets:'), []],
  ['a CMCD key that names a viewer', tv(`${SERVICE}query: { cmcd: [br, sid] }\n`), [
    'services/tv.yaml:8: query.cmcd[1]: "sid" is not one of bl, br, bs, d, dl, mtp, ot, pr, rtp, sf, st, su, tb, v',
  ]],
  ['a country in lower case', tv(`${SERVICE}fence: { allow: [nl] }\n`), [
    'services/tv.yaml:8: fence.allow[0]: "nl" is not valid here; use ISO 3166-1 codes in capitals such as NL, or a set: eu-members, eea-members, eu-adequate',
  ]],
  ['a permanent redirect', tv(`${SERVICE}status: 301\n`), ['services/tv.yaml:8: status: 301 is not one of 302, 307']],
  ['a target id that is there twice', { 'targets/more.yaml': 'targets:\n  - { id: edge-ams, host: other.example }\n' }, [
    'targets/more.yaml:2: targets[0].id: target "edge-ams" is defined twice; ids are unique',
  ]],
  ['a group that is in itself', { 'targets/all.yaml': replace(TARGETS, '{ id: eu }', '{ id: eu, in: ams }') }, [
    'targets/all.yaml:2: groups[0].in: group "eu" is in itself, by way of eu, ams',
  ]],
  ['half of a coordinate', { 'targets/all.yaml': replace(TARGETS, 'latitude: 52.37, longitude: 4.9', 'latitude: 52.37') }, [
    'targets/all.yaml:3: groups[1].latitude: latitude and longitude belong together; give both or neither',
  ]],
  ['logs without a country', { 'targets/all.yaml': replace(TARGETS, 'mode: raw, countries: [US]', 'mode: raw') }, [
    'targets/all.yaml:24: targets[2].jurisdiction: logs.mode is raw, so logs.countries must say where they are stored',
  ]],
  ['logs with a list of no country', { 'targets/all.yaml': replace(TARGETS, 'mode: raw, countries: [US]', 'mode: raw, countries: []') }, [
    'targets/all.yaml:28: targets[2].jurisdiction.logs.countries: is empty; say where logs are stored, or leave it out where mode is none',
  ]],
  ['a host name with a scheme', { 'targets/all.yaml': replace(TARGETS, 'host: ams.edge.example', 'host: https://ams.edge.example') }, [
    'targets/all.yaml:8: targets[0].host: "https://ams.edge.example" is not valid here; use a host name in lower case (punycode for other scripts) or an address, without scheme, port or path',
  ]],
  ['a network with bits after its prefix', { 'zones/all.yaml': replace(ZONES, '192.0.2.0/24', '192.0.2.1/24') }, [
    'zones/all.yaml:3: zones[0].prefixes[0]: "192.0.2.1/24" is not a network; use CIDR such as 192.0.2.0/24 or 2001:db8::/32, with all bits after the prefix zero',
  ]],
  ['a network in two zones', { 'zones/more.yaml': ZONES.replace('campus', 'other') }, [
    'zones/more.yaml:2: zones[0]: 192.0.2.0/24 is in zones campus and other; a client can be in one',
  ]],
  ['a zone that leads nowhere', { 'zones/all.yaml': replace(ZONES, 'group: ams', 'group: asm') }, [
    'zones/all.yaml:4: zones[0].group: there is no group "asm" (did you mean "ams"?)',
  ]],
  ['a content rule that names nothing', tv(`${SERVICE}content: [{ match: /live/** }]\n`), [
    'services/tv.yaml:8: content[0]: gives neither an id nor a {content} part, so it names nothing',
  ]],
  ['a key that is there twice', tv(`${SERVICE}service: tv\n`), ['services/tv.yaml:8: map keys must be unique']],
  ['no service at all', { 'services/tv.yaml': undefined }, ['services:1: there is no service; add services/NAME.yaml']],
  ['an empty file is not the same as none: what it held is missed', { 'services/two.yaml': '' }, ['services/two.yaml:1: is empty; remove the file if that is meant']],
  ['a file of white space and marks is empty, too', { 'services/two.yaml': '\ufeff \n\n---\n# nothing\n---\n' }, ['services/two.yaml:1: is empty; remove the file if that is meant']],
  ['so is one that says null', { 'policies/two.yaml': '# none\nnull\n' }, ['policies/two.yaml:1: is empty; remove the file if that is meant']],
  ['an empty document beside another one is nothing to mention', { 'services/tv.yaml': `${SERVICE}---\n` }, []],
  ['a file of comments alone is warned of', { 'zones/more.yaml': '# none yet\n\n  # really\n' }, ['zones/more.yaml:1: warning: holds nothing but comments; remove the file if that is meant']],
  ['what refers to something that an empty file held is not wrong for that', { 'targets/all.yaml': '', 'policies/eu-only.yaml': '\n', 'zones/all.yaml': undefined }, [
    'policies/eu-only.yaml:1: is empty; remove the file if that is meant',
    'targets/all.yaml:1: is empty; remove the file if that is meant',
  ]],
  ['a file in no folder', { 'stray.yaml': 'a: 1\n' }, ['stray.yaml:1: belongs to none of targets/, services/, zones/, policies/; move it']],
  ['evidence that ends soon is a warning', { 'targets/all.yaml': replace(TARGETS, 'validUntil: 2030-01-01', 'validUntil: 2026-06-20') }, [
    'services/tv.yaml:3: warning: jurisdiction: target "edge-ams" complies with "eu-only" only until 2026-06-20; renew its evidence or review',
    'services/tv.yaml:3: warning: jurisdiction: target "edge-fra" complies with "eu-only" only until 2026-06-20; renew its evidence or review',
  ]],
  ['a target that two steps name is told of once', { 'targets/all.yaml': replace(TARGETS, 'validUntil: 2030-01-01', 'validUntil: 2026-06-20'), 'services/tv.yaml': `${SERVICE}  - { name: rest, targets: [edge-fra], select: failover }\n` }, [
    'services/tv.yaml:3: warning: jurisdiction: target "edge-ams" complies with "eu-only" only until 2026-06-20; renew its evidence or review',
    'services/tv.yaml:3: warning: jurisdiction: target "edge-fra" complies with "eu-only" only until 2026-06-20; renew its evidence or review',
  ]],
  ['one that two steps name, and that is not allowed, too', { 'targets/all.yaml': replace(TARGETS, 'validUntil: 2030-01-01', 'validUntil: 2026-05-31'), 'services/tv.yaml': `${SERVICE}  - { name: rest, targets: [edge-fra, edge-ams], select: failover }\n` }, [
    'services/tv.yaml:3: jurisdiction: policy "eu-only" leaves no target (edge-ams: evidence-expired; edge-fra: evidence-expired); add one that complies or choose another policy',
  ]],
  ['evidence that has ended leaves no target', { 'targets/all.yaml': replace(TARGETS, 'validUntil: 2030-01-01', 'validUntil: 2026-05-31') }, [
    'services/tv.yaml:3: jurisdiction: policy "eu-only" leaves no target (edge-ams: evidence-expired; edge-fra: evidence-expired); add one that complies or choose another policy',
  ]],
  ['an undeclared jurisdiction leaves no target', { 'zones/all.yaml': undefined, 'targets/all.yaml': 'groups: [{ id: eu }, { id: ams, latitude: 1, longitude: 1 }]\ntargets: [{ id: edge-ams, group: eu, host: ams.edge.example }]\n' }, [
    'services/tv.yaml:3: jurisdiction: policy "eu-only" leaves no target (edge-ams: operator, parent, server, logs, foreign, evidence-missing); add one that complies or choose another policy',
  ]],
]

const NO_ADDRESS = 'no such address exists; use four numbers up to 255, or IPv6 in brackets'
const hosts: [host: string, wrong?: string][] = [
  ['192.0.2.1'], ['[::1]'], ['[2001:db8::7]'], ['4.edge.example'], ['0x.example'], ['a_b.example'], ['xn--bcher-kva.example'],
  ['[:::]', NO_ADDRESS], ['999.1.1.1', NO_ADDRESS], ['edge.7', NO_ADDRESS], ['[12345::]', NO_ADDRESS], ['08.1.1.1', NO_ADDRESS],
  ['[0:0:0:0:0:0:0:1]', 'use the spelling of URLs, [::1]'], ['1.2.3', 'use the spelling of URLs, 1.2.0.3'], ['0177.0.0.1', 'use the spelling of URLs, 127.0.0.1'],
  ['0x7f.1', 'use the spelling of URLs, 127.0.0.1'], ['[::ffff:1.2.3.4]', 'use the spelling of URLs, [::ffff:102:304]'],
]
for (const [host, wrong] of hosts) {
  t.test(`"${host}" is ${wrong === undefined ? 'a host' : 'none'}, of a target and of a service`, async (t) => {
    const told = (changes: Record<string, string>) => build(changes).problems.map(formatProblem)
    const line = (where: string) => (wrong === undefined ? [] : [`${where}: "${host}" is not valid here; ${wrong}`])
    t.same(told({ 'targets/all.yaml': replace(TARGETS, 'host: ams.edge.example', `host: "${host}"`) }), line('targets/all.yaml:8: targets[0].host'))
    t.same(told({ 'targets/all.yaml': replace(TARGETS, 'host: ams.edge.example', `host: ams.edge.example\n    hosts: ["${host}"]`) }), line('targets/all.yaml:9: targets[0].hosts[0]'))
    t.same(told(replaced('play.tv.example', `"${host}"`)), line('services/tv.yaml:2: hosts[0]'))
    if (wrong === undefined) t.equal(readHost(host), host, 'what requests ask for')
  })
}
for (const host of ['*.192.0.2.1', '*.[::1]', 'cdn.example:8443', '*.*.example', 'a..example']) {
  t.test(`"${host}" covers no host`, async (t) => {
    const { problems } = build({ 'targets/all.yaml': replace(TARGETS, '"*.cdn.example"', `"${host}"`) })
    t.match(problems.map(formatProblem), [/^targets\/all.yaml:23: targets\[2\]\.hosts\[0\]: ".*" is not valid here; use a host name in lower case, or "\*\." and a domain(, without port)?$/])
  })
}

for (const [title, changes, expected] of cases) {
  t.test(title, async (t) => {
    const { snapshot, problems } = build(changes)
    t.same(problems.map(formatProblem), expected)
    t.equal(snapshot === undefined, expected.some((line) => !line.includes(': warning: ')), 'an error refuses, a warning does not')
  })
}

t.test('every mistake of every file is reported at once', async (t) => {
  const { problems } = build({
    'targets/all.yaml': replace(TARGETS, 'host: ams.edge.example', 'host: AMS'),
    'policies/eu-only.yaml': replace(POLICY, 'foreign: []', 'forein: []'),
    'zones/all.yaml': 'zones: [{ zone: x, group: nowhere }]\n',
    'services/tv.yaml': SERVICE.replace('select: nearest', 'select: best').replace('hosts:', 'host:'),
    'services/broken.yaml': 'service: [\n',
  })
  t.same(new Set(problems.map(({ file }) => file)), new Set(['targets/all.yaml', 'policies/eu-only.yaml', 'zones/all.yaml', 'services/tv.yaml', 'services/broken.yaml']))
  t.equal(problems.filter(({ file }) => file === 'services/tv.yaml').length, 2)
})

t.test('a mistake does not hide the others of its file, nor make new ones', async (t) => {
  const told = (changes: Record<string, string | undefined>) => build(changes).problems.map(formatProblem)
  t.same(told(tv(SERVICE.replace('select: nearest', 'select: neerest').replace('eu-only', 'eu-onli').replace('group: eu', 'group: ue').replace('play.tv', 'ams.edge'))), [
    'services/tv.yaml:7: steps[0].select: "neerest" is not one of nearest, weighted, rendezvous, failover (did you mean "nearest"?)',
    'services/tv.yaml:3: jurisdiction: there is no policy "eu-onli" (did you mean "eu-only"?); add policies/eu-onli.yaml',
    'services/tv.yaml:6: steps[0].targets.group: there is no group "ue" (did you mean "eu"?)',
    'services/tv.yaml:2: hosts: host "ams.edge.example" is also a host of target "edge-ams"; viewers would be sent back to the router',
  ])
  t.same(told(tv(`${SERVICE.replace('hosts: [play.tv.example]', 'hosts: play.tv.example')}steeering: 1\n`)), [
    'services/tv.yaml:2: hosts: "play.tv.example" is not a list',
    'services/tv.yaml:8: steeering: "steeering" is not a key here (did you mean "steering"?)',
  ])
  const zoned = SERVICE.replace('    targets:', '    when: { zone: [campus] }\n    targets:')
  t.same(told({ ...tv(zoned), 'zones/all.yaml': replace(ZONES, 'group: ams', 'grop: ams') }), [
    'zones/all.yaml:4: zones[0].grop: "grop" is not a key here (did you mean "group"?)',
  ])
  const everything = SERVICE.replace('{ group: eu }', '[edge-ams, edge-fra]') + 'rewrite: { edge-ams: { prefix: /x } }\nbypass: https://ams.edge.example\nfence: { allow: [NL], redirect: "https://fra.edge.example/sorry.html" }\ndelivery: steered\n'
  t.same(told({ ...tv(everything), 'targets/all.yaml': replace(TARGETS, 'validUntil: 2030-01-01', 'validUntil: 01.01.2030') }), [
    'targets/all.yaml:15: targets[0].jurisdiction.evidence[0].validUntil: "01.01.2030" is not valid here; use a date such as 2027-12-31',
    'targets/all.yaml:15: targets[1].jurisdiction.evidence[0].validUntil: "01.01.2030" is not valid here; use a date such as 2027-12-31',
  ], 'a target that is wrong is not missed by what refers to it')
  t.same(told({ ...tv(everything), 'targets/all.yaml': replace(TARGETS, '- id: edge-ams', '- name: edge-ams') }), [
    'targets/all.yaml:6: targets[0].id: is missing; give text',
    'targets/all.yaml:6: targets[0].name: "name" is not a key here; it belongs under targets[].jurisdiction.operator or under targets[].jurisdiction.parent',
  ], 'nor is one whose id cannot be read')
  t.same(told({ ...tv(everything), 'targets/all.yaml': replace(TARGETS, 'targets:', 'tragets:') }), [
    'targets/all.yaml:5: tragets: "tragets" is not a key here (did you mean "targets"?)',
  ], 'nor are those of a list of another name')
  const circle = replace(TARGETS, '{ id: eu }', '{ id: eu, in: ams }').replace('group: fra\n', 'group: ams\n')
  t.same(told({ 'services/two.yaml': SERVICE.replace('tv', 'two').replace('play.tv', 'play.two'), 'targets/all.yaml': circle }), [
    'targets/all.yaml:2: groups[0].in: group "eu" is in itself, by way of eu, ams',
  ], 'groups in a circle are not empty')
  t.same(told({ 'targets/all.yaml': replace(replace(TARGETS, 'ams, in: eu', 'ams, in: ue'), 'fra, in: eu', 'fra, in: ue') }), [
    'targets/all.yaml:3: groups[1].in: there is no group "ue" (did you mean "eu"?)',
    'targets/all.yaml:4: groups[2].in: there is no group "ue" (did you mean "eu"?)',
  ], 'nor is the one that they were meant for')
  t.same(told({ ...tv(SERVICE.replace('group: eu', 'group: fra')), 'targets/all.yaml': replace(TARGETS, 'group: fra', 'group: far') }), [
    'targets/all.yaml:17: targets[1].group: there is no group "far" (did you mean "fra"?)',
  ], 'nor the one that a target was meant for')
  for (const [file, text] of [['targets/all.yaml', TARGETS], ['policies/eu-only.yaml', POLICY], ['zones/all.yaml', ZONES]] as const) {
    const problems = build({ ...tv(zoned), [file]: `${text}  [` }).problems
    t.same(new Set(problems.map((problem) => problem.file)), new Set([file]), 'what cannot be read may hold what is referred to')
  }
})

t.test('an alias bomb is refused in a moment', async (t) => {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${new Array(10).fill(`*l${i}`).join(', ')}]`)
  const { problems } = build({ 'services/tv.yaml': `l0: &l0 [x, x]\n${levels.join('\n')}\n` })
  t.match(problems.map(formatProblem), [/excessive alias count/i])
})
