/**
 * What of a request's text may stand in the archive: what the operator named, and short words. Everything else becomes one
 * mark, because a token, a session or a name of a viewer can look like anything, and whoever opens the archive is to trace a
 * viewer and not to be able to play or to act as one. Which title it was is kept where the service's content rules name it.
 *
 * Stricter than `privacy/content.ts`, which judges a part that the operator said to be a title, and in which a token of fifteen
 * characters passes for one.
 */
import { contentOf } from '../privacy/content.ts'
import type { ContentPattern } from '../privacy/content.ts'
import { OTHER } from '../privacy/values.ts'

/** What the operator has configured of where a request was for. */
export interface Named {
  /** Whether the host is one of the service's own. Otherwise it is whatever the client wrote. */
  readonly host: boolean
  /** The path prefix by which the service was found; empty where it was by its host. */
  readonly prefix: string
  /** The service's content rules, for what comes after the prefix. */
  readonly rules: readonly ContentPattern[]
}

/** In the place of what is cut. */
export const CUT = '_'
const MAX_PATH = 1024
const MAX_PARAMETERS = 32
const MAX_HOST = 255

/** Letters of one kind, or with a capital first: text in base64 seldom is that, and nothing with a digit is. */
const WORD = /^(?:[A-Z]?[a-z]{1,9}|[A-Z]{1,10})$/
/** Closed: any four characters might be the end of a token. */
const EXTENSION = /^(?:m3u8?|mpd|ism[lcv]?|f4m|ts|m2ts|mp[34]|m4[sav]|cmf[vat]|aac|e?ac3|vtt|webvtt|ttml|dfxp|srt|key|json|xml|jpe?g|png|webp|webm)$/i
const TITLE = '{content}'
const AS_TITLE: readonly ContentPattern[] = [{ id: undefined, segments: [TITLE] }]

/** @param path with its leading slash @param named absent where no service was found */
export function cutPath(path: string, named: Named | undefined): string {
  // A token that is cut short may look like a word, so the segment at the limit goes whole.
  const kept = path.length <= MAX_PATH ? path : `${path.slice(0, path.lastIndexOf('/', MAX_PATH))}/${CUT}`
  const { prefix = '', rules = [] } = named ?? {}
  const start = kept.startsWith(prefix) ? prefix : ''
  const segments = kept.slice(start.length).split('/')
  const rule = rules.find((each) => matches(segments, each.segments))
  return start + segments.map((segment, at) => cutSegment(segment, at === 0 ? undefined : rule?.segments[at - 1], at === segments.length - 1)).join('/')
}

/** Names without values. A parameter without `=` may be a value itself. */
export function cutQuery(query: string): string {
  const parameters = query.split('&', MAX_PARAMETERS)
  return parameters.map((parameter) => {
    const equals = parameter.indexOf('=')
    return equals === -1 ? CUT : `${cutName(parameter.slice(0, equals))}=`
  }).join('&')
}

export function cutHost(host: string, named: Named | undefined): string {
  if (named?.host === true || host.startsWith('[')) return host
  return host.slice(0, MAX_HOST).split('.').map((label) => (WORD.test(label) ? label : CUT)).join('.')
}

/** @param part of the rule that the path matches; undefined where none does, or it says nothing of this segment */
function cutSegment(segment: string, part: string | undefined, isLast: boolean): string {
  if (segment === '' || segment === part) return segment
  const title = part === TITLE ? contentOf(`/${segment}`, AS_TITLE) : OTHER
  if (title !== OTHER) return title
  const dot = isLast ? segment.lastIndexOf('.') : -1
  const hasExtension = dot > 0 && EXTENSION.test(segment.slice(dot + 1))
  const name = hasExtension ? segment.slice(0, dot) : segment
  return (WORD.test(name) ? name : CUT) + (hasExtension ? segment.slice(dot) : '')
}

/** Of a parameter: words with `-`, `_` or `.` between them, such as `Key-Pair-Id`. */
function cutName(name: string): string {
  const parts = name.split(/[-_.]/, 6)
  return parts.length < 6 && parts.some((part) => part !== '') && parts.every((part) => part === '' || WORD.test(part)) ? name : CUT
}

/** As `contentOf` matches. The first segment is what stands before the leading slash. */
function matches(segments: readonly string[], rule: readonly string[]): boolean {
  for (const [i, part] of rule.entries()) {
    if (part === '**') return true
    const segment = segments[i + 1]
    if (segment === undefined || (part === '*' || part === TITLE ? segment === '' : segment !== part)) return false
  }
  return segments.length === rule.length + 1
}
