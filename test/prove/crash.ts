/**
 * Crashes under load: whatever ends the router, nothing that it leaves behind holds a canary. Reports are switched on from
 * outside and the limit for core files is lifted, so that it is the router that prevents them.
 */
import { join } from 'node:path'
import { canaryForms, expose, search, TEXTS } from './canaries.ts'
import { subject } from './process.ts'

export const CRASHES = ['SIGUSR1', 'SIGUSR2', 'SIGKILL', 'SIGSEGV', 'abort', 'memory', 'uncaught', 'rejection', 'thread'] as const
export type Crash = (typeof CRASHES)[number]

export interface Crashed {
  readonly crash: Crash
  /** Whether the process went on. */
  readonly survived: boolean
  /** Files in the working directory and the temporary one, but for the router's own state. */
  readonly files: readonly string[]
  readonly hits: readonly string[]
  /** Whether a debugger could be attached. */
  readonly inspector: boolean
}

export async function crash(kind: Crash): Promise<Crashed> {
  const preload = join(import.meta.dirname, 'crash-preload.ts')
  const options = `--import=file://${preload} --report-on-fatalerror --report-uncaught-exception --report-on-signal${kind === 'memory' ? ' --max-old-space-size=96' : ''}`
  const router = await subject({ node: options, environment: { CRASH: kind, CRASH_TEXT: `no url ${TEXTS.token}` } })
  try {
    // The load goes on while the process ends.
    const load = expose(router)
    await new Promise((resolve) => setTimeout(resolve, 300))
    router.signal(kind.startsWith('SIG') ? (kind as NodeJS.Signals) : 'SIGWINCH')
    if (kind === 'SIGUSR1' || kind === 'SIGUSR2') await load
    else await Promise.race([router.ended, load.then(() => new Promise((resolve) => setTimeout(resolve, 5000)))])
    const survived = router.running
    if (survived) {
      router.signal('SIGTERM')
      await router.ended
    }
    await load
    const places = router.traces()
    return {
      crash: kind, survived, files: [...places.keys()].filter((name) => /^(cwd|tmp)\//.test(name) && !name.startsWith('cwd/var/')), hits: search(places, canaryForms()),
      inspector: /Debugger listening/.test(places.get('standard error') ?? ''),
    }
  } finally {
    router.remove()
  }
}
