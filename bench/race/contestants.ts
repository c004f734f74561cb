/** Who takes part, in the order in which they are told. The first one is what the others are compared with. */
import { bare } from './bare.ts'
import type { Contestant } from './contestant.ts'
import { haproxy } from './haproxy.ts'
import { nginx } from './nginx.ts'
import { embedded, withRedis } from './wissel.ts'

/** `embedded` and `withRedis` take a name and flags, for a Wissel that is started otherwise. */
export const CONTESTANTS: readonly Contestant[] = [nginx, haproxy, bare, embedded(), withRedis()]
