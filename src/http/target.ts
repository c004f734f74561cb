/**
 * The request target: origin-form only (RFC 9112, 3.2.1), checked byte by byte and never decoded or re-encoded.
 *
 * What passes can be put behind a base URL and means the same path to everybody: no dot segment in any spelling, no
 * backslash, no control byte, raw or escaped, and nothing that a lenient reader could take for a fragment or a host.
 */

/** Longest target in bytes. */
export const MAX_TARGET = 8192

export interface Target {
  readonly path: string
  readonly query: string
}

const SLASH = 0x2f
const DOT = 0x2e
const PERCENT = 0x25
const BACKSLASH = 0x5c
const HASH = 0x23
const QUESTION = 0x3f

/** @returns undefined where the target is not acceptable */
export function readTarget(target: string, asterisk: boolean): Target | undefined {
  if (target.charCodeAt(0) !== SLASH) return asterisk && target === '*' ? { path: '*', query: '' } : undefined
  let suspicious = false
  let end = 0
  for (; end < target.length; end++) {
    const code = target.charCodeAt(end)
    if (code === QUESTION) break
    if (code < 0x21 || code > 0x7e || code === BACKSLASH || code === HASH) return undefined
    if (code === DOT) suspicious ||= target.charCodeAt(end - 1) === SLASH
    else if (code === PERCENT) {
      const escaped = hex(target.charCodeAt(end + 1)) * 16 + hex(target.charCodeAt(end + 2))
      if (!(escaped >= 0x20) || escaped === 0x7f || escaped === BACKSLASH) return undefined
      suspicious ||= escaped === DOT || escaped === SLASH
    }
  }
  for (let i = end + 1; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code < 0x21 || code > 0x7e || code === HASH) return undefined
  }
  let start = 0
  while (target.charCodeAt(start + 1) === SLASH) start++
  const path = start === 0 && end === target.length ? target : target.slice(start, end)
  if (suspicious && hasDotSegment(path)) return undefined
  return { path, query: target.slice(end + 1) }
}

/** Some programs split at an escaped slash as well, and some drop `;parameters` from a segment before they resolve it. */
function hasDotSegment(path: string): boolean {
  const read = path.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/')
  return /\/\.\.?(?:[/;]|$)/.test(read)
}

/** NaN for what is not a hexadecimal digit, the end of the text included. */
function hex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : NaN
}
