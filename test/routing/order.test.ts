import { readFileSync } from 'node:fs'
import t from 'tap'
import { countryPlace, UNKNOWN_PLACE } from '../../src/geo/countries.ts'
import { decide } from '../../src/routing/decide.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { order } from '../../src/routing/order.ts'
import { build, NOW, SERVICE } from '../policy/base.ts'

t.test('of a dozen usable targets the best eight are told, and the README promises no more', async (t) => {
  const targets = `targets:\n${Array.from({ length: 12 }, (_, i) => `  - { id: t${i}, host: t${i}.example }\n`).join('')}`
  const service = SERVICE.replace('jurisdiction: eu-only\n', '').replace('{ group: eu }', `[${Array.from({ length: 12 }, (_, i) => `t${i}`).join(', ')}]`).replace('nearest', 'failover')
  const { snapshot } = build({ 'targets/all.yaml': targets, 'zones/all.yaml': undefined, 'services/tv.yaml': service })
  if (snapshot === undefined) throw new Error('the configuration is not usable')
  const request = { scheme: 'https', host: 'play.tv.example', path: '/live/main.m3u8', query: '', client: { place: countryPlace('NL') ?? UNKNOWN_PLACE, zone: undefined, asn: 0 }, now: NOW } as const
  const health = new HealthTable(snapshot)
  const told = order(decide(request, snapshot, health, 1), request, snapshot, health, 1)
  t.same(told.map(({ member }) => member.target.id), Array.from({ length: 8 }, (_, i) => `t${i}`))
  t.match(readFileSync(`${import.meta.dirname}/../../README.md`, 'utf8'), 'the usable targets, best first and at most eight')
})
