/**
 * Whether Redis throws keys away when its memory is full. Then the published state, or what routers and probers report, is
 * gone at the worst moment: routers go on with what they have, but one that starts on a new disk finds nothing.
 */
import type { RedisLink } from './redis-connection.ts'

/** The `maxmemory-policy` that keeps everything. */
export const KEEPS = 'noeviction'

/** The policy that is set, such as `allkeys-lru`; `undefined` where Redis does not say. Rejects with a `RedisError`. */
export async function evictionPolicy(link: Pick<RedisLink, 'call'>): Promise<string | undefined> {
  return /^maxmemory_policy:([a-z-]{1,40})\s*$/m.exec(String(await link.call('INFO', 'memory')))?.[1]
}
