/**
 * The common and combined formats of Apache and nginx:
 * `address identity user [01/Mar/2026:20:31:00 +0100] "GET /path HTTP/1.1" 200 2326 "referer" "agent"`.
 * The line is read from the time, which the first `] "` ends: a user may be named with brackets, and quotes in a name are
 * escaped. What is left of it is never looked at; what follows the bytes is not either.
 */
import { bytesOf, momentOf, targetOf } from './hit.ts'
import type { Hit, HitReader } from './hit.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const TIME = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-])(0\d|1[0-4])([0-5]\d)$/

export class CombinedReader implements HitReader {
  read(line: string): Hit | undefined | 'malformed' {
    if (line === '') return undefined
    const close = line.indexOf('] "')
    const open = line.lastIndexOf('[', close)
    const end = quoteAfter(line, close + 3)
    if (close === -1 || open === -1 || end === -1) return 'malformed'
    const at = timeOf(line.slice(open + 1, close))
    const [, target] = line.slice(close + 3, end).split(' ', 3)
    const [status, bytes] = line.slice(end + 2, end + 40).split(' ', 2)
    const sent = bytesOf(bytes)
    if (at === undefined || sent === undefined || target === undefined || status === undefined || !/^\d{3}$/.test(status)) return 'malformed'
    return { at, ...targetOf(target), bytes: sent }
  }
}

/** The closing quote; one after a backslash is part of the text. */
function quoteAfter(line: string, start: number): number {
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === 92) i++
    else if (code === 34) return i
  }
  return -1
}

function timeOf(text: string): number | undefined {
  const [, day, name = '', year, time = '', sign, hours, minutes] = TIME.exec(text) ?? []
  const month = MONTHS.indexOf(name) + 1
  const local = day === undefined || month === 0 ? undefined : momentOf(`${year}-${String(month).padStart(2, '0')}-${day}`, time)
  return local === undefined ? undefined : local - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}
