/** The whole server against bare `node:http`, under the same load: processor time per request, rate, latency, and the ratio. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { configuration, hostOf } from './configuration.ts'
import type { LoadResult } from './load.ts'
import { spread, table, tell } from './measure.ts'
import { isRouter, SINKS, SUBJECTS } from './subjects.ts'
import type { Compared, Report, Subject } from './subjects.ts'
import { GC, isPresent, pinned } from './machine.ts'
import { requestText, viewers } from './viewers.ts'

export const CONNECTIONS = 64
export const PATHS = 10_000
export const TARGETS = 40
export const SERVICES = 100

export interface ServerOptions {
  readonly rounds: number
  /** When the last round has to be over, on the clock of `performance.now()`; there is always one round. */
  readonly until: number
  readonly warmSeconds: number
  readonly seconds: number
}

export interface Sample extends LoadResult {
  /** Processor time of the server in microseconds per request, user and system, all threads. */
  readonly cpu: number
  /** Lines of the decision log per request; 0 for a server that writes none. */
  readonly lines: number
}

/** What the subjects and the load read, in a folder that is gone afterwards. */
export interface Stage {
  readonly directory: string
  readonly requests: string
}

export async function withStage<T>(use: (stage: Stage) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'wissel-bench-'))
  try {
    const files = configuration({ services: SERVICES, targets: TARGETS, selectors: ['nearest'] })
    for (const [subject, sinks] of Object.entries(SINKS)) {
      for (const { path, text } of [{ path: 'wissel.yaml', text: settings(sinks, join(directory, subject, 'state')) }, ...files]) {
        await mkdir(dirname(join(directory, subject, path)), { recursive: true })
        await writeFile(join(directory, subject, path), text)
      }
    }
    const requests = join(directory, 'requests')
    await writeFile(requests, viewers(PATHS).map((viewer) => requestText(viewer, hostOf(0))).join('\0'), 'latin1')
    return await use({ directory, requests })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export const LOG_FILE = 'decisions.log'
const NEWLINE = 10

function settings(sinks: string, state: string): string {
  return `listen: 127.0.0.1:0
admin: { listen: "127.0.0.1:0" }
trustedProxies: [127.0.0.0/8]
stateDirectory: ${JSON.stringify(state)}
log: { sinks: ${sinks} }
`
}

export async function measureServers({ rounds, until, warmSeconds, seconds }: ServerOptions): Promise<Map<Compared, Sample[]>> {
  const samples = new Map<Compared, Sample[]>(SUBJECTS.map((subject) => [subject, []]))
  await withStage(async (stage) => {
    let longest = 0
    for (let round = 0; round === 0 || (round < rounds && performance.now() + longest < until); round++) {
      const began = performance.now()
      // Each round begins with another one.
      for (let i = 0; i < SUBJECTS.length; i++) {
        const subject = SUBJECTS[(round + i) % SUBJECTS.length] ?? 'wissel'
        samples.get(subject)?.push(await measureSubject(subject, stage, warmSeconds, seconds))
      }
      longest = Math.max(longest, performance.now() - began)
    }
  })
  return samples
}

/** In a new process, after it is warm. */
export async function measureSubject(subject: Subject, stage: Stage, warmSeconds: number, seconds: number): Promise<Sample> {
  const { child, port } = await startSubject(subject, stage)
  try {
    await expectRedirect(port, stage)
    const warm = await load(port, warmSeconds, stage)
    const before = await cpuOf(child)
    const result = await load(port, seconds, stage)
    const cpu = (await cpuOf(child)) - before
    if (result.errors > 0) throw new Error(`${subject}: ${result.errors} of ${result.requests} requests failed`)
    return { ...result, cpu: cpu / result.requests, lines: (await takeLines(stage)) / (warm.requests + result.requests) }
  } finally {
    const ended = once(child, 'exit')
    child.disconnect()
    await ended
  }
}

/** Lines of the decision log so far; the next server begins a new one. */
async function takeLines({ directory }: Stage): Promise<number> {
  const log = join(directory, 'wissel', 'decisions.log')
  const bytes = await readFile(log).catch(() => Buffer.alloc(0))
  await rm(log, { force: true })
  return bytes.reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), 0)
}

export interface SubjectOptions {
  /** For Node. */
  readonly flags?: readonly string[]
  /** Threads that answer; default as the router has it. */
  readonly threads?: number
  /** Whether it may use all cores. */
  readonly free?: boolean
}

export async function startSubject(subject: Subject, { directory }: Stage, { flags = [], threads, free = false }: SubjectOptions = {}): Promise<{ child: ChildProcess, port: number }> {
  const own = [...(isRouter(subject) ? GC : []), ...flags, join(import.meta.dirname, 'subject.ts'), subject, directory, ...(threads === undefined ? [] : [String(threads)])]
  const [command, args] = free ? ([process.execPath, own] as const) : pinned('server', process.execPath, own)
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const { port = 0 } = await told<Report>(child, subject)
  return { child, port }
}

/** The next message of a process. Rejects where it ends instead. */
async function told<T>(child: ChildProcess, name: string): Promise<T> {
  const waiting = new AbortController()
  const { signal } = waiting
  try {
    const [message] = await Promise.race([
      once(child, 'message', { signal }) as Promise<[T]>,
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`${name} ended with status ${String(code)}`)
      }),
    ])
    return message
  } finally {
    waiting.abort()
  }
}

export async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = told<Report>(child, 'the server')
  child.send('cpu')
  return (await answer).cpu
}

/** What is measured must be a redirect, or it is something else that is fast. */
function expectRedirect(port: number, stage: Stage): Promise<void> {
  return new Promise((resolve, reject) => {
    const [viewer] = viewers(1)
    if (viewer === undefined) return
    const socket = connect(port, '127.0.0.1', () => socket.write(requestText(viewer, hostOf(0))))
    socket.once('error', reject)
    socket.once('data', (chunk) => {
      socket.destroy()
      const text = chunk.toString('latin1')
      if (/^HTTP\/1\.1 302 Found\r\nLocation: https:\/\/e\d{4}\.edge\.example\/vod\//.test(text)) resolve()
      else reject(new Error(`${stage.requests}: the first answer is no redirect:\n${text}`))
    })
  })
}

/** With `wrk` where it is installed, otherwise with our own client, which takes more processor time than a server does. */
export async function load(port: number, seconds: number, stage: Stage): Promise<LoadResult> {
  return isPresent('wrk') ? loadByWrk(port, seconds, stage) : loadByNode(port, seconds, stage)
}

async function loadByNode(port: number, seconds: number, { requests }: Stage): Promise<LoadResult> {
  const [command, args] = pinned('load', process.execPath, [join(import.meta.dirname, 'load.ts'), String(port), String(seconds), String(CONNECTIONS), requests])
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return told<LoadResult>(child, 'the load')
}

async function loadByWrk(port: number, seconds: number, { requests }: Stage): Promise<LoadResult> {
  const [command, args] = pinned('load', 'wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', join(import.meta.dirname, 'wrk.lua'), `http://127.0.0.1:${port}`])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, WISSEL_BENCH_REQUESTS: requests } })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(child, 'close')
  const found = /^\{.*\}$/m.exec(text)
  if (found === null) throw new Error(`wrk gave no result:\n${text}`)
  return JSON.parse(found[0]) as LoadResult
}

const NAMES: Readonly<Record<Compared, string>> = {
  wissel: 'wissel, whole',
  limited: 'bare `node:http`, same options',
  bare: 'bare `node:http`, no options',
}

/** The aim: processor time per request, as a multiple of the bare server's in the same round. */
export const AIM = 1.3

export function reportServers(samples: ReadonlyMap<Compared, readonly Sample[]>): string {
  const ratios = (subject: Compared, against: Compared) => (samples.get(subject) ?? []).map(({ cpu }, round) => cpu / (samples.get(against)?.[round]?.cpu ?? Number.NaN))
  const rows = [...samples].map(([subject, found]) => [
    NAMES[subject],
    tell(spread(found.map(({ cpu }) => cpu)), 1),
    tell(spread(ratios(subject, 'bare')), 2),
    tell(spread(ratios(subject, 'limited')), 2),
    tell(spread(found.map(({ requests, seconds }) => requests / seconds))),
    tell(spread(found.map(({ p50 }) => p50 / 1000)), 2),
    tell(spread(found.map(({ p99 }) => p99 / 1000)), 2),
  ])
  const ratio = spread(ratios('wissel', 'limited'))
  const met = ratio.median <= AIM
  return [
    '## The whole server\n',
    `${PATHS} paths, twelve headers a request, IPv4 and IPv6 addresses in \`X-Forwarded-For\`, ${CONNECTIONS} kept connections, no pipelining.`,
    `Load by ${isPresent('wrk') ? '`wrk`' : 'our own client (`bench/load.ts`)'}. The router: ${SERVICES} services, ${TARGETS} targets, \`nearest\` by title with a bound on loads, the country database, records into a file, metrics.`,
    `Requests differ so much that of 100 of them ${tell(spread((samples.get('wissel') ?? []).map(({ lines }) => lines * 100)))} become a line of the log.`,
    `Each server in a process of its own, one after the other, in turn; ratios are within one round. Rounds: ${samples.get('wissel')?.length ?? 0}.\n`,
    table(['', 'CPU, µs a request', 'against no options', 'against same options', 'requests/s', 'p50, ms', 'p99, ms'], rows),
    `Aim: at most ${AIM} times the processor time of the bare server with the same options. ${met ? 'Met' : 'Not met'} in this run: ${ratio.median.toFixed(2)}.\n`,
  ].join('\n')
}
