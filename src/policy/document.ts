/** One YAML document with the line of everything in it. The only user of the package `yaml`. */
import { isAlias, isMap, isNode, isPair, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, ParsedNode } from 'yaml'
import type { Path, Problem } from './problem.ts'
import { formatPath } from './problem.ts'

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
export function readDocuments(file: string, text: string): { documents: SourceDocument[]; problems: Problem[] } {
  if (text.length > MAX_FILE_BYTES) return { documents: [], problems: [whole(file, `the file has ${text.length} bytes; the limit is ${MAX_FILE_BYTES}`)] }
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, schema: 'core', uniqueKeys: true, strict: true, prettyErrors: false })
  const documents: SourceDocument[] = []
  const problems: Problem[] = []
  // An empty stream is an empty file.
  for (const document of 'empty' in parsed ? [] : parsed) {
    for (const error of [...document.errors, ...document.warnings]) {
      problems.push({ file, line: lines.linePos(error.pos[0]).line, path: '', message: sentence(error.message), severity: 'error' })
    }
    if (document.errors.length > 0) continue
    const value = plain(document, file, problems)
    if (value === null || value === undefined) continue
    documents.push({ file, value, problem: (path, message, severity = 'error') => ({ file, line: lineOf(document, path, lines), path: formatPath(path), message, severity }) })
  }
  return { documents, problems }
}

function plain(document: Document.Parsed, file: string, problems: Problem[]): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100_000 })
    return value
  } catch (error) {
    problems.push(whole(file, error instanceof Error ? sentence(error.message) : 'the document cannot be read'))
    return undefined
  }
}

/** The line of the deepest node on the path that exists: a missing key is reported at the map that lacks it. */
function lineOf(document: Document.Parsed, path: Path, lines: LineCounter): number {
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
  return lines.linePos(offset).line
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
