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
  if (!complete) return
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
