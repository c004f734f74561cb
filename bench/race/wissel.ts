/** Wissel as users run it, embedded or following a Redis, with records into a file. */
import { once } from 'node:events'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { overrideFile } from '../../src/app/override-files.ts'
import { apply } from '../../src/cli/apply.ts'
import type { CommandIO } from '../../src/cli/with-state.ts'
import type { Override } from '../../src/health/overrides.ts'
import { RedisOverrides } from '../../src/state/redis-overrides.ts'
import { openRedisState } from '../../src/state/redis-state.ts'
import { isPresent } from '../machine.ts'
import { LOG_FILE, TARGETS } from '../server.ts'
import type { Contestant, Half, Running } from './contestant.ts'
import { takeDecisions } from './log.ts'
import { end, freePort, launch } from './processes.ts'
import { halfOf } from './stage.ts'
import type { Stage } from './stage.ts'

/** As users start it. */
const COMMAND = join(import.meta.dirname, '../../bin/wissel')
const WHOLE = 'The whole job: country, policy and jurisdiction of 100 services and 40 targets, health, titles kept on their edges with a bound on loads, a record of every decision (equal ones of a second are one line with a count), metrics.'

/** @param flags for `wissel serve`, such as the number of threads */
export function embedded(name = 'Wissel', flags: readonly string[] = []): Contestant {
  return {
    name,
    does: WHOLE,
    swaps: 'another of the services changed and SIGHUP: all are built anew, proved and swapped; an operator takes half of the targets out (`overrides.json`)',
    missing: () => undefined,
    recorded,
    start: async (stage, again) => {
      const state = await newState(stage, again)
      const router = await startRouter(stage, ['--state-dir', state, ...flags])
      return {
        ...router,
        swap: async (half) => {
          await changeConfiguration(stage)
          await overrideFile(state).writeAll(commands(half))
          process.kill(router.pids[0], 'SIGHUP')
        },
      }
    },
  }
}

export function withRedis(name = 'Wissel with Redis', flags: readonly string[] = []): Contestant {
  return {
    name,
    does: `${WHOLE.slice(0, -1)}; state and health through a Redis beside it, whose own processor time is told apart.`,
    swaps: 'the same changes, published to Redis as `wissel apply` and `wissel target` do',
    missing: () => (isPresent('redis-server') ? undefined : 'redis-server is not installed'),
    recorded,
    start: async (stage, again) => {
      const port = await freePort()
      const redis = launch('load', 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', stage.work], ['ignore', 'ignore', 'inherit'])
      try {
        await accepting(port)
        const url = `redis://127.0.0.1:${port}`
        await publish(stage, url, true)
        const router = await startRouter(stage, ['--state-dir', await newState(stage, again), '--redis', url, ...flags])
        return {
          ...router,
          helpers: [redis.pid],
          swap: async (half) => {
            await changeConfiguration(stage)
            await publish(stage, url)
            await tell(url, commands(half))
          },
          stop: async () => {
            await router.stop()
            await end(redis)
          },
        }
      } catch (error) {
        await end(redis)
        throw error
      }
    },
  }
}

async function startRouter(stage: Stage, flags: readonly string[]): Promise<Running & { readonly pids: readonly [number] }> {
  const port = await freePort()
  await rm(join(stage.directory, LOG_FILE), { force: true })
  const child = launch('server', COMMAND, ['serve', '--config', stage.directory, '--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0', ...flags], ['ignore', 'inherit', 'pipe'])
  // Only a router that ends has something to say that is not a swap.
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(said)
  })
  return { port, pids: [child.pid], stop: () => end(child) }
}

const recorded = ({ directory }: Stage) => takeDecisions(join(directory, LOG_FILE))

/** What an operator told the last router is none of this one's business. */
async function newState({ work }: Stage, again: boolean): Promise<string> {
  const state = join(work, 'state')
  await mkdir(state, { recursive: true })
  for (const name of await readdir(state)) if (!again || name !== 'compiled') await rm(join(state, name), { recursive: true })
  return state
}

let changes = 0

/** Another service each time, and the same decisions. Written beside and moved, so that nobody reads half of it. */
async function changeConfiguration({ directory, work }: Stage): Promise<void> {
  const file = join(directory, 'services/all.yaml')
  const services = (await readFile(file, 'utf8')).split('---\n')
  const changed = changes++ % services.length
  const next = join(work, 'all.yaml')
  await writeFile(next, services.map((text, i) => (i === changed ? text.replace(/id: live(-2)?/, (_, second) => (second === undefined ? 'id: live-2' : 'id: live')) : text)).join('---\n'))
  await rename(next, file)
}

function commands(half: Half): Override[] {
  const when = Date.now()
  return Array.from({ length: TARGETS }, (_, i) => ({ target: `e${i}`, state: halfOf(i) === half ? 'auto' : 'down', who: 'race', when }))
}

const io: CommandIO = {
  out: () => undefined,
  err: (text) => void process.stderr.write(text),
  now: () => Date.now(),
  random: () => Math.random(),
  setTimer: (run, ms) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

async function publish({ directory }: Stage, url: string, isNew = false): Promise<void> {
  const status = await apply({ directory, redis: { url }, isNew }, io)
  if (status !== 0) throw new Error(`the configuration could not be published: ${status}`)
}

async function tell(url: string, all: readonly Override[]): Promise<void> {
  const state = await openRedisState({ url }, { role: 'publisher', ...io })
  try {
    await state.link.whenUp(5000)
    const overrides = new RedisOverrides(state.link, state.keys)
    await Promise.all(all.map((command) => overrides.write(command)))
  } finally {
    await state.close()
  }
}

async function accepting(port: number): Promise<void> {
  for (const until = performance.now() + 10_000; performance.now() < until; ) {
    const socket = createConnection(port, '127.0.0.1')
    const open = await once(socket, 'connect').then(() => true, () => false)
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('redis-server does not answer')
}
