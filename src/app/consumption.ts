/** What edges and CDNs report as bytes and requests, where the settings ask for it: buckets of five minutes in a file of their own. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { WisselError } from '../errors.ts'
import { MIN_TOKEN } from '../http/admin-server.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import { FileSink } from '../log/sinks/file.ts'
import { linesOf } from '../log/sinks/sink.ts'
import type { SetTimer } from '../log/sinks/sink.ts'
import type { Settings } from '../policy/settings.ts'
import type { Snapshot } from '../routing/model.ts'
import { codeOf } from '../state/durable-file.ts'
import { usageReport } from '../usage/endpoint.ts'
import type { UsageAnswer } from '../usage/endpoint.ts'
import { BUCKET_MS, UsageBuckets } from '../usage/usage.ts'

export interface Consumption {
  /** SHA-256 of the token, hexadecimal. */
  readonly tokenHash: string
  report(body: string): UsageAnswer
  /** Opens the file anew, after a rotation. */
  reopen(): void
  /** Writes every row that waits. */
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
}

/** Rejects with a `WisselError` where the token cannot be used. */
export async function openConsumption({ tokenFile, path }: NonNullable<Settings['usage']>, { directory, setTimer, now, messages, snapshot }: ConsumptionOptions): Promise<Consumption> {
  const within = (file: string) => (isAbsolute(file) ? file : join(directory, file))
  const unusable = (why: string) => new WisselError('WISSEL_SINK', ['usage', `its tokenFile "${tokenFile}" ${why}`])
  const text = await readFile(within(tokenFile), 'utf8').catch((error: unknown) => {
    throw unusable(`cannot be read: ${codeOf(error)}`)
  })
  const token = text.split('\n')[0]?.trim() ?? ''
  if (token.length < MIN_TOKEN) throw unusable(`needs at least ${MIN_TOKEN} characters in its first line`)

  const sink = new FileSink({
    name: 'usage',
    path: within(path),
    setTimer,
    onState: (state, code) => messages.warn(state === 'failed' ? 'sink_failed' : 'sink_recovered', { sink: 'usage', code }),
  })
  const buckets = new UsageBuckets()
  let told = 0
  const write = (until: number) => {
    for (const line of buckets.take(until)) sink.write(linesOf(line, [1]))
    const dropped = buckets.dropped + sink.dropped
    if (dropped > told) messages.warn('records_dropped', { count: dropped - told, reason: 'usage' })
    told = dropped
  }
  const timer = setInterval(() => write(now()), BUCKET_MS).unref()
  return {
    tokenHash: createHash('sha256').update(token).digest('hex'),
    report: (body) => {
      const current = snapshot()
      const targets = new Set(current?.targets.map(({ id }) => id))
      return usageReport(body, buckets, { now: now(), isService: (id) => current?.ids.has(id) === true, isTarget: (id) => targets.has(id) })
    },
    reopen: () => sink.reopen(),
    close: async () => {
      clearInterval(timer)
      write(Infinity)
      await sink.close()
    },
  }
}
