/**
 * What answers players: a router, its listener, its window of records and its counts. It knows no file, no Redis and no
 * probe, so it runs in a thread of its own as well as in the main one. What it needs of the rest comes in; what it learns
 * goes out by `PlanePorts`.
 */
import type { SharedAsn, SharedGeo } from '../geo/geo-index.ts'
import { AsnIndex, GeoIndex } from '../geo/geo-index.ts'
import { Locator } from '../geo/locator.ts'
import { TrustedProxies } from '../http/client-address.ts'
import { createPublicServer } from '../http/public-server.ts'
import type { ListenOptions } from '../http/public-server.ts'
import { HTTP_REJECTION_NAMES } from '../http/rejection.ts'
import { DecisionLog } from '../log/decision-log.ts'
import type { DecisionLogOptions } from '../log/decision-log.ts'
import { recordDecision } from '../log/record-decision.ts'
import type { Sink } from '../log/sinks/sink.ts'
import type { DrawKey } from '../privacy/draw.ts'
import { Router } from '../router.ts'
import type { RouterOptions, Seen, World } from '../router.ts'
import type { HealthTable } from '../routing/health-table.ts'
import { LoadTally } from '../routing/load.ts'
import type { Snapshot, Target } from '../routing/model.ts'
import { classify, isMedia } from '../routing/path.ts'
import type { Endpoint } from '../settings.ts'
import type { SetTimer } from '../state/timing.ts'
import { RequestCounts } from '../stats/request-counts.ts'
import type { RequestTotals } from '../stats/request-counts.ts'
import { FALLBACK_REASON_NAMES, SteeredManifests } from '../steering/manifests.ts'
import { FOLLOWING, Steering, STEERING_RESULTS } from '../steering/steer.ts'
import { undiciFetch } from '../steering/undici-fetch.ts'
import { Upstream } from '../steering/upstream.ts'
import { turnClock } from './turn-clock.ts'

/** Plain values: they go from thread to thread. */
export interface PlaneSettings {
  /** Id of this router. */
  readonly router: string
  readonly trustedProxies: readonly string[]
  readonly proxyProtocol: boolean
  readonly fastLane: boolean
  readonly maxConnections: number | undefined
  /** Milliseconds of a window of records. */
  readonly windowMs: number
  /** Whether a window's records are written in random order. */
  readonly shuffled: boolean
}

export interface PlanePorts extends Pick<RouterOptions, 'onRaw'> {
  readonly sinks: readonly Sink[]
  readonly onDropped: NonNullable<DecisionLogOptions['onDropped']>
  readonly setTimer: SetTimer
  /** The key of the day's draws. */
  drawKey(): DrawKey
  /** A viewer was sent to a target of the snapshot that decides now. */
  onSent(target: Target): void
  /** For the side counters, where they are on. The service is of the snapshot that decides now. */
  onViewer?(seen: Seen): void
  /** A decision was given to the log. */
  onDecided?(): void
  /** A request failed by a fault of the router: the error's name. */
  onError(name: string): void
}

/** `performance` itself is a global, which Node looks up with each use. */
const clock = performance
/** Milliseconds after which a manifest whose time is over has gone. */
const SWEEP_MS = 60_000
/** Distinct records in a window that may not end early, and lasts a minute: some 50 MB at most. */
const SHUFFLED_DISTINCT = 50_000

export interface DataPlane {
  readonly world: World | undefined
  readonly log: DecisionLog
  /** The next request is decided by it. */
  apply(snapshot: Snapshot, health: HealthTable): World
  place(shared: SharedGeo | SharedAsn): void
  totals(): RequestTotals
  /** Rejects as the system does. */
  listen(options: ListenOptions): Promise<Endpoint>
  /** Finishes what is in flight and writes the window's records to the sinks. */
  close(): Promise<void>
}

export function createDataPlane(settings: PlaneSettings, ports: PlanePorts): DataPlane {
  const now = turnClock(() => Date.now(), queueMicrotask)
  const monotonic = () => clock.now()
  const { setTimer, onViewer, onRaw } = ports
  let world: World | undefined
  const locator = new Locator()
  const counts = new RequestCounts({ httpReasons: HTTP_REJECTION_NAMES, steering: { results: STEERING_RESULTS, following: FOLLOWING, fallbacks: FALLBACK_REASON_NAMES } })
  const log = new DecisionLog({
    sinks: ports.sinks, router: settings.router, setTimer, windowMs: settings.windowMs, onDropped: ports.onDropped,
    seed: Math.floor(Math.random() * 2 ** 32), defer: queueMicrotask,
    ...(settings.shuffled ? { shuffle: () => Math.random(), maxDistinct: SHUFFLED_DISTINCT } : {}),
  })
  const trusted = TrustedProxies.parse(settings.trustedProxies)
  const steering = new Steering({ ttl: (service) => service.steeringTtl })
  const upstream = undiciFetch()
  const manifests = new SteeredManifests({ steering, upstream: new Upstream({ fetch: upstream.fetch, now: monotonic }), onFallback: (reason) => counts.steeringFallback(reason) })
  const onRejected = (reason: string) => counts.httpRejected(reason)
  const router = new Router({
    locator, steering, manifests, now, monotonic, onRejected,
    config: { trusted },
    world: () => world,
    drawKey: () => ports.drawKey(),
    onSteered: (steered) => counts.steered(steered),
    onDecided: (decided) => {
      const { decision, snapshot } = decided
      counts.decision(decision, decided.seconds)
      // A viewer is a manifest; segments that a service redirects are the same viewer again.
      if (decision.outcome !== 'refuse' && !isMedia(classify(decided.request.path))) {
        const { target } = decision.member
        // Others know targets and services by their places, which a swap while the answer was made may have moved.
        const current = snapshot === world?.snapshot ? target : world?.snapshot.targets.find(({ id }) => id === target.id)
        if (current !== undefined) ports.onSent(current)
      }
      recordDecision(log, decided)
      ports.onDecided?.()
    },
    ...(onViewer === undefined ? {} : {
      onViewer: (seen: Seen, snapshot: Snapshot) => {
        if (snapshot === world?.snapshot) return onViewer(seen)
        const service = world?.snapshot.ids.get(seen.service.id)
        if (service !== undefined) onViewer({ ...seen, service })
      },
    }),
    ...(onRaw === undefined ? {} : { onRaw }),
  })
  const sweeping = setInterval(() => manifests.sweep(), SWEEP_MS).unref()
  const server = createPublicServer({
    respond: (wire) => router.respond(wire),
    onRejected,
    onError: (name) => {
      counts.requestFailed()
      ports.onError(name)
    },
    now,
    fastLane: settings.fastLane,
    ...(settings.proxyProtocol ? { proxyProtocol: trusted } : {}),
    ...(settings.maxConnections === undefined ? {} : { limits: { maxConnections: settings.maxConnections } }),
  })
  return {
    get world() {
      return world
    },
    log,
    apply: (snapshot, health) => {
      if (snapshot.steered) void upstream.prepare()
      world = { snapshot, health, tally: new LoadTally() }
      counts.reset(snapshot)
      return world
    },
    place: (shared) => {
      if (shared.kind === 'geo') locator.swap(GeoIndex.from(shared), now())
      else locator.swapAsn(AsnIndex.from(shared))
    },
    totals: () => counts.totals(locator.failures),
    listen: (options) => server.listen(options),
    close: async () => {
      await server.drain()
      clearInterval(sweeping)
      await upstream.close()
      await log.close()
    },
  }
}
