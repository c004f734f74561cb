/** A real router in folders of its own, and everything that it left behind. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { archiveFor } from './sealed.ts'
import type { Archive } from './sealed.ts'

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

const ROUTER = 'proof-1'
/** Whoever has it reports consumption. */
export const USAGE_TOKEN = 'token-of-the-proof-0123456789'

export interface Subject {
  readonly public: string
  readonly admin: string
  readonly pid: number
  /** Resolves when standard error has matched. */
  said(pattern: RegExp): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Resolves when the process has ended. */
  readonly ended: Promise<unknown>
  readonly running: boolean
  /** Everything that it was given and that it wrote is in here. */
  readonly folder: string
  readonly archive: Archive
  /** Everything that was printed and every file in its folders, by name, as binary strings. Files that it was given are left out. */
  traces(): Map<string, string>
  remove(): void
}

export interface SubjectOptions {
  /** For Node, as `NODE_OPTIONS`. */
  readonly node?: string
  readonly environment?: Readonly<Record<string, string>>
  /** More lines of `wissel.yaml`. */
  readonly settings?: string
  /** More sinks, as the settings name them. */
  readonly sinks?: readonly object[]
  /** The Redis that the configuration is published to, and that the router reads it from. Default: from the directory. */
  readonly redis?: string
  /** That answer players; 0: what answers and what writes share all memory, so that a leak between them shows. Default 1. */
  readonly threads?: number
}

/** Whatever a router can write is switched on: every sink, side counters, consumption and the sealed archive. */
export async function subject({ node = '', environment = {}, settings = '', sinks = [], redis, threads = 1 }: SubjectOptions = {}): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'wissel-prove-'))
  const config = join(folder, 'config')
  cpSync(join(root, 'config'), config, { recursive: true })
  for (const name of ['cwd', 'tmp', 'log']) mkdirSync(join(folder, name))
  const archive = await archiveFor(ROUTER, config, join(folder, 'log', 'archive'))
  writeFileSync(join(config, 'usage.token'), `${USAGE_TOKEN}\n`)
  const lines = [{ type: 'stdout' }, { type: 'file', path: join(folder, 'log', 'records.ndjson') }, { type: 'segments', directory: join(folder, 'log', 'segments'), rotateSeconds: 1 }, ...sinks].map((sink) => `    - ${JSON.stringify(sink)}\n`)
  writeFileSync(join(config, 'wissel.yaml'), `router: ${ROUTER}
trustedProxies: [127.0.0.1/32]
usage: { tokenFile: usage.token, path: ${JSON.stringify(join(folder, 'log', 'usage.ndjson'))} }
${archive.settings}${settings}log:
  windowSeconds: 0.2
  counters: { path: ${JSON.stringify(join(folder, 'log', 'counters.ndjson'))} }
  sinks:\n${lines.join('')}`)
  if (redis !== undefined) await run(join(root, 'bin', 'wissel'), ['apply', config, '--redis', redis])
  const given = new Set(filesOf(config))
  // Core files are allowed, as some systems do: it is the router that must forbid them.
  const child = spawn('sh', ['-c', 'ulimit -c unlimited 2>/dev/null; exec "$0" "$@"', join(root, 'bin', 'wissel'), 'serve', '--config', config, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--threads', String(threads), ...(redis === undefined ? [] : ['--redis', redis])], {
    cwd: join(folder, 'cwd'), stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: join(folder, 'tmp'), TMPDIR: join(folder, 'tmp'), NODE_OPTIONS: node, ...environment },
  })
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('latin1').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    err += text
    for (const look of waiting) look()
  })
  const ended = once(child, 'close')
  const said = (pattern: RegExp) => new Promise<void>((resolve, reject) => {
    const look = () => {
      if (!pattern.test(err)) return
      waiting.delete(look)
      resolve()
    }
    waiting.add(look)
    void ended.then(() => reject(new Error(`the router ended before it said ${String(pattern)}:\n${err}`)))
    look()
  })
  await said(/operators at http:\/\/\S+/)
  const [, publicUrl = '', adminUrl = ''] = /players at (http:\/\/[^,\s]+), operators at (http:\/\/\S+)/.exec(err) ?? []
  return {
    public: publicUrl, admin: adminUrl, pid: child.pid ?? 0, said, ended,
    get running() {
      return child.exitCode === null && child.signalCode === null
    },
    signal: (name) => void child.kill(name),
    folder, archive,
    traces: () => new Map([
      ['standard output', out], ['standard error', err],
      ...filesOf(folder).filter((path) => !given.has(path)).map((path): [string, string] => [path.slice(folder.length + 1), read(path)]),
    ]),
    remove: () => {
      if (child.exitCode === null) child.kill('SIGKILL')
      archive.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A core file is too large to be read, and is a finding by its being there. */
function read(path: string): string {
  return statSync(path).size > 100_000_000 ? '' : readFileSync(path, 'latin1')
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Sends bytes on a connection of its own; resolves with what came back until it ended, or for so long. */
export function raw(url: string, bytes: string, { ms = 400, ...local }: { localAddress?: string, localPort?: number, ms?: number } = {}): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let back = ''
    const socket = connect({ host: hostname, port: Number(port), ...local }, () => socket.write(bytes, 'latin1'))
    const done = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(back)
    }
    const timer = setTimeout(done, ms)
    socket.setEncoding('latin1').on('data', (text: string) => (back += text))
    socket.once('error', done).once('close', done)
  })
}
