/**
 * Redis users for the two roles, as lines of an ACL file (`aclfile` in redis.conf; Redis 7 or later). A router may read
 * what belongs to the deployment and write the keys that are its own; a publisher may do anything to the deployment's
 * keys and nothing to others.
 */
import { DEFAULT_PREFIX, keysOf } from './keys.ts'

/** What every connection does before its first command, by the way of the layout. */
const CONNECTING = '+auth +hello +select +ping +info +role +client|setname +cluster|slots'

/** @param password as it will stand in the file; keep the file readable by Redis alone */
export function routerUser(router: string, password: string, prefix = DEFAULT_PREFIX): string {
  const keys = keysOf(prefix)
  const own = [keys.router(router), keys.health(router), keys.routers].map((key) => `%RW~${key}`).join(' ')
  const commands = '+get +mget +getrange +exists +smembers +hgetall +hvals +hmget +lrange +xread +xrevrange +set +del +sadd +hset +pexpire'
  return `user wissel-${router} on >${password} resetchannels resetkeys %R~{${prefix}}:* ${own} -@all ${CONNECTING} ${commands}`
}

export function publisherUser(password: string, prefix = DEFAULT_PREFIX): string {
  const commands = '+@read +@write +eval +wait +time -@dangerous -@admin'
  return `user wissel-publisher on >${password} resetchannels resetkeys ~{${prefix}}:* -@all ${commands} ${CONNECTING}`
}
