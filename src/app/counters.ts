/** The side counters, where the settings ask for them: a file of their own that no decision record is in. */
import { randomBytes } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import type { OperatorLog } from '../log/operator-log.ts'
import { FileSink } from '../log/sinks/file.ts'
import type { SetTimer } from '../log/sinks/sink.ts'
import type { Settings } from '../policy/settings.ts'
import type { Seen } from '../router.ts'
import { SideCounters } from '../stats/side-counters.ts'

export interface Counters {
  count(seen: Seen): void
  /** Opens the file anew, after a rotation. */
  reopen(): void
  /** Writes what the hour and the day hold so far, as far as enough people are behind it. */
  close(): Promise<void>
}

export interface CountersOptions {
  /** Paths in settings are relative to it. */
  readonly directory: string
  readonly setTimer: SetTimer
  readonly now: () => number
  readonly messages: OperatorLog
}

/** An hour that is over is written even where nobody comes any more. */
const TICK_MS = 60_000
const NONE: ReadonlySet<string> = new Set()

export function openCounters({ path, k, dimensions }: NonNullable<NonNullable<Settings['log']>['counters']>, { directory, setTimer, now, messages }: CountersOptions): Counters {
  const sink = new FileSink({
    name: 'counters',
    path: isAbsolute(path) ? path : join(directory, path),
    setTimer,
    onState: (state, code) => messages.warn(state === 'failed' ? 'sink_failed' : 'sink_recovered', { sink: 'counters', code }),
  })
  const side = new SideCounters({ sinks: [sink], random: (bytes) => randomBytes(bytes), ...(k === undefined ? {} : { k }), ...(dimensions === undefined ? {} : { dimensions }) })
  const timer = setInterval(() => side.tick(now()), TICK_MS).unref()
  return {
    count: ({ service, ...seen }) => side.count({ ...seen, service: service.id, referrers: service.referrers ?? NONE }),
    reopen: () => sink.reopen(),
    close: () => {
      clearInterval(timer)
      return side.close()
    },
  }
}
