/** `wissel log import FORMAT FILE --target ID [--service ID]`: consumption out of an access log, as lines on standard output. */
import { createReadStream } from 'node:fs'
import { WisselError } from '../errors.ts'
import { match } from '../routing/match.ts'
import type { Snapshot } from '../routing/model.ts'
import { LOG_FORMATS, importLog } from '../usage/logs/import.ts'
import type { Imported, LogFormat } from '../usage/logs/import.ts'
import type { Hit } from '../usage/logs/hit.ts'
import { UsageBuckets } from '../usage/usage.ts'
import { codeOf } from '../system.ts'

export interface LogImportOptions {
  readonly format: string
  /** `-` is standard input. */
  readonly file: string
  /** Whose log it is. */
  readonly target: string
  /** The service of every request; absent: by the host and the path, as the router would match them. */
  readonly service: string | undefined
  readonly snapshot: Snapshot
  readonly stdin: AsyncIterable<string>
  readonly out: (text: string) => void
  /** Takes the summary. */
  readonly say: (text: string) => void
}

/** The exit status: 0 when every line was read, 1 when some were not. */
export async function importCommand({ format, file, target, service, snapshot, stdin, out, say }: LogImportOptions): Promise<number> {
  if (!(LOG_FORMATS as readonly string[]).includes(format)) throw new WisselError('WISSEL_USAGE', [`there is no log format "${format.slice(0, 20)}"; use one of ${LOG_FORMATS.join(', ')}`])
  if (!snapshot.targets.some(({ id }) => id === target)) throw new WisselError('WISSEL_USAGE', ['--target is not in the configuration'])
  if (service !== undefined && !snapshot.ids.has(service)) throw new WisselError('WISSEL_USAGE', ['--service is not in the configuration'])
  const buckets = new UsageBuckets()
  const serviceOf = ({ host, path }: Hit) => service ?? match(snapshot, host ?? '', path)?.service.id
  const chunks = file === '-' ? stdin : (createReadStream(file, { encoding: 'utf8' }) as AsyncIterable<string>)
  let imported: Imported
  try {
    imported = await importLog(chunks, { format: format as LogFormat, target, serviceOf, buckets })
  } catch (error) {
    throw new WisselError('WISSEL_USAGE', [`the log file cannot be read (${codeOf(error)})`], { cause: error })
  }
  for (const line of buckets.take(Infinity)) out(line)
  const { requests, bytes, malformed, unassigned } = imported
  say(`${requests} requests, ${bytes} bytes; ${unassigned} of no service; ${malformed} lines could not be read${buckets.dropped > 0 ? `; ${buckets.dropped} rows were too many` : ''}\n`)
  return malformed > 0 || buckets.dropped > 0 ? 1 : 0
}
