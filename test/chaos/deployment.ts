/** One small deployment in processes of its own: a Redis, four targets, a router or several, and its configuration. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisLink } from '../../src/state/redis-connection.ts'
import { connectRedis } from '../../src/state/redis-connection.ts'
import { ask, root, start } from '../e2e/running.ts'
import type { Running } from '../e2e/running.ts'
import { formCluster, startSentinel, startServer } from '../state/redis-server.ts'
import type { Server } from '../state/redis-server.ts'
import type { FaultsInside } from './faults-inside.ts'
import { startTarget } from './targets.ts'
import type { Target } from './targets.ts'
import { until } from './until.ts'

/** What runs until the case is over; the last to come is the first to go. */
export class Scope {
  readonly #closing: (() => unknown)[] = []

  teardown(close: () => unknown): void {
    this.#closing.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close()
  }
}

export { formCluster, startSentinel, startServer }

export interface Router {
  readonly id: string
  readonly directory: string
  readonly running: Running
}

/** A router whose own clock and network can be made wrong. */
export interface Spoilt {
  readonly router: Router
  spoil(faults: FaultsInside): void
}

export interface Told {
  readonly status: number | null
  readonly output: string
}

export class Deployment {
  readonly scope: Scope
  readonly redis: Server
  readonly targets: readonly Target[]
  /** Where commands are sent to; where the router looks may be somewhere else. */
  url: string
  /** How the router checks targets. */
  checks = 'intervalSeconds: 0.5, timeoutSeconds: 0.5, fall: 2'
  readonly #directory = mkdtempSync(join(tmpdir(), 'wissel-chaos-'))
  #link: RedisLink | undefined

  constructor(scope: Scope, redis: Server, targets: readonly Target[]) {
    this.scope = scope
    this.redis = redis
    this.targets = targets
    this.url = redis.url
    scope.teardown(() => rmSync(this.#directory, { recursive: true, force: true }))
  }

  /** A connection of the case's own, around every fault that is not Redis's. */
  async call(...words: readonly (string | number | Buffer)[]): Promise<unknown> {
    this.#link ??= await this.connect(this.redis.url)
    await this.#link.whenUp(3000)
    const [name = '', ...rest] = words
    return this.#link.call(String(name), ...rest)
  }

  async connect(url: string): Promise<RedisLink> {
    const link = await connectRedis({ url }, { use: 'request', name: 'chaos', now: Date.now, random: Math.random })
    this.scope.teardown(() => link.close())
    await link.whenUp(3000)
    return link
  }

  /** Configurations differ by the weight of one target, so each number has a content of its own. */
  configuration(number: number, router = 'chaos-1'): string {
    const directory = join(this.#directory, `${router}-${number}`)
    for (const kind of ['targets', 'services']) mkdirSync(join(directory, kind), { recursive: true })
    writeFileSync(join(directory, 'wissel.yaml'), `router: ${router}\ntrustedProxies: [127.0.0.0/8]\nlog: { sinks: [] }\n`)
    const targets = this.targets.map(({ id, port }, i) => `  - { id: ${id}, host: 127.0.0.1, port: ${port}, scheme: http, weight: ${i === 0 ? 1 + number / 1000 : 1} }\n`)
    writeFileSync(join(directory, 'targets', 'all.yaml'), `checks: { path: /health, contains: '#EXTM3U', scheme: http, allowInternal: true, ${this.checks} }\ntargets:\n${targets.join('')}`)
    writeFileSync(join(directory, 'services', 'chaos.yaml'), `service: chaos\nprefix: /chaos\nsteps:\n  - name: all\n    targets: [${this.targets.map(({ id }) => id).join(', ')}]\n    select: weighted\n`)
    return directory
  }

  /** Publishes configuration `number`. The first is of a deployment that has no router yet. */
  apply(number: number, ...more: readonly string[]): Promise<Told> {
    return this.wissel('apply', this.configuration(number), '--redis', this.url, ...(number === 1 ? ['--new'] : []), ...more)
  }

  wissel(...args: readonly string[]): Promise<Told> {
    return new Promise((resolve) => {
      const child = spawn(join(root, 'bin', 'wissel'), args, { stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
      child.once('close', (status) => resolve({ status, output }))
    })
  }

  async router(id = 'chaos-1', url = this.url, more: readonly string[] = []): Promise<Router> {
    const directory = this.configuration(0, id)
    const running = await start(directory, ['--redis', url, ...more])
    this.scope.teardown(() => end(running))
    return { id, directory, running }
  }

  async spoilt(id: string): Promise<Spoilt> {
    const directory = this.configuration(0, id)
    const file = join(directory, 'faults.json')
    const running = await start(directory, ['--redis', this.url], { environment: { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'faults-inside.ts')}`, CHAOS_FAULTS: file } })
    this.scope.teardown(() => end(running))
    return { router: { id, directory, running }, spoil: (faults) => writeFileSync(file, JSON.stringify(faults)) }
  }

  /** A router of its own, without Redis: what the machine does to it, it does to all. */
  async control(): Promise<Router> {
    const directory = this.configuration(1, 'control')
    const running = await start(directory, [])
    this.scope.teardown(() => end(running))
    return { id: 'control', directory, running }
  }
}

export async function deploy(scope: Scope, lines: readonly (readonly string[])[] = []): Promise<Deployment> {
  const [redis, ...targets] = await Promise.all([startServer(scope, lines), ...['a', 'b', 'c', 'd'].map((id) => startTarget(id))])
  for (const target of targets) scope.teardown(() => target.close())
  return new Deployment(scope, redis, targets)
}

/** A router that does not end within 5 s is ended, so that one case does not take the others with it. */
async function end(running: Running): Promise<void> {
  const timer = setTimeout(() => running.child.kill('SIGKILL'), 5000)
  if (running.child.signalCode === null) await running.stop()
  clearTimeout(timer)
}

/** The sum of a metric's samples whose labels contain `labels`, such as `reason="torn"`. */
export async function metric({ running }: Router, name: string, labels = ''): Promise<number> {
  const { body } = await ask(`${running.admin}/metrics`)
  let sum = 0
  for (const line of body.split('\n')) {
    if (line.startsWith(name) && /^[ {]/.test(line.slice(name.length)) && line.includes(labels)) sum += Number(line.slice(line.lastIndexOf(' ')))
  }
  return sum
}

export const versionOf = (router: Router) => metric(router, 'wissel_snapshot_version')

/** Resolves with the milliseconds until the router runs a version. */
export function runs(router: Router, version: number, limitMs?: number): Promise<number> {
  return until(async () => (await versionOf(router)) === version, limitMs)
}

export async function megabytes(router: Router): Promise<number> {
  return (await metric(router, 'process_resident_memory_bytes')) / 1e6
}
