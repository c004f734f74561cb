/**
 * The state of a deployment, in Redis: booted from the last known good on disk, then followed. Nothing here is waited for
 * by a request; with Redis gone, hung or empty, what runs goes on running.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { WisselError } from '../errors.ts'
import { MirroredOverrides } from '../health/override-file.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import type { DocumentMemory } from '../policy/document.ts'
import { errors } from '../policy/problem.ts'
import type { Snapshot } from '../routing/model.ts'
import type { PollResult } from '../state/follower.ts'
import { Follower } from '../state/follower.ts'
import { follow } from '../state/following.ts'
import { Heartbeat } from '../state/heartbeat.ts'
import { LastKnownGood } from '../state/last-known-good.ts'
import { evictionPolicy, KEEPS } from '../state/redis-eviction.ts'
import { RedisGeo } from '../state/redis-geo.ts'
import { RedisHealth } from '../state/redis-health.ts'
import { RedisOverrides } from '../state/redis-overrides.ts'
import { settingsFault } from '../state/redis-settings.ts'
import type { RedisSettings } from '../state/redis-settings.ts'
import { openRedisState } from '../state/redis-state.ts'
import type { RefusedHead } from '../state/router-report.ts'
import { createSealer } from '../state/sealed-key.ts'
import { SharedDrawKey } from '../state/shared-draw-key.ts'
import type { SetTimer } from '../state/timing.ts'
import type { Metrics } from '../stats/metrics.ts'
import { overrideFile } from './override-files.ts'
import { prove } from './prove.ts'
import type { Source } from './source.ts'
import { buildInSlices, dailyDrawKey } from './source.ts'

export interface RedisOptions {
  readonly redis: RedisSettings
  readonly stateDirectory: string
  readonly router: string
  readonly now: () => number
  readonly random: () => number
  readonly setTimer: SetTimer
  readonly messages: OperatorLog
  readonly metrics: Metrics
  /** What documents said before. */
  readonly memory: DocumentMemory
  readonly apply: (snapshot: Snapshot) => void
}

/** Milliseconds between two looks for a geo database. */
const GEO_MS = 10_000

/** Rejects with a `WisselError` where the settings cannot be used. */
export async function redisSource(options: RedisOptions): Promise<Source> {
  const { router, now, random, setTimer, messages, metrics, memory, stateDirectory } = options
  const state = await openRedisState(options.redis, {
    role: 'router',
    now,
    random,
    setTimer,
    onState: ({ up, code }) => messages.warn(up ? 'redis_up' : 'redis_down', code === undefined ? {} : { code }),
  }).catch((error: unknown) => {
    const fault = settingsFault(error)
    throw fault === undefined ? error : new WisselError('WISSEL_REDIS', [fault], { cause: error })
  })
  const overrides = new MirroredOverrides(new RedisOverrides(state.link, state.keys, (target) => messages.warn('override_unreadable', { target })), overrideFile(stateDirectory), now)
  const kept = new LastKnownGood({ directory: join(stateDirectory, 'snapshots') })
  let refused: RefusedHead | null = null
  const started = now()
  const shared = new SharedDrawKey({ router, sealer: createSealer(), random: (bytes) => randomBytes(bytes) })
  const follower: Follower = new Follower({
    store: state.store,
    build: (bundle, version) => buildInSlices(bundle, version, now(), memory),
    apply: options.apply,
    router,
    prove,
    setTimer,
    save: ({ head, bytes, quarantined }) =>
      void kept.save(head, bytes, quarantined).then((result) => {
        metrics.lastKnownGood(result.saved)
        if (!result.saved) messages.warn('state_not_kept', { file: stateDirectory, code: result.code })
      }),
    onResult: (result) => {
      refused = refusedBy(result, refused)
      report(result)
      void heartbeat.beat()
    },
  })
  const heartbeat = new Heartbeat({
    link: state.link,
    keys: state.keys,
    router,
    instance: randomUUID(),
    report: () => ({ started, applied: follower.applied ?? null, refused, geo: Object.fromEntries(databases.map(({ kind, version }) => [kind, version])), forgotten: overrides.forgotten, quarantined: follower.quarantined }),
    drawKey: shared,
    now,
    setTimer,
    random,
    onDuplicate: () => messages.error('duplicate_router', { service: router }),
  })
  const directory = join(stateDirectory, 'geo')
  const databases = (['geo', 'asn'] as const).map((kind) => new RedisGeo({ link: state.link, keys: state.keys, kind, directory }))
  let policy: string = KEEPS
  let unfollow = (): void => undefined
  let geoTimer: NodeJS.Timeout | undefined

  function report(result: Exclude<PollResult, { outcome: 'same' }>): void {
    metrics.quarantined(follower.quarantined.length)
    if (result.outcome === 'empty') messages.warn('state_empty')
    if (result.outcome === 'held') messages.info('snapshot_held', { reason: result.reason })
    if (result.outcome === 'applied' && result.quarantined.length > 0) {
      for (const service of result.quarantined) messages.warn('service_quarantined', { service })
      for (const { file, line, message } of errors(result.problems)) messages.warn('config_problem', { file, line, problem: message })
    }
    if (result.outcome !== 'refused') return
    metrics.snapshotRefused(result.reason)
    messages.warn('snapshot_refused', { reason: result.reason, count: errors(result.problems).length, ...(result.detail === undefined ? {} : { problem: result.detail }) })
    for (const { file, line, message } of errors(result.problems)) messages.warn('config_problem', { file, line, problem: message })
  }

  async function poll(): Promise<PollResult> {
    const result = await follower.poll()
    if (result.outcome !== 'empty' && (result.outcome !== 'refused' || result.reason !== 'unreadable')) metrics.stateSeen(now())
    return result
  }

  /** Asked again and again: a policy is changed while Redis runs, or by a failover. One that cannot be asked for is not news. */
  async function lookForEviction(): Promise<void> {
    const found = await evictionPolicy(state.link).catch(() => undefined)
    if (found === undefined) return
    metrics.redisEvicts(found !== KEEPS)
    if (found !== KEEPS && found !== policy) messages.warn('redis_evicts', { reason: found })
    policy = found
  }

  return {
    get head() {
      return follower.applied
    },
    get quarantined() {
      return follower.quarantined
    },
    start: async () => {
      await follower.boot(kept.generations())
      if (kept.skipped > 0) messages.warn('state_skipped', { file: stateDirectory, count: kept.skipped })
      unfollow = follow({ poll, hints: [(listener) => state.store.onHint(listener), (listener) => state.link.onUp(listener)], setTimer, random })
      heartbeat.start()
      // A Redis that came back empty must hear soon what runs here: who publishes next goes by it.
      state.link.onUp(() => void heartbeat.beat())
      for (const database of databases) void database.open()
      const fetch = () => {
        void lookForEviction()
        for (const database of databases) {
          void database.poll().then((result) => {
            if (result.outcome === 'refused' && result.reason !== 'unreadable') messages.warn('geo_refused', { reason: result.reason, ...(result.code === undefined ? {} : { code: result.code }) })
          })
        }
      }
      state.link.onUp(fetch)
      geoTimer = setInterval(fetch, GEO_MS).unref()
    },
    takeBack: () => follower.takeBack(),
    look: async () => {
      const { outcome } = await poll()
      return outcome === 'applied' || outcome === 'same'
    },
    drawKey: dailyDrawKey(shared, now),
    exchange: new RedisHealth(state.link, state.keys),
    overrides,
    geo: { database: join(directory, 'geo.mmdb'), asnDatabase: join(directory, 'asn.mmdb') },
    get link() {
      return state.link.state
    },
    close: async () => {
      unfollow()
      clearInterval(geoTimer)
      await heartbeat.close()
      await state.close()
    },
  }
}

/** What the router says of a head that it does not run: until it runs one. */
function refusedBy(result: Exclude<PollResult, { outcome: 'same' }>, before: RefusedHead | null): RefusedHead | null {
  if (result.outcome === 'applied') return null
  if (result.outcome !== 'refused' || result.head === undefined) return before
  return { epoch: result.head.epoch, version: result.head.version, reason: result.reason }
}
