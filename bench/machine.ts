/** What a measurement ran on, and how two programs are kept from sharing a core. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'

const present = new Map<string, boolean>()

/** Whether a program can be started. */
export function isPresent(program: string): boolean {
  let found = present.get(program)
  if (found === undefined) {
    // What is not an option to a program makes it say so and end.
    found = spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
    present.set(program, found)
  }
  return found
}

export const PINS = availableParallelism() > 1 && isPresent('taskset')

/** A command line that keeps the server on the first core and the load on the second, where that is possible. */
export function pinned(role: 'server' | 'load', command: string, args: readonly string[]): [string, string[]] {
  return PINS ? ['taskset', ['-c', role === 'server' ? '0' : '1', command, ...args]] : [command, [...args]]
}

/** What `bin/wissel` tells V8, for what the bench starts without it. */
export const GC: readonly string[] = flagsOf(readFileSync(join(import.meta.dirname, '../bin/wissel'), 'utf8'))

function flagsOf(script: string): string[] {
  const [, flags] = /^gc='(.+)'$/m.exec(script) ?? []
  if (flags === undefined) throw new Error("bin/wissel has no line gc='...': what is measured would not be what users start")
  return flags.split(' ')
}

/** Facts that change numbers, and none that name a machine or its owner. */
export function machine(): string {
  const [first] = cpus()
  return [
    `${availableParallelism()} cores, ${first?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}`,
    PINS ? 'server and load pinned to a core each' : 'nothing pinned to a core',
    `load average ${(loadavg()[0] ?? 0).toFixed(1)} before the run`,
  ].join('; ')
}
