/**
 * Logs that name their columns in a `#Fields:` line: W3C extended (also CloudFront's and IIS's) and CDNI (RFC 7937), which
 * differ in the names. Only the columns that are needed are cut out of a line. Times are UTC in both.
 */
import { bytesOf, hostOf, momentOf, targetOf } from './hit.ts'
import type { Hit, HitReader } from './hit.ts'

interface Columns {
  /** Of a line; the others are positions. */
  readonly count: number
  readonly date: number
  readonly time: number
  readonly target: number
  readonly bytes: number
  readonly host: number
}

/** Names of a column, in order of preference. */
interface Names {
  readonly target: readonly string[]
  readonly bytes: readonly string[]
  readonly host: readonly string[]
}

const W3C: Names = { target: ['cs-uri-stem', 'cs-uri', 'x-uri'], bytes: ['sc-bytes', 'bytes', 'x-bytes'], host: ['x-host-header', 'cs-host', 'cs(host)', 's-hostname'] }
const CDNI: Names = { target: ['u-uri', 'cs-uri'], bytes: ['sc-total-bytes', 'sc-entity-bytes'], host: ['s-hostname'] }

export class FieldsReader implements HitReader {
  readonly #names: Names
  #columns: Columns | undefined

  private constructor(names: Names) {
    this.#names = names
  }

  static w3c(): FieldsReader {
    return new FieldsReader(W3C)
  }

  static cdni(): FieldsReader {
    return new FieldsReader(CDNI)
  }

  read(line: string): Hit | undefined | 'malformed' {
    if (line.startsWith('#')) {
      const [, fields] = /^#fields:\s*(.*)$/i.exec(line) ?? []
      if (fields !== undefined) this.#columns = columnsOf(fields.trim().toLowerCase().split(/\s+/), this.#names)
      return undefined
    }
    if (line === '') return undefined
    const columns = this.#columns
    if (columns === undefined) return 'malformed'
    const bounds = boundsOf(line, columns.count)
    if (bounds === undefined) return 'malformed'
    const column = (position: number) => line.slice(bounds[2 * position], bounds[2 * position + 1])
    const at = timeOf(column(columns.date), column(columns.time))
    const sent = bytesOf(column(columns.bytes))
    const asked = column(columns.target)
    if (at === undefined || sent === undefined || asked === '') return 'malformed'
    const { host: named, path } = targetOf(unquoted(asked))
    return { at, host: named ?? (columns.host === -1 ? undefined : hostOf(unquoted(column(columns.host)))), path, bytes: sent }
  }
}

function columnsOf(fields: readonly string[], names: Names): Columns | undefined {
  const find = (wanted: readonly string[]) => wanted.map((name) => fields.indexOf(name)).find((i) => i !== -1) ?? -1
  const needed = { date: find(['date']), time: find(['time']), target: find(names.target), bytes: find(names.bytes) }
  return Object.values(needed).includes(-1) ? undefined : { ...needed, host: find(names.host), count: fields.length }
}

/**
 * Start and end of each column, one after the other; `undefined` where there are not exactly `count`, because then nobody
 * knows which is which. Columns are divided by tabs where there is one, otherwise by spaces.
 */
function boundsOf(line: string, count: number): readonly number[] | undefined {
  const separator = line.includes('\t') ? '\t' : ' '
  const bounds: number[] = []
  for (let start = 0; bounds.length < 2 * count;) {
    const end = endOf(line, start, separator)
    bounds.push(start, end)
    start = end + 1
    while (separator === ' ' && line[start] === ' ') start++
    // Spaces at the end are no column; a tab there divides off an empty one.
    if (end === line.length || (separator === ' ' && start === line.length)) return bounds.length === 2 * count ? bounds : undefined
  }
  return undefined
}

/**
 * A text in quotes may hold separators, and doubles a quote. A quote is one of these only as the first character of a column
 * and before a separator; elsewhere it is a character, as it is where none closes: viewers put quotes where they like.
 */
function endOf(line: string, start: number, separator: string): number {
  if (line[start] === '"') {
    for (let quote = line.indexOf('"', start + 1); quote !== -1; quote = line.indexOf('"', quote + 1)) {
      const next = line[quote + 1]
      if (next === '"') quote++
      else if (next === separator || next === undefined) return quote + 1
    }
  }
  const end = line.indexOf(separator, start)
  return end === -1 ? line.length : end
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1).replaceAll('""', '"') : text
}

function timeOf(date: string, time: string): number | undefined {
  return /^\d{4}-\d\d-\d\d$/.test(date) && /^\d\d:\d\d(:\d\d(\.\d{1,6})?)?$/.test(time) ? momentOf(date, time) : undefined
}
