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

function kind(format: Format, object: ObjectClass): PathClass {
  return Object.freeze({ format, object })
}

const OTHER = kind('other', 'other')
const BY_EXTENSION: ReadonlyMap<string, PathClass> = new Map([
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
])
const SMOOTH = kind('mss', 'master')

export function classify(path: string): PathClass {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  if (dot <= slash) return /\.isml?\/manifest$/i.test(path) ? SMOOTH : OTHER
  const extension = path.slice(dot + 1)
  return BY_EXTENSION.get(extension) ?? BY_EXTENSION.get(extension.toLowerCase()) ?? OTHER
}

/** What a player fetches many times a minute: redirecting it would double its latency (and Apple's rule 8.18 forbids it). */
export function isMedia(path: PathClass): boolean {
  return path.object === 'segment' || path.object === 'init' || path.object === 'key'
}
