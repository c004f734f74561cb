/**
 * Tells the deployment which version this router runs, and hears the same of the others. Each beat reads first and writes
 * then, so that what was heard is in what is said.
 */
import type { Keys } from './keys.ts'
import type { RedisLink } from './redis-connection.ts'
import { formatReport, readRouters, REPORT_TTL_MS } from './router-report.ts'
import type { RouterReport, SeenRouter } from './router-report.ts'
import type { SharedDrawKey } from './shared-draw-key.ts'
import { jittered } from './timing.ts'
import type { SetTimer } from './timing.ts'

export interface HeartbeatOptions {
  readonly link: RedisLink
  readonly keys: Keys
  /** Id of this router. */
  readonly router: string
  /** Random, drawn at start. */
  readonly instance: string
  readonly report: () => Pick<RouterReport, 'started' | 'applied' | 'refused' | 'quarantined' | 'geo' | 'forgotten'>
  readonly drawKey: SharedDrawKey
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly setTimer: SetTimer
  /** 0 to 1. */
  readonly random: () => number
  /** Milliseconds. Default 5000, a third of a report's life. */
  readonly intervalMs?: number
  /** The routers that were heard, this one included. */
  readonly onRouters?: (routers: readonly SeenRouter[]) => void
  /** Another process goes by the same id: give each its own. */
  readonly onDuplicate?: () => void
}

export type Beat = 'sent' | 'failed'

/** Services, and forgotten commands, that a report names at most. */
const MAX_NAMED = 100
/** Beats in a row that find another's report under this id: after a restart there is one. */
const DUPLICATE_BEATS = 4
/** Milliseconds between beats while the day's key is not agreed upon. */
const UNSETTLED_MS = 1000

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #beating: Promise<Beat> | undefined
  #again = false
  #foreign = 0
  #closed = false
  #cancel: () => void = () => undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  /** Beats now and from then on. */
  start(): void {
    const tick = (): void => {
      void this.beat()
      const { drawKey, intervalMs = 5000, now, random, setTimer } = this.#options
      this.#cancel = setTimer(tick, jittered(drawKey.isSettled(now()) ? intervalMs : Math.min(intervalMs, UNSETTLED_MS), 0.2, random))
    }
    tick()
  }

  /** One beat, as after a version was applied or refused. One that is called while another is busy comes after it. Never rejects. */
  beat(): Promise<Beat> {
    if (this.#beating !== undefined) {
      this.#again = true
      return this.#beating
    }
    this.#beating = this.#beat().then(
      (): Beat => 'sent',
      (): Beat => 'failed',
    ).then((result) => {
      this.#beating = undefined
      if (!this.#again) return result
      this.#again = false
      return this.beat()
    })
    return this.#beating
  }

  /** Says that this router is gone, where that can still be said. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#beating
    const { link, keys, router } = this.#options
    if (link.state.up) await link.call('DEL', keys.router(router)).catch(() => undefined)
  }

  async #beat(): Promise<void> {
    if (this.#closed) return
    const { link, keys, router, instance, drawKey, now } = this.#options
    const routers = await readRouters(link, keys)
    this.#lookForDuplicate(routers)
    drawKey.observe(now(), routers.map(({ report }) => report))
    const { quarantined, forgotten = [], ...report } = this.#options.report()
    const named = forgotten.slice(0, MAX_NAMED).map(({ target, state, until }) => ({ target, state, ...(until === undefined ? {} : { until }) }))
    const text = formatReport({ router, instance, ...report, quarantined: quarantined.slice(0, MAX_NAMED), ...(named.length === 0 ? {} : { forgotten: named }), draw: drawKey.report() })
    await link.call('SET', keys.router(router), text, 'PX', REPORT_TTL_MS)
    await link.call('SADD', keys.routers, router)
    this.#options.onRouters?.(routers)
  }

  #lookForDuplicate(routers: readonly SeenRouter[]): void {
    const own = routers.find(({ report }) => report.router === this.#options.router)
    this.#foreign = own === undefined || own.report.instance === this.#options.instance ? 0 : this.#foreign + 1
    if (this.#foreign === DUPLICATE_BEATS) this.#options.onDuplicate?.()
  }
}
