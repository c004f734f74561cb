/** `wissel rollback VERSION`: publishes an earlier version again, under a higher number, because versions only go up. */
import type { RedisSettings } from '../state/redis-settings.ts'
import { formatPosition } from '../state/store.ts'
import { report, running, tidy } from './apply.ts'
import { findVersion, label, withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface RollbackArgs {
  /** `42`, or `2.42` with its epoch. */
  readonly version: string
  readonly redis: RedisSettings
}

/** The exit status: 0 published and nobody refused, 1 not published, 2 published and a router refused it. */
export function rollback({ version, redis }: RollbackArgs, io: CommandIO): Promise<number> {
  return withState(redis, io, async (state) => {
    const history = await state.store.history()
    const target = findVersion(history, version)
    if (target === undefined) {
      io.err(`there is no version ${version.slice(0, 40)}; known are ${history.slice(0, 10).map(label).join(', ') || 'none'}\n`)
      return 1
    }
    const bytes = await state.store.readWhole(target)
    if (bytes === undefined) {
      io.err(`version ${label(target)} is not kept any more; apply its files again\n`)
      return 1
    }
    const before = await state.store.head()
    const above = await running(state, before, io)
    // It has run before, so it may be smaller than what runs now.
    const head = await state.store.publish({ bytes, created: io.now(), after: before, above, force: 'rollback', note: `rollback to ${formatPosition(target)}` })
    io.out(`published ${label(head)}, which is ${label(target)} again\n`)
    await tidy(state)
    return report(state, head, io)
  })
}
