/** What edges and CDNs report as bytes and requests, where the settings ask for it: buckets of five minutes in a file of their own. */
import { createHash } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import { WisselError } from '../errors.ts'
import { MIN_TOKEN } from '../http/admin-server.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import { FileSink } from '../log/sinks/file.ts'
import type { FileSinkOptions } from '../log/sinks/file.ts'
import { linesOf } from '../log/sinks/sink.ts'
import type { SetTimer } from '../log/sinks/sink.ts'
import type { Settings } from '../policy/settings.ts'
import type { Snapshot } from '../routing/model.ts'
import { usageReport } from '../usage/endpoint.ts'
import type { UsageAnswer } from '../usage/endpoint.ts'
import { UsageBuckets } from '../usage/usage.ts'
import { codeOf } from '../system.ts'
import { readToken } from './token-file.ts'

/** A bucket is written so soon after it is over, or after a late report of it: what was answered with 202 is not to wait for a crash. */
const WRITE_MS = 1000
/** All rows that can wait, at their longest. */
const MAX_BYTES = 32 << 20

export interface Consumption {
  /** SHA-256 of the token, hexadecimal. */
  readonly tokenHash: string
  report(body: string): UsageAnswer
  /** Opens the file anew, after a rotation. */
  reopen(): void
  /** Writes every row that waits; whatever is reported from then on is refused. */
  close(): Promise<void>
}

export interface ConsumptionOptions {
  /** Paths in settings are relative to it. */
  readonly directory: string
  readonly setTimer: SetTimer
  readonly now: () => number
  readonly messages: OperatorLog
  /** `undefined`: nothing is known yet, and every report is refused. */
  readonly snapshot: () => Snapshot | undefined
  /** Default: a file of the system's. */
  readonly open?: FileSinkOptions['open']
}

/** Rejects with a `WisselError` where the token cannot be used. */
export async function openConsumption({ tokenFile, path }: NonNullable<Settings['usage']>, { directory, setTimer, now, messages, snapshot, open }: ConsumptionOptions): Promise<Consumption> {
  const within = (file: string) => (isAbsolute(file) ? file : join(directory, file))
  const unusable = (why: string) => new WisselError('WISSEL_SINK', ['usage', `its tokenFile "${tokenFile}" ${why}`])
  const token = await readToken(within(tokenFile)).catch((error: unknown) => {
    throw unusable(`cannot be read: ${codeOf(error)}`)
  })
  if (token.length < MIN_TOKEN) throw unusable(`needs at least ${MIN_TOKEN} characters in its first line`)

  /** Rows that the sink is given. */
  let room = Infinity
  const sink = new FileSink({
    name: 'usage',
    path: within(path),
    maxBytes: MAX_BYTES,
    setTimer,
    onState: (state, code) => {
      // While the disk fails rows wait where a report that finds no room is refused; the sink would drop them after the answer.
      // One is given to it, in case it has none to try the disk with.
      room = state === 'failed' ? 1 : Infinity
      messages.warn(state === 'failed' ? 'sink_failed' : 'sink_recovered', { sink: 'usage', code })
    },
    ...(open === undefined ? {} : { open }),
  })
  const buckets = new UsageBuckets()
  let told = 0
  const tell = () => {
    const dropped = buckets.dropped + sink.dropped
    if (dropped > told) messages.warn('records_dropped', { count: dropped - told, reason: 'usage' })
    told = dropped
  }
  const write = (until: number, most?: number) => {
    const lines = buckets.take(until, most)
    room -= lines.length
    for (const line of lines) sink.write(linesOf(line, [1]))
  }
  let cancel: () => void
  const tick = () => {
    write(now(), room)
    tell()
    cancel = setTimer(tick, WRITE_MS)
  }
  cancel = setTimer(tick, WRITE_MS)
  return {
    tokenHash: createHash('sha256').update(token).digest('hex'),
    report: (body) => {
      const current = snapshot()
      const targets = new Set(current?.targets.map(({ id }) => id))
      return usageReport(body, buckets, { now: now(), isService: (id) => current?.ids.has(id) === true, isTarget: (id) => targets.has(id) })
    },
    reopen: () => sink.reopen(),
    close: async () => {
      cancel()
      write(Infinity)
      // The admin listener may still answer.
      buckets.close()
      await sink.close()
      tell()
    },
  }
}
