/** `wissel serve`: runs until it is told to stop. */
import { flushCompileCache } from 'node:module'
import { startApp } from '../app.ts'
import type { App } from '../app.ts'
import { giveWay } from '../app/threads/priority.ts'
import { startDemoTargets } from '../demo.ts'
import { WisselError } from '../errors.ts'
import { errors } from '../policy/problem.ts'
import { readSettings } from '../policy/settings.ts'
import { formatEndpoint } from '../settings.ts'
import type { RedisSettings } from '../state/redis-settings.ts'

export interface ServeOptions {
  readonly listen: string | undefined
  readonly admin: string | undefined
  readonly demo: boolean
  readonly redis: RedisSettings | undefined
  readonly stateDirectory: string | undefined
  readonly fastLane: boolean | undefined
  readonly threads: number | undefined
}

/** Resolves with the exit status. SIGTERM and SIGINT stop gracefully, a second one at once; SIGHUP reloads and reopens files. */
export async function serve(directory: string, { listen, admin, demo, redis, stateDirectory, fastLane, threads }: ServeOptions): Promise<number> {
  checkAddress('--listen', listen, (text) => `listen: ${text}`)
  checkAddress('--admin', admin, (text) => `admin: { listen: ${text} }`)
  const say = (text: string) => void process.stderr.write(text)
  // Nobody who reads the messages, or no room for them, is no reason to stop routing.
  process.stderr.on('error', () => undefined)
  // A crash must not write what is in memory to a file: diagnostic reports hold the addresses of all open sockets.
  forbidReports()
  let app: App | undefined
  // From the start: without, a signal to reload would end the process.
  process.on('SIGHUP', () => {
    app?.reopen()
    void app?.reload().catch((error: unknown) => say(`wissel: the configuration could not be looked at: ${error instanceof Error ? error.name : ''}\n`))
  })
  app = await startApp({ directory, listen, admin, redis, stateDirectory, fastLane, threads, messages: say })
  // Players are answered already, and what they were told is to be on record.
  const stopped = stopSignal()
  if (app.threads > 0) giveWay()
  const targets = demo
    ? await startDemoTargets(app.world?.snapshot.targets ?? [], (id, port) => say(`wissel: demo target ${id} is not running: port ${port} is taken\n`))
    : undefined
  say(banner(app, targets?.running.length))
  // Now and not only at the end, which a router that is killed never comes to: compiling all of it takes a second.
  flushCompileCache()
  await stopped
  await app.close()
  await targets?.close()
  return 0
}

/** What the settings would refuse is refused on the command line as well. Throws `WISSEL_USAGE`. @param setting the settings with this address, in YAML */
function checkAddress(option: string, text: string | undefined, setting: (text: string) => string): void {
  if (text === undefined) return
  const [wrong] = errors(readSettings(option, setting(JSON.stringify(text))).problems)
  if (wrong !== undefined) throw new WisselError('WISSEL_USAGE', [`${option}: ${wrong.message}`])
}

/** For all threads: an error of a thread that answers players writes none anyway, and ends that thread alone. */
function forbidReports(): void {
  const { report } = process
  report.reportOnFatalError = false
  report.reportOnSignal = false
  report.reportOnUncaughtException = false
  // Ends a plain Node process; here it does nothing.
  process.on('SIGUSR2', () => undefined)
}

function banner(app: App, demoTargets: number | undefined): string {
  const admin = formatEndpoint(app.admin)
  const lines = [`wissel: players at http://${formatEndpoint(app.public)}, operators at http://${admin}`]
  if (demoTargets !== undefined) {
    const url = `http://127.0.0.1:${app.public.port}/demo/live/master.m3u8`
    lines.push(
      `${demoTargets} demo targets are running. Try, in another terminal:`,
      '',
      `  curl -iL ${url}`,
      `  curl -iL -H 'X-Forwarded-For: 193.99.144.80' ${url}     # as from Germany; 212.27.48.10 is in France, 8.8.8.8 in the United States`,
      `  curl 'http://${admin}/explain?format=text&ip=8.8.8.8&url=${encodeURIComponent(url)}'`,
      '',
    )
  }
  return `${lines.join('\n')}\n`
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(1)
        stopping = true
        resolve()
      })
    }
  })
}
