/** The sinks that the settings name, and the shippers that empty the segments into a collector or a stream. */
import { randomBytes } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import { WisselError } from '../errors.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import { FileSink } from '../log/sinks/file.ts'
import { httpShipper } from '../log/sinks/http.ts'
import { redisStreamShipper } from '../log/sinks/redis-stream.ts'
import { SegmentSink } from '../log/sinks/segments.ts'
import type { SetTimer, Sink } from '../log/sinks/sink.ts'
import type { Shipper } from '../log/segments/shipper.ts'
import type { Settings } from '../policy/settings.ts'
import { settingsFault } from '../state/redis-settings.ts'
import { codeOf } from '../system.ts'
import { stdoutSink } from './stdout.ts'
import { readToken } from './token-file.ts'

export interface Sinks {
  readonly sinks: readonly Sink[]
  readonly shippers: readonly Shipper[]
  readonly segments: SegmentSink | undefined
  /** Opens files anew, after a rotation. */
  reopen(): void
  /** After the log was closed. */
  close(): Promise<void>
}

export interface SinkOptions {
  readonly settings: Settings
  /** Paths in settings are relative to it. */
  readonly directory: string
  readonly router: string
  readonly setTimer: SetTimer
  readonly now: () => number
  readonly messages: OperatorLog
}

export async function createSinks({ settings, directory, router, setTimer, now, messages }: SinkOptions): Promise<Sinks> {
  const wanted = settings.log?.sinks ?? [{ type: 'stdout' as const }]
  const within = (path: string) => (isAbsolute(path) ? path : join(directory, path))
  const onState = (sink: string) => (state: 'failed' | 'recovered', code: string) => messages.warn(state === 'failed' ? 'sink_failed' : 'sink_recovered', { sink, code })
  const shippers: Shipper[] = []
  const links: { close(): Promise<void> }[] = []

  // Two of segments would each write every record to the first; two of the others would share a position and a name in the
  // metrics, and what one has taken would never reach the other.
  for (const type of ['segments', 'http', 'redis'] as const) if (wanted.filter((sink) => sink.type === type).length > 1) throw new WisselError('WISSEL_SINK', [type, 'it is given twice; give one'])
  const place = wanted.find((sink) => sink.type === 'segments')
  const segments =
    place === undefined
      ? undefined
      : new SegmentSink({
          directory: within(place.directory),
          writer: { router, boot: randomBytes(4).toString('hex') },
          setTimer,
          now,
          onState: onState('segments'),
          onAbandoned: (count) => messages.warn('records_dropped', { sink: 'segments', count }),
          onClosed: () => {
            for (const shipper of shippers) shipper.wake()
          },
          ...(place.budgetMegabytes === undefined ? {} : { budgetBytes: place.budgetMegabytes * 1024 * 1024 }),
          ...(place.keepHours === undefined ? {} : { keepMs: place.keepHours * 3_600_000 }),
          ...(place.rotateSeconds === undefined ? {} : { segmentMs: place.rotateSeconds * 1000 }),
        })

  const sinks: Sink[] = []
  for (const sink of wanted) {
    if (sink.type === 'stdout') sinks.push(stdoutSink({ fd: 1, stream: process.stdout, setTimer, onState: onState('stdout') }))
    else if (sink.type === 'file') sinks.push(new FileSink({ path: within(sink.path), setTimer, onState: onState('file') }))
    else if (sink.type === 'segments') {
      if (segments !== undefined) sinks.push(segments)
    } else {
      if (place === undefined) throw new WisselError('WISSEL_SINK', [sink.type, 'it is filled from segments; add a sink of type segments'])
      const common = { directory: within(place.directory), cursor: join(within(place.directory), `${sink.type}.cursor`), setTimer, onState: onState(sink.type) }
      if (sink.type === 'http') {
        const token = sink.tokenFile === undefined ? undefined : await readToken(within(sink.tokenFile)).catch((error: unknown) => unusable(sink.type, `its tokenFile "${sink.tokenFile ?? ''}" cannot be read: ${codeOf(error)}`))
        shippers.push(httpShipper({ ...common, url: new URL(sink.url), token }))
      } else {
        const { openStream } = await import('./stream.ts')
        const stream = await openStream(sink, now).catch((error: unknown) => unusable(sink.type, settingsFault(error) ?? codeOf(error)))
        links.push(stream)
        shippers.push(redisStreamShipper({ ...common, port: stream }))
      }
    }
  }
  segments?.start()
  for (const shipper of shippers) shipper.wake()
  return {
    sinks,
    shippers,
    segments,
    reopen: () => {
      for (const sink of sinks) if (sink instanceof FileSink) sink.reopen()
    },
    close: async () => {
      await Promise.all(shippers.map((shipper) => shipper.close()))
      await Promise.all(links.map((link) => link.close()))
    },
  }
}

function unusable(type: string, why: string): never {
  throw new WisselError('WISSEL_SINK', [type, why])
}
