/** Processes of the race: started on a core, measured with all of their children, and ended in any case. Linux only. */
import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { pinned } from '../machine.ts'

/** Microseconds of a tick of `/proc/PID/stat`. The kernel has shown 100 a second to every program since Linux 2.6. */
const TICK_US = 10_000
/** Milliseconds until a process that was asked to end is ended. */
const PATIENCE = 5000

const alive = new Set<ChildProcess>()

/** Ends with us, however we end. */
export function launch(role: 'server' | 'load', command: string, args: readonly string[], stdio: StdioOptions): ChildProcess & { readonly pid: number } {
  const child = spawn(...pinned(role, command, args), { stdio })
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} could not be started`)
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return Object.assign(child, { pid })
}

/** Asks a process to end, and its whole tree with more force when it does not. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const timer = setTimeout(() => kill(child), PATIENCE)
  child.kill(signal)
  await exited
  clearTimeout(timer)
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return
  for (const pid of tree([child.pid])) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Also on a failure or an interruption nothing is left running. */
export function endAllWithUs(): void {
  process.once('exit', () => alive.forEach(kill))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
}

/** These processes and all that descend from them. */
function tree(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = Number(fields(Number(name))?.[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [...roots]
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i] ?? 0) ?? []))
  return found
}

/** Of `/proc/PID/stat`, from the state on: the name before it may hold anything. */
function fields(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}

/**
 * Processor time so far in microseconds, user and system, of these processes, their children, and the children that they
 * have seen end: a worker that a reload replaced is in its parent's account.
 */
export function cpuOf(pids: readonly number[]): number {
  const [USER, OWN_END] = [11, 15]
  return tree(pids).reduce((sum, pid) => sum + (fields(pid) ?? []).slice(USER, OWN_END).reduce((ticks, field) => ticks + Number(field), 0), 0) * TICK_US
}

/** KiB, the sum of all processes of the tree. Pages that they share are counted once for each of them. */
export function memoryOf(pids: readonly number[], what: 'VmHWM' | 'VmRSS'): number {
  return tree(pids).reduce((sum, pid) => sum + Number(new RegExp(`^${what}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0), 0)
}

/** Free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
