/**
 * Logs that name their columns in a `#Fields:` line: W3C extended (also CloudFront's and IIS's) and CDNI (RFC 7937), which
 * differ in the names. Only the columns that are needed are cut out of a line. Times are UTC in both.
 */
import { bytesOf, hostOf, targetOf } from './hit.ts'
import type { Hit, HitReader } from './hit.ts'

interface Columns {
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
      if (fields !== undefined) this.#columns = columnsOf(fields.toLowerCase().split(/\s+/), this.#names)
      return undefined
    }
    if (line === '') return undefined
    const columns = this.#columns
    if (columns === undefined) return 'malformed'
    const { date, time, target, bytes, host } = columns
    const at = timeOf(column(line, date), column(line, time))
    const sent = bytesOf(column(line, bytes))
    const asked = column(line, target)
    if (at === undefined || sent === undefined || asked === undefined) return 'malformed'
    const { host: named, path } = targetOf(unquoted(asked))
    const known = host === -1 ? undefined : column(line, host)
    return { at, host: named ?? (known === undefined ? undefined : hostOf(unquoted(known))), path, bytes: sent }
  }
}

function columnsOf(fields: readonly string[], names: Names): Columns | undefined {
  const find = (wanted: readonly string[]) => wanted.map((name) => fields.indexOf(name)).find((i) => i !== -1) ?? -1
  const columns = { date: find(['date']), time: find(['time']), target: find(names.target), bytes: find(names.bytes), host: find(names.host) }
  const { host: _, ...needed } = columns
  return Object.values(needed).includes(-1) ? undefined : columns
}

/**
 * The column at a position, with its quotes; the others are passed over. Columns are divided by tabs where there is one,
 * otherwise by spaces; a quoted text may hold both, and doubles a quote.
 */
function column(line: string, position: number): string | undefined {
  const separator = line.includes('\t') ? 9 : 32
  let start = 0
  for (let i = 0; ; i++) {
    const end = endOf(line, start, separator)
    if (i === position) return end > start ? line.slice(start, end) : undefined
    if (end >= line.length) return undefined
    start = end + 1
    while (separator === 32 && line.charCodeAt(start) === 32) start++
  }
}

function endOf(line: string, start: number, separator: number): number {
  let quoted = false
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === 34) quoted = !quoted
    else if (code === separator && !quoted) return i
  }
  return line.length
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1).replaceAll('""', '"') : text
}

function timeOf(date: string | undefined, time: string | undefined): number | undefined {
  if (date === undefined || time === undefined || !/^\d{4}-\d\d-\d\d$/.test(date) || !/^\d\d:\d\d(:\d\d(\.\d{1,6})?)?$/.test(time)) return undefined
  const at = Date.parse(`${date}T${time}Z`)
  return Number.isNaN(at) ? undefined : at
}
