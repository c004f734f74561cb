/** Who answers players: threads of their own, or the thread that does everything else too. */
import type { SharedAsn, SharedGeo } from '../geo/geo-index.ts'
import { clientPort, TrustedProxies } from '../http/client-address.ts'
import { RecordHub } from '../log/relay.ts'
import type { Sink } from '../log/sinks/sink.ts'
import type { DrawKey } from '../privacy/draw.ts'
import type { Seen, World } from '../router.ts'
import type { HealthTable } from '../routing/health-table.ts'
import { LoadTally } from '../routing/load.ts'
import type { Snapshot, Target } from '../routing/model.ts'
import type { Endpoint } from '../settings.ts'
import type { SetTimer } from '../state/timing.ts'
import type { MetricsOptions } from '../stats/metrics.ts'
import type { RequestTotals } from '../stats/request-counts.ts'
import { rawFactsOf } from './archive.ts'
import type { Archive } from './archive.ts'
import { createDataPlane } from './data-plane.ts'
import type { PlaneSettings } from './data-plane.ts'
import { startThread } from './threads/start.ts'
import { Threads } from './threads/threads.ts'

export interface PlayersOptions {
  readonly settings: PlaneSettings
  /** 0: the calling thread. */
  readonly threads: number
  readonly sinks: readonly Sink[]
  readonly setTimer: SetTimer
  readonly archive: Archive | undefined
  readonly onViewer: ((seen: Seen) => void) | undefined
  drawKey(): DrawKey
  onSent(target: Target, viewers: number): void
  onDropped(count: number, why: 'too_many' | 'invalid' | 'closed'): void
  onError(name: string): void
  /** A thread died; another is started `waitMs` milliseconds later. */
  onDied(thread: number, why: string, waitMs: number): void
  /** Threads die of what decides. True where something else decides from now on. */
  takeBack(): boolean
}

export interface Players {
  readonly records: NonNullable<MetricsOptions['log']>
  /** Threads that answer now. */
  readonly alive: number
  /** They decide by it as soon as they have it, which `applied` tells. */
  apply(snapshot: Snapshot, health: HealthTable): World
  applied(): Promise<void>
  place(shared: SharedGeo | SharedAsn): void
  totals(): RequestTotals | Promise<RequestTotals>
  /** Rejects as the system does. */
  listen(endpoint: Endpoint): Promise<Endpoint>
  /** Finishes what is in flight, gives every record to the sinks, closes those. */
  close(): Promise<void>
}

export function createPlayers(options: PlayersOptions): Players {
  return options.threads === 0 ? here(options) : inThreads(options)
}

const TICK_MS = 1000

function here({ settings, sinks, setTimer, archive, onViewer, ...options }: PlayersOptions): Players {
  const trusted = TrustedProxies.parse(settings.trustedProxies)
  const plane = createDataPlane(settings, {
    sinks, setTimer,
    drawKey: options.drawKey,
    onDropped: options.onDropped,
    onError: options.onError,
    onSent: (target) => options.onSent(target, 1),
    ...(onViewer === undefined ? {} : { onViewer }),
    ...(archive === undefined ? {} : { onRaw: (resolved, wire, decision, snapshot, status, at) => archive.writer.add(rawFactsOf(resolved, decision, snapshot, status, at, clientPort(wire, trusted))) }),
  })
  const tick = setInterval(() => plane.world?.tally.tick(plane.world.health), TICK_MS).unref()
  return {
    records: plane.log,
    alive: 1,
    apply: (snapshot, health) => plane.apply(snapshot, health),
    applied: async () => undefined,
    place: (shared) => plane.place(shared),
    totals: () => plane.totals(),
    listen: (endpoint) => plane.listen(endpoint),
    close: async () => {
      clearInterval(tick)
      await plane.close()
    },
  }
}

function inThreads({ settings, threads: count, sinks, archive, onViewer, ...options }: PlayersOptions): Players {
  const hub = new RecordHub(sinks)
  const { maxConnections } = settings
  const threads = new Threads({
    count,
    // The setting is for all of them together.
    settings: { ...settings, maxConnections: maxConnections === undefined ? undefined : Math.ceil(maxConnections / count) },
    start: startThread,
    hub,
    monotonic: () => performance.now(),
    setTimer: options.setTimer,
    drawKey: options.drawKey,
    onSent: options.onSent,
    onDropped: options.onDropped,
    onError: options.onError,
    onDied: options.onDied,
    takeBack: options.takeBack,
    ...(onViewer === undefined ? {} : { onViewer }),
    ...(archive === undefined ? {} : { onRaw: ({ line, time }) => archive.writer.addLine(line, time) }),
  })
  let applied: Promise<void> = Promise.resolve()
  return {
    records: hub,
    get alive() {
      return threads.alive
    },
    apply: (snapshot, health) => {
      const world: World = { snapshot, health, tally: new LoadTally() }
      applied = threads.apply(world)
      return world
    },
    applied: () => applied,
    place: (shared) => threads.place(shared),
    totals: () => threads.totals(),
    listen: (endpoint) => threads.listen(endpoint),
    close: async () => {
      await threads.close()
      await hub.close()
    },
  }
}
