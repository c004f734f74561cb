/**
 * Writes records as `serialise` does, many of them: that a value may stand in a field is checked, and how it is written is
 * worked out, when it is met first. Ids, countries and reasons are few; a log of thousands of lines a second says them over
 * and over again.
 */
import { RECORD_FIELDS, fits, written } from './record.ts'
import type { DecisionRecord, RecordField } from './record.ts'
import { isContentId } from './values.ts'
import type { ContentId } from './values.ts'

/** Texts of one field that are remembered; beyond, all are forgotten. */
const MAX_TEXTS = 4096

/** Of one field: its text, or `undefined` where the value may not stand there. */
class Column {
  readonly #field: RecordField
  readonly #texts = new Map<unknown, string | undefined>()
  /** Lists and counts are known by themselves: they are not changed once they are made. */
  readonly #objects = new WeakMap<object, { readonly text: string | undefined }>()

  constructor(field: RecordField) {
    this.#field = field
  }

  text(value: unknown): string | undefined {
    if (typeof value === 'object' && value !== null) {
      const known = this.#objects.get(value)
      if (known !== undefined) return known.text
      const text = this.#write(value)
      this.#objects.set(value, { text })
      return text
    }
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear()
    const text = this.#write(value)
    this.#texts.set(value, text)
    return text
  }

  #write(value: unknown): string | undefined {
    return value !== undefined && fits(this.#field, value) ? `${JSON.stringify(this.#field.name)}:${JSON.stringify(written(this.#field, value))}` : undefined
  }
}

const isTitle = ({ name }: RecordField) => name === 'content'
const TITLE = RECORD_FIELDS.findIndex(isTitle)
const BEFORE = RECORD_FIELDS.slice(0, TITLE)
/** The count is the last field. */
const AFTER = RECORD_FIELDS.slice(TITLE + 1, -1)

export interface LineModel {
  /** What its lines have in common; empty where there are none. */
  readonly text: string
  /** A line is what is before its title, the title, what is behind it, its count and `}`. */
  readonly before: string
  readonly after: string
  /** Whether a line with that title would be a record, given a count of 1 or more. */
  fits(content: ContentId): boolean
}

export class LineWriter {
  readonly #before = BEFORE.map((field) => new Column(field))
  readonly #after = AFTER.map((field) => new Column(field))

  /** For records that differ from this one in title and count alone. */
  of(record: DecisionRecord): LineModel {
    const head = this.#texts(record, BEFORE, this.#before)
    const middle = this.#texts(record, AFTER, this.#after)
    if (head === undefined || middle === undefined) return { text: '', before: '', after: '', fits: () => false }
    const [before, after] = [`{${head},"content":"`, `",${middle},"n":`]
    const text = flat(before + after)
    return { text, before: text.slice(0, before.length), after: text.slice(before.length), fits: isContentId }
  }

  #texts(record: DecisionRecord, fields: readonly RecordField[], columns: readonly Column[]): string | undefined {
    let all = ''
    for (const [i, { name }] of fields.entries()) {
      const text = columns[i]?.text(record[name])
      if (text === undefined) return undefined
      all += i === 0 ? text : `,${text}`
    }
    return all
  }
}

/** The same text, no longer in the pieces that V8 joins only when somebody looks into it: lines are made of it over and over again. */
function flat(text: string): string {
  text.charCodeAt(0)
  return text
}
