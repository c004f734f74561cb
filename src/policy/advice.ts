/** What is not wrong in a service but does nothing, or less than its author may think: warnings. */
import type { Pool, Service, Step, Target } from '../routing/model.ts'
import type { Path } from './problem.ts'
import type { ServiceInput } from './schema.ts'

export interface Advised {
  readonly input: ServiceInput
  readonly service: Service
  /** Whether all targets are known: where one could not be read, what seems to lack it may have it. */
  readonly complete: boolean
  /** The targets of a pool that its policy allows now. */
  lawful(pool: Pool): readonly Target[]
  warn(path: Path, message: string): void
}

export function advise(advised: Advised): void {
  const { service, input, complete, lawful, warn } = advised
  for (const [i, step] of service.steps.entries()) adviseStep(step, i, advised)
  adviseQuery(advised)
  if (!complete) return
  adviseBypass(advised)
  for (const id of Object.keys(input.rewrite ?? {})) {
    if (!service.steps.some((step) => step.pool.members.some(({ target }) => target.id === id))) warn(['rewrite', id], `has no effect: no step has the target "${id}"`)
  }
  if (service.delivery === 'steered' && new Set(service.steps.flatMap((step) => lawful(step.pool))).size < 2) warn(['delivery'], 'has no effect: with less than two targets there is nowhere to steer to, and players get the redirect')
}

function adviseStep(step: Step, i: number, { service, input, complete, lawful, warn }: Advised): void {
  const { members } = step.pool
  const written = input.steps[i]
  const path = (key: string) => ['steps', i, key]
  if (written?.spread !== undefined && step.select !== 'nearest') warn(path('spread'), `has no effect: ${step.select} does not look at distance; use it with nearest`)
  if (written?.key !== undefined && written.key !== 'none' && (step.select === 'weighted' || step.select === 'failover')) warn(path('key'), `has no effect: ${step.select} does not look at titles; use it with nearest or rendezvous`)
  if (members.length === 0 || !complete) return
  if (step.select === 'nearest' && members.every(({ target }) => target.at === undefined)) warn(path('select'), 'none of the targets has a place, so none is the nearest; give them or their groups latitude and longitude')
  if (service.policy !== undefined && lawful(step.pool).length === 0) warn(path('targets'), `policy "${service.policy.id}" leaves none of these, so nobody is ever sent there`)
}

/** CMCD has a rule of its own, whatever the others say of the parameter. */
function adviseQuery({ input: { query }, warn }: Advised): void {
  for (const [i, name] of (query?.keep ?? []).entries()) {
    if (isCmcd(name) && query?.cmcd === undefined) warn(['query', 'keep', i], `"${name}" has no effect: of CMCD only those keys reach targets that query.cmcd lists; list them there`)
  }
  for (const [i, name] of (query?.drop ?? []).entries()) {
    if (isCmcd(name) && query?.cmcd !== undefined) warn(['query', 'drop', i], `"${name}" has no effect: query.cmcd lets its keys through; leave one of the two out`)
  }
}

function isCmcd(name: string): boolean {
  return name.toUpperCase() === 'CMCD'
}

/** A redirect never changes the scheme, so one that is written out is no way for viewers of the other. */
function adviseBypass({ service: { bypass, steps }, warn }: Advised): void {
  if (bypass === undefined) return
  for (const [scheme, other] of [['http', 'https'], ['https', 'http']] as const) {
    if (bypass.member.base[scheme] !== undefined || !steps.some(({ pool }) => pool.members.some(({ base }) => base[scheme] !== undefined))) continue
    warn(['bypass'], `serves only viewers who come by ${other}; those who come by ${scheme} have none, although targets serve them; write //host for both`)
  }
}
