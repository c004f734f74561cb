// What a file declares of a target, as policies judge it: what is not said is not known, and what is not known satisfies nothing.
import t from 'tap'
import { compileFleet } from '../../src/policy/fleet.ts'
import { compileJurisdiction, compilePolicy } from '../../src/policy/jurisdiction.ts'
import type { Problem } from '../../src/policy/problem.ts'
import type { TargetInput } from '../../src/policy/schema.ts'
import { complies, faults } from '../../src/routing/jurisdiction.ts'
import { NOW } from './base.ts'

const FULL: TargetInput['jurisdiction'] = {
  operator: { country: 'NL' },
  parent: { country: 'NL' },
  server: { countries: ['NL'] },
  logs: { mode: 'none' },
  foreign: [],
  evidence: [{ kind: 'contract', ref: '1', validUntil: '2030-01-01' }],
}
const EU = { policy: 'eu-only', operator: ['eu-members'], parent: ['eu-members'], server: ['eu-members'], logs: ['eu-members'], foreign: [] } as const
const policyOf = (changes: object = {}) => compilePolicy({ ...EU, operator: [...EU.operator], parent: [...EU.parent], server: [...EU.server], logs: [...EU.logs], foreign: [], ...changes }, 0)

/** Both judgements, which are written apart: the faults of the one, and what the other says. */
function judge(declared: TargetInput['jurisdiction'], policy = policyOf()) {
  const jurisdiction = compileJurisdiction(declared)
  return [faults(policy, jurisdiction, NOW), complies(policy, jurisdiction, NOW)] as const
}

const cases: [title: string, declared: object, faults: string[]][] = [
  ['a full declaration satisfies', {}, []],
  ['logs of mode none are no logs', { logs: { mode: 'none' } }, []],
  ['raw logs in the Union satisfy', { logs: { mode: 'raw', countries: ['DE'] } }, []],
  ['raw logs in no country named are not known', { logs: { mode: 'raw', countries: [] } }, ['logs']],
  ['anonymised logs in no country named are not known', { logs: { mode: 'anonymised', countries: [] } }, ['logs']],
  ['logs without a list are not known', { logs: { mode: 'raw' } }, ['logs']],
  ['servers in no country named are not known', { server: { countries: [] } }, ['server']],
  ['a list of no evidence is no evidence', { evidence: [] }, ['evidence-missing']],
]
for (const [title, changes, expected] of cases) {
  t.test(title, async (t) => t.same(judge({ ...FULL, ...changes }), [expected, expected.length === 0]))
}

t.test('a policy with a list of nobody admits nobody', async (t) => {
  const raw: TargetInput['jurisdiction'] = { ...FULL, logs: { mode: 'raw', countries: ['NL'] }, foreign: ['US-CLOUD-ACT'] }
  for (const field of ['operator', 'parent', 'server', 'logs', 'foreign'] as const) {
    t.same(judge(raw, policyOf({ foreign: undefined, [field]: [] })), [[field], false], field)
  }
})

t.test('what is salvaged of a target says of logs in no country that they must be somewhere', async (t) => {
  const problems: Problem[] = []
  const document = { file: 'targets/a.yaml', value: {}, problem: (path: readonly (string | number)[], message: string): Problem => ({ file: 'targets/a.yaml', line: 1, path: path.join('.'), message, severity: 'error' }) }
  const target: TargetInput = { id: 'a', host: 'a.example', jurisdiction: { ...FULL, logs: { mode: 'raw', countries: [] } } }
  const fleet = compileFleet([{ document, checks: undefined, groups: [], targets: [target], broken: [], torn: false }], false, problems)
  t.same(problems.map(({ path, message }) => `${path}: ${message}`), ['targets.0.jurisdiction: logs.mode is raw, so logs.countries must say where they are stored'])
  t.same(fleet.targets.map(({ jurisdiction }) => jurisdiction.logs), [undefined])
})
