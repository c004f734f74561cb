/** What happens to targets and to those who judge them. */
import { expect } from './case.ts'
import type { Case, Stage } from './case.ts'
import { deploy, metric, runs } from './deployment.ts'
import type { Deployment, Router, Scope, Spoilt } from './deployment.ts'
import { ask } from '../e2e/running.ts'
import { publish } from './redis-cases.ts'
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

/** Reports as a prober that sees these targets up and all others down would write them, again and again, until the result is called. */
function lie(deployment: Deployment, liar: string, up: readonly Target[] = []): () => void {
  const { scope, targets } = deployment
  let seq = 0
  const timer = setInterval(() => {
    seq++
    const ids = (believed: boolean) => targets.filter((target) => up.includes(target) === believed).map(({ id }) => id)
    const text = JSON.stringify({ prober: liar, epoch: 'chaos', seq, intervalMs: 1000, withheld: false, up: ids(true), down: ids(false), loads: {} })
    void deployment.call('SET', `{wissel}:health:${liar}`, text, 'PX', 60_000).catch(() => undefined)
    void deployment.call('SADD', '{wissel}:routers', liar).catch(() => undefined)
  }, 500)
  const stop = () => clearInterval(timer)
  scope.teardown(stop)
  return stop
}

/** What a router tells of its targets, and the routers whose reports it believes. */
async function seenBy({ running }: Router): Promise<{ targets: { id: string; state: string; own: string }[]; believed: string[] }> {
  const { body } = await ask(`${running.admin}/targets`)
  const { targets, prober } = JSON.parse(body) as { targets: { id: string; health: string; checked: { own: string } }[]; prober: { peers: { router: string; fresh: boolean }[] } }
  return { targets: targets.map(({ id, health, checked: { own } }) => ({ id, state: health, own })), believed: prober.peers.filter(({ fresh }) => fresh).map(({ router }) => router) }
}

const believes = (router: Router, ...others: readonly string[]) => until(async () => {
  const { believed } = await seenBy(router)
  return others.every((other) => believed.includes(other))
})

/** Targets that viewers are sent to now. */
const used = ({ deployment, load }: Pick<Stage, 'deployment' | 'load'>) => deployment.targets.filter(({ authority }) => load.lastAt(authority) > performance.now() - QUIET_MS).length

/** Routers `chaos-1` and so on; the load goes to the first. */
async function routers(scope: Scope, count: number): Promise<{ deployment: Deployment; router: Router }> {
  const deployment = await deploy(scope)
  await deployment.apply(1)
  const [router, ...more] = await Promise.all(Array.from({ length: count }, (_, i) => deployment.router(`chaos-${i + 1}`)))
  if (router === undefined) throw new Error('there is no router')
  await Promise.all([router, ...more].map((each) => runs(each, 1)))
  return { deployment, router }
}

/** By deployment: what spoils the router that the load goes to, and the two routers beside it. */
const groups = new WeakMap<Deployment, { readonly spoilt: Spoilt; readonly others: readonly Router[] }>()
const groupOf = ({ deployment }: Stage) => groups.get(deployment) ?? { spoilt: undefined, others: [] }
const others = (stage: Stage) => groupOf(stage).others

function chosen(stage: Stage): Spoilt {
  const { spoilt } = groupOf(stage)
  if (spoilt === undefined) throw new Error('no router can be spoilt')
  return spoilt
}

async function spoilt(scope: Scope): Promise<{ deployment: Deployment; router: Router }> {
  const deployment = await deploy(scope)
  await deployment.apply(1)
  const [wrong, ...right] = await Promise.all([deployment.spoilt('chaos-1'), deployment.router('chaos-2'), deployment.router('chaos-3')])
  await Promise.all([wrong.router, ...right].map((each) => runs(each, 1)))
  groups.set(deployment, { spoilt: wrong, others: right })
  return { deployment, router: wrong.router }
}

/** Once the three believe each other. The changes of health so far. */
async function ready(stage: Stage): Promise<number> {
  const all = [stage.router, ...others(stage)]
  for (const router of all) await believes(router, ...all.filter((other) => other !== router).map(({ id }) => id))
  await until(async () => (await seenBy(stage.router)).targets.every(({ state }) => state === 'up'))
  return transitions(stage.router)
}

async function undisturbed(stage: Stage, before: number): Promise<void> {
  const changes = (await transitions(stage.router)) - before
  expect(changes === 0 && used(stage) === stage.deployment.targets.length, `${changes} changes of health, ${used(stage)} targets used`)
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
      expect(used(stage) === stage.deployment.targets.length, `viewers are sent to ${used(stage)} targets only`)
      return 'the prober withholds its opinion, viewers are sent to all four targets'
    },
  },
  {
    name: 'one of three probers lies that everything is down',
    open: (scope) => routers(scope, 2),
    fault: async (stage) => {
      const { deployment, router } = stage
      const before = await transitions(router)
      lie(deployment, 'liar')
      await believes(router, 'liar', 'chaos-2')
      await pause(4000)
      await undisturbed(stage, before)
      return '0 changes of health, viewers are sent to all four targets'
    },
  },
  {
    name: 'one of three probers lies that a dead target is up',
    open: (scope) => routers(scope, 2),
    fault: async (stage) => {
      const { deployment, router } = stage
      lie(deployment, 'liar', deployment.targets)
      await believes(router, 'liar', 'chaos-2')
      first(deployment).behave('resets')
      return `no viewer is sent there after ${await left(stage, first(deployment))} ms`
    },
  },
  {
    name: 'two of three probers lie that everything is down',
    open: (scope) => routers(scope, 1),
    fault: async (stage) => {
      const { deployment, router } = stage
      const stops = ['liar', 'accomplice'].map((liar) => lie(deployment, liar))
      const believed = await until(async () => (await seenBy(router)).targets.every(({ state }) => state === 'down'))
      await pause(2000)
      expect(used(stage) === deployment.targets.length, `viewers are sent to ${used(stage)} targets only`)
      for (const stop of stops) stop()
      const over = await until(async () => (await seenBy(router)).targets.every(({ state }) => state === 'up'))
      return `believed after ${believed} ms: panic, viewers are sent to all four targets; over ${over} ms after the last lie`
    },
  },
  {
    name: 'one of three probers reaches no target',
    open: spoilt,
    fault: async (stage) => {
      const before = await ready(stage)
      chosen(stage).spoil({ unreachable: stage.deployment.targets.map(({ port }) => port) })
      const noticed = await until(async () => (await metric(stage.router, 'wissel_prober_quarantined')) === 1)
      await pause(4000)
      await undisturbed(stage, before)
      chosen(stage).spoil({})
      const over = await until(async () => (await metric(stage.router, 'wissel_prober_quarantined')) === 0)
      return `it withholds its opinion after ${noticed} ms, 0 changes of health, has one again after ${over} ms`
    },
  },
  {
    name: 'one of three probers reaches half of the targets',
    open: spoilt,
    fault: async (stage) => {
      const before = await ready(stage)
      chosen(stage).spoil({ unreachable: stage.deployment.targets.slice(0, 2).map(({ port }) => port) })
      const noticed = await until(async () => (await seenBy(stage.router)).targets.filter(({ own }) => own === 'down').length === 2)
      await pause(4000)
      await undisturbed(stage, before)
      return `it calls two targets down after ${noticed} ms and is outvoted, 0 changes of health`
    },
  },
  {
    name: 'the wall clock of one of three probers jumps, an hour and ten years, both ways',
    open: spoilt,
    fault: async (stage) => {
      const before = await ready(stage)
      const [hour, years] = [3_600_000, 10 * 365 * 86_400_000]
      for (const clockMs of [hour, -hour, years, -years]) {
        chosen(stage).spoil({ clockMs })
        await pause(3000)
        const age = await metric(stage.router, 'wissel_snapshot_age_seconds')
        expect(Math.abs(age) * 1000 > Math.abs(clockMs) / 2, `the clock did not jump: the snapshot is ${age} s old`)
        await undisturbed(stage, before)
        for (const other of others(stage)) expect((await seenBy(other)).believed.includes(stage.router.id), `${other.id} does not believe a prober whose clock is ${clockMs} ms ahead`)
        expect((await seenBy(stage.router)).believed.length === 2, `with its clock ${clockMs} ms ahead the prober does not believe the others`)
      }
      expect((await metric(stage.router, 'wissel_prober_quarantined')) === 0, 'the prober doubts itself')
      return `0 changes of health, all reports believed, ${await publish(stage, 2)} with the clock ten years behind`
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
