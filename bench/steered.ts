/** Steering through sockets: a redirect, a steering answer and a steered manifest from memory, from one router in turn. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isPresent, pinned } from './machine.ts'
import { spread, table, tell } from './measure.ts'
import { cpuOf, end, launch } from './race/processes.ts'

const COMMAND = join(import.meta.dirname, '../bin/wissel')
const ASKED = { redirect: '/plain/live/a.m3u8', 'steering answer': '/-/steering/hls/steered/live/a.m3u8', 'steered manifest, from memory': '/steered/live/a.m3u8' } as const
type Name = keyof typeof ASKED
const NAMES = Object.keys(ASKED) as Name[]
const MULTIVARIANT = `#EXTM3U\n${Array.from({ length: 6 }, (_, i) => `#EXT-X-STREAM-INF:BANDWIDTH=${(i + 1) * 800_000},RESOLUTION=640x360\nv${i}.m3u8\n`).join('')}`

/** Processor time in microseconds per request, by round. Undefined without `wrk` or Linux. */
export async function measureSteered({ rounds, until, warmSeconds, seconds }: { readonly rounds: number, readonly until: number, readonly warmSeconds: number, readonly seconds: number }): Promise<ReadonlyMap<Name, number[]> | undefined> {
  if (process.platform !== 'linux' || !isPresent('wrk')) return undefined
  const upstream = createServer((_request, response) => response.writeHead(200, { 'Content-Type': 'application/vnd.apple.mpegurl', 'Cache-Control': 'max-age=60' }).end(MULTIVARIANT))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port } = upstream.address() as AddressInfo
  const directory = await mkdtemp(join(tmpdir(), 'wissel-steered-'))
  try {
    const service = (id: string, delivery: string) => `service: ${id}\nprefix: /${id}\ndelivery: ${delivery}\nsteps: [{ name: own, targets: [t0, t1, t2, t3], select: failover }]\n`
    const target = (i: number) => `  - { id: t${i}, kind: cdn, host: ${i === 0 ? '127.0.0.1' : `t${i}.example`}, scheme: http, port: ${port} }\n`
    for (const [path, text] of [
      ['wissel.yaml', `log: { sinks: [{ type: file, path: decisions.log }] }\n`],
      ['targets/all.yaml', `targets:\n${[0, 1, 2, 3].map(target).join('')}`],
      ['services/plain.yaml', service('plain', 'redirect')], ['services/steered.yaml', service('steered', 'steered')],
    ] as const) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), text)
    }
    const child = launch('server', COMMAND, ['serve', '--config', directory, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--state-dir', join(directory, 'var')], ['ignore', 'ignore', 'pipe'])
    try {
      let said = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
      while (!said.includes('operators at')) await Promise.race([once(child.stderr ?? child, 'data'), once(child, 'exit').then(() => { throw new Error(said) })])
      const base = /players at (http:\/\/[^,\s]+)/.exec(said)?.[1] ?? ''
      for (const name of NAMES) await check(`${base}${ASKED[name]}`, name)
      for (const name of NAMES) await wrk(`${base}${ASKED[name]}`, warmSeconds)
      const found = new Map(NAMES.map((name) => [name, [] as number[]]))
      for (let round = 0; round === 0 || (round < rounds && performance.now() < until); round++) {
        for (const name of NAMES) {
          const before = cpuOf([child.pid])
          const requests = await wrk(`${base}${ASKED[name]}`, seconds)
          found.get(name)?.push((cpuOf([child.pid]) - before) / requests)
        }
      }
      return found
    } finally {
      await end(child)
    }
  } finally {
    upstream.closeAllConnections()
    upstream.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** What is measured must be what it is called. */
async function check(url: string, name: Name): Promise<void> {
  const { status, headers } = await fetch(url, { redirect: 'manual' })
  const type = headers.get('content-type') ?? ''
  const right = name === 'redirect' ? status === 302 : status === 200 && type.startsWith(name === 'steering answer' ? 'application/vnd.apple.steering-list' : 'application/vnd.apple.mpegurl')
  if (!right) throw new Error(`${name}: ${status} ${type}`)
}

async function wrk(url: string, seconds: number): Promise<number> {
  const child = spawn(...pinned('load', 'wrk', ['-t1', '-c64', `-d${seconds}s`, url]), { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  await once(child, 'close')
  return Number(/(\d+) requests in/.exec(text)?.[1] ?? Number.NaN)
}

export function reportSteered(found: ReadonlyMap<Name, number[]> | undefined): string {
  if (found === undefined) return '## Steering through sockets\n\nNot measured: it needs Linux and `wrk`.\n'
  const redirect = found.get('redirect') ?? []
  const rows = [...found].map(([name, cpu]) => [name, tell(spread(cpu), 1), tell(spread(cpu.map((each, round) => each / (redirect[round] ?? Number.NaN))), 2)])
  return ['## Steering through sockets\n', `One router, four targets, records into a file; 64 kept connections that ask for one thing in turn. Rounds: ${redirect.length}. Aim for the steered manifest: at most 3 times a redirect.\n`, table(['', 'CPU, µs a request', 'against the redirect'], rows)].join('\n')
}
