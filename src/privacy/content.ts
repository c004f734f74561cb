/**
 * What a title is called in records. A path is written by whoever made the link, so it may hold a token, an address or a
 * person's name: only what the service's own rules name gets through, and a captured segment only when it looks like a
 * name that somebody gave a title. Everything else is `_other`.
 */
import { OTHER, isContentId } from './values.ts'
import type { ContentId } from './values.ts'

/**
 * Segments of a path, without the slashes: literal text, `*` (one segment), `**` (the rest, may be nothing) or
 * `{content}` (one segment, captured). With an `id`, that is the title's name and nothing is captured.
 */
export interface ContentPattern {
  readonly id: string | undefined
  readonly segments: readonly string[]
}

const CAPTURE = '{content}'
const MAX_SEGMENTS = 32
const UNNAMED = OTHER as ContentId

/** The name by the first rule that matches. The path is as received, with its leading slash; the case of names is dropped. */
export function contentOf(path: string, rules: readonly ContentPattern[]): ContentId {
  for (const rule of rules) {
    const captured = match(path, rule.segments)
    if (captured === undefined) continue
    if (rule.id !== undefined) return isContentId(rule.id) ? rule.id : UNNAMED
    return titleOf(captured)
  }
  return UNNAMED
}

/** Reads a rule such as `/live/{content}/**` from a configuration. */
export function compileContent(pattern: string): { readonly segments: readonly string[] } | { readonly problem: string } {
  if (!pattern.startsWith('/')) return { problem: 'must start with /' }
  const segments = pattern.slice(1).split('/')
  if (segments.length > MAX_SEGMENTS) return { problem: `must have at most ${MAX_SEGMENTS} segments` }
  if (segments.filter((segment) => segment === CAPTURE).length > 1) return { problem: `must have ${CAPTURE} at most once` }
  for (const [position, segment] of segments.entries()) {
    if (segment === CAPTURE || segment === '*') continue
    if (segment === '**') {
      if (position === segments.length - 1) continue
      return { problem: 'must have ** at the end only' }
    }
    if (segment === '' && position < segments.length - 1) return { problem: 'must have no empty segment' }
    if (/[*{}]/.test(segment)) return { problem: `must use *, ** and ${CAPTURE} as whole segments` }
    if (!/^[!-~]*$/.test(segment)) return { problem: 'must be printable ASCII without spaces: write % and two digits for other characters' }
    if (/[?#]/.test(segment)) return { problem: 'must be a path without ? and #' }
  }
  return { segments }
}

/** The captured segment, empty where the pattern captures none; `undefined` where it does not match. One pass over the path. */
function match(path: string, segments: readonly string[]): string | undefined {
  let captured = ''
  let start = 1
  for (const segment of segments) {
    if (segment === '**') return captured
    if (start > path.length) return undefined
    const slash = path.indexOf('/', start)
    const end = slash === -1 ? path.length : slash
    if (segment === '*' || segment === CAPTURE) {
      if (end === start) return undefined
      if (segment === CAPTURE) captured = path.slice(start, end)
    } else if (end - start !== segment.length || !path.startsWith(segment, start)) return undefined
    start = end + 1
  }
  return start > path.length ? captured : undefined
}

const MAX_TITLE = 48

/** Letters, digits, `-` and `_`, neither of which comes first. One pass: every request has a title. */
function titleOf(segment: string): ContentId {
  if (segment === '' || segment.length > MAX_TITLE) return UNNAMED
  let capitals = false
  // Whether there is enough of an address in it to look closer, which few titles have: eight digits, twelve hexadecimal ones or eight
  // of those in a row, three separators, or two next to each other.
  let addressed = false
  let digits = 0
  let hexadecimal = 0
  let row = 0
  let separators = 0
  let last = 0
  let lastKind = 0
  let changes = 0
  for (let i = 0; i < segment.length; i++) {
    let code = segment.charCodeAt(i)
    const kind = kindOf(code)
    if (kind === CAPITAL) {
      capitals = true
      code |= 0x20
    }
    if (kind === 0) {
      if (i === 0 || (code !== HYPHEN && code !== UNDERSCORE)) return UNNAMED
      if (++separators === 3 || code === last) addressed = true
      row = 0
    } else if (kind === DIGIT || code <= 0x66) {
      if (++row === 8 || ++hexadecimal === 12 || (kind === DIGIT && ++digits === 8)) addressed = true
    } else row = 0
    if (kind !== lastKind) changes++
    last = code
    lastKind = kind
  }
  const title = capitals ? segment.toLowerCase() : segment
  if (addressed && (ADDRESS.test(title) || isNumber(title))) return UNNAMED
  return (segment.length >= LONG || changes > MIXED) && looksLikeToken(segment) ? UNNAMED : (title as ContentId)
}

const [HYPHEN, UNDERSCORE] = [0x2d, 0x5f] as const

/** A part of a title is what stands between `-`, `_` and its ends. */
const PART = '(?<![^_-])'
const PART_END = '(?![^_-])'
const OCTET = '(?:[01]?[0-9]?[0-9]|2[0-4][0-9]|25[0-5])'
const GROUP = '[0-9a-f]{1,4}'
const ADDRESS = new RegExp([
  // an IPv4 address as one number
  '[0-9]{8}',
  // an address, a hardware address, a part of a UUID or a hash
  `${PART}(?:0x)?[0-9a-f]{8,}${PART_END}`,
  // IPv4 with other separators, and perhaps a word that runs into it
  `(?<![0-9])${OCTET}(?:[_-]${OCTET}){3}(?![0-9])`,
  // IPv6 with other separators: whole, with a gap, or a network of it
  `${PART}${GROUP}(?:[_-]${GROUP}){7}${PART_END}`,
  '^(?=.*[0-9]).*(?:--|__)',
  `${PART}(?=[0-9_-]*[a-f])(?:[23][0-9a-f]{3}|f[cde][0-9a-f]{2})(?:[_-]${GROUP}){3}${PART_END}`,
  // a hardware address, in twos or in fours
  `${PART}(?=[a-f_-]*[0-9])(?:(?:[0-9a-f]{2}[_-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}[_-]){2}[0-9a-f]{4})${PART_END}`,
].join('|'))

const NUMBER = /[0-9]+(?:[_-][0-9]+)+/g
/** A month or a day, or the two years of a season. */
const DATE = /(?<![0-9])(?:19|20)[0-9]{2}[_-](?:(?:0[1-9]|1[0-2])(?:[_-](?:0[1-9]|[12][0-9]|3[01]))?|(?:19|20)[0-9]{2})(?![0-9])/g

/** Eight digits or more with separators between them, that are no date: a telephone number, a customer's. */
function isNumber(title: string): boolean {
  return (title.match(NUMBER) ?? []).some((number) => number.replaceAll(DATE, '').replaceAll(/[_-]/g, '').length >= 8)
}

/** Characters of what may be a token whatever it is made of, and of what changes its kind often. */
const [LONG, SHORT] = [16, 10] as const
/** So often text in base64 changes between capital, small and digit, and a name does not. */
const MIXED = 6

/**
 * Sixteen or more letters and digits in a row that mix digits with letters or capitals with small letters; as many with
 * `-` and `_` between them whose kind (capital, small, digit) changes six times; or ten in a row that do.
 */
function looksLikeToken(segment: string): boolean {
  let changes = 0
  let within = 0
  let run = 0
  let kinds = 0
  let last = 0
  for (let i = 0; i < segment.length; i++) {
    const kind = kindOf(segment.charCodeAt(i))
    if (kind === 0) {
      run = 0
      kinds = 0
      within = 0
    } else {
      run++
      kinds |= kind
      if (last !== 0 && last !== kind) {
        changes++
        within++
      }
      if (run >= LONG && kinds !== SMALL && kinds !== CAPITAL) return true
      if (run >= SHORT && within >= MIXED) return true
    }
    last = kind
  }
  return segment.length >= LONG && changes >= MIXED
}

const SMALL = 1
const CAPITAL = 2
const DIGIT = 4

function kindOf(code: number): number {
  if (code >= 97 && code <= 122) return SMALL
  if (code >= 65 && code <= 90) return CAPITAL
  return code >= 48 && code <= 57 ? DIGIT : 0
}
