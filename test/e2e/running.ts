/** A real router in a process of its own, on a copy of the shipped configuration with free ports. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.ts'

export const root = join(import.meta.dirname, '..', '..')

/** A copy of `config/` in a new folder, with the demo targets' ports replaced by free ones. */
export async function demoConfig(): Promise<{ directory: string; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-'))
  cpSync(join(root, 'config'), directory, { recursive: true })
  const file = join(directory, 'targets', 'demo.yaml')
  let text = readFileSync(file, 'utf8')
  for (const port of ['8101', '8102', '8103', '8104', '8105', '8106']) text = text.replace(`port: ${port}`, `port: ${await freePort()}`)
  writeFileSync(file, text)
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

/** At once: a router that looks at a file while it is written would see half of it. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

export interface Running {
  readonly public: string
  readonly admin: string
  readonly child: ChildProcess
  /** Everything that it printed so far. */
  stdout(): string
  stderr(): string
  /** Resolves when standard error has matched. */
  said(pattern: RegExp): Promise<void>
  /** Sends SIGTERM and resolves with the exit status, once everything that it printed is here. */
  stop(): Promise<number | null>
}

export interface Surroundings {
  /** A script for each thread of the router, run before anything else. */
  readonly preload?: string
  /** What the router has in its environment besides that of the tests. */
  readonly environment?: Readonly<Record<string, string>>
}

export async function start(directory: string, args: readonly string[] = ['--demo'], { preload, environment = {} }: Surroundings = {}): Promise<Running> {
  const options = [process.env['NODE_OPTIONS'], environment['NODE_OPTIONS'], preload === undefined ? undefined : `--import=data:text/javascript,${encodeURIComponent(preload)}`].filter((option) => option !== undefined).join(' ')
  const child = spawn(join(root, 'bin', 'wissel'), ['serve', '--config', directory, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--state-dir', join(directory, 'var'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, ...(options === '' ? {} : { NODE_OPTIONS: options }) },
  })
  const closed = once(child, 'close')
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  child.stdout.on('data', (data: Buffer) => (out += data.toString()))
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString()
    for (const look of waiting) look()
  })
  const said = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const gone = () => reject(new Error(`the router ended before it said ${String(pattern)}:\n${err}`))
      const look = () => {
        if (!pattern.test(err)) return
        waiting.delete(look)
        child.off('exit', gone)
        resolve()
      }
      waiting.add(look)
      child.once('exit', gone)
      look()
    })
  await said(/operators at http:\/\/\S+/)
  const [, publicUrl = '', adminUrl = ''] = /players at (http:\/\/[^,\s]+), operators at (http:\/\/\S+)/.exec(err) ?? []
  return {
    public: publicUrl,
    admin: adminUrl,
    child,
    stdout: () => out,
    stderr: () => err,
    said,
    stop: async () => {
      child.kill('SIGTERM')
      await closed
      return child.exitCode
    },
  }
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly raw: readonly string[]
  readonly body: string
}

/** One request on a connection of its own; redirects are not followed. */
export function ask(url: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, raw: response.rawHeaders, body }))
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}
