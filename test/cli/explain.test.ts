// What an explanation says of steps that the decision never came to.
import t from 'tap'
import { explain } from '../../src/explain.ts'
import { countryPlace, UNKNOWN_PLACE } from '../../src/geo/countries.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { build, NOW } from '../policy/base.ts'

const SERVICE = `service: tv
hosts: [play.tv.example]
fence: { deny: [US] }
steps:
  - { name: everybody, targets: [edge-ams], select: failover }
  - { name: germany, when: { country: [DE] }, targets: [edge-fra], select: failover }
  - { name: provider, when: { asn: [64500] }, targets: [edge-fra], select: failover }
`

t.test('a step applies where it is meant for the client, also when the decision needed no more or was a refusal', async (t) => {
  const { snapshot } = build({ 'services/tv.yaml': SERVICE })
  if (snapshot === undefined) throw new Error('the configuration is right')
  const rows: [country: string, asn: number, outcome: string, applies: string][] = [
    ['NL', 0, 'redirect', 'everybody'], ['DE', 0, 'redirect', 'everybody germany'], ['NL', 64500, 'redirect', 'everybody provider'], ['US', 0, 'refuse', 'everybody'],
  ]
  for (const [country, asn, outcome, applies] of rows) {
    const client = { place: countryPlace(country) ?? UNKNOWN_PLACE, zone: undefined, asn }
    const explanation = explain({ scheme: 'https', host: 'play.tv.example', path: '/a.m3u8', query: '', now: NOW, client }, snapshot, new HealthTable(snapshot), 1)
    t.equal(explanation.outcome, outcome, country)
    t.equal(explanation.steps.filter((step) => step.applies).map(({ step }) => step).join(' '), applies, `${country} AS${asn}`)
  }
})

t.test('what a step carries is what the decision goes by: one working target is all that failover needs', async (t) => {
  for (const [select, capacity] of [['failover', 100], ['nearest', 70]] as const) {
    const { snapshot } = build({ 'services/tv.yaml': `service: tv\nhosts: [play.tv.example]\nsteps:\n  - { name: own, targets: { group: eu }, select: ${select} }\n` })
    const fra = snapshot?.targets.find(({ id }) => id === 'edge-fra')
    if (snapshot === undefined || fra === undefined) throw new Error('the configuration is right')
    const health = new HealthTable(snapshot)
    health.setState(fra, 'down')
    const client = { place: UNKNOWN_PLACE, zone: undefined, asn: 0 }
    const [step] = explain({ scheme: 'https', host: 'play.tv.example', path: '/a.m3u8', query: '', now: NOW, client }, snapshot, health, 1).steps
    t.match(step, { healthy: 50, capacity }, select)
  }
})
