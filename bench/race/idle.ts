/**
 * What an idle connection costs a contestant in memory. The connections come from processes of their own; each has had an
 * answer, as a player's has between two manifests.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from '../server.ts'
import type { Contestant } from './contestant.ts'
import type { IdleReport } from './idle-load.ts'
import { withRunning } from './measure.ts'
import { end, launch, memoryOf } from './processes.ts'
import type { Stage } from './stage.ts'

export interface IdleCost {
  /** Open and answered when memory was looked at. */
  readonly connections: number
  /** Bytes of resident memory. What the kernel holds for a socket is not in it. */
  readonly each: number
}

/** Descriptors that a server needs for anything else. */
const SPARE = 500
const CLIENTS = 2

/** As many as are wanted, or as a process may have open here. */
export function idleConnections(wanted: number): number {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.max(0, Math.min(wanted, limit - SPARE))
}

async function told(client: ChildProcess): Promise<IdleReport> {
  const ended = once(client, 'exit').then(([code]) => Promise.reject(new Error(`idle connections ended with status ${String(code)}`)))
  const [report] = (await Promise.race([once(client, 'message'), ended])) as [IdleReport]
  // It ends when it is told to, and that is no failure.
  ended.catch(() => undefined)
  return report
}

export function measureIdle(contestant: Contestant, stage: Stage, wanted: number): Promise<IdleCost> {
  return withRunning(contestant, stage, async ({ port, pids }) => {
    // What is allocated once, however many come, is not a connection's.
    await load(port, 2, stage)
    const before = memoryOf(pids, 'VmRSS')
    const clients = Array.from({ length: CLIENTS }, () =>
      launch('load', process.execPath, [join(import.meta.dirname, 'idle-load.ts'), String(port), String(Math.floor(wanted / CLIENTS)), stage.requests], ['ignore', 'inherit', 'inherit', 'ipc']))
    try {
      const reports = await Promise.all(clients.map(told))
      const after = memoryOf(pids, 'VmRSS')
      const connections = reports.reduce((sum, { open }) => sum + open, 0)
      return { connections, each: ((after - before) * 1024) / connections }
    } finally {
      await Promise.all(clients.map((client) => end(client)))
    }
  })
}
