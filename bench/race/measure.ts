/** One contestant, started anew: how long until it is ready, and its three loads one after the other. */
import type { LoadResult } from '../load.ts'
import { load } from '../server.ts'
import { untilRight } from './answers.ts'
import type { Contestant, Half, Running } from './contestant.ts'
import { cpuOf, memoryOf } from './processes.ts'
import type { Stage } from './stage.ts'

/** `keep`: kept connections. `close`: a connection for every request. `swap`: kept, with a swap every second. `flap`: with health that changes, too. */
export const LOADS = ['keep', 'close', 'swap', 'flap'] as const
export type Load = (typeof LOADS)[number]

export interface Lap extends LoadResult {
  /** Microseconds of processor time per request, user and system, all processes. */
  readonly cpu: number
  /** The same of what it needs besides. */
  readonly helpers: number
}

export interface Run {
  /** Milliseconds from starting it until it answered right, the first time and once more. */
  readonly ready: number
  readonly readyAgain: number
  /** A contestant with nothing to swap has neither `swap` nor `flap`. */
  readonly laps: Readonly<Partial<Record<Load, Lap>>>
  /** KiB: the most that its processes have held, added up; after the loads without swaps, and over all. */
  readonly memory: number
  readonly memorySwapping: number
}

export interface Seconds {
  /** Most that a server is given to become warm; half as many to become so for swaps. */
  readonly warm: number
  /** Whole ones, as `wrk` takes them. */
  readonly lap: number
}

/** After as many requests a program that is compiled while it runs has compiled what it runs often, and has done so again where it had guessed wrong. */
const WARM = 400_000
/** Seconds of connections with one request each, most of whose way is warm by then. */
const WARM_CLOSING = 2

/** A country database takes a router a second, and a table of a million networks a few. */
const START_MS = 60_000
/** What was swapped last must be in force after this many milliseconds. */
const SWAPPED_MS = 5000
const SWAP_EVERY_MS = 1000
const SETTLING_MS = 1000

/** Starts a contestant, waits until it answers right, and ends it in any case. */
export async function withRunning<T>(contestant: Contestant, stage: Stage, use: (running: Running, ready: number) => Promise<T>, again = false): Promise<T> {
  const since = performance.now()
  const running = await contestant.start(stage, again)
  try {
    return await use(running, await untilRight(contestant, stage, running.port, { since, patience: START_MS }))
  } finally {
    await running.stop()
  }
}

/** Rejects where a contestant's log lacks one of the requests that it has answered. */
export async function measure(contestant: Contestant, stage: Stage, { warm, lap }: Seconds): Promise<Run> {
  let warming = 0
  const run = await withRunning(contestant, stage, async (running, ready): Promise<Omit<Run, 'readyAgain'>> => {
    const closing = { ...stage, requests: stage.closing }
    for (let second = 0; second < warm && warming < WARM; second++) warming += (await load(running.port, 1, stage)).requests
    const keep = await measureLap(running, lap, stage)
    warming += (await load(running.port, WARM_CLOSING, closing)).requests
    const close = await measureLap(running, lap, closing)
    const memory = memoryOf(running.pids, 'VmHWM')
    const { swap } = running
    if (swap === undefined) return { ready, laps: { keep, close }, memory, memorySwapping: memory }
    // Half of the edges is out from now on, and what is left has settled when it begins.
    await swap(0)
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS))
    // The first swaps run what was never run before, as the first requests did.
    warming += (await measureSwaps(contestant, running, () => swap(0).then(() => 0), Math.ceil(warm / 2), stage)).lap.requests
    const swapped = await measureSwaps(contestant, running, () => swap(0).then(() => 0), lap, stage)
    let half: Half = 0
    const flapped = await measureSwaps(contestant, running, () => swap((half = half === 0 ? 1 : 0)).then(() => half), lap, stage)
    return { ready, laps: { keep, close, swap: swapped.lap, flap: flapped.lap }, memory, memorySwapping: Math.max(memory, swapped.memory, flapped.memory) }
  })
  const answered = Object.values(run.laps).reduce((sum, { requests }) => sum + requests, warming)
  const recorded = await contestant.recorded?.(stage)
  if (recorded !== undefined && recorded < answered) throw new Error(`${contestant.name} has answered ${answered} requests and recorded ${recorded}`)
  const readyAgain = await withRunning(contestant, stage, async (_, ready) => ready, true)
  // The next log begins with the next run.
  await contestant.recorded?.(stage)
  return { ...run, readyAgain }
}

async function measureLap(running: Running, seconds: number, stage: Stage): Promise<Lap> {
  const before = { own: cpuOf(running.pids), helpers: cpuOf(running.helpers ?? []) }
  const result = await load(running.port, seconds, stage)
  if (result.requests === 0) throw new Error('nothing is answered; the machine may be too busy to race on')
  return { ...result, cpu: (cpuOf(running.pids) - before.own) / result.requests, helpers: (cpuOf(running.helpers ?? []) - before.helpers) / result.requests }
}

async function measureSwaps(contestant: Contestant, running: Running, swap: () => Promise<Half>, seconds: number, stage: Stage): Promise<{ lap: Lap, memory: number }> {
  let memory = 0
  let half: Half = 0
  let going: Promise<void> = Promise.resolve()
  let failed: unknown
  const once = () => {
    memory = Math.max(memory, memoryOf(running.pids, 'VmHWM'))
    going = going.then(async () => void (half = await swap())).catch((error: unknown) => void (failed ??= error))
  }
  once()
  const timer = setInterval(once, SWAP_EVERY_MS)
  const lap = await measureLap(running, seconds, stage).finally(() => clearInterval(timer))
  await going
  if (failed !== undefined) throw failed
  await untilRight(contestant, stage, running.port, { since: performance.now(), patience: SWAPPED_MS, half })
  return { lap, memory: Math.max(memory, memoryOf(running.pids, 'VmHWM')) }
}
