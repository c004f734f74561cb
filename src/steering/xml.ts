/**
 * The tags of an XML document with their places, for changing a few bytes of it and keeping the rest. Pure.
 *
 * Not a validating parser, and it need not be: what it does not expect ends the reading. Document types are refused,
 * because entities could hide anything. A library would give a tree, and writing a tree changes every byte.
 */

export interface Tag {
  readonly name: string
  readonly kind: 'open' | 'close' | 'empty'
  /** Of the element: the root's is 0. */
  readonly depth: number
  /** Places of `<` and of what follows `>`. */
  readonly from: number
  readonly to: number
  /** As written, references not resolved. */
  readonly attributes: ReadonlyMap<string, string>
}

const MAX_DEPTH = 64
const NAME = '[A-Za-z_][A-Za-z0-9_.:-]*'
const CLOSING = new RegExp(`</(${NAME})\\s*>`, 'y')
const OPENING = new RegExp(`<(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`, 'y')
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'g')

/** @returns undefined where the document is not well formed, or has a document type */
export function readTags(xml: string): Tag[] | undefined {
  const tags: Tag[] = []
  const open: string[] = []
  let ended = false
  let at = 0
  while (true) {
    const from = xml.indexOf('<', at)
    // Text outside of the root, but for white space and a byte order mark, is no document.
    if (open.length === 0 && /[^\s\ufeff]/.test(xml.slice(at, from === -1 ? undefined : from))) return undefined
    if (from === -1) break
    const skipped = skip(xml, from, open.length > 0)
    if (skipped === undefined) return undefined
    if (skipped > from) {
      at = skipped
      continue
    }
    const tag = readTag(xml, from, open)
    if (tag === undefined || ended || open.length > MAX_DEPTH) return undefined
    tags.push(tag)
    at = tag.to
    if (tag.kind === 'open') open.push(tag.name)
    if (tag.kind === 'close') open.pop()
    ended = open.length === 0
  }
  return ended ? tags : undefined
}

/** Where a comment, a processing instruction or character data ends; `from` itself for a tag; undefined for what must not be. */
function skip(xml: string, from: number, inside: boolean): number | undefined {
  const forms = [['<!--', '-->'], ['<?', '?>'], ['<![CDATA[', ']]>']] as const
  for (const [start, end] of forms) {
    if (!xml.startsWith(start, from)) continue
    const to = xml.indexOf(end, from + start.length)
    return to === -1 || (start === '<![CDATA[' && !inside) ? undefined : to + end.length
  }
  return xml.startsWith('<!', from) ? undefined : from
}

function readTag(xml: string, from: number, open: readonly string[]): Tag | undefined {
  CLOSING.lastIndex = OPENING.lastIndex = from
  const [closed, name = ''] = CLOSING.exec(xml) ?? []
  if (closed !== undefined) {
    return name === open.at(-1) ? { name, kind: 'close', depth: open.length - 1, from, to: from + closed.length, attributes: new Map() } : undefined
  }
  const [whole, opened = '', list = '', slash] = OPENING.exec(xml) ?? []
  if (whole === undefined) return undefined
  const attributes = new Map<string, string>()
  for (const [, key = '', double, single = ''] of list.matchAll(ATTRIBUTE)) {
    if (attributes.has(key)) return undefined
    attributes.set(key, double ?? single)
  }
  return { name: opened, kind: slash === '/' ? 'empty' : 'open', depth: open.length, from, to: from + whole.length, attributes }
}

/** Text content as a person means it; undefined where it holds more than plain text and the five named references. */
export function readText(text: string): string | undefined {
  if (text.includes('<')) return undefined
  let sound = true
  const read = text.replaceAll(/&([^;]*;?)/g, (_, reference: string) => {
    const value = REFERENCES[reference]
    sound &&= value !== undefined
    return value ?? ''
  })
  return sound ? read.trim() : undefined
}

const REFERENCES: Readonly<Record<string, string>> = { 'amp;': '&', 'lt;': '<', 'gt;': '>', 'quot;': '"', 'apos;': "'" }

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
