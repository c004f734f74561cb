import fc from 'fast-check'
import t from 'tap'
import { complies, compliesUntil, DAY_MS, faults } from '../../src/routing/jurisdiction.ts'
import type { Jurisdiction, JurisdictionPolicy } from '../../src/routing/model.ts'
import { jurisdictions, policies } from './fleets.ts'
import { NOW } from './situation.ts'

const EU = new Set(['NL', 'DE', 'FR'])
const DUTCH: Jurisdiction = { operator: 'NL', parent: 'NL', server: ['NL'], logs: [], foreign: [], evidenceUntil: NOW + 1, reviewedAt: NOW - DAY_MS }
const ANY: JurisdictionPolicy = {
  index: 0, id: 'any', operator: undefined, parent: undefined, server: undefined, logs: undefined, foreign: undefined, reviewDays: undefined, evidence: false,
}
const STRICT: JurisdictionPolicy = {
  index: 1, id: 'strict', operator: EU, parent: EU, server: EU, logs: EU, foreign: new Set(), reviewDays: 365, evidence: true,
}
const UNKNOWN: Jurisdiction = {
  operator: undefined, parent: undefined, server: undefined, logs: undefined, foreign: undefined, evidenceUntil: undefined, reviewedAt: undefined,
}

const cases: [name: string, policy: JurisdictionPolicy | undefined, target: Jurisdiction, wrong: string[]][] = [
  ['no policy is met by a target of which nothing is known', undefined, UNKNOWN, []],
  ['a policy that demands nothing is met by a target of which nothing is known', ANY, UNKNOWN, []],
  ['a strict policy is met by a target that is in order', STRICT, DUTCH, []],
  ['whatever is not known is wrong', STRICT, UNKNOWN, ['operator', 'parent', 'server', 'logs', 'foreign', 'evidence-missing', 'review-missing']],
  ['an operator elsewhere is wrong', STRICT, { ...DUTCH, operator: 'US' }, ['operator']],
  ['an owner elsewhere is wrong, however near the servers are', STRICT, { ...DUTCH, parent: 'US' }, ['parent']],
  ['one server elsewhere is wrong', STRICT, { ...DUTCH, server: ['NL', 'US'] }, ['server']],
  ['servers in several listed countries are right', STRICT, { ...DUTCH, server: ['NL', 'FR'] }, []],
  ['an empty list of servers is a missing declaration', STRICT, { ...DUTCH, server: [] }, ['server']],
  ['an empty list of servers is nothing to a policy that does not ask', { ...STRICT, server: undefined }, { ...DUTCH, server: [] }, []],
  ['an empty list of logs says that there are none', STRICT, { ...DUTCH, logs: [] }, []],
  ['one log elsewhere is wrong', STRICT, { ...DUTCH, logs: ['DE', 'US'] }, ['logs']],
  ['a foreign law that is not tolerated is wrong', STRICT, { ...DUTCH, foreign: ['US-CLOUD-ACT'] }, ['foreign']],
  ['a foreign law that is tolerated is right', { ...STRICT, foreign: new Set(['UK-IPA']) }, { ...DUTCH, foreign: ['UK-IPA'] }, []],
  ['one of two foreign laws being tolerated is not enough', { ...STRICT, foreign: new Set(['UK-IPA']) }, { ...DUTCH, foreign: ['UK-IPA', 'CN-NIL'] }, ['foreign']],
  ['evidence holds until its last millisecond', STRICT, { ...DUTCH, evidenceUntil: NOW + 1 }, []],
  ['evidence that ends now has ended', STRICT, { ...DUTCH, evidenceUntil: NOW }, ['evidence-expired']],
  ['a review holds until the day it must be repeated', STRICT, { ...DUTCH, reviewedAt: NOW - 365 * DAY_MS + 1 }, []],
  ['a review that ends now has ended', STRICT, { ...DUTCH, reviewedAt: NOW - 365 * DAY_MS }, ['review-expired']],
  ['evidence is nothing to a policy that does not ask', { ...STRICT, evidence: false, reviewDays: undefined }, { ...DUTCH, evidenceUntil: 0, reviewedAt: 0 }, []],
  ['a policy without countries is met by nobody', { ...ANY, operator: new Set<string>() }, DUTCH, ['operator']],
]
for (const [name, policy, target, wrong] of cases) {
  t.test(name, async (t) => {
    t.same(faults(policy, target, NOW), wrong)
    t.equal(complies(policy, target, NOW), wrong.length === 0, 'the assertion after the choice agrees')
  })
}

const moments = fc.constantFrom(NOW - DAY_MS, NOW - 1, NOW, NOW + 1, NOW + 366 * DAY_MS)
const optionalPolicy = fc.option(policies, { nil: undefined })

t.test('the filter before the choice and the assertion after it always agree', async (t) => {
  let right = 0
  fc.assert(fc.property(optionalPolicy, jurisdictions, moments, (policy, target, now) => {
    const compliant = faults(policy, target, now).length === 0
    right += Number(compliant)
    return compliant === complies(policy, target, now)
  }), { numRuns: 20_000 })
  t.ok(right > 1000 && right < 19_000, `${right} of 20000 comply`)
})

t.test('a target that complies does so until the time that is given, and not at it', async (t) => {
  fc.assert(fc.property(optionalPolicy, jurisdictions, moments, (policy, target, now) => {
    if (!complies(policy, target, now)) return true
    const until = compliesUntil(policy, target)
    if (until === Infinity) return complies(policy, target, Number.MAX_SAFE_INTEGER)
    return until > now && complies(policy, target, until - 1) && !complies(policy, target, until)
  }), { numRuns: 20_000 })
  t.pass('for random policies and targets')
})

t.test('forgetting what is known about a target never makes it comply', async (t) => {
  const names = fc.constantFrom(...(Object.keys(UNKNOWN) as (keyof Jurisdiction)[]))
  fc.assert(fc.property(optionalPolicy, jurisdictions, names, moments, (policy, target, name, now) => {
    return complies(policy, target, now) || !complies(policy, { ...target, [name]: undefined }, now)
  }), { numRuns: 20_000 })
  t.pass('for each attribute')
})
