/** What the record costs: the whole server with segments on against the same server with recording off, alive at the same time and loaded in turn. */
import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { spread, table, tell } from './measure.ts'
import { cpuOf, load, startSubject, withStage } from './server.ts'
import type { Stage } from './server.ts'
import { RECORDING } from './subjects.ts'

export interface RecordingOptions {
  readonly starts: number
  /** In each start. */
  readonly rounds: number
  /** When the last start has to be over, on the clock of `performance.now()`; there is always one. */
  readonly until: number
  readonly warmSeconds: number
  /** Of load on each server in each round. */
  readonly seconds: number
}

export interface Recording {
  readonly starts: number
  /** Processor time in microseconds per request, all threads, in each round. */
  readonly segments: readonly number[]
  readonly unrecorded: readonly number[]
  /** Records that were written for each 100 decisions. */
  readonly lines: number
}

/** Milliseconds after a load until its last window, of a second, is written too: the load has caused it, so it counts. */
const SETTLE_MS = 1300

/** Both servers are started several times: where a process has its memory is worth as much as the record costs, and lasts as long as the process. */
export async function measureRecording({ starts, until, ...options }: RecordingOptions): Promise<Recording> {
  const all: Recording[] = []
  let longest = 0
  for (let start = 0; start === 0 || (start < starts && performance.now() + longest < until); start++) {
    const began = performance.now()
    all.push(await withStage((stage) => measureStart(stage, options)))
    longest = Math.max(longest, performance.now() - began)
  }
  return {
    starts: all.length,
    segments: all.flatMap(({ segments }) => segments),
    unrecorded: all.flatMap(({ unrecorded }) => unrecorded),
    lines: all.reduce((sum, { lines }) => sum + lines, 0) / all.length,
  }
}

async function measureStart(stage: Stage, { rounds, warmSeconds, seconds }: Omit<RecordingOptions, 'starts' | 'until'>): Promise<Recording> {
  const servers: { readonly name: (typeof RECORDING)[number], readonly child: ChildProcess, readonly port: number, readonly found: number[] }[] = []
  try {
    for (const name of RECORDING) servers.push({ name, ...await startSubject(name, stage), found: [] })
    let requests = 0
    for (const { port, name } of servers) {
      const warm = await load(port, warmSeconds, stage)
      if (name === 'segments') requests += warm.requests
    }
    await pause(SETTLE_MS)
    for (let round = 0; round < rounds; round++) {
      for (const { name, child, port, found } of round % 2 === 0 ? servers : servers.toReversed()) {
        const before = await cpuOf(child)
        const result = await load(port, seconds, stage)
        await pause(SETTLE_MS)
        found.push(((await cpuOf(child)) - before) / result.requests)
        if (result.errors > 0) throw new Error(`${name}: ${result.errors} of ${result.requests} requests failed`)
        if (name === 'segments') requests += result.requests
      }
    }
    const of = (name: string) => servers.find((server) => server.name === name)?.found ?? []
    return { starts: 1, segments: of('segments'), unrecorded: of('unrecorded'), lines: (await recordsIn(join(stage.directory, 'segments', 'segments'))) * 100 / requests }
  } finally {
    for (const { child } of servers) {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    }
  }
}

/** Records in a directory of segments. */
async function recordsIn(directory: string): Promise<number> {
  const texts = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), 'latin1')))
  return texts.join('').split('{"v":1,').length - 1
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Processor time per request with the record, as a multiple of that without. */
export const AIM = 1.05

export function reportRecording({ starts, segments, unrecorded, lines }: Recording): string {
  const ratio = spread(segments.map((cpu, round) => cpu / (unrecorded[round] ?? Number.NaN)))
  const extra = spread(segments.map((cpu, round) => cpu - (unrecorded[round] ?? Number.NaN)))
  return [
    '## What the record costs\n',
    `The same server and load as above, with segments on and with \`log.sinks: []\`; both alive, loaded in turn, the writing of each load's last window included. Of 100 requests ${lines.toFixed(0)} become a record of their own. Rounds: ${segments.length}, in ${starts} ${starts === 1 ? 'start' : 'starts'}.\n`,
    table(['', 'CPU, µs a request', 'against recording off'], [
      ['segments on', tell(spread(segments), 1), tell(ratio, 3)],
      ['recording off', tell(spread(unrecorded), 1), '1.000'],
      ['the record', tell(extra, 1), ''],
    ]),
    `Aim: at most ${AIM} times. ${ratio.median <= AIM ? 'Met' : 'Not met'} in this run: ${ratio.median.toFixed(3)}.\n`,
  ].join('\n')
}
