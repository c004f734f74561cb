/** Probers' reports in Redis: each router writes its own key, which lives as long as anybody believes it, and reads all. */
import { readProberReport } from '../health/exchange.ts'
import type { HealthExchange, ProberReport } from '../health/exchange.ts'
import type { Keys } from './keys.ts'
import type { RedisLink } from './redis-connection.ts'

/** Longer than any report is fresh; receivers judge freshness by their own clocks. */
const TTL_MS = 120_000
const MAX_PROBERS = 2000

export class RedisHealth implements HealthExchange {
  readonly #link: RedisLink
  readonly #keys: Keys

  constructor(link: RedisLink, keys: Keys) {
    this.#link = link
    this.#keys = keys
  }

  async publish(report: ProberReport): Promise<void> {
    await this.#link.call('SET', this.#keys.health(report.prober), JSON.stringify(report), 'PX', TTL_MS)
    await this.#link.call('SADD', this.#keys.routers, report.prober)
  }

  async read(): Promise<readonly ProberReport[]> {
    const members = await this.#link.call('SMEMBERS', this.#keys.routers)
    const ids = (Array.isArray(members) ? members.filter((id) => typeof id === 'string') : []).slice(0, MAX_PROBERS)
    if (ids.length === 0) return []
    const texts = await this.#link.call('MGET', ...ids.map((id) => this.#keys.health(id)))
    return (Array.isArray(texts) ? texts : []).flatMap((text: unknown, i): ProberReport[] => {
      const report = typeof text === 'string' ? readProberReport(text) : undefined
      // A report under another's name is nobody's.
      return report !== undefined && report.prober === ids[i] ? [report] : []
    })
  }
}
