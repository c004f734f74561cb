/**
 * What documents said, kept for the next start: reading is most of what a start takes, and 5 s of it with 10,000 services.
 * Kept is what JSON can say of a document that has no mistake; the others are read again.
 */
import type { Content } from './document.ts'
import { DocumentMemory } from './document.ts'

/** Characters of a piece, more or less a document. */
const PIECE = 64 * 1024
/** Characters and values of all documents together that say some of them more than once: aliases make many of a short text. */
const ALIASED = 1_000_000
/** Bytes of all that is kept. What is more is read again. */
const MOST = 128 * 2 ** 20

/**
 * A line with the mark, and one for each document.
 * @param mark changes with the code that reads
 */
export function* encodeDocuments(known: Iterable<readonly [key: string, contents: readonly Content[]]>, mark: string): Generator<Buffer, void> {
  let text = `${mark}\n`
  let aliasedLeft = ALIASED
  let left = MOST
  for (const [key, contents] of known) {
    const count = { left: contents.some(({ aliased }) => aliased) ? aliasedLeft : Infinity }
    if (!contents.every(({ value, mistakes }) => mistakes.length === 0 && isJson(value, count))) continue
    if (count.left !== Infinity) aliasedLeft = count.left
    text += `${key} ${JSON.stringify(contents.map(({ value }) => value))}\n`
    if (text.length < PIECE) continue
    const piece = Buffer.from(text)
    left -= piece.length
    if (left < 0) return
    yield piece
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

/** Whether it is the same once it was written as JSON and read again, and no more than is left, which is counted down. */
function isJson(value: unknown, count: { left: number }): boolean {
  count.left -= typeof value === 'string' ? 1 + value.length : 1
  if (count.left < 0) return false
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || value === null) return typeof value === 'string' || typeof value === 'boolean' || value === null
  if (Array.isArray(value)) return value.every((item) => isJson(item, count))
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every((item) => isJson(item, count))
}
