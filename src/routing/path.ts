/** What a path names, from its extension alone: a manifest, a media segment, a key. */

export const FORMATS = ['hls', 'dash', 'mss', 'cmaf', 'ts', 'mp4', 'other'] as const
export type Format = (typeof FORMATS)[number]
export const OBJECTS = ['master', 'media', 'segment', 'init', 'key', 'other'] as const
/** `master` is any manifest: which of a title's playlists it is cannot be seen from outside. A content rule may say `media`. */
export type ObjectClass = (typeof OBJECTS)[number]

export interface PathClass {
  readonly format: Format
  readonly object: ObjectClass
}

/** Letters of the longest extension. */
const LONGEST = 6
const [SLASH, DOT] = [0x2f, 0x2e] as const

/** The rest of a text as a number of 5 bits a character, whatever the case; no text but an extension's own gives an extension's number. Asked for every request. */
function codeOf(text: string, from: number): number {
  let all = 0
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const small = code | 0x20
    // Beside letters, extensions have these three digits.
    all = all * 32 + (small >= 0x61 && small <= 0x7a ? small - 0x60 : code === 0x33 ? 27 : code === 0x34 ? 28 : code === 0x38 ? 29 : 31)
  }
  return all
}

function kind(format: Format, object: ObjectClass): PathClass {
  return Object.freeze({ format, object })
}

const OTHER = kind('other', 'other')
const BY_EXTENSION: ReadonlyMap<number, PathClass> = new Map(([
  ['m3u8', kind('hls', 'master')],
  ['m3u', kind('hls', 'master')],
  ['mpd', kind('dash', 'master')],
  ['ts', kind('ts', 'segment')],
  ['m4s', kind('cmaf', 'segment')],
  ['m4v', kind('cmaf', 'segment')],
  ['m4a', kind('cmaf', 'segment')],
  ['m4f', kind('cmaf', 'segment')],
  ['cmfv', kind('cmaf', 'segment')],
  ['cmfa', kind('cmaf', 'segment')],
  ['cmft', kind('cmaf', 'segment')],
  ['mp4', kind('mp4', 'segment')],
  ['aac', kind('other', 'segment')],
  ['ac3', kind('other', 'segment')],
  ['ec3', kind('other', 'segment')],
  ['mp3', kind('other', 'segment')],
  ['vtt', kind('other', 'segment')],
  ['webvtt', kind('other', 'segment')],
  ['init', kind('cmaf', 'init')],
  ['key', kind('other', 'key')],
] as const).map(([extension, path]) => [codeOf(extension, 0), path]))
const SMOOTH = kind('mss', 'master')

export function classify(path: string): PathClass {
  for (let i = path.length - 1; i >= path.length - 1 - LONGEST && i >= 0; i--) {
    const code = path.charCodeAt(i)
    if (code === SLASH) break
    if (code === DOT) return BY_EXTENSION.get(codeOf(path, i + 1)) ?? OTHER
  }
  return /\.isml?\/manifest$/i.test(path) ? SMOOTH : OTHER
}

/** What a player fetches many times a minute: redirecting it would double its latency (and Apple's rule 8.18 forbids it). */
export function isMedia(path: PathClass): boolean {
  return path.object === 'segment' || path.object === 'init' || path.object === 'key'
}
