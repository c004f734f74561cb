/** What happens between a router and Redis, and between Redis and its sentinels. */
import type { Case, Stage } from './case.ts'
import { deploy, formCluster, runs, startSentinel, startServer, versionOf } from './deployment.ts'
import type { Scope } from './deployment.ts'
import { startFaultProxy } from './fault-proxy.ts'
import type { Fault, FaultProxy } from './fault-proxy.ts'
import { IN_CLUSTER, pause } from '../state/redis-server.ts'
import { until } from './until.ts'

const STATE_LIMIT_MS = 15_000

/** A version is published past the proxy while the router sees Redis through it. */
function behind(name: string, fault: Fault, after: (stage: Stage, proxy: FaultProxy) => Promise<string>): Case {
  let proxy: FaultProxy | undefined
  return {
    name,
    open: async (scope) => {
      const deployment = await deploy(scope)
      const opened = await startFaultProxy(deployment.redis.port)
      scope.teardown(() => opened.close())
      proxy = opened
      await deployment.apply(1)
      const router = await deployment.router('chaos-1', opened.url)
      await runs(router, 1)
      return { deployment, router }
    },
    fault: async (stage) => {
      if (proxy === undefined) throw new Error('there is no proxy')
      proxy.set(fault)
      await pause(1000)
      return after(stage, proxy)
    },
  }
}

/** Answers that come later than the limit for a command are no answers: what is published runs once the fault is over. */
function outlasted(name: string, fault: Fault): Case {
  return behind(name, fault, async (stage, proxy) => {
    const publishing = stage.deployment.apply(2)
    await pause(4000)
    const version = await versionOf(stage.router)
    proxy.set({ kind: 'none' })
    const ms = await runs(stage.router, 2, STATE_LIMIT_MS)
    await publishing
    return version === 2 ? 'what was published came through it' : `${ms} ms from the end of it until what was published meanwhile runs`
  })
}

/** Publishes without waiting for what routers say, and measures from the moment that the head is there. */
async function publishedFor({ deployment, router }: Stage): Promise<number> {
  const publishing = deployment.apply(2)
  const version = async () => /"version":(\d+)/.exec(String(await deployment.call('GET', '{wissel}:head')))?.[1]
  await until(async () => (await version()) === '2')
  const ms = await runs(router, 2, STATE_LIMIT_MS)
  await publishing
  return ms
}

async function failover(scope: Scope) {
  const deployment = await deploy(scope, [['repl-diskless-sync-delay', '0']])
  const replicas = await Promise.all([0, 1].map(() => startServer(scope, [['replicaof', '127.0.0.1', String(deployment.redis.port)]])))
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(scope, deployment.redis)))
  for (const { url } of sentinels) {
    const watching = await deployment.connect(url)
    await until(async () => {
      const reply = await watching.call('SENTINEL', 'MASTER', 'mymaster').catch(() => [])
      const facts = Array.isArray(reply) ? reply : []
      const of = (name: string) => Number(facts[facts.indexOf(name) + 1])
      return of('num-slaves') === replicas.length && of('num-other-sentinels') === sentinels.length - 1
    }, 20_000)
  }
  deployment.url = `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster`
  await deployment.apply(1)
  const router = await deployment.router()
  await runs(router, 1)
  return { deployment, router }
}

async function cluster(scope: Scope) {
  const deployment = await deploy(scope, IN_CLUSTER)
  deployment.url = await formCluster(scope, deployment.redis)
  await deployment.apply(1)
  const router = await deployment.router()
  await runs(router, 1)
  return { deployment, router }
}

export const networkCases: readonly Case[] = [
  behind('redis 200 ms away', { kind: 'latency', ms: 200 }, async (stage) => `next version runs ${await publishedFor(stage)} ms after it was published`),
  outlasted('redis 1 s away for 5 s', { kind: 'latency', ms: 1000 }),
  behind('connections cut every 300 ms', { kind: 'cut', ms: 300 }, async (stage, proxy) => `next version runs ${await publishedFor(stage)} ms after it was published, ${proxy.ended} connections cut of ${proxy.taken}`),
  outlasted('answers trickle for 5 s, a byte each ms', { kind: 'trickle', ms: 1 }),
  behind('the hint never arrives', { kind: 'no hint' }, async (stage, proxy) => {
    const ms = await publishedFor(stage)
    stage.promised(ms, 5000, 'polled')
    return `next version runs ${ms} ms after it was published, ${proxy.ended} questions to the stream lost`
  }),
  outlasted('black hole for 5 s', { kind: 'black hole' }),
  ...([['sentinel', failover], ['cluster', cluster]] as const).flatMap(([kind, open]) => (['SIGKILL', 'SIGSTOP'] as const).map((signal): Case => ({
    name: `${kind} failover by ${signal}`,
    open,
    fault: async ({ deployment, router }) => {
      const start = performance.now()
      deployment.redis.signal(signal)
      // A command that meets the old master fails and says so; the operator repeats it.
      await until(async () => (await deployment.apply(2)).status === 0 || (await versionOf(router)) === 2, STATE_LIMIT_MS)
      const published = Math.round(performance.now() - start)
      await runs(router, 2, STATE_LIMIT_MS)
      const ms = Math.round(performance.now() - start)
      if (signal === 'SIGSTOP') deployment.redis.signal('SIGCONT')
      return `a publication is taken ${published} ms and runs ${ms} ms after the fault`
    },
  }))),
]
