/**
 * What holds for every decision, on random fleets, policies, health and clients. What may be sent is worked out here a
 * second time, from the raw attributes, so that a mistake in `standing.ts` or `spill.ts` cannot excuse itself.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/routing/decide.ts'
import type { Decision, RoutingRequest } from '../../src/routing/decision.ts'
import { OUTCOMES } from '../../src/routing/decision.ts'
import type { HealthTable } from '../../src/routing/health-table.ts'
import { complies } from '../../src/routing/jurisdiction.ts'
import { localize, meets } from '../../src/routing/localize.ts'
import type { Member } from '../../src/routing/model.ts'
import { REASON_NAMES } from '../../src/routing/reasons.ts'
import { asks, draws, sketches } from './fleets.ts'
import type { Situation } from './situation.ts'
import { situation } from './situation.ts'

const RUNS = { numRuns: 4000 }
const seen = new Map<string, number>()

/** One random decision after a few others, so that what is remembered between them is of some use. */
function always(title: string, promise: (decision: Decision, request: RoutingRequest, made: Situation, random: number) => boolean): void {
  t.test(title, async (t) => {
    fc.assert(fc.property(sketches, fc.array(asks, { minLength: 1, maxLength: 3 }), draws, (sketch, list, random) => {
      const made = situation(sketch)
      return list.every((ask) => {
        const request = made.request(ask)
        const decision = decide(request, made.snapshot, made.health, random)
        const label = decision.outcome === 'refuse' ? decision.reason : decision.outcome
        seen.set(label, (seen.get(label) ?? 0) + 1)
        return promise(decision, request, made, random)
      })
    }), RUNS)
    t.pass(`${RUNS.numRuns} random situations`)
  })
}

always('a decision is made, whatever there is: it never throws', (decision) => OUTCOMES.includes(decision.outcome))

always('the same arguments give the same decision, whatever was asked before', (decision, request, { snapshot, health, freshHealth }, random) => {
  return isDeepStrictEqual(decision, decide(request, snapshot, health, random))
    && isDeepStrictEqual(decision, decide(request, snapshot, freshHealth(), random))
})

always('an observer changes nothing', (decision, request, { snapshot, freshHealth }, random) => {
  const ignore = () => undefined
  const observer = { service: ignore, considered: ignore, fair: ignore, offered: ignore }
  return isDeepStrictEqual(decision, decide(request, snapshot, freshHealth(), random, observer))
})

always('what is sent satisfies the service\'s policy at the time of the request', (decision, request) => {
  return decision.outcome === 'refuse' || complies(decision.service.policy, decision.member.target.jurisdiction, request.now)
})

always('what is sent was not forced down, is served over the request\'s scheme and was not excluded', (decision, request, { health }) => {
  return decision.outcome === 'refuse' || (mayBeSent(decision.member, request, health) && request.exclude?.has(decision.member.target) !== true)
})

always('what is sent is a member of the service\'s own steps, its bypass or its fence\'s redirect', (decision) => {
  if (decision.outcome === 'refuse') return true
  const { service, member, step } = decision
  if (decision.outcome === 'bypass') return member === service.bypass?.member && step === undefined
  if (decision.outcome === 'fence') return member === service.fence?.redirect?.member && step === undefined
  return step !== undefined && service.steps.includes(step) && step.pool.members.includes(member)
})

always('a step that was used is meant for the client', (decision, request, { snapshot }) => {
  if (decision.outcome === 'refuse' || decision.step === undefined) return true
  return meets(decision.step.when, localize(request.client, snapshot), request.client.asn)
})

always('every reason is from the closed list, and a step\'s selector comes first', (decision) => {
  const closed = [...decision.why, ...Object.keys(decision.rejected)].every((reason) => (REASON_NAMES as readonly string[]).includes(reason))
  if (decision.outcome === 'refuse') return closed && decision.why.length === 1 && decision.why[0] === decision.reason
  return closed && new Set(decision.why).size === decision.why.length && (decision.step === undefined || decision.why[0] === decision.step.select)
})

always('no more is rejected than the steps hold, and a count is never 0', (decision) => {
  const held = decision.service?.steps.reduce((sum, { pool }) => sum + pool.members.length, 0) ?? 0
  const { overload = 0, ...others } = decision.rejected
  const counts = Object.values(others)
  return Object.values(decision.rejected).every((count) => count > 0) && counts.reduce((sum, count) => sum + count, overload) <= held
})

always('nobody is refused while there is a lawful target, and never by the assertion', (decision, request, { snapshot, health }) => {
  if (decision.outcome !== 'refuse') return true
  const { service, reason } = decision
  if (reason === 'unknown_service') return service === undefined && !snapshot.hosts.has(request.host)
  if (service === undefined || reason === 'assertion') return false
  const lawful = (member: Member) => mayBeSent(member, request, health) && complies(service.policy, member.target.jurisdiction, request.now)
    && request.exclude?.has(member.target) !== true
  if (reason === 'segment') return service.segments === 'refuse' && request.path.endsWith('.ts')
  if (reason === 'country') return service.fence !== undefined && (service.fence.redirect === undefined || !lawful(service.fence.redirect.member))
  const located = localize(request.client, snapshot)
  const steps = service.steps.filter(({ when }) => meets(when, located, request.client.asn))
  return !steps.some(({ pool }) => pool.members.some(lawful)) && (service.bypass === undefined || !lawful(service.bypass.member))
})

always('who is outside of a fence never reaches a step', (decision, request, { snapshot }) => {
  const fence = decision.service?.fence
  if (fence === undefined || decision.outcome === 'fence' || decision.outcome === 'refuse') return true
  const { country } = localize(request.client, snapshot)
  return country === 'ZZ' ? fence.unknown === 'allow' : fence.countries.has(country) === (fence.mode === 'allow')
})

always('a draining target is chosen only as the last resort, a failed one only in panic', (decision, _request, { health }) => {
  if (decision.outcome === 'refuse' || decision.step === undefined) return true
  const { target } = decision.member
  if (health.admin(target) === 'drain') return decision.outcome === 'last_resort'
  return health.admin(target) === 'up' || health.state(target) !== 'down' || decision.outcome !== 'redirect'
})

always('the last resort comes only when every target that is left drains', (decision, request, { health }) => {
  if (decision.outcome !== 'last_resort') return true
  return decision.service.steps.every(({ when, pool }) => when !== undefined || pool.members.every((member) => {
    const usable = mayBeSent(member, request, health) && complies(pool.policy, member.target.jurisdiction, request.now)
    return !usable || request.exclude?.has(member.target) === true || health.admin(member.target) === 'drain'
  }))
})

always('a weight of 0 is chosen only when no healthy member with a weight takes the viewer', (decision, request, { health }) => {
  if (decision.outcome !== 'redirect' || decision.member.weight > 0) return true
  const pool = decision.step?.pool
  return pool?.members.every((member) => {
    const { target } = member
    const healthy = mayBeSent(member, request, health) && complies(pool.policy, target.jurisdiction, request.now)
      && (health.admin(target) === 'up' || (health.admin(target) === 'auto' && health.state(target) !== 'down'))
    return !healthy || member.weight === 0 || health.shed(target) > 0 || request.exclude?.has(target) === true
  }) === true
})

always('a bypass and a fence\'s redirect without a path keep the request\'s path and query, with one neither', (decision) => {
  if (decision.outcome !== 'bypass' && decision.outcome !== 'fence') return true
  const fixed = decision.outcome === 'bypass' ? decision.service.bypass : decision.service.fence?.redirect
  return fixed?.path === undefined ? decision.withQuery : !decision.withQuery && decision.path === fixed.path
})

t.test('the random situations reach every outcome and every refusal but the assertion', async (t) => {
  const wanted = [...OUTCOMES.filter((outcome) => outcome !== 'refuse'), 'unknown_service', 'segment', 'country', 'no_target', 'jurisdiction']
  for (const label of wanted) t.ok((seen.get(label) ?? 0) > 50, `${label}: ${seen.get(label) ?? 0}`)
  t.notOk(seen.has('assertion'))
})

function mayBeSent({ target, base }: Member, request: RoutingRequest, health: HealthTable): boolean {
  return health.admin(target) !== 'down' && base[request.scheme] !== undefined
}
