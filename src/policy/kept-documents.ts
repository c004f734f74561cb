/**
 * What documents said, kept for the next start: reading is most of what a start takes, and 5 s of it with 10,000 services.
 * Kept is what JSON can say of a document that has no mistake; the others are read again.
 */
import type { Content } from './document.ts'
import { DocumentMemory } from './document.ts'

/** Characters of a piece, more or less a document. */
const PIECE = 64 * 1024
/** Values of all documents together that say some of them more than once: aliases make many of a short text. */
const ALIASED = 200_000

/**
 * A line with the mark, and one for each document that the last reading read.
 * @param mark changes with the code that reads
 */
export function* encodeDocuments(memory: DocumentMemory, mark: string): Generator<Buffer, void> {
  let text = `${mark}\n`
  let aliasedLeft = ALIASED
  for (const [key, contents] of memory.known()) {
    const count = { left: contents.some(({ aliased }) => aliased) ? aliasedLeft : Infinity }
    if (!contents.every(({ value, mistakes }) => mistakes.length === 0 && isJson(value, count))) continue
    if (count.left !== Infinity) aliasedLeft = count.left
    text += `${key} ${JSON.stringify(contents.map(({ value }) => value))}\n`
    if (text.length < PIECE) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text)
}

/**
 * An empty memory where the documents bear another mark.
 * @param bytes all of what `encodeDocuments` made
 */
export function decodeDocuments(bytes: Uint8Array, mark: string): DocumentMemory {
  const [found, ...lines] = Buffer.from(bytes).toString().split('\n').slice(0, -1)
  if (found !== mark) return new DocumentMemory()
  return new DocumentMemory(new Map(lines.map((line) => {
    const space = line.indexOf(' ')
    const values = JSON.parse(line.slice(space + 1)) as unknown[]
    return [line.slice(0, space), values.map((value): Content => ({ value, aliased: false, mistakes: [] }))]
  })))
}

/** Whether it is the same once it was written as JSON and read again, and of no more values than are left, which are counted down. */
function isJson(value: unknown, count: { left: number }): boolean {
  if (count.left-- <= 0) return false
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || value === null) return typeof value === 'string' || typeof value === 'boolean' || value === null
  if (Array.isArray(value)) return value.every((item) => isJson(item, count))
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every((item) => isJson(item, count))
}
