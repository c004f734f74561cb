/**
 * The lines of a segment file: records, and between them the lines that make every loss visible.
 *
 * Each line of the stream has a number, which nothing carries: a segment's header gives that of its first line, every
 * record is the next one, and a gap names those that were dropped. A mark is written after each window with what the
 * decision log itself has counted, so the sums are checked against a number that was not made from them.
 */
import { isRecord } from '../../privacy/record.ts'
import type { DecisionRecord } from '../../privacy/record.ts'

/** Running totals of one writer since it started. */
export interface Totals {
  /** Number of the next line of the stream, from 1. */
  readonly seq: number
  /** Decisions that were made. */
  readonly decided: number
  /** Decisions in records of the stream. */
  readonly recorded: number
  /** Decisions that are in no record: of gaps, and what the log itself dropped. */
  readonly dropped: number
}

export type SegmentLine =
  /** The first line of a segment. */
  | { readonly kind: 'segment', readonly segment: number, readonly writer: string } & Totals
  | { readonly kind: 'record', readonly record: DecisionRecord }
  /** Lines `from` to `to` stood for `n` decisions and were dropped. */
  | { readonly kind: 'gap', readonly from: number, readonly to: number, readonly n: number }
  | { readonly kind: 'mark', readonly decided: number, readonly dropped: number }
  /** The last line of a segment; `last`: the writer stopped as planned. */
  | { readonly kind: 'end', readonly segment: number, readonly last: boolean } & Totals
  /** The last line of a segment whose writer was killed, written by the next one. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'unknown' }

export function headerLine(segment: number, writer: string, { seq, decided, recorded, dropped }: Totals): string {
  return `${JSON.stringify({ segment, writer, seq, decided, recorded, dropped })}\n`
}

export function gapLine(from: number, to: number, n: number): string {
  return `${JSON.stringify({ gap: [from, to], n })}\n`
}

export function markLine(decided: number, dropped: number): string {
  return `${JSON.stringify({ mark: decided, dropped })}\n`
}

export function endLine(segment: number, { seq, decided, recorded, dropped }: Totals, last: boolean): string {
  return `${JSON.stringify({ end: segment, seq, decided, recorded, dropped, last })}\n`
}

export const CUT_LINE = '{"cut":true}\n'

/** Reads one line without its end. What is none of the above is `unknown`, whatever it is. */
export function parseLine(text: string): SegmentLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unknown' }
  }
  if (isRecord(value)) return { kind: 'record', record: value }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'unknown' }
  return markOf(value as Readonly<Record<string, unknown>>) ?? { kind: 'unknown' }
}

function markOf(value: Readonly<Record<string, unknown>>): SegmentLine | undefined {
  const { segment, writer, seq, decided, recorded, dropped, gap, n, mark, end, last, cut } = value
  const has = (...keys: string[]) => Object.keys(value).join() === keys.join()
  const totals = count(seq) && count(decided) && count(recorded) && count(dropped) ? { seq, decided, recorded, dropped } : undefined
  if (has('segment', 'writer', 'seq', 'decided', 'recorded', 'dropped')) {
    return count(segment) && typeof writer === 'string' && totals !== undefined ? { kind: 'segment', segment, writer, ...totals } : undefined
  }
  if (has('end', 'seq', 'decided', 'recorded', 'dropped', 'last')) {
    return count(end) && typeof last === 'boolean' && totals !== undefined ? { kind: 'end', segment: end, last, ...totals } : undefined
  }
  if (has('gap', 'n')) {
    const [from, to] = Array.isArray(gap) ? (gap as unknown[]) : []
    return count(from) && count(to) && count(n) && to >= from ? { kind: 'gap', from, to, n } : undefined
  }
  if (has('mark', 'dropped')) return count(mark) && count(dropped) ? { kind: 'mark', decided: mark, dropped } : undefined
  return has('cut') && cut === true ? { kind: 'cut' } : undefined
}

function count(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
