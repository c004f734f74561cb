/** `wissel freeze [VERSION]` and `wissel unfreeze`: routers stay where they are, whatever is published meanwhile. */
import type { RedisSettings } from '../state/redis-settings.ts'
import { formatStage } from './apply.ts'
import { findVersion, label, withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface FreezeArgs {
  /** Default: what is published now. */
  readonly version?: string | undefined
  readonly redis: RedisSettings
}

/** The exit status: 0 frozen, 1 not. */
export function freeze({ version, redis }: FreezeArgs, io: CommandIO): Promise<number> {
  return withState(redis, io, async ({ store }) => {
    const head = version === undefined ? await store.head() : findVersion(await store.history(), version)
    if (head === undefined) {
      io.err(version === undefined ? 'nothing is published, so there is nothing to freeze\n' : `there is no version ${version.slice(0, 40)}\n`)
      return 1
    }
    const pin = head.stage === undefined ? head : (head.base ?? head)
    await store.freeze(pin)
    const others = pin.stage === undefined ? '' : `; it is for ${formatStage(pin.stage)} and nothing was published before it, so all others stay where they are too`
    io.out(`frozen: routers go no further than ${label(pin)}; those that are beyond it stay where they are${others}\n`)
    return 0
  })
}

export function unfreeze({ redis }: { readonly redis: RedisSettings }, io: CommandIO): Promise<number> {
  return withState(redis, io, async ({ store }) => {
    const pin = await store.pin().catch(() => undefined)
    await store.freeze(undefined)
    io.out(pin === undefined ? 'nothing was frozen\n' : `no longer frozen at ${label(pin)}\n`)
    return 0
  })
}
