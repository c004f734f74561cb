/** One YAML document with the line of everything in it. The only user of the package `yaml`. */
import { hash } from 'node:crypto'
import { isAlias, isMap, isNode, isPair, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, ParsedNode } from 'yaml'
import type { Path, Problem } from './problem.ts'
import { formatPath } from './problem.ts'
import { finish } from './steps.ts'

/** A file above this many bytes is refused unread: configurations of this size are written by accident. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024

export interface SourceDocument {
  readonly file: string
  readonly value: unknown
  /** A problem at a path of this document. */
  problem(path: Path, message: string, severity?: Problem['severity']): Problem
}

/**
 * Reads a file of one or more documents. Duplicate keys, tags and syntax errors are problems. YAML's aliases are
 * allowed, so that a thousand targets can share one declaration, up to a number that no small file can blow up to.
 */
export function readDocuments(file: string, text: string): Read {
  return finish(readInSteps(file, text, new DocumentMemory()))
}

export interface Read {
  readonly documents: SourceDocument[]
  readonly problems: Problem[]
}

/** The same, a document a step; those that the memory knows cost next to nothing. */
export function* readInSteps(file: string, text: string, memory: DocumentMemory): Generator<void, Read> {
  if (text.length > MAX_FILE_BYTES) return { documents: [], problems: [whole(file, `the file has ${text.length} bytes; the limit is ${MAX_FILE_BYTES}`)] }
  const documents: SourceDocument[] = []
  const problems: Problem[] = []
  for (const part of partsOf(text)) {
    yield
    const contents = memory.read(part.text)
    // Lines are asked for where something is wrong; the trees that know them are ten times as large as the values.
    let trees: Tree[] | undefined
    for (const [position, { value, mistakes }] of contents.entries()) {
      for (const { line, message } of mistakes) problems.push({ file, line: part.line + line, path: '', message, severity: 'error' })
      if (value === null || value === undefined) continue
      documents.push({
        file,
        value,
        problem: (path, message, severity = 'error') => {
          trees ??= parse(part.text)
          const tree = trees[position]
          return { file, line: part.line + (tree === undefined ? 0 : lineOf(tree, path)), path: formatPath(path), message, severity }
        },
      })
    }
  }
  return { documents, problems }
}

/** What a document says. */
export interface Content {
  readonly value: unknown
  /** Whether parts of the value are one and the same. */
  readonly aliased: boolean
  /** Lines are counted from the part's first, which is 0. */
  readonly mistakes: readonly { readonly line: number, readonly message: string }[]
}

/**
 * What documents said at the reading before, by their text: where one of ten thousand services changes, one is read.
 * Values must not be changed.
 */
export class DocumentMemory {
  #last: ReadonlyMap<string, readonly Content[]> = new Map()
  #now: Map<string, readonly Content[]>
  #parsed = 0

  /** @param known at an earlier reading, perhaps before the last start */
  constructor(known = new Map<string, readonly Content[]>()) {
    this.#now = known
  }

  /** Another reading begins; what the last one did without is forgotten. */
  turn(): void {
    this.#last = this.#now
    this.#now = new Map()
  }

  /** How many were not known. */
  get parsed(): number {
    return this.#parsed
  }

  /** What was read since the last turn. */
  known(): ReadonlyMap<string, readonly Content[]> {
    return this.#now
  }

  read(text: string): readonly Content[] {
    // What has half a character has no bytes of its own, and so no digest.
    if (!text.isWellFormed()) return parse(text).map(contentOf)
    const key = hash('sha256', text, 'base64')
    const known = this.#now.get(key) ?? this.#last.get(key)
    const contents = known ?? parse(apart(text)).map(contentOf)
    if (known === undefined) this.#parsed++
    this.#now.set(key, contents)
    return contents
  }
}

/** The same text by itself: what was cut from a file keeps all of it in memory, and what is cut from that does, too. */
function apart(text: string): string {
  return String(JSON.parse(JSON.stringify(text)))
}

interface Part {
  readonly text: string
  /** Of the part's first line in the file, from 1. */
  readonly line: number
}

/**
 * The documents of a file, apart from each other. A line that begins with `---` separates two of them and is nothing else
 * anywhere in YAML (1.2.2, production 206). Where directives or ends are marked, that is left to the parser.
 */
function partsOf(text: string): Part[] {
  const starts = /(?:^|\n)\ufeff?(?:%|\.\.\.(?=[ \t\r\n]|$))/.test(text) ? [] : Array.from(text.matchAll(/\n---(?=[ \t\r\n]|$)/g), ({ index }) => index + 1)
  const parts: Part[] = []
  let [from, line] = [0, 1]
  for (const to of [...starts, text.length]) {
    const part = text.slice(from, to)
    parts.push({ text: part, line })
    from = to
    line += part.split('\n').length - 1
  }
  return parts
}

interface Tree {
  readonly document: Document.Parsed
  readonly lines: LineCounter
}

function parse(text: string): Tree[] {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, schema: 'core', uniqueKeys: true, strict: true, prettyErrors: false })
  // An empty stream is an empty file.
  return 'empty' in parsed ? [] : parsed.map((document) => ({ document, lines }))
}

function contentOf({ document, lines }: Tree): Content {
  const mistakes = [...document.errors, ...document.warnings].map(({ pos, message }) => ({ line: lines.linePos(pos[0]).line - 1, message: sentence(message) }))
  let aliased = false
  if (document.errors.length > 0) return { value: undefined, aliased, mistakes }
  try {
    const onAnchor = (_: unknown, count: number) => (aliased ||= count > 1)
    const value: unknown = document.toJS({ maxAliasCount: 100_000, onAnchor })
    return { value, aliased, mistakes }
  } catch (error) {
    return { value: undefined, aliased, mistakes: [...mistakes, { line: 0, message: error instanceof Error ? sentence(error.message) : 'the document cannot be read' }] }
  }
}

/** The line of the deepest node on the path that exists, the first being 0: a missing key is reported at the map that lacks it. */
function lineOf({ document, lines }: Tree, path: Path): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && keyText(item.key) === String(key))
      if (pair === undefined) break
      const at = pair.key as ParsedNode | null
      if (at?.range) offset = at.range[0]
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      if (isNode(node) && node.range) offset = node.range[0]
    } else break
  }
  return lines.linePos(offset).line - 1
}

function keyText(key: unknown): string {
  return isNode(key) ? String(key.toJSON()) : String(key)
}

function whole(file: string, message: string): Problem {
  return { file, line: 1, path: '', message, severity: 'error' }
}

function sentence(message: string): string {
  const first = message.split('\n')[0] ?? message
  return first.charAt(0).toLowerCase() + first.slice(1).replace(/\.$/, '')
}
