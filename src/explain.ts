/** A decision told to a person: how the client was placed, every step, every target and why not. The same `decide`, watched. */
import { decide, levelCapacity } from './routing/decide.ts'
import type { Outcome, RoutingRequest } from './routing/decision.ts'
import { kilometres } from './routing/distance.ts'
import type { HealthTable } from './routing/health-table.ts'
import { faults } from './routing/jurisdiction.ts'
import type { Fault } from './routing/jurisdiction.ts'
import { localize, meets } from './routing/localize.ts'
import { locationOf } from './routing/location.ts'
import { order } from './routing/order.ts'
import type { AdminState, HealthState, Member, Service, Snapshot, Step } from './routing/model.ts'
import type { Reason } from './routing/reasons.ts'
import { REASONS } from './routing/reasons.ts'
import type { Standing } from './routing/standing.ts'
import { whyNot } from './routing/standing.ts'

export interface ExplainedTarget {
  readonly target: string
  readonly weight: number
  readonly health: HealthState
  readonly adminState: AdminState
  /** Percent of viewers that the target turns away because of its load; absent when none. */
  readonly sheds?: number
  /** Whole kilometres from the client; absent where either place is not known. */
  readonly distanceKm?: number
  /** Why it is not eligible; absent when it is. */
  readonly rejected?: Reason
  /** With `jurisdiction`: what the policy found wrong. */
  readonly faults?: readonly Fault[]
}

export interface ExplainedStep {
  readonly step: string
  readonly select: string
  /** Whether the step is meant for this client. */
  readonly applies: boolean
  /** Percent of the step's usable targets that are healthy, and of the viewers that it can carry. */
  readonly healthy?: number
  readonly capacity?: number
  readonly targets: readonly ExplainedTarget[]
}

export interface Explanation {
  readonly v: 1
  readonly snapshot: string
  readonly service: string | null
  readonly policy: string | null
  readonly client: { readonly localization: string; readonly country: string; readonly continent: string; readonly zone: string | null; readonly asn: number | null }
  readonly outcome: Outcome
  readonly status: number
  readonly location: string | null
  readonly target: string | null
  readonly step: string | null
  readonly why: readonly { readonly reason: Reason; readonly meaning: string }[]
  /** Every step of the service in order, those after the chosen one included. */
  readonly steps: readonly ExplainedStep[]
  /** Where this viewer would be sent next, if the targets before it in this list were gone. */
  readonly order: readonly string[]
}

export function explain(request: RoutingRequest, snapshot: Snapshot, health: HealthTable, random: number): Explanation {
  let service: Service | undefined
  const considered = new Map<Step, Standing>()
  const decision = decide(request, snapshot, health, random, {
    service: (found) => void (service = found),
    considered: (step, standing) => void considered.set(step, standing),
  })
  const located = localize(request.client, snapshot)
  const redirect = decision.outcome === 'refuse' ? undefined : decision
  return {
    v: 1,
    snapshot: snapshot.label,
    service: service?.id ?? null,
    policy: service?.policy?.id ?? null,
    client: {
      localization: located.localization,
      country: located.country,
      continent: located.continent,
      zone: located.zone?.id ?? null,
      asn: request.client.asn === 0 ? null : request.client.asn,
    },
    outcome: decision.outcome,
    status: decision.status,
    location: redirect === undefined ? null : locationOf(redirect, request),
    target: redirect?.member.target.id ?? null,
    step: redirect?.step?.name ?? null,
    why: decision.why.map((reason) => ({ reason, meaning: REASONS[reason] })),
    steps: (service?.steps ?? []).map((step) => {
      const standing = considered.get(step)
      const targets = step.pool.members.map((member) => explainMember(member, step, request, health, located.origin))
      const shares = standing === undefined ? {} : { healthy: Math.floor(standing.healthy), capacity: levelCapacity(step, standing) }
      return { step: step.name, select: step.select, applies: meets(step.when, located, request.client.asn), ...shares, targets }
    }),
    order: order(decision, request, snapshot, health, random).map((next) => next.member.target.id),
  }
}

function explainMember(member: Member, step: Step, request: RoutingRequest, health: HealthTable, origin: ReturnType<typeof localize>['origin']): ExplainedTarget {
  const { target, weight } = member
  const rejected = whyNot(step.pool, member, health, request.scheme, request.now)
  return {
    target: target.id,
    weight,
    health: health.state(target),
    adminState: health.admin(target),
    ...(health.shed(target) > 0 ? { sheds: Math.round(100 * health.shed(target)) } : {}),
    ...(origin !== undefined && target.at !== undefined ? { distanceKm: Math.round(kilometres(origin, target.at)) } : {}),
    ...(rejected === undefined ? {} : { rejected }),
    ...(rejected === 'jurisdiction' ? { faults: faults(step.pool.policy, target.jurisdiction, request.now) } : {}),
  }
}

/** The explanation for a terminal. */
export function formatExplanation(explanation: Explanation): string {
  const { client, steps } = explanation
  const lines = [
    explanation.target === null ? `refused with ${explanation.status}` : `${explanation.target} (${explanation.outcome}, ${explanation.status})`,
    ...(explanation.location === null ? [] : [`  location      ${explanation.location}`]),
    ...explanation.why.map(({ reason, meaning }) => `  because       ${reason}: ${meaning}`),
    `  service       ${explanation.service ?? 'none'}${explanation.policy === null ? '' : `, policy ${explanation.policy}`}`,
    `  client        by ${client.localization}: country ${client.country}, continent ${client.continent}${client.zone === null ? '' : `, zone ${client.zone}`}${client.asn === null ? '' : `, AS${client.asn}`}`,
    `  snapshot      ${explanation.snapshot}`,
  ]
  for (const [position, step] of steps.entries()) {
    const state = !step.applies ? 'not for this client' : step.healthy === undefined ? 'not reached' : `${step.healthy} % healthy, carries ${step.capacity ?? 0} % of its viewers`
    lines.push('', `step ${position + 1}: ${step.step} (${step.select}): ${state}`)
    for (const target of step.targets) lines.push(`  ${target.rejected === undefined ? '+' : '-'} ${describe(target)}`)
  }
  if (explanation.order.length > 1) lines.push('', `in order: ${explanation.order.join(', ')}`)
  return `${lines.join('\n')}\n`
}

function describe({ target, weight, health, adminState, sheds, distanceKm, rejected, faults: wrong }: ExplainedTarget): string {
  const facts = [
    `weight ${weight}`,
    `health ${health}`,
    ...(adminState === 'auto' ? [] : [`forced ${adminState}`]),
    ...(sheds === undefined ? [] : [`turns ${sheds} % away`]),
    ...(distanceKm === undefined ? [] : [`${distanceKm} km`]),
    ...(rejected === undefined ? [] : [`rejected: ${rejected}${wrong === undefined ? '' : ` (${wrong.join(', ')})`}`]),
  ]
  return `${target.padEnd(20)} ${facts.join(', ')}`
}
