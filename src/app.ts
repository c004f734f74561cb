/** Wires everything. With `app/`, the only place that builds adapters and, below `main.ts`, the only one that knows the clock and chance. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { adminRoutes, ownRoutes } from './admin.ts'
import { openArchive } from './app/archive.ts'
import { openConsumption } from './app/consumption.ts'
import { openCounters } from './app/counters.ts'
import { embeddedSource } from './app/embedded.ts'
import { createSinks } from './app/sinks.ts'
import type { Source } from './app/source.ts'
import { loadSettings } from './cli/check.ts'
import { WisselError } from './errors.ts'
import { Locator } from './geo/locator.ts'
import { GeoSource } from './geo/source.ts'
import { HealthBoard } from './health/board.ts'
import { shared } from './health/lookup.ts'
import { probe } from './health/probe.ts'
import { createAdminServer, MIN_TOKEN } from './http/admin-server.ts'
import type { AdminServer } from './http/admin-server.ts'
import { clientPort, TrustedProxies } from './http/client-address.ts'
import { createPublicServer } from './http/public-server.ts'
import type { PublicServer } from './http/public-server.ts'
import { HTTP_REJECTION_NAMES } from './http/rejection.ts'
import { DecisionLog } from './log/decision-log.ts'
import { OperatorLog } from './log/operator-log.ts'
import { recordDecision } from './log/record-decision.ts'
import type { SetTimer } from './log/sinks/sink.ts'
import type { Settings } from './policy/settings.ts'
import { Router } from './router.ts'
import type { World } from './router.ts'
import { HealthTable } from './routing/health-table.ts'
import { LoadTally } from './routing/load.ts'
import type { Snapshot } from './routing/model.ts'
import { classify, isMedia } from './routing/path.ts'
import { formatEndpoint, geoPaths, parseEndpoint, stateDirectoryOf } from './settings.ts'
import type { Endpoint } from './settings.ts'
import { REFUSALS } from './state/follower.ts'
import type { RedisSettings } from './state/redis-settings.ts'
import { Metrics } from './stats/metrics.ts'
import { FALLBACK_REASON_NAMES, SteeredManifests } from './steering/manifests.ts'
import { FOLLOWING, Steering, STEERING_RESULTS } from './steering/steer.ts'
import { undiciFetch } from './steering/undici-fetch.ts'
import { Upstream } from './steering/upstream.ts'

export interface AppOptions {
  readonly directory: string
  /** From the command line; they win over the settings file. */
  readonly listen?: string | undefined
  readonly admin?: string | undefined
  readonly redis?: RedisSettings | undefined
  readonly stateDirectory?: string | undefined
  readonly fastLane?: boolean | undefined
  /** Takes the operator's messages, a line at a time. */
  readonly messages: (line: string) => void
}

export interface App {
  readonly public: Endpoint
  readonly admin: Endpoint
  /** Absent until there is a first snapshot. */
  readonly world: World | undefined
  /** Looks for new state now. True when what runs is what is there. */
  reload(): Promise<boolean>
  /** Opens log files anew, after a rotation. */
  reopen(): void
  /** Finishes what is in flight, writes every record, ends. */
  close(): Promise<void>
}

const TICK_MS = 1000
const STRICT_WINDOW_MS = 60_000

/** Rejects with a `WisselError` where the configuration is not usable or an address cannot be listened on. */
export async function startApp(options: AppOptions): Promise<App> {
  const { directory } = options
  const now = () => Date.now()
  const random = () => Math.random()
  const monotonic = () => performance.now()
  const settings = await loadSettings(directory)
  const routerId = settings.router ?? 'wissel'
  const stateDirectory = options.stateDirectory ?? stateDirectoryOf(settings)
  const messages = new OperatorLog({ write: options.messages, now, router: routerId })

  // Where decisions go.
  const outlets = await createSinks({ settings, directory, router: routerId, setTimer, now, messages })
  const log = new DecisionLog({
    sinks: outlets.sinks,
    router: routerId,
    setTimer,
    ...(settings.log?.strict === true ? { windowMs: STRICT_WINDOW_MS, shuffle: random } : { windowMs: (settings.log?.windowSeconds ?? 1) * 1000 }),
    onDropped: (count, why) => messages.warn('records_dropped', { count, reason: why }),
  })
  const locator = new Locator()
  const metrics = new Metrics({ now, httpReasons: HTTP_REJECTION_NAMES, snapshotReasons: REFUSALS, steering: { results: STEERING_RESULTS, following: FOLLOWING, fallbacks: FALLBACK_REASON_NAMES }, log, geo: locator })

  // What decisions read: swapped whole.
  let world: World | undefined
  const apply = (snapshot: Snapshot) => {
    const previous = world
    const health = new HealthTable(snapshot)
    board?.watch(snapshot, health)
    world = { snapshot, health, tally: new LoadTally(snapshot.steps) }
    metrics.reset(snapshot, health, now())
    messages.info('snapshot_applied', { version: snapshot.label, count: snapshot.services.length, ...(previous === undefined ? {} : { previous: previous.snapshot.label }) })
  }
  let board: HealthBoard | undefined
  const redis = options.redis ?? settings.redis
  const common = { stateDirectory, router: routerId, now, messages, metrics, apply }
  const source: Source =
    redis === undefined
      ? embeddedSource({ ...common, directory, reloadMs: (settings.reloadSeconds ?? 2) * 1000 })
      : await (await import('./app/redis.ts')).redisSource({ ...common, redis, random, setTimer })
  metrics.link(() => source.link)
  metrics.shipping(outlets.shippers, outlets.segments)

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
    onOverride: ({ target, state }, inForce) => messages.info('override_changed', { target, state: inForce ? state : 'auto' }),
    onQuarantine: (quarantined, failed, total) => {
      metrics.quarantine(quarantined)
      messages.warn('health_quarantined', { state: quarantined ? 'on' : 'off', count: failed, total })
    },
    onTrouble: (what, failed) => messages.warn(failed ? 'task_failed' : 'task_recovered', { task: what }),
  })
  await source.start()
  await board.start()

  // Where clients are.
  const paths = geoPaths(settings, directory)
  const arrived = (path: string | undefined) => (path !== undefined && existsSync(path) ? path : undefined)
  const geo = new GeoSource({
    // What was pushed to the deployment takes the place of what came with the router, not of what this router's settings name.
    path: () => (settings.geo?.database === undefined ? arrived(source.geo?.database) : undefined) ?? paths.database,
    asnPath: () => paths.asnDatabase ?? arrived(source.geo?.asnDatabase),
    locator,
    now,
    pollMs: (settings.geo?.pollSeconds ?? 10) * 1000,
    onLoaded: ({ path }) => messages.info('geo_loaded', { file: path }),
    onRefused: ({ path, message }) => messages.warn('geo_refused', { file: path, problem: message }),
  })
  await geo.load()

  const archive = settings.archive === undefined ? undefined : await openArchive(settings.archive, directory, routerId, now, setTimer, messages)
  if (archive !== undefined) metrics.archive(archive.writer)

  const counters = settings.log?.counters === undefined ? undefined : openCounters(settings.log.counters, { directory, setTimer, now, messages })
  const consumption = settings.usage === undefined ? undefined : await openConsumption(settings.usage, { directory, setTimer, now, messages, snapshot: () => world?.snapshot })

  const steering = new Steering({ ttl: (service) => service.steeringTtl })
  const manifestFetch = undiciFetch()
  const manifests = new SteeredManifests({ steering, upstream: new Upstream({ fetch: manifestFetch.fetch, now: monotonic }), onFallback: (reason) => metrics.steeringFallback(reason) })
  const trusted = TrustedProxies.parse(settings.trustedProxies ?? [])
  const router = new Router({
    steering,
    manifests,
    onSteered: (steered) => metrics.steered(steered),
    locator,
    config: { trusted },
    world: () => world,
    drawKey: source.drawKey,
    now,
    monotonic,
    onDecided: (decided) => {
      metrics.decision(decided.decision, decided.seconds)
      // A viewer is a manifest; segments that a service redirects are the same viewer again.
      if (decided.decision.outcome !== 'refuse' && !isMedia(classify(decided.request.path))) board.onDecision(decided.decision.member.target)
      recordDecision(log, decided)
    },
    onRejected: (reason) => metrics.httpRejected(reason),
    ...(counters === undefined ? {} : { onViewer: (seen) => counters.count(seen) }),
    ...(archive === undefined ? {} : { onRaw: (resolved, wire, decision, status, at) => archive.add(resolved, decision, status, at, clientPort(wire, trusted)) }),
  })
  const server = createPublicServer({
    respond: (wire) => router.respond(wire),
    onRejected: (reason) => metrics.httpRejected(reason),
    onError: (name) => {
      metrics.requestFailed()
      messages.error('request_failed', { reason: name.toLowerCase() })
    },
    now,
    fastLane: options.fastLane ?? settings.fastLane ?? true,
    ...(settings.proxyProtocol === true ? { proxyProtocol: TrustedProxies.parse(settings.trustedProxies ?? []) } : {}),
    ...(settings.maxConnections === undefined ? {} : { limits: { maxConnections: settings.maxConnections } }),
  })
  let draining = false
  const adminServer = createAdminServer({
    token: await readToken(settings, directory),
    routes: adminRoutes({ router, world: () => world, source, board, locator, metrics, now, isReady: () => !draining && world !== undefined }),
    ownRoutes: ownRoutes(board, consumption),
    onError: (name) => messages.error('task_failed', { task: 'admin', reason: name.toLowerCase() }),
  })
  const atAdmin = await listen(adminServer, parseEndpoint(options.admin ?? settings.admin?.listen ?? '127.0.0.1:9090'))
  const atPublic = await listen(server, parseEndpoint(options.listen ?? settings.listen ?? '0.0.0.0:8080')).catch(async (error: unknown) => {
    await adminServer.close()
    throw error
  })
  messages.info('started', { listener: formatEndpoint(atPublic), ...(world === undefined ? {} : { version: world.snapshot.label }) })

  const tick = setInterval(() => world?.tally.tick(world.health), TICK_MS).unref()
  geo.start()

  return {
    public: atPublic,
    admin: atAdmin,
    get world() {
      return world
    },
    reload: async () => {
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
      clearInterval(tick)
      geo.close()
      board.close()
      await server.drain()
      await manifestFetch.close()
      await log.close()
      await outlets.close()
      await archive?.writer.close()
      await counters?.close()
      await adminServer.close()
      await consumption?.close()
      await source.close()
      messages.info('stopped', { total: log.decided, count: log.recorded })
    },
  }
}

const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
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
