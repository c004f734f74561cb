/** Operators' commands in Redis: a hash with the latest command of each target. Routers only read it. */
import { isOverride } from '../health/overrides.ts'
import type { Override, OverrideStore } from '../health/overrides.ts'
import type { Keys } from './keys.ts'
import type { RedisLink } from './redis-connection.ts'

export class RedisOverrides implements OverrideStore {
  readonly #link: RedisLink
  readonly #keys: Keys

  constructor(link: RedisLink, keys: Keys) {
    this.#link = link
    this.#keys = keys
  }

  /** Rejects where one of them is not a command: half of what operators said is worse than what they said before. */
  async read(): Promise<readonly Override[]> {
    const texts = await this.#link.call('HVALS', this.#keys.overrides)
    if (!Array.isArray(texts)) throw new TypeError('not a hash of overrides')
    return texts.map((text: unknown) => {
      const command: unknown = typeof text === 'string' ? JSON.parse(text) : undefined
      if (!isOverride(command)) throw new TypeError('not an override')
      return command
    })
  }

  async write(command: Override): Promise<void> {
    await this.#link.call('HSET', this.#keys.overrides, command.target, JSON.stringify(command))
  }
}
