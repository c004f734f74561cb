/** The sink for standard output, which the shell may have made a file. */
import type { Writable } from 'node:stream'
import { FileSink } from '../log/sinks/file.ts'
import { descriptor, isFile } from '../log/sinks/stdout-file.ts'
import { StdoutSink } from '../log/sinks/stdout.ts'
import type { SetTimer, Sink } from '../log/sinks/sink.ts'

export interface StdoutOptions {
  readonly fd: number
  /** The same as a stream, for what is no file. */
  readonly stream: Pick<Writable, 'write' | 'on' | 'off' | 'writableNeedDrain'>
  readonly setTimer: SetTimer
  readonly onState: (state: 'failed' | 'recovered', code: string) => void
}

export function stdoutSink({ fd, stream, setTimer, onState }: StdoutOptions): Sink {
  if (!isFile(fd)) return new StdoutSink({ stream, setTimer, onState })
  return new FileSink({ path: '', name: 'stdout', setTimer, onState, open: descriptor(fd) })
}
