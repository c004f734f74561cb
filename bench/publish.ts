/**
 * What publishing a large configuration costs those who are answered meanwhile: a router with one thread for players, in a
 * process of its own, goes over from one configuration of 10,000 services and 100,000 prefixes to another. The thread's
 * longest turn of the event loop is measured in the thread itself.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { configuration, hostOf, zonesText } from './configuration.ts'
import { GC } from './machine.ts'
import { spread, table, tell } from './measure.ts'

const SERVICES = 10_000
const TARGETS = 40
const PREFIXES = 100_000
/** Milliseconds that the aim allows. */
export const STALL_AIM = 5

/**
 * Runs in each thread of the router: the longest turn since the last question, by the clock and by the processor time that the
 * thread itself took between two ticks. The difference is what the machine did with the processor meanwhile, or a wait for
 * threads that collect garbage. Linux brings a thread's processor time up to date when the thread sleeps, else some 250 times a
 * second: without the short sleep a turn would be told up to 4 ms too long or too short.
 */
const WATCH = `
import { isMainThread, parentPort } from 'node:worker_threads'
const channel = new BroadcastChannel('bench')
if (isMainThread) {
  channel.onmessage = ({ data }) => typeof data === 'object' && process.send?.(data)
  process.on('message', () => channel.postMessage('how long'))
} else if (parentPort !== null) {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const now = () => {
    const clock = performance.now()
    Atomics.wait(cell, 0, 0, 0.01)
    return { clock, own: process.threadCpuUsage() }
  }
  let last = now()
  let most = { clock: 0, own: 0 }
  setInterval(() => {
    const tick = now()
    const own = (tick.own.user + tick.own.system - last.own.user - last.own.system) / 1000
    most = { clock: Math.max(most.clock, tick.clock - last.clock - 1), own: Math.max(most.own, own) }
    last = tick
  }, 1).unref()
  channel.onmessage = ({ data }) => {
    if (typeof data === 'object') return
    channel.postMessage(most)
    most = { clock: 0, own: 0 }
  }
  channel.unref()
}
`

/** Milliseconds of a thread's longest turn. */
interface Turn {
  readonly clock: number
  readonly own: number
}

export interface Published {
  /** Of the thread that answers, without and with a publication. */
  readonly idle: Turn
  readonly stall: Turn
  /** Milliseconds from the file's change until the new snapshot decides. */
  readonly took: number
}

export async function measurePublishing(rounds: number): Promise<Published[]> {
  const directory = await mkdtemp(join(tmpdir(), 'wissel-publish-'))
  try {
    const settings = 'listen: 127.0.0.1:0\nadmin: { listen: "127.0.0.1:0" }\nlog: { sinks: [] }\nreloadSeconds: 3600\n'
    const files = configuration({ services: SERVICES, targets: TARGETS, selectors: ['nearest'] })
    for (const { path, text } of [{ path: 'wissel.yaml', text: settings }, { path: 'zones/all.yaml', text: zonesText(PREFIXES) }, ...files]) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), text)
    }
    const main = join(import.meta.dirname, '../src/main.ts')
    const child = spawn(process.execPath, [...GC, `--import=data:text/javascript,${encodeURIComponent(WATCH)}`, main, 'serve', '--config', directory, '--state-dir', join(directory, 'var'), '--threads', '1'], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    try {
      return await rounded(child, directory, rounds)
    } finally {
      const ended = once(child, 'exit')
      // What watches it would keep it from ending by itself.
      child.kill('SIGKILL')
      await ended
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function rounded(child: ChildProcess, directory: string, rounds: number): Promise<Published[]> {
  let said = ''
  const waiting = new Set<() => void>()
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
    for (const look of waiting) look()
  })
  const heard = (pattern: RegExp, times: number) => new Promise<void>((resolve) => {
    const look = () => {
      if ((said.match(pattern)?.length ?? 0) < times) return
      waiting.delete(look)
      resolve()
    }
    waiting.add(look)
    look()
  })
  await heard(/operators at/g, 1)
  const port = Number(/players at http:\/\/[^:]+:(\d+)/.exec(said)?.[1])
  const results: Published[] = []
  const askAll = async () => {
    for (let i = 0; i < 200; i++) await ask(port, hostOf((i * 37) % SERVICES))
  }
  // A thread that has never answered has all of its code still before it.
  await askAll()
  for (let round = 0; round < rounds; round++) {
    await longest(child)
    await pause(1000)
    const idle = await longest(child)
    const file = join(directory, 'services/all.yaml')
    const next = (await readFile(file, 'utf8')).replaceAll(/id: live(-\d+)?/g, `id: live-${round}`)
    await writeFile(`${file}.next`, next)
    await rename(`${file}.next`, file)
    const began = performance.now()
    child.kill('SIGHUP')
    await heard(/"snapshot_applied"/g, round + 2)
    const took = performance.now() - began
    // The thread has it a little later, and its first decisions look at everything anew.
    await askAll()
    results.push({ idle, stall: await longest(child), took })
  }
  return results
}

/** The longest turn since the last call. */
async function longest(child: ChildProcess): Promise<Turn> {
  const answer = once(child, 'message') as Promise<[Turn]>
  child.send('how long')
  const [turn] = await answer
  return turn
}

function ask(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path: '/vod/a/b.m3u8', headers: { host }, agent: false }, (response) => {
      response.resume()
      if (response.statusCode === 302) resolve()
      else reject(new Error(`no redirect but ${response.statusCode}`))
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function reportPublishing(results: readonly Published[]): string {
  const own = spread(results.map(({ stall }) => stall.own))
  const row = (what: string, turns: readonly Turn[]) => [what, tell(spread(turns.map(({ own }) => own)), 1), tell(spread(turns.map(({ clock }) => clock)), 1)]
  return [
    '## Publishing a large configuration\n',
    `${SERVICES.toLocaleString('en')} services, ${TARGETS} targets, ${PREFIXES.toLocaleString('en')} prefixes, all services changed; one thread that answers, one that does the rest; ${results.length} publications, with 200 requests for different services after each. From the change until the new snapshot decides: ${tell(spread(results.map(({ took }) => took)))} ms.\n`,
    table(['longest turn of the thread that answers, ms', 'its own processor time', 'by the clock'], [
      row('in a second without a publication', results.map(({ idle }) => idle)),
      row('from the change until 200 requests later', results.map(({ stall }) => stall)),
    ]),
    `Aim: no turn above ${STALL_AIM} ms. By its own time ${own.most <= STALL_AIM ? 'met' : 'not met'} in this run: ${own.most.toFixed(1)} at most, ${own.median.toFixed(1)} in the median. By the clock it is the machine that decides: it takes the processor away for longer in a second in which nothing is published.\n`,
  ].join('\n')
}
