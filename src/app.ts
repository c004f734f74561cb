/** Wires everything. With `app/`, the only place that builds adapters and, below `main.ts`, the only one that knows the clock and chance. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { adminRoutes, ownRoutes } from './admin.ts'
import { openArchive } from './app/archive.ts'
import { openConsumption } from './app/consumption.ts'
import { openCounters } from './app/counters.ts'
import { embeddedSource } from './app/embedded.ts'
import { openKept } from './app/kept.ts'
import { createPlayers } from './app/players.ts'
import { SettingsWatch } from './app/settings-watch.ts'
import { createSinks } from './app/sinks.ts'
import type { Source } from './app/source.ts'
import { readToken } from './app/token-file.ts'
import { loadSettings } from './cli/configuration.ts'
import { WisselError } from './errors.ts'
import { Locator } from './geo/locator.ts'
import { GeoSource } from './geo/source.ts'
import { HealthBoard } from './health/board.ts'
import { shared } from './health/lookup.ts'
import { OverrideFileError } from './health/override-file.ts'
import { probe } from './health/probe.ts'
import { createAdminServer, MIN_TOKEN } from './http/admin-server.ts'
import type { AdminServer } from './http/admin-server.ts'
import { TrustedProxies } from './http/client-address.ts'
import { OperatorLog } from './log/operator-log.ts'
import type { SetTimer } from './log/sinks/sink.ts'
import type { Settings } from './policy/settings.ts'
import { Router } from './router.ts'
import type { World } from './router.ts'
import { HealthTable } from './routing/health-table.ts'
import type { Snapshot } from './routing/model.ts'
import { formatEndpoint, geoPaths, parseEndpoint, stateDirectoryOf } from './settings.ts'
import type { Endpoint } from './settings.ts'
import { REFUSALS } from './state/follower.ts'
import type { RedisSettings } from './state/redis-settings.ts'
import { Metrics } from './stats/metrics.ts'
import { codeOf } from './system.ts'

export interface AppOptions {
  readonly directory: string
  /** From the command line; they win over the settings file. */
  readonly listen?: string | undefined
  readonly admin?: string | undefined
  readonly redis?: RedisSettings | undefined
  readonly stateDirectory?: string | undefined
  readonly fastLane?: boolean | undefined
  readonly threads?: number | undefined
  /** Takes the operator's messages, a line at a time. */
  readonly messages: (line: string) => void
}

export interface App {
  readonly public: Endpoint
  readonly admin: Endpoint
  /** That answer players beside the main one; 0: it answers itself. */
  readonly threads: number
  /** Absent until there is a first snapshot. */
  readonly world: World | undefined
  /** Looks for new state now. True when what runs is what is there. */
  reload(): Promise<boolean>
  /** Opens log files anew, after a rotation. */
  reopen(): void
  /** Finishes what is in flight, writes every record, ends. */
  close(): Promise<void>
}

const STRICT_WINDOW_MS = 60_000
/** Milliseconds that a stop waits for files that make the next start quicker. */
const KEEPING_MS = 2000

/** Rejects with a `WisselError` where the configuration is not usable or an address cannot be listened on; nothing runs then. */
export async function startApp(options: AppOptions): Promise<App> {
  // What was begun last ends first.
  const running = new AsyncDisposableStack()
  try {
    return await wire(options, running)
  } catch (error) {
    await running.disposeAsync()
    throw error
  }
}

async function wire(options: AppOptions, running: AsyncDisposableStack): Promise<App> {
  const { directory } = options
  const now = () => Date.now()
  const random = () => Math.random()
  const monotonic = () => performance.now()
  const settings = await loadSettings(directory)
  const routerId = settings.router ?? 'wissel'
  const stateDirectory = options.stateDirectory ?? stateDirectoryOf(settings)
  const reloadMs = (settings.reloadSeconds ?? 2) * 1000
  const messages = new OperatorLog({ write: options.messages, now, router: routerId })

  // Ends last: nobody waits for what only the next start would miss, and it for nothing that takes too long.
  const kept = openKept(stateDirectory, messages)
  running.defer(() => Promise.race([kept.settled(), new Promise<void>((resolve) => setTimeout(resolve, KEEPING_MS).unref())]))

  // Where decisions go.
  const outlets = await createSinks({ settings, directory, router: routerId, setTimer, now, messages })
  running.defer(() => outlets.close())
  const archive = settings.archive === undefined ? undefined : await openArchive(settings.archive, { directory, router: routerId, reloadMs, now, setTimer, messages })
  const counters = settings.log?.counters === undefined ? undefined : openCounters(settings.log.counters, { directory, setTimer, now, messages })
  running.defer(async () => {
    await archive?.close()
    await counters?.close()
  })
  // It answers until the last player was answered.
  let adminServer: AdminServer | undefined
  running.defer(() => adminServer?.close())

  // Who makes them. Threads load their code while the state is read.
  const trustedProxies = settings.trustedProxies ?? []
  const strict = settings.log?.strict === true
  const threads = threadsFor(options.threads ?? settings.threads, messages)
  const players = createPlayers({
    settings: {
      router: routerId,
      trustedProxies,
      proxyProtocol: settings.proxyProtocol === true,
      fastLane: options.fastLane ?? settings.fastLane ?? true,
      maxConnections: settings.maxConnections,
      windowMs: strict ? STRICT_WINDOW_MS : (settings.log?.windowSeconds ?? 1) * 1000,
      shuffled: strict,
    },
    threads,
    sinks: outlets.sinks,
    setTimer,
    archive,
    onViewer: counters === undefined ? undefined : (seen) => counters.count(seen),
    drawKey: () => source.drawKey(),
    onSent: (target, viewers) => board?.onDecision(target, viewers),
    onDropped: (count, why) => messages.warn('records_dropped', { count, reason: why }),
    onError: (name) => messages.error('request_failed', { reason: name.toLowerCase() }),
    onDied: (thread, why, waitMs) => {
      metrics.threadDied()
      messages.error('thread_died', { thread, reason: why.toLowerCase(), milliseconds: waitMs })
    },
    takeBack: () => source.takeBack(),
  })
  running.defer(() => players.close())
  const locator = new Locator()
  const metrics: Metrics = new Metrics({ now, requests: () => players.totals(), snapshotReasons: REFUSALS, log: players.records, geo: locator, threads: players })
  if (archive !== undefined) metrics.archive(archive.writer)

  const memory = await kept.documents()

  // What decisions read: swapped whole.
  let world: World | undefined
  const apply = (snapshot: Snapshot) => {
    const previous = world
    const health = new HealthTable(snapshot, undefined, previous?.health)
    board?.watch(snapshot, health)
    world = players.apply(snapshot, health)
    kept.keepDocuments(memory)
    metrics.reset(snapshot, health, now())
    messages.info('snapshot_applied', { version: snapshot.label, count: snapshot.services.length, ...(previous === undefined ? {} : { previous: previous.snapshot.label }) })
  }
  let board: HealthBoard | undefined
  const redis = options.redis ?? settings.redis
  const common = { stateDirectory, router: routerId, now, messages, metrics, memory, apply }
  const source: Source =
    redis === undefined
      ? embeddedSource({ ...common, directory, reloadMs })
      : await (await import('./app/redis.ts')).redisSource({ ...common, redis, random, setTimer })
  metrics.link(() => source.link)
  metrics.shipping(outlets.shippers, outlets.segments)

  const settingsWatch = new SettingsWatch({ directory, started: settings, messages })
  const watchTimer = setInterval(() => void settingsWatch.look(), reloadMs).unref()
  running.defer(() => clearInterval(watchTimer))

  // Where clients are.
  const paths = geoPaths(settings, directory)
  const arrived = (path: string | undefined) => (path !== undefined && existsSync(path) ? path : undefined)
  const geo = new GeoSource({
    // What was pushed to the deployment takes the place of what came with the router, not of what this router's settings name.
    path: () => (settings.geo?.database === undefined ? arrived(source.geo?.database) : undefined) ?? paths.database,
    fallback: paths.database,
    asnPath: () => paths.asnDatabase ?? arrived(source.geo?.asnDatabase),
    locator,
    now,
    io: { compile: kept.compile },
    pollMs: (settings.geo?.pollSeconds ?? 10) * 1000,
    onLoaded: ({ path, shared: database }) => {
      players.place(database)
      messages.info('geo_loaded', { file: path })
    },
    onRefused: ({ path, message }) => messages.warn('geo_refused', { file: path, problem: message }),
  })
  running.defer(() => geo.close())
  // In a thread of its own, while the state is read here.
  const located = geo.load()

  // How targets are.
  const resolve = shared()
  board = new HealthBoard({
    probe: (spec, cancel) => probe(spec, cancel, resolve),
    setTimer,
    monotonic,
    random,
    now,
    prober: routerId,
    epoch: randomUUID(),
    overrides: source.overrides,
    ...(source.exchange === undefined ? {} : { exchange: source.exchange }),
    onChange: (target, state, why) => {
      metrics.healthChanged(state)
      messages.info('health_changed', { target: target.id, state, reason: why })
    },
    onOverride: ({ target, state }, inForce) => {
      if (!inForce || world === undefined || world.snapshot.targets.some(({ id }) => id === target)) messages.info('override_changed', { target, state: inForce ? state : 'auto' })
      else messages.warn('override_changed', { target, state, problem: 'there is no such target; the command holds as soon as there is' })
    },
    onQuarantine: (quarantined, failed, total) => {
      metrics.quarantine(quarantined)
      messages.warn('health_quarantined', { state: quarantined ? 'on' : 'off', count: failed, total })
    },
    onTrouble: (what, failed, why) => {
      if (!(why instanceof OverrideFileError)) messages.warn(failed ? 'task_failed' : 'task_recovered', { task: what }, why)
      else messages.error('task_failed', { task: what, file: why.file, problem: 'the operators\' commands cannot be read; those that are known hold on, and new ones are not heard of' }, why)
    },
  })
  const watching = board
  running.defer(async () => {
    watching.close()
    await source.close()
  })
  await source.start()
  await board.start()
  await located

  const consumption = settings.usage === undefined ? undefined : await openConsumption(settings.usage, { directory, setTimer, now, messages, snapshot: () => world?.snapshot })
  running.defer(() => consumption?.close())

  // Explains what the others decide.
  const router = new Router({
    locator, now, monotonic,
    config: { trusted: TrustedProxies.parse(trustedProxies) },
    world: () => world,
    drawKey: source.drawKey,
    onDecided: () => undefined,
    onRejected: () => undefined,
  })
  let draining = false
  adminServer = createAdminServer({
    token: await adminToken(settings, directory),
    routes: adminRoutes({ router, world: () => world, source, board, locator, metrics, now, isReady: () => !draining && world !== undefined && players.alive > 0 }),
    ownRoutes: ownRoutes(board, consumption),
    onError: (name) => messages.error('task_failed', { task: 'admin', reason: name.toLowerCase() }),
  })
  const atAdmin = await listen(adminServer, parseEndpoint(options.admin ?? settings.admin?.listen ?? '127.0.0.1:9090'))
  await players.applied()
  const atPublic = await listen(players, parseEndpoint(options.listen ?? settings.listen ?? '0.0.0.0:8080'))
  messages.info('started', { listener: formatEndpoint(atPublic), ...(world === undefined ? {} : { version: world.snapshot.label }) })

  geo.start()
  metrics.open().catch((error: unknown) => messages.error('task_failed', { task: 'metrics' }, error))

  return {
    public: atPublic,
    admin: atAdmin,
    threads,
    get world() {
      return world
    },
    reload: async () => {
      await settingsWatch.look(true)
      await archive?.reload()
      return source.look()
    },
    reopen: () => {
      outlets.reopen()
      counters?.reopen()
      consumption?.reopen()
    },
    close: async () => {
      draining = true
      messages.info('stopping')
      await running.disposeAsync()
      messages.info('stopped', { total: players.records.decided, count: players.records.recorded })
    },
  }
}

const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Elsewhere than on Linux, and some of the BSDs, a port is one thread's. */
function threadsFor(wanted = 1, messages: OperatorLog): number {
  if (wanted <= 1 || process.platform === 'linux') return wanted
  messages.warn('config_problem', { file: 'threads', problem: `${wanted} threads cannot share a port on this system; there is one` })
  return 1
}

async function adminToken(settings: Settings, directory: string): Promise<string | undefined> {
  const file = settings.admin?.tokenFile
  if (file === undefined) return undefined
  const path = isAbsolute(file) ? file : join(directory, file)
  const unusable = (why: string) => new WisselError('WISSEL_ADMIN_TOKEN', [settings.admin?.listen ?? '127.0.0.1:9090', `"${file}" ${why}`])
  const token = await readToken(path).catch((error: unknown) => {
    throw unusable(`cannot be read: ${codeOf(error)}`)
  })
  if (token.length < MIN_TOKEN) throw unusable(`needs at least ${MIN_TOKEN} characters in its first line`)
  return token
}

async function listen(server: { listen(endpoint: Endpoint): Promise<Endpoint> }, endpoint: Endpoint): Promise<Endpoint> {
  try {
    return await server.listen(endpoint)
  } catch (error) {
    if (error instanceof RangeError) throw new WisselError('WISSEL_ADMIN_TOKEN', [formatEndpoint(endpoint), `at least ${MIN_TOKEN} characters`], { cause: error })
    throw new WisselError('WISSEL_LISTEN_FAILED', [formatEndpoint(endpoint), codeOf(error)], { cause: error })
  }
}
