/** Turns what a schema says of a value into problems: one per mistake, with the value and what would be right. */
import { z } from 'zod'
import type { SourceDocument } from './document.ts'
import type { Path, Problem } from './problem.ts'
import { keysAt, placeOf, placesOf } from './schema-keys.ts'

/** What was found to be right: a document that did not change since it was read is not judged again. By the document's value. */
const judged = new WeakMap<object, { readonly schema: z.ZodType, readonly data: unknown }>()

export function validate<T>(schema: z.ZodType<T>, document: SourceDocument, problems: Problem[]): T | undefined {
  const { value } = document
  const before = typeof value === 'object' && value !== null ? judged.get(value) : undefined
  // The same schema made the same type of it.
  if (before?.schema === schema) return before.data as T
  const result = schema.safeParse(value)
  if (result.success) {
    if (typeof value === 'object' && value !== null) judged.set(value, { schema, data: result.data })
    return result.data
  }
  for (const issue of result.error.issues) report(issue, [], { schema, document, problems })
  return undefined
}

type Issue = z.core.$ZodIssue

interface Report {
  readonly schema: z.ZodType
  readonly document: SourceDocument
  readonly problems: Problem[]
}

function report(issue: Issue, base: Path, to: Report): void {
  const { schema, document, problems } = to
  const path = [...base, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))]
  const value = at(document.value, path)
  if (issue.code === 'unrecognized_keys') {
    const keys = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    for (const key of issue.keys) problems.push(document.problem([...path, key], `"${clip(key)}" is not a key here${whereInstead(key, keys, path, value)}`))
    return
  }
  // A union's own message says what forms there are; where the value is of one form but for its inside, that inside is the mistake.
  if (issue.code === 'invalid_union') {
    const nearest = issue.errors.toSorted((a, b) => Number(isOtherType(a)) - Number(isOtherType(b)) || a.length - b.length)[0]
    if (nearest !== undefined && (issue.message === 'Invalid input' || !isOtherType(nearest))) {
      for (const inner of nearest) report(inner, path, to)
      return
    }
  }
  problems.push(document.problem(path, sentence(issue, value)))
}

/** Whether the value is not even of the form's type. */
function isOtherType(issues: readonly Issue[]): boolean {
  return issues.some(({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'))
}

function sentence(issue: Issue, value: unknown): string {
  const shown = show(value)
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? `is missing; give ${article(issue.expected)}` : `${shown} is not ${article(issue.expected)}`
    case 'invalid_value':
      return value === undefined ? `is missing; use one of ${list(issue.values)}` : `${shown} is not one of ${list(issue.values)}${typeof value === 'string' ? hint(value, issue.values.map(String)) : ''}`
    case 'too_small':
      if (!issue.message.startsWith('Too small')) return issue.message
      return issue.origin === 'array' ? `needs at least ${String(issue.minimum)} entries` : `${shown} is too small; the least is ${String(issue.minimum)}`
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int' ? `${shown} is too large; the most is ${String(issue.maximum)}` : `is too long; the limit is ${String(issue.maximum)}`
    default:
      return value === undefined ? `is missing; ${issue.message}` : `${shown} is not valid here; ${issue.message}`
  }
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, key) => (typeof node === 'object' && node !== null && Object.hasOwn(node, key) ? Reflect.get(node, key) : undefined), value)
}

/** What the input looks like, short enough for one line. */
function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return typeof value === 'string' ? `"${clip(value)}"` : String(value)
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function article(expected: string): string {
  const words: Record<string, string> = { object: 'a map', record: 'a map', array: 'a list', string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false' }
  return words[expected] ?? expected
}

function list(values: readonly unknown[]): string {
  return values.map(String).join(', ')
}

/** What may be meant by a key that does not belong to the map at a path: one of the map's own, or one of another place. */
function whereInstead(key: string, schema: unknown, path: Path, value: unknown): string {
  const own = hint(key, keysAt(schema, path, value))
  if (own !== '') return own
  const others = placesOf(schema, placeOf(path))
  const meant = others.has(key) ? key : closest(key, others.keys())
  if (meant === undefined) return ''
  const where = [...(others.get(meant) ?? [])].map((place) => (place === '' ? 'at the top of the document' : `under ${place}`)).join(' or ')
  return meant === key ? `; it belongs ${where}` : ` (did you mean "${meant}" ${where}?)`
}

/** ` (did you mean "…"?)`, where something known is at most two keystrokes, and half of the word, away. */
export function hint(word: string, known: Iterable<string>): string {
  const best = closest(word, known)
  return best === undefined ? '' : ` (did you mean "${best}"?)`
}

function closest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = 3
  for (const candidate of known) {
    const away = distance(word, candidate, least)
    if (away < least && away * 2 <= Math.max(word.length, candidate.length)) {
      best = candidate
      least = away
    }
  }
  return best
}

/** Keystrokes from one word to the other, two letters in the wrong order being one (optimal string alignment), given up at `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 64) return limit
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1), swapped ? (before[j - 2] ?? 0) + 1 : Infinity)
    }
    before = row
    row = next
  }
  return row[b.length] ?? limit
}
