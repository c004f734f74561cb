/**
 * Access logs of edges and CDNs become consumption. Lines are read one at a time, in bounded memory, and of each only the
 * time, the host, the path and the bytes; addresses are in the text that was read and nowhere else.
 */
import type { UsageBuckets } from '../usage.ts'
import { CombinedReader } from './combined.ts'
import { FieldsReader } from './fields.ts'
import type { Hit, HitReader } from './hit.ts'

export const LOG_FORMATS = ['w3c', 'combined', 'cdni'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

export interface ImportOptions {
  readonly format: LogFormat
  /** Whose log it is. */
  readonly target: string
  /** The service of a request; `undefined` where it belongs to none. */
  serviceOf(hit: Hit): string | undefined
  readonly buckets: UsageBuckets
}

export interface Imported {
  readonly requests: number
  readonly bytes: number
  /** Lines that are no request and no directive, or too long. */
  readonly malformed: number
  /** Requests that belong to no service. */
  readonly unassigned: number
}

/** Characters of a line at most; what is longer is passed over and counted as malformed. */
export const MAX_LOG_LINE = 64 * 1024

/** Some tools begin a file with it; where files were put together it is within. */
const BYTE_ORDER_MARK = '\uFEFF'

const READERS: Record<LogFormat, () => HitReader> = { w3c: () => FieldsReader.w3c(), combined: () => new CombinedReader(), cdni: () => FieldsReader.cdni() }

/** @param chunks text, cut anywhere */
export async function importLog(chunks: AsyncIterable<string>, { format, target, serviceOf, buckets }: ImportOptions): Promise<Imported> {
  const reader = READERS[format]()
  const sum = { requests: 0, bytes: 0, malformed: 0, unassigned: 0 }
  for await (const line of boundedLines(chunks)) {
    const hit = line === undefined ? 'malformed' : reader.read(line.startsWith(BYTE_ORDER_MARK) ? line.slice(1) : line)
    if (hit === 'malformed') sum.malformed++
    if (hit === undefined || hit === 'malformed') continue
    const service = serviceOf(hit)
    if (service === undefined) {
      sum.unassigned++
      continue
    }
    sum.requests++
    sum.bytes += hit.bytes
    buckets.add({ at: hit.at, service, target, bytes: hit.bytes, requests: 1 })
  }
  return sum
}

/** Lines without their ends; `undefined` for one that is too long. Never holds more than a line and a chunk. */
async function* boundedLines(chunks: AsyncIterable<string>): AsyncGenerator<string | undefined> {
  let rest = ''
  let tooLong = false
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      const long = tooLong || rest.length + end - start > MAX_LOG_LINE
      yield long ? undefined : (rest + chunk.slice(start, end)).replace(/\r$/, '')
      rest = ''
      tooLong = false
      start = end + 1
    }
    tooLong ||= rest.length + chunk.length - start > MAX_LOG_LINE
    rest = tooLong ? '' : rest + chunk.slice(start)
  }
  if (tooLong) yield undefined
  else if (rest !== '') yield rest.replace(/\r$/, '')
}
