/** The time by the clock that a deployment shares: operators' machines have clocks of their own, and some are wrong. */
import { RedisError } from './redis-connection.ts'
import type { RedisLink } from './redis-connection.ts'

/**
 * Milliseconds since the epoch, by the clock of Redis; by `otherwise` where the user may not ask for it, as with an ACL from
 * before `+time`. Rejects with any other `RedisError`.
 */
export async function redisTime(link: RedisLink, otherwise: () => number): Promise<number> {
  try {
    const reply = await link.call('TIME')
    const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : []
    const time = Math.floor((seconds ?? NaN) * 1000 + (micros ?? NaN) / 1000)
    return Number.isSafeInteger(time) ? time : otherwise()
  } catch (error) {
    if (error instanceof RedisError && error.code === 'NOPERM') return otherwise()
    throw error
  }
}
