/** Real Redis servers and sentinels on free ports of loopback, for one test each. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { LinkUse, RedisLink } from '../../src/state/redis-connection.ts'
import { connectRedis } from '../../src/state/redis-connection.ts'
import { freePort } from '../free-port.ts'

/** Why a test that needs `redis-server` is skipped; `false` where it is not. */
export const REDIS_ABSENT = spawnSync('redis-server', ['--version']).status === 0 ? false : 'redis-server is not installed'

export interface Server {
  readonly port: number
  readonly url: string
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void
  /** The same server again on the same port, empty. */
  restart(): Promise<void>
}

/** Lines of `redis.conf` follow each other as arguments: `['maxmemory', '3mb']` is one line. */
export async function startServer(t: Pick<Test, 'teardown'>, lines: readonly (readonly string[])[] = []): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory, ...lines.flatMap(([name = '', ...values]) => [`--${name}`, ...values])]
  return started(t, directory, port, 'redis-server', args)
}

/** @param downAfterMs how long a silent master counts as up */
export async function startSentinel(t: Pick<Test, 'teardown'>, master: Server, downAfterMs = 1000): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'sentinel-'))
  const port = await freePort()
  const file = join(directory, 'sentinel.conf')
  await writeFile(file, [
    `port ${port}`, 'bind 127.0.0.1', `dir ${directory}`,
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 2`,
    `sentinel down-after-milliseconds mymaster ${downAfterMs}`,
    'sentinel failover-timeout mymaster 3000',
    '',
  ].join('\n'))
  return started(t, directory, port, 'redis-server', [file, '--sentinel'])
}

/** Lines of a server that is to be part of a cluster. */
export const IN_CLUSTER = [['cluster-enabled', 'yes'], ['cluster-config-file', 'nodes.conf'], ['cluster-announce-ip', '127.0.0.1'], ['cluster-node-timeout', '1000'], ['repl-diskless-sync-delay', '0']] as const

/**
 * Makes servers that were started with `IN_CLUSTER` one cluster: the first has every slot, the second is its replica, and
 * two more are masters without slots of interest, because an election needs most of the masters. The result is the cluster's URL.
 */
export async function formCluster(t: Pick<Test, 'teardown'>, master: Server): Promise<string> {
  const [replica, ...voters] = await Promise.all([0, 1, 2].map(() => startServer(t, IN_CLUSTER)))
  if (replica === undefined) throw new Error('there is no replica')
  const servers = [master, replica, ...voters]
  const [atMaster, ...others] = await Promise.all(servers.map(({ url }) => link(t, url)))
  const [atReplica, ...atVoters] = others
  if (atMaster === undefined || atReplica === undefined) throw new Error('there is no master')
  await atMaster.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_381)
  for (const [i, voter] of atVoters.entries()) await voter.call('CLUSTER', 'ADDSLOTS', 16_382 + i)
  for (const [i, node] of others.entries()) {
    await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 2)
    await node.call('CLUSTER', 'MEET', '127.0.0.1', master.port)
  }
  const id = String(await atMaster.call('CLUSTER', 'MYID'))
  const facts = async (node: RedisLink, ...wanted: readonly string[]) => {
    const text = String(await node.call('CLUSTER', 'INFO'))
    return wanted.every((fact) => text.includes(fact))
  }
  await until(async () => (await Promise.all([atMaster, ...others].map((node) => facts(node, 'cluster_state:ok', 'cluster_known_nodes:4')))).every(Boolean), 120_000)
  await until(async () => (await atReplica.call('CLUSTER', 'REPLICATE', id).catch(() => undefined)) === 'OK')
  await until(async () => String(await atReplica.call('INFO', 'replication')).includes('master_link_status:up'), 120_000)
  await until(async () => (await Promise.all(atVoters.map(async (node) => String(await node.call('CLUSTER', 'NODES')).includes(`slave ${id}`)))).every(Boolean), 120_000)
  return `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
}

async function started(t: Pick<Test, 'teardown'>, directory: string, port: number, program: string, args: readonly string[]): Promise<Server> {
  let child: ChildProcess
  const start = async () => {
    const started = spawn(program, args, { stdio: 'ignore' })
    child = started
    await listening(port, () => started.exitCode !== null || started.signalCode !== null)
  }
  await start()
  t.teardown(async () => {
    await ended(child)
    await rm(directory, { recursive: true, force: true })
  })
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: (name) => void child.kill(name),
    restart: async () => {
      await ended(child)
      await start()
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

async function listening(port: number, hasEnded: () => boolean): Promise<void> {
  while (!hasEnded()) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      const timer = setTimeout(() => socket.destroy(), 1000)
      const settle = (answered: boolean) => {
        clearTimeout(timer)
        socket.destroy()
        resolve(answered)
      }
      socket.once('connect', () => settle(true)).once('error', () => settle(false)).once('close', () => settle(false))
    })
    if (open) return
    await pause(25)
  }
  throw new Error(`the redis server ended before it listened on port ${port}`)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Resolves once it holds, with the milliseconds that took; rejects after the limit, which is for what never comes: a machine may be slow. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<number> {
  const start = performance.now()
  while (!(await holds())) {
    if (performance.now() - start > limitMs) throw new Error(`did not happen within ${limitMs} ms`)
    await pause(10)
  }
  return Math.round(performance.now() - start)
}

/** A connection that is usable, closed when the test ends. By default not with a router's half a second for a command, which a slow machine needs. */
export async function link(t: Pick<Test, 'teardown'>, url: string, use: LinkUse = 'publish', more: { username?: string; passwordFile?: string } = {}): Promise<RedisLink> {
  const opened = await connectRedis({ url, ...more }, { use, name: 'test', now: Date.now, random: Math.random })
  t.teardown(() => opened.close())
  if (!(await opened.whenUp(60_000))) throw new Error(`no connection: ${opened.state.code ?? 'no error'}`)
  return opened
}

export const setTimer = (run: () => void, ms: number) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
