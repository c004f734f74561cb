/**
 * A multivariant playlist with steering written into it: one set of variants, renditions and I-frame playlists per
 * pathway, all absolute, everything else byte for byte. Pure.
 *
 * The first pathway's set stands where the packager put it; the others follow at the end. What is not understood is a
 * reason and never a guess: a playlist that is half right fails after start-up, when no redirect helps any more.
 * (draft-pantos-hls-rfc8216bis, 4.4.6)
 */
import { hashString } from '../routing/hash.ts'
import { editLine, readAttributes } from './attributes.ts'
import type { Attributes } from './attributes.ts'
import { at, readReference } from './place.ts'
import type { Place, Reference } from './place.ts'
import type { Rewrite } from './rewrite.ts'

/** Tags of media playlists, whose presence means that this is one. */
const MEDIA_TAGS = /^#EXT(?:INF:|-X-(?:TARGETDURATION|MEDIA-SEQUENCE|ENDLIST|PLAYLIST-TYPE|PART|PART-INF|MAP|KEY|BYTERANGE|SERVER-CONTROL|SKIP)\b)/m
/** Tags without anything that a new place would change. */
const PLAIN_TAGS = new Set(['EXTM3U', 'EXT-X-VERSION', 'EXT-X-INDEPENDENT-SEGMENTS', 'EXT-X-START', 'EXT-X-DEFINE', 'EXT-X-ALLOW-CACHE'])
/** Tags whose `URI` stands for itself: it is made absolute for the first pathway, since there is one of it. */
const SESSION_TAGS = new Set(['EXT-X-SESSION-KEY', 'EXT-X-SESSION-DATA'])
const GROUPS = ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'] as const
const STABLE_ID = /^[A-Za-z0-9+/=.\-_]+$/

/**
 * @param text the playlist as the target at `source` serves it
 * @param order the pathways, best first; at least one
 * @param steeringUrl absolute
 */
export function rewriteHls(text: string, source: Place, order: readonly [Place, ...Place[]], steeringUrl: string): Rewrite {
  if (!/^#EXTM3U[ \t]*(?:\r?\n|$)/.test(text)) return { reason: 'not_a_manifest' }
  if (MEDIA_TAGS.test(text)) return { reason: 'media_playlist' }
  const read = readPlaylist(text, source)
  if ('reason' in read) return read
  if (!read.some(({ kind }) => kind === 'variant')) return { reason: 'not_a_manifest' }
  const [first, ...others] = order
  const grouped = groupsWithUris(read)
  const end = /\r\n/.test(text) ? '\r\n' : '\n'
  const head = `#EXT-X-CONTENT-STEERING:SERVER-URI="${steeringUrl}",PATHWAY-ID="${first.id}"${end}`
  const body = read.map((piece, i) => write(piece, first, undefined) + (i === 0 ? head : '')).join('')
  const copies = others.flatMap((place) => read.flatMap((piece) => (isCopied(piece, grouped) ? [write(piece, place, grouped)] : [])))
  const closed = body.endsWith('\n') ? body : `${body}${end}`
  return { text: copies.length === 0 ? body : closed + copies.map((copy) => (copy.endsWith('\n') ? copy : `${copy}${end}`)).join('') }
}

/** A line or, for a variant, its tag and its URI with what stands between them. */
interface Piece {
  readonly kind: 'verbatim' | 'session' | 'variant' | 'iframe' | 'rendition'
  /** The tag's line, without what ends it. */
  readonly line: string
  /** What ends it; for a variant also what stands between tag and URI. */
  readonly gap: string
  /** What ends the URI line of a variant. */
  readonly end: string
  readonly attributes: Attributes
  readonly reference: (Reference & { readonly text: string }) | undefined
  readonly stable: string
}

const NO_ATTRIBUTES: Attributes = new Map()

function readPlaylist(text: string, source: Place): Piece[] | { readonly reason: NonNullable<Rewrite['reason']> } {
  const pieces: Piece[] = []
  const stable = new StableIds()
  const variables = new Map<string, string>()
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
  for (let i = 0; i < lines.length; i++) {
    const [line, end] = cut(lines[i] ?? '')
    const verbatim: Piece = { kind: 'verbatim', line, gap: end, end: '', attributes: NO_ATTRIBUTES, reference: undefined, stable: '' }
    const [, tag, colon] = /^#(EXT[A-Z0-9-]*)(:?)/.exec(line) ?? []
    if (tag === undefined) {
      // A URI that no tag announces.
      if (line.trim() !== '' && !line.startsWith('#')) return { reason: 'malformed' }
      pieces.push(verbatim)
      continue
    }
    if (tag === 'EXT-X-CONTENT-STEERING') return { reason: 'already_steered' }
    if (PLAIN_TAGS.has(tag)) {
      if (tag === 'EXT-X-DEFINE') define(line, variables)
      pieces.push(verbatim)
      continue
    }
    const kind = KINDS[tag] ?? (SESSION_TAGS.has(tag) ? 'session' : undefined)
    if (kind === undefined) {
      if (/URI=/.test(line)) return { reason: 'unknown_tag' }
      pieces.push(verbatim)
      continue
    }
    const attributes = readAttributes(line, tag.length + 1 + (colon?.length ?? 0))
    if (attributes === undefined) return { reason: 'malformed' }
    if (attributes.has('PATHWAY-ID')) return { reason: 'already_steered' }

    let uri = attributes.get('URI')?.value
    let gap = end
    let last = ''
    if (kind === 'variant') {
      let next = i + 1
      while (next < lines.length && /^\s*$|^#(?!EXT)/.test(lines[next] ?? '')) gap += lines[next++] ?? ''
      const [address, ending] = cut(lines[next] ?? '')
      if (address === '' || address.startsWith('#') || address.trim() !== address) return { reason: 'malformed' }
      uri = address
      last = ending
      i = next
    } else if (kind === 'iframe' && uri === undefined) return { reason: 'malformed' }
    const reference = uri === undefined ? undefined : readReference(expand(uri, variables), source)
    if (uri !== undefined && reference === undefined) return { reason: 'reference' }
    if (reference?.kind === 'elsewhere') {
      if (kind !== 'session') return { reason: 'elsewhere' }
      // A key server or a data URI: the same for everybody, if it is absolute.
      if (!/^[a-z][a-z0-9+.-]*:/i.test(uri ?? '')) return { reason: 'elsewhere' }
      pieces.push(verbatim)
      continue
    }
    const name = STABLE_NAMES[kind]
    const own = name === undefined ? undefined : attributes.get(name)?.value
    if (own !== undefined && !STABLE_ID.test(own)) return { reason: 'malformed' }
    pieces.push({ kind, line, gap, end: last, attributes, reference, stable: own ?? stable.of(kind, reference?.text ?? '') })
  }
  return pieces
}

const KINDS: Readonly<Record<string, Piece['kind']>> = { 'EXT-X-STREAM-INF': 'variant', 'EXT-X-I-FRAME-STREAM-INF': 'iframe', 'EXT-X-MEDIA': 'rendition' }
const STABLE_NAMES: Partial<Record<Piece['kind'], 'STABLE-VARIANT-ID' | 'STABLE-RENDITION-ID'>> = { variant: 'STABLE-VARIANT-ID', iframe: 'STABLE-VARIANT-ID', rendition: 'STABLE-RENDITION-ID' }

function define(line: string, variables: Map<string, string>): void {
  const attributes = readAttributes(line, '#EXT-X-DEFINE:'.length)
  const name = attributes?.get('NAME')?.value
  const value = attributes?.get('VALUE')?.value
  if (name !== undefined && value !== undefined) variables.set(name, value)
}

/** Replaces a variable at the beginning, which may hold a scheme and a host; the others stay for the player to fill in. */
function expand(uri: string, variables: ReadonlyMap<string, string>): string {
  const [whole = '', name = ''] = /^\{\$([A-Za-z0-9_-]+)\}/.exec(uri) ?? []
  const value = variables.get(name)
  return value === undefined ? uri : value + uri.slice(whole.length)
}

/** Ids from what a playlist calls its parts, so that every reload and every target gives the same ones; tokens do not count. */
class StableIds {
  readonly #used = new Map<string, number>()

  of(kind: string, reference: string): string {
    const id = hashString(`${kind} ${reference.split('?', 1)[0] ?? ''}`).toString(36)
    const times = (this.#used.get(id) ?? 0) + 1
    this.#used.set(id, times)
    return times === 1 ? id : `${id}.${times}`
  }
}

/** Renditions that have a place of their own, and those that are one choice with them. */
function groupsWithUris(pieces: readonly Piece[]): ReadonlySet<string> {
  return new Set(pieces.flatMap((piece) => (piece.kind === 'rendition' && piece.reference !== undefined ? [groupOf(piece)] : [])))
}

function groupOf({ attributes }: Piece): string {
  return `${attributes.get('TYPE')?.value ?? ''} ${attributes.get('GROUP-ID')?.value ?? ''}`
}

function isCopied(piece: Piece, grouped: ReadonlySet<string>): boolean {
  return piece.kind === 'variant' || piece.kind === 'iframe' || (piece.kind === 'rendition' && grouped.has(groupOf(piece)))
}

/** @param copied the groups that are copied, whose names then tell the pathway; undefined for the first pathway, which keeps the packager's */
function write({ kind, line, gap, end, attributes, reference, stable }: Piece, place: Place, copied: ReadonlySet<string> | undefined): string {
  if (kind === 'verbatim') return line + gap
  const values: Record<string, string> = {}
  if (reference !== undefined && kind !== 'variant') values['URI'] = at(reference, place)
  if (kind === 'variant' || kind === 'iframe') {
    values['PATHWAY-ID'] = place.id
    values['STABLE-VARIANT-ID'] = stable
  }
  if (kind === 'rendition' && reference !== undefined) values['STABLE-RENDITION-ID'] = stable
  if (copied !== undefined) {
    for (const name of kind === 'rendition' ? ['GROUP-ID'] : GROUPS) {
      const group = attributes.get(name)
      const type = kind === 'rendition' ? (attributes.get('TYPE')?.value ?? '') : name
      if (group?.quoted === true && copied.has(`${type} ${group.value}`)) values[name] = `${group.value}:${place.id}`
    }
  }
  const edited = Object.keys(values).length === 0 ? line : editLine(line, attributes, values)
  return reference !== undefined && kind === 'variant' ? edited + gap + at(reference, place) + end : edited + gap
}

function cut(line: string): readonly [text: string, end: string] {
  const end = /\r?\n$/.exec(line)?.[0] ?? ''
  return [line.slice(0, line.length - end.length), end]
}
