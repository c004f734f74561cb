/** Wires everything. The only place that builds adapters, and the only one below `main.ts` that knows the clock and chance. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { build, loadConfiguration } from './cli/check.ts'
import { adminRoutes } from './admin.ts'
import { WisselError } from './errors.ts'
import { Locator } from './geo/locator.ts'
import { GeoSource } from './geo/source.ts'
import { createAdminServer, MIN_TOKEN } from './http/admin-server.ts'
import type { AdminServer } from './http/admin-server.ts'
import { TrustedProxies } from './http/client-address.ts'
import { createPublicServer } from './http/public-server.ts'
import type { PublicServer } from './http/public-server.ts'
import { HTTP_REJECTION_NAMES } from './http/rejection.ts'
import { DecisionLog } from './log/decision-log.ts'
import { OperatorLog } from './log/operator-log.ts'
import { recordDecision } from './log/record-decision.ts'
import { FileSink } from './log/sinks/file.ts'
import type { SetTimer, Sink } from './log/sinks/sink.ts'
import { StdoutSink } from './log/sinks/stdout.ts'
import { encodeBundle, digest } from './policy/bundle.ts'
import { errors, formatProblem } from './policy/problem.ts'
import type { Settings } from './policy/settings.ts'
import { drawKey } from './privacy/draw.ts'
import { Router } from './router.ts'
import type { World } from './router.ts'
import { HealthTable } from './routing/health-table.ts'
import { LoadTally } from './routing/load.ts'
import type { Snapshot } from './routing/model.ts'
import { formatEndpoint, geoPaths, parseEndpoint } from './settings.ts'
import type { Endpoint } from './settings.ts'
import { Follower, REFUSALS } from './state/follower.ts'
import { MemoryStore } from './state/memory.ts'
import { Metrics } from './stats/metrics.ts'

export interface AppOptions {
  readonly directory: string
  /** From the command line; they win over the settings file. */
  readonly listen?: string | undefined
  readonly admin?: string | undefined
  /** Takes the operator's messages, a line at a time. */
  readonly messages: (line: string) => void
}

export interface App {
  readonly public: Endpoint
  readonly admin: Endpoint
  readonly world: World
  /** Looks at the configuration directory now. True when what runs is what is there. */
  reload(): Promise<boolean>
  /** Opens log files anew, after a rotation. */
  reopen(): void
  /** Finishes what is in flight, writes every record, ends. */
  close(): Promise<void>
}

const DAY_MS = 86_400_000
const TICK_MS = 1000

/** Rejects with a `WisselError` where the configuration is not usable or an address cannot be listened on. */
export async function startApp(options: AppOptions): Promise<App> {
  const { directory } = options
  const now = () => Date.now()
  const loaded = await loadConfiguration(directory, now())
  const { settings } = loaded
  if (loaded.snapshot === undefined) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, errors(loaded.problems).map(formatProblem).join('\n')])
  const routerId = settings.router ?? 'wissel'
  const messages = new OperatorLog({ write: options.messages, now, router: routerId })
  for (const { file, line, message } of loaded.problems) messages.warn('config_problem', { file, line, problem: message })

  // Where decisions go.
  const sinks = createSinks(settings, directory, messages)
  const log = new DecisionLog({
    sinks,
    router: routerId,
    setTimer,
    windowMs: (settings.log?.windowSeconds ?? 1) * 1000,
    onDropped: (count, why) => messages.warn('records_dropped', { count, reason: why }),
  })
  const locator = new Locator()
  const metrics = new Metrics({ now, httpReasons: HTTP_REJECTION_NAMES, snapshotReasons: REFUSALS, log, geo: locator })

  // What decisions read: swapped whole.
  let world: World | undefined
  const apply = (snapshot: Snapshot) => {
    const previous = world
    const health = new HealthTable(snapshot)
    if (previous !== undefined) health.inherit(previous.health, previous.snapshot)
    world = { snapshot, health, tally: new LoadTally(snapshot.steps) }
    metrics.reset(snapshot, health, now())
    messages.info('snapshot_applied', { version: snapshot.label, count: snapshot.services.length, ...(previous === undefined ? {} : { previous: previous.snapshot.label }) })
  }
  const current = (): World => {
    if (world === undefined) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, 'nothing was applied yet'])
    return world
  }
  const store = new MemoryStore()
  const follower = new Follower({ store, build: (bundle, version) => build(bundle, version, now()), apply })

  /** A directory that is not usable is reported once and published never, so what runs goes on running. */
  let seen: string | undefined
  const reload = async (): Promise<boolean> => {
    const next = await loadConfiguration(directory, now()).catch(() => undefined)
    if (next === undefined) {
      messages.warn('config_problem', { file: directory, problem: 'cannot be read; the running configuration stays' })
      return false
    }
    const bytes = encodeBundle(next.bundle)
    const found = digest(bytes)
    if (found === seen) return found === follower.applied?.sha256
    seen = found
    if (next.snapshot === undefined) {
      metrics.snapshotRefused('invalid')
      messages.warn('snapshot_refused', { reason: 'invalid', count: errors(next.problems).length })
      for (const { file, line, message } of errors(next.problems)) messages.warn('config_problem', { file, line, problem: message })
      return false
    }
    if (found === follower.applied?.sha256) return true
    await store.publish({ bytes, created: now(), after: await store.head() })
    const result = await follower.poll()
    if (result.outcome === 'refused') {
      metrics.snapshotRefused(result.reason)
      messages.warn('snapshot_refused', { reason: result.reason })
    }
    return result.outcome === 'applied'
  }
  await reload()

  // Where clients are.
  const paths = geoPaths(settings, directory)
  const geo = new GeoSource({
    path: paths.database,
    asnPath: paths.asnDatabase,
    locator,
    now,
    pollMs: (settings.geo?.pollSeconds ?? 10) * 1000,
    onLoaded: ({ path }) => messages.info('geo_loaded', { file: path }),
    onRefused: ({ path, message }) => messages.warn('geo_refused', { file: path, problem: message }),
  })
  await geo.load()

  // The key of the viewers' draws: in memory only, a new one each day.
  let key = drawKey(randomBytes)
  let keyDay = Math.floor(now() / DAY_MS)

  const router = new Router({
    locator,
    config: { trusted: TrustedProxies.parse(settings.trustedProxies ?? []) },
    world: current,
    drawKey: () => key,
    now,
    monotonic: () => performance.now(),
    onDecided: (decided) => {
      metrics.decision(decided.decision, decided.seconds)
      recordDecision(log, decided)
    },
    onRejected: (reason) => metrics.httpRejected(reason),
  })
  const failed = (name: string) => {
    metrics.requestFailed()
    messages.error('request_failed', { reason: name.toLowerCase() })
  }
  const server = createPublicServer({
    respond: (wire) => router.respond(wire),
    onRejected: (reason) => metrics.httpRejected(reason),
    onError: failed,
    now,
    ...(settings.maxConnections === undefined ? {} : { limits: { maxConnections: settings.maxConnections } }),
  })
  let draining = false
  const adminServer = createAdminServer({
    token: await readToken(settings, directory),
    routes: adminRoutes({ router, world: current, head: () => follower.applied, locator, metrics, now, isReady: () => !draining && world !== undefined }),
    onError: (name) => messages.error('task_failed', { task: 'admin', reason: name.toLowerCase() }),
  })
  const publicEndpoint = parseEndpoint(options.listen ?? settings.listen ?? '0.0.0.0:8080')
  const adminEndpoint = parseEndpoint(options.admin ?? settings.admin?.listen ?? '127.0.0.1:9090')
  const atAdmin = await listen(adminServer, adminEndpoint)
  const atPublic = await listen(server, publicEndpoint).catch(async (error: unknown) => {
    await adminServer.close()
    throw error
  })
  messages.info('started', { listener: formatEndpoint(atPublic), version: current().snapshot.label })

  const timers = [
    every(TICK_MS, () => {
      current().tally.tick(current().health)
      const today = Math.floor(now() / DAY_MS)
      if (today === keyDay) return
      keyDay = today
      key = drawKey(randomBytes)
    }),
    every((settings.reloadSeconds ?? 2) * 1000, () => void reload().catch((error: unknown) => messages.error('task_failed', { task: 'reload' }, error))),
  ]
  geo.start()

  return {
    public: atPublic,
    admin: atAdmin,
    get world() {
      return current()
    },
    reload: () => {
      seen = undefined
      return reload()
    },
    reopen: () => {
      for (const sink of sinks) if (sink instanceof FileSink) sink.reopen()
    },
    close: async () => {
      draining = true
      messages.info('stopping')
      for (const timer of timers) clearInterval(timer)
      geo.close()
      await server.drain()
      await log.close()
      await adminServer.close()
      await store.close()
      messages.info('stopped', { total: log.decided, count: log.recorded })
    },
  }
}

const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

function every(ms: number, run: () => void): NodeJS.Timeout {
  return setInterval(run, ms).unref()
}

function createSinks(settings: Settings, directory: string, messages: OperatorLog): Sink[] {
  return (settings.log?.sinks ?? [{ type: 'stdout' as const }]).map((sink) => {
    if (sink.type === 'stdout') return new StdoutSink({ stream: process.stdout, setTimer })
    const path = isAbsolute(sink.path) ? sink.path : join(directory, sink.path)
    const onState = (state: 'failed' | 'recovered', code: string) => messages.warn(state === 'failed' ? 'sink_failed' : 'sink_recovered', { sink: 'file', code })
    return new FileSink({ path, setTimer, onState })
  })
}

async function readToken(settings: Settings, directory: string): Promise<string | undefined> {
  const file = settings.admin?.tokenFile
  if (file === undefined) return undefined
  const path = isAbsolute(file) ? file : join(directory, file)
  const token = await readFile(path, 'utf8').then((text) => text.split('\n')[0]?.trim() ?? '', () => '')
  if (token.length < MIN_TOKEN) throw new WisselError('WISSEL_ADMIN_TOKEN', [settings.admin?.listen ?? '127.0.0.1:9090', `at least ${MIN_TOKEN} characters in its first line`])
  return token
}

async function listen(server: PublicServer | AdminServer, endpoint: Endpoint): Promise<Endpoint> {
  try {
    return await server.listen(endpoint)
  } catch (error) {
    if (error instanceof RangeError) throw new WisselError('WISSEL_ADMIN_TOKEN', [formatEndpoint(endpoint), `at least ${MIN_TOKEN} characters`], { cause: error })
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new WisselError('WISSEL_LISTEN_FAILED', [formatEndpoint(endpoint), code], { cause: error })
  }
}
