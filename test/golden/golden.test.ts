// One file for each situation and, beside it, what the router says about it. To see what a change does to all of them:
// UPDATE_GOLDEN=1 npm test, then read the difference.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { build } from '../../src/cli/configuration.ts'
import { explain, formatExplanation } from '../../src/explain.ts'
import { countryPlace, UNKNOWN_PLACE } from '../../src/geo/countries.ts'
import { Locator } from '../../src/geo/locator.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import { readRequest } from '../../src/http/request.ts'
import { bundleOf } from '../../src/policy/bundle.ts'
import { formatProblem } from '../../src/policy/problem.ts'
import { ADMIN_STATES, HEALTH_STATES } from '../../src/routing/model.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { readBundle } from '../../src/state/directory.ts'

const here = import.meta.dirname

const situationSchema = z.strictObject({
  about: z.string().min(20),
  service: z.string(),
  url: z.string(),
  client: z.strictObject({ country: z.string().optional(), address: z.string().optional(), asn: z.number().optional() }),
  health: z.record(z.string(), z.enum(HEALTH_STATES)).optional(),
  admin: z.record(z.string(), z.enum(ADMIN_STATES)).optional(),
  shed: z.record(z.string(), z.number()).optional(),
  random: z.number().optional(),
  now: z.string().optional(),
})

const fleet = await readBundle(join(here, 'config'))

function tell(text: string): string {
  const situation = situationSchema.parse(parse(text))
  const now = Date.parse(situation.now ?? '2026-06-01')
  const bundle = bundleOf([...fleet.files, { path: 'services/tv.yaml', text: situation.service }])
  const { snapshot, problems } = build(bundle, { epoch: 1, number: 7, digest: 'feedfacecafe' }, Date.parse('2026-06-01'))
  if (snapshot === undefined) throw new Error(problems.map(formatProblem).join('\n'))

  const health = new HealthTable(snapshot)
  const target = (id: string) => {
    const found = snapshot.targets.find((candidate) => candidate.id === id)
    if (found === undefined) throw new Error(`no target ${id}`)
    return found
  }
  for (const [id, state] of Object.entries(situation.health ?? {})) health.setState(target(id), state)
  for (const [id, state] of Object.entries(situation.admin ?? {})) health.setAdmin(target(id), state)
  for (const [id, share] of Object.entries(situation.shed ?? {})) health.setShed(target(id), share)

  const url = new URL(situation.url)
  const wire = { method: 'GET', target: situation.url.slice(url.origin.length), headers: ['Host', url.host], peer: situation.client.address ?? '198.51.100.1', encrypted: url.protocol === 'https:', http10: false }
  const resolved = readRequest(wire, { trusted: TrustedProxies.parse([]) })
  if (resolved.rejected !== undefined) throw new Error(resolved.rejected)
  const { zone } = new Locator().locate(resolved.address, snapshot.zones)
  const { country, asn = 0 } = situation.client
  const place = country === undefined ? UNKNOWN_PLACE : countryPlace(country) ?? UNKNOWN_PLACE
  const { scheme, host, path, query } = resolved
  const explanation = explain({ scheme, host, path, query, now, client: { place, zone, asn } }, snapshot, health, situation.random ?? 1)
  return `${situation.about}\n\n${formatExplanation(explanation)}`
}

const files = globSync(join(here, 'decide', '*.yaml')).sort()
t.ok(files.length >= 15, 'the situations were found')
for (const file of files) {
  const expectedFile = file.replace(/yaml$/, 'txt')
  const told = tell(readFileSync(file, 'utf8'))
  if (process.env['UPDATE_GOLDEN'] === '1' && (!existsSync(expectedFile) || readFileSync(expectedFile, 'utf8') !== told)) writeFileSync(expectedFile, told)
  t.equal(told, existsSync(expectedFile) ? readFileSync(expectedFile, 'utf8') : '', `what is told of ${basename(file, '.yaml')} is what was agreed on`)
}
