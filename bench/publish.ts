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
import { spread, table, tell } from './measure.ts'

const SERVICES = 10_000
const TARGETS = 40
const PREFIXES = 100_000
/** Milliseconds that the aim allows. */
export const STALL_AIM = 5

/** Runs in each thread of the router: the longest turn since the last question. */
const WATCH = `
import { isMainThread, parentPort } from 'node:worker_threads'
import { monitorEventLoopDelay } from 'node:perf_hooks'
const channel = new BroadcastChannel('bench')
if (isMainThread) {
  channel.onmessage = ({ data }) => typeof data === 'number' && process.send?.({ stall: data })
  process.on('message', () => channel.postMessage('how long'))
} else if (parentPort !== null) {
  // What a turn takes beyond the millisecond that it is asked for.
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  channel.onmessage = ({ data }) => {
    if (typeof data === 'number') return
    channel.postMessage(delays.max / 1e6 - 1)
    delays.reset()
  }
  channel.unref()
}
`

export interface Published {
  /** Milliseconds of the longest turn of the thread that answers, without and with a publication. */
  readonly idle: number
  readonly stall: number
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
    const child = spawn(process.execPath, [`--import=data:text/javascript,${encodeURIComponent(WATCH)}`, main, 'serve', '--config', directory, '--state-dir', join(directory, 'var'), '--threads', '1'], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
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
  for (let round = 0; round < rounds; round++) {
    await stalled(child)
    await pause(1000)
    const idle = await stalled(child)
    const file = join(directory, 'services/all.yaml')
    const next = (await readFile(file, 'utf8')).replaceAll(/id: live(-\d+)?/g, `id: live-${round}`)
    await writeFile(`${file}.next`, next)
    await rename(`${file}.next`, file)
    const began = performance.now()
    child.kill('SIGHUP')
    await heard(/"snapshot_applied"/g, round + 2)
    const took = performance.now() - began
    // The thread has it a little later, and its first decisions look at everything anew.
    for (let i = 0; i < 200; i++) await ask(port, hostOf((i * 37) % SERVICES))
    results.push({ idle, stall: await stalled(child), took })
  }
  return results
}

/** The longest turn since the last call, in milliseconds. */
async function stalled(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message') as Promise<[{ stall: number }]>
  child.send('how long')
  const [{ stall }] = await answer
  return Math.max(0, stall)
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
  const stall = spread(results.map((result) => result.stall))
  return [
    '## Publishing a large configuration\n',
    `${SERVICES.toLocaleString('en')} services, ${TARGETS} targets, ${PREFIXES.toLocaleString('en')} prefixes; one thread that answers, one that does the rest; ${results.length} publications, with 200 requests for different services after each.\n`,
    table(['', 'ms'], [
      ['longest turn of the thread that answers, in a second without a publication', tell(spread(results.map(({ idle }) => idle)), 1)],
      ['longest turn from the change until 200 requests later', tell(stall, 1)],
      ['from the change until the new snapshot decides', tell(spread(results.map(({ took }) => took)))],
    ]),
    `Aim: no turn above ${STALL_AIM} ms. ${stall.most <= STALL_AIM ? 'Met' : 'Not met'} in this run: ${stall.most.toFixed(1)} at most, ${stall.median.toFixed(1)} in the median.\n`,
  ].join('\n')
}
