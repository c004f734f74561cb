/** What happens to targets and to those who judge them. */
import { expect } from './case.ts'
import type { Case, Stage } from './case.ts'
import { deploy, metric, runs } from './deployment.ts'
import type { Deployment, Router } from './deployment.ts'
import { ask } from '../e2e/running.ts'
import type { Target, Way } from './targets.ts'
import { pause } from '../state/redis-server.ts'
import { until } from './until.ts'

/** Nobody was sent to a target for so long: it has no viewers any more. */
const QUIET_MS = 1000

/** Milliseconds from the call until the last viewer was sent to a target. */
export async function left({ load }: Pick<Stage, 'load'>, target: Target, limitMs?: number): Promise<number> {
  const start = performance.now()
  await until(() => performance.now() - Math.max(start, load.lastAt(target.authority)) > QUIET_MS, limitMs)
  return Math.max(0, Math.round(load.lastAt(target.authority) - start))
}

function first({ targets }: Deployment): Target {
  const [target] = targets
  if (target === undefined) throw new Error('there are no targets')
  return target
}

const transitions = (router: Router) => metric(router, 'wissel_health_transitions_total')

/** Reports as a prober that sees nothing but failures would write them, again and again. */
function lie(deployment: Deployment): void {
  const { scope, targets } = deployment
  let seq = 0
  const timer = setInterval(() => {
    seq++
    const text = JSON.stringify({ prober: 'liar', epoch: 'chaos', seq, intervalMs: 1000, withheld: false, up: [], down: targets.map(({ id }) => id), loads: {} })
    void deployment.call('SET', '{wissel}:health:liar', text, 'PX', 60_000).catch(() => undefined)
    void deployment.call('SADD', '{wissel}:routers', 'liar').catch(() => undefined)
  }, 500)
  scope.teardown(() => clearInterval(timer))
}

function failing(way: Way, name: string): Case {
  return {
    name,
    fault: async (stage) => {
      const target = first(stage.deployment)
      target.behave(way)
      const ms = await left(stage, target)
      target.behave('works')
      const back = await until(() => stage.load.lastAt(target.authority) > performance.now() - 100)
      return `no viewer is sent there after ${ms} ms, the first one again ${back} ms after it works`
    },
  }
}

export const healthCases: readonly Case[] = [
  failing('resets', 'a target resets connections'),
  failing('hangs', 'a target hangs'),
  failing('drips', 'a target drips an endless body'),
  failing('redirects', 'a target redirects inwards'),
  {
    name: 'a target flaps, a second up and a second down, for 12 s',
    fault: async (stage) => {
      const before = await transitions(stage.router)
      first(stage.deployment).behave('flaps')
      await pause(12_000)
      return `${(await transitions(stage.router)) - before} changes of health`
    },
  },
  {
    name: 'every target down at once',
    fault: async (stage) => {
      for (const target of stage.deployment.targets) target.behave('resets')
      await until(async () => (await metric(stage.router, 'wissel_prober_quarantined')) === 1)
      await pause(2000)
      const used = stage.deployment.targets.filter(({ authority }) => stage.load.lastAt(authority) > performance.now() - QUIET_MS).length
      expect(used === stage.deployment.targets.length, `viewers are sent to ${used} targets only`)
      return 'the prober withholds its opinion, viewers are sent to all four targets'
    },
  },
  {
    name: 'one of three probers lies that everything is down',
    open: async (scope) => {
      const deployment = await deploy(scope)
      await deployment.apply(1)
      const [router, second] = await Promise.all([deployment.router('chaos-1'), deployment.router('chaos-2')])
      await Promise.all([runs(router, 1), runs(second, 1)])
      return { deployment, router }
    },
    fault: async ({ deployment, router, load }) => {
      const before = await transitions(router)
      lie(deployment)
      await pause(6000)
      const { body } = await ask(`${router.running.admin}/targets`)
      expect(/"router":"liar","ageSeconds":\d+,"fresh":true/.test(body), 'the lie did not arrive')
      const after = await transitions(router)
      const used = deployment.targets.filter(({ authority }) => load.lastAt(authority) > performance.now() - QUIET_MS).length
      expect(after === before && used === deployment.targets.length, `${after - before} changes of health, ${used} targets used`)
      return '0 changes of health, viewers are sent to all four targets'
    },
  },
  {
    name: 'a target drained by command, through redis',
    fault: async (stage) => {
      const target = first(stage.deployment)
      const told = await stage.deployment.wissel('target', 'drain', target.id, '--redis', stage.deployment.url)
      expect(told.status === 0, told.output)
      const ms = await left(stage, target)
      stage.promised(ms, 3000, 'obeyed')
      return `obeyed ${ms} ms after the command ended`
    },
  },
]
