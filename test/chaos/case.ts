/** What a case is, and how one is run: a measurement without the fault, then the same with it. */
import { Load } from './load.ts'
import type { Figures } from './load.ts'
import { deploy, megabytes, runs, Scope } from './deployment.ts'
import type { Deployment, Router } from './deployment.ts'
import { pause } from '../state/redis-server.ts'
import { judgeTimes } from './until.ts'

export interface Stage {
  readonly deployment: Deployment
  router: Router
  readonly load: Load
  /** Throws where something took longer than was promised. Only `npm run chaos` asks: among other tests a machine is slow for many reasons. */
  promised(ms: number, limitMs: number, what: string): void
  /** Ends the router with SIGKILL and starts it anew on the same state directory; the load pauses meanwhile. Milliseconds until it is ready. */
  restart(whileDown?: () => Promise<void>): Promise<number>
}

export interface Case {
  readonly name: string
  /** Default: one Redis, one router that runs version 1. */
  readonly open?: (scope: Scope) => Promise<{ deployment: Deployment; router: Router }>
  /** Causes the fault, ends it and waits for what should come of it. The result is the figure; it throws where the expectation fails. */
  readonly fault: (stage: Stage) => Promise<string>
}

export interface Result {
  readonly passed: boolean
  readonly figure: string
  readonly baseline: Figures
  readonly faulted: Figures
  readonly megabytesBefore: number
  readonly megabytesAfter: number
}

export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

export async function one(scope: Scope, lines: readonly (readonly string[])[] = []): Promise<{ deployment: Deployment; router: Router }> {
  const deployment = await deploy(scope, lines)
  await deployment.apply(1)
  const router = await deployment.router()
  await runs(router, 1)
  return { deployment, router }
}

/** An answer that takes longer is an error. */
const LATE_MS = 5000
const NONE: Figures = { requests: 0, errors: 0, p50: 0, p99: 0 }

export interface How {
  /** Milliseconds. Default 2000. */
  readonly baselineMs?: number
  /** Whether times are judged, an answer's too. Default true. */
  readonly timed?: boolean
}

export async function perform({ open = one, fault }: Case, { baselineMs = 2000, timed = true }: How = {}): Promise<Result> {
  const scope = new Scope()
  judgeTimes(timed)
  const load = timed ? new Load(LATE_MS) : new Load(12 * LATE_MS, 100)
  let [baseline, faulted, megabytesBefore, megabytesAfter] = [NONE, NONE, 0, 0]
  let failure: string | undefined
  let figure = ''
  try {
    const { deployment, router } = await open(scope)
    const stage: Stage = {
      deployment,
      router,
      load,
      promised: (ms, limitMs, what) => expect(!timed || ms <= limitMs, `${what} after ${ms} ms`),
      restart: async (whileDown) => {
        await load.stop()
        const { running: { child }, id } = stage.router
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await gone
        await whileDown?.()
        const start = performance.now()
        stage.router = await deployment.router(id)
        const ms = Math.round(performance.now() - start)
        load.start(stage.router.running.public)
        return ms
      },
    }
    load.start(router.running.public)
    // Code that has not run yet is slow; connections that are not open yet are slower.
    await pause(1000)
    load.take()
    await pause(baselineMs)
    baseline = load.take()
    megabytesBefore = await megabytes(router)
    try {
      figure = await fault(stage)
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
    await load.stop()
    faulted = load.take()
    megabytesAfter = await megabytes(stage.router).catch(() => 0)
    if (faulted.errors + baseline.errors > 0) failure = `${failure ?? ''} ${faulted.errors + baseline.errors} routing errors (${load.causes})`.trim()
    else if (faulted.requests === 0) failure ??= 'nothing was asked'
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  } finally {
    await load.close()
    await scope.close()
  }
  return { passed: failure === undefined, figure: failure ?? figure, baseline, faulted, megabytesBefore, megabytesAfter }
}
