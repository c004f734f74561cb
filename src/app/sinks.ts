/** The sinks that the settings name. */
import { isAbsolute, join } from 'node:path'
import type { OperatorLog } from '../log/operator-log.ts'
import { FileSink } from '../log/sinks/file.ts'
import type { SetTimer, Sink } from '../log/sinks/sink.ts'
import { StdoutSink } from '../log/sinks/stdout.ts'
import type { Settings } from '../policy/settings.ts'

export function createSinks(settings: Settings, directory: string, setTimer: SetTimer, messages: OperatorLog): Sink[] {
  return (settings.log?.sinks ?? [{ type: 'stdout' as const }]).map((sink) => {
    if (sink.type === 'stdout') return new StdoutSink({ stream: process.stdout, setTimer })
    const path = isAbsolute(sink.path) ? sink.path : join(directory, sink.path)
    const onState = (state: 'failed' | 'recovered', code: string) => messages.warn(state === 'failed' ? 'sink_failed' : 'sink_recovered', { sink: 'file', code })
    return new FileSink({ path, setTimer, onState })
  })
}
