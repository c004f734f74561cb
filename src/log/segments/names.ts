/** What segment files are called: `20260301T2031Z-ams-1-4f2a9c01-0-00000003.ndjson`; `.open` while it is written to. */
import { minuteOf } from '../../privacy/minute.ts'

/** Who writes: several threads of one process, and every start of it, are writers of their own. */
export interface WriterName {
  /** Id of the router. */
  readonly router: string
  /** Eight hexadecimal digits, drawn at the start of the process. */
  readonly boot: string
  /** Number of the thread; default 0. */
  readonly thread?: number
}

export interface SegmentName {
  readonly file: string
  /** Minute in which it was begun, as `20260301T2031Z`: names sort by age. */
  readonly minute: string
  /** `ams-1-4f2a9c01-0` */
  readonly writer: string
  readonly number: number
  readonly open: boolean
}

const NAME = /^(\d{8}T\d{4}Z)-([a-z0-9_][a-z0-9_.-]{0,90})-(\d{8,12})\.(ndjson|open)$/

export function writerOf({ router, boot, thread = 0 }: WriterName): string {
  return `${processOf({ router, boot })}-${thread}`
}

/** What the writers of one process have in common. */
export function processOf({ router, boot }: WriterName): string {
  return `${router}-${boot}`
}

/** The process of a writer. */
export function processWith(writer: string): string {
  return writer.replace(/-\d+$/, '')
}

/** @param now milliseconds since the epoch */
export function segmentName(writer: string, number: number, now: number): SegmentName {
  const minute = minuteOf(now).replace(/[:-]/g, '')
  return { file: `${minute}-${writer}-${String(number).padStart(8, '0')}.open`, minute, writer, number, open: true }
}

export function closedName({ file }: SegmentName): string {
  return file.replace(/\.open$/, '.ndjson')
}

export function closedSegment(segment: SegmentName): SegmentName {
  return { ...segment, file: closedName(segment), open: false }
}

/** The segments among the names of a directory, the oldest first; other files are not ours. */
export function segmentsAmong(files: readonly string[]): SegmentName[] {
  return files.flatMap((file) => {
    const [, minute = '', writer = '', number = '', kind] = NAME.exec(file) ?? []
    return kind === undefined ? [] : [{ file, minute, writer, number: Number(number), open: kind === 'open' }]
  }).sort((a, b) => (a.minute < b.minute ? -1 : a.minute > b.minute ? 1 : a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : a.number - b.number))
}

/** The minute of a name in milliseconds since the epoch. */
export function beganAt({ minute }: SegmentName): number {
  return Date.parse(minute.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5Z'))
}
