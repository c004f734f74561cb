/** The state in Redis with its connections, as one thing to open and close. */
import { keysOf } from './keys.ts'
import type { Keys } from './keys.ts'
import { connectRedis } from './redis-connection.ts'
import type { LinkState, RedisLink } from './redis-connection.ts'
import type { RedisSettings } from './redis-settings.ts'
import { RedisStore } from './redis-store.ts'
import type { SetTimer } from './timing.ts'

export interface RedisState {
  readonly store: RedisStore
  /** The store's own connection for requests. */
  readonly link: RedisLink
  readonly keys: Keys
  close(): Promise<void>
}

export interface RedisStateOptions {
  /** `router`: short timeouts, and a second connection that waits for hints. `publisher`: time for large writes. */
  readonly role: 'router' | 'publisher'
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random: () => number
  readonly setTimer: SetTimer
  /** Of the connection for requests. */
  readonly onState?: (state: LinkState) => void
}

/** Connects in the background. Rejects where the settings cannot be used: `RedisUrlError`, or a file that cannot be read. */
export async function openRedisState(settings: RedisSettings, { role, now, random, setTimer, onState }: RedisStateOptions): Promise<RedisState> {
  const keys = keysOf(settings.prefix)
  const link = await connectRedis(settings, { use: role === 'router' ? 'request' : 'publish', name: role, now, random, ...(onState === undefined ? {} : { onState }) })
  const hints = role === 'router' ? await connectRedis(settings, { use: 'blocking', name: 'hints', now, random }) : undefined
  const store = new RedisStore({ link, hints, keys, setTimer })
  return { store, link, keys, close: () => store.close() }
}
