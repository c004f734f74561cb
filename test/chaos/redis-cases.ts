/** What happens to Redis itself. */
import { expect, one } from './case.ts'
import type { Case, Stage } from './case.ts'
import { metric, runs, startServer, versionOf } from './deployment.ts'
import { ask } from '../e2e/running.ts'
import { pause } from '../state/redis-server.ts'
import { until } from './until.ts'

const redisUp = async ({ router }: Stage) => (await metric(router, 'wissel_redis_up')) === 1

/** What decisions obey of a target: what an operator said of it, otherwise the configuration. */
async function obeyed({ router }: Stage, id: string): Promise<string | undefined> {
  const { targets }: { targets: { id: string; adminState: string }[] } = JSON.parse((await ask(`${router.running.admin}/targets`)).body)
  return targets.find((target) => target.id === id)?.adminState
}

/** Publishes what nobody runs yet and resolves with the milliseconds from the command's end until the router runs it. */
export async function publish({ deployment, router }: Stage, number: number, ...more: readonly string[]): Promise<string> {
  const before = await versionOf(router)
  const start = performance.now()
  const { status, output } = await deployment.apply(number, ...more)
  expect(status === 0, `apply ended with ${String(status)}: ${output.trim()}`)
  await until(async () => (await versionOf(router)) > before)
  const listened = output.includes('listening') ? ', which listened for routers first' : ''
  return `next version runs ${Math.round(performance.now() - start)} ms after apply was started${listened}`
}

/** Redis must not be believed: the router stays where it is. */
async function stays({ router }: Stage, ms: number): Promise<void> {
  await pause(ms)
  expect((await versionOf(router)) === 1, 'the router left the version that it ran')
}

async function fill({ deployment }: Stage, enough: (error: string | undefined, written: number) => Promise<boolean> | boolean): Promise<number> {
  const text = 'x'.repeat(4096)
  for (let i = 0; i < 20_000; i += 50) {
    const results = await Promise.allSettled(Array.from({ length: 50 }, (_, j) => deployment.call('SET', `other:${i + j}`, text)))
    const failed = results.find((result) => result.status === 'rejected')
    if (await enough(failed === undefined ? undefined : String(failed.reason), i + 50)) return i + 50
  }
  throw new Error('redis was not filled')
}

export const redisCases: readonly Case[] = [
  {
    name: 'redis killed for 3 s, back empty',
    fault: async (stage) => {
      stage.deployment.redis.signal('SIGKILL')
      await stays(stage, 3000)
      await stage.deployment.redis.restart()
      const [figure, reconnected] = await Promise.all([publish(stage, 2), until(() => redisUp(stage))])
      return `published at once: ${figure}; reconnected after ${reconnected} ms`
    },
  },
  {
    name: 'redis stopped with SIGSTOP for 10 s',
    fault: async (stage) => {
      stage.deployment.redis.signal('SIGSTOP')
      const noticed = await until(async () => !(await redisUp(stage)))
      await stays(stage, 10_000 - noticed)
      stage.deployment.redis.signal('SIGCONT')
      const back = await until(() => redisUp(stage))
      return `noticed after ${noticed} ms, back after ${back} ms, ${await publish(stage, 2)}`
    },
  },
  {
    name: 'FLUSHALL',
    fault: async (stage) => {
      const { deployment } = stage
      await deployment.wissel('target', 'down', 'a', '--why', 'chaos', '--redis', deployment.url)
      await until(async () => (await obeyed(stage, 'a')) === 'down')
      await deployment.call('FLUSHALL')
      const figure = await publish(stage, 2)
      await pause(3000)
      expect((await obeyed(stage, 'a')) === 'down', 'the target that an operator forced down is back')
      await until(async () => (await deployment.wissel('routers', '--redis', deployment.url)).output.includes('a: down, obeyed by chaos-1'))
      await stage.restart()
      expect((await obeyed(stage, 'a')) === 'down', 'the target that an operator forced down is back after a restart')
      return `published at once: ${figure}; a target forced down stays so, also after a restart`
    },
  },
  {
    name: 'head replaced by garbage, seven kinds',
    fault: async (stage) => {
      const key = '{wissel}:head'
      for (const garbage of ['', '{}', '[]', 'null', '{"epoch":1', '\u0000\u00ff']) {
        await stage.deployment.call('SET', key, garbage)
        await stage.deployment.call('XADD', '{wissel}:events', '*', 'head', garbage)
        await stays(stage, 600)
      }
      await stage.deployment.call('DEL', key)
      await stage.deployment.call('LPUSH', key, 'x')
      await stays(stage, 2500)
      await stage.deployment.call('SET', key, '{}')
      const refused = await metric(stage.router, 'wissel_snapshot_refused_total', 'reason="unreadable"')
      expect(refused > 0, 'no refusal was counted')
      return `${refused} refusals counted, ${await publish(stage, 2, '--force', 'chaos')}`
    },
  },
  {
    name: 'redis evicts everything (allkeys-lru)',
    open: (scope) => one(scope, [['maxmemory', '4mb'], ['maxmemory-policy', 'allkeys-lru']]),
    fault: async (stage) => {
      const written = await fill(stage, async (_, count) => count % 500 === 0 && (await stage.deployment.call('EXISTS', '{wissel}:head')) === 0)
      await stays(stage, 3000)
      expect((await metric(stage.router, 'wissel_redis_evicts')) === 1 && stage.router.running.stderr().includes('redis_evicts'), 'nobody was told that redis evicts')
      for (const [name, value] of [['maxmemory-policy', 'noeviction'], ['maxmemory', '100mb']]) await stage.deployment.call('CONFIG', 'SET', name ?? '', value ?? '')
      return `head gone after ${written} foreign keys, version 1 stays, the operator was told before; mended, ${await publish(stage, 2)}`
    },
  },
  {
    name: 'redis out of memory (noeviction)',
    open: (scope) => one(scope, [['maxmemory', '4mb'], ['maxmemory-policy', 'noeviction']]),
    fault: async (stage) => {
      const written = await fill(stage, (error) => error !== undefined)
      await stays(stage, 4000)
      expect(await redisUp(stage), 'the link counts as down although redis answers')
      await stage.deployment.call('CONFIG', 'SET', 'maxmemory', '100mb')
      return `full after ${written} foreign keys, then ${await publish(stage, 2)}`
    },
  },
  {
    name: 'redis demoted to a replica of an empty one (READONLY)',
    fault: async (stage) => {
      const { deployment } = stage
      const other = await startServer(deployment.scope, [['repl-diskless-sync-delay', '0']])
      await deployment.call('REPLICAOF', '127.0.0.1', other.port)
      const emptied = await until(async () => (await deployment.call('EXISTS', '{wissel}:head').catch(() => 1)) === 0)
      await stays(stage, 3000)
      const { status } = await deployment.apply(2)
      expect(status === 1, 'apply to a replica did not fail')
      await deployment.call('REPLICAOF', 'NO', 'ONE')
      return `emptied after ${emptied} ms, promoted again: ${await publish(stage, 2)}`
    },
  },
  {
    name: 'three writers at once',
    fault: async (stage) => {
      const told = await Promise.all([2, 3, 4].map((number) => stage.deployment.apply(number)))
      const published = told.filter(({ status }) => status === 0).length
      expect(published >= 1, `nobody published: ${told.map(({ output }) => output).join(' | ')}`)
      expect(told.every(({ status }) => status === 0 || status === 1), 'a writer was told something else')
      await runs(stage.router, 1 + published)
      const heads = Number(await stage.deployment.call('LLEN', '{wissel}:heads'))
      expect(heads === 1 + published, `${heads} heads for ${published} publications`)
      return `${published} of 3 published, ${3 - published} told stale, the router runs the last`
    },
  },
  {
    name: 'version goes back (an older head written by hand)',
    fault: async (stage) => {
      const { deployment, router } = stage
      const old = String(await deployment.call('GET', '{wissel}:head'))
      await publish(stage, 2)
      await deployment.call('SET', '{wissel}:head', old)
      await pause(3000)
      expect((await versionOf(router)) === 2, 'the router went back')
      const refused = await metric(router, 'wissel_snapshot_refused_total', 'reason="regress"')
      expect(refused === 1, `${refused} regressions counted`)
      return `0 times applied, ${await publish(stage, 3)}`
    },
  },
  ...(['missing', 'torn', 'oversize'] as const).map((damage): Case => ({
    name: `blob ${damage}`,
    fault: async (stage) => {
      const { deployment, router } = stage
      const blob = (sha256: string) => `{wissel}:blob:${sha256}`
      const head: unknown = JSON.parse(String(await deployment.call('GET', '{wissel}:head')))
      const sha256 = 'ab'.repeat(32)
      const bytes = damage === 'oversize' ? 100 * 2 ** 20 : 2000
      if (damage !== 'missing') await deployment.call('SET', blob(sha256), 'x'.repeat(1000))
      await deployment.call('SET', '{wissel}:head', JSON.stringify({ ...(typeof head === 'object' ? head : {}), version: 2, sha256, bytes }))
      const refused = await until(async () => (await metric(router, 'wissel_snapshot_refused_total', `reason="${damage}"`)) > 0)
      await stays(stage, 2000)
      return `refused after ${refused} ms, ${await publish(stage, 2)}`
    },
  })),
]
