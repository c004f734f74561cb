/**
 * What a case is, and how one is run: a measurement without the fault, then the same with it. Beside the router runs one
 * that nothing is done to, under the same load at the same time: what a busy machine does to a router it does to both.
 */
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
  readonly before: Measured
  readonly during: Measured
}

export interface Measured extends Figures {
  readonly megabytes: number
  /** The undisturbed router, in the same time. Absent where nobody asks for times. */
  readonly control: (Figures & { readonly megabytes: number }) | undefined
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
const NONE: Measured = { requests: 0, errors: 0, p50: 0, p99: 0, megabytes: 0, control: undefined }

export interface How {
  /** Milliseconds. Default 2000. */
  readonly baselineMs?: number
  /** Whether times are judged, an answer's too, and compared with an undisturbed router's. Default true. */
  readonly timed?: boolean
}

export async function perform({ open = one, fault }: Case, { baselineMs = 2000, timed = true }: How = {}): Promise<Result> {
  const scope = new Scope()
  judgeTimes(timed)
  const load = timed ? new Load(LATE_MS) : new Load(12 * LATE_MS, 100)
  const beside = new Load(LATE_MS)
  let [before, during] = [NONE, NONE]
  let failure: string | undefined
  let figure = ''
  try {
    const { deployment, router } = await open(scope)
    const control = timed ? await deployment.control() : undefined
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
    const measure = async (): Promise<Measured> => ({
      ...load.take(),
      megabytes: await megabytes(stage.router).catch(() => 0),
      control: control && { ...beside.take(), megabytes: await megabytes(control) },
    })
    load.start(router.running.public)
    if (control !== undefined) beside.start(control.running.public)
    // Code that has not run yet is slow; connections that are not open yet are slower.
    await pause(1000)
    await measure()
    await pause(baselineMs)
    before = await measure()
    try {
      figure = await fault(stage)
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
    await Promise.all([load.stop(), beside.stop()])
    during = await measure()
    const errors = before.errors + during.errors
    if (errors > 0) failure = `${failure ?? ''} ${errors} routing errors (${load.causes})`.trim()
    else if (during.requests === 0) failure ??= 'nothing was asked'
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  } finally {
    await Promise.all([load.close(), beside.close()])
    await scope.close()
  }
  return { passed: failure === undefined, figure: failure ?? figure, before, during }
}
