/**
 * A rewritten manifest without what is each player's own: the address that it asked at, and with it where it asks for a new order.
 * One serves all who get the same pathways, whatever they carry in their queries, and keeps nothing of those.
 */
import type { Rewrite, RewriteReason } from './rewrite.ts'

/** What stands in the addresses' places while a manifest is rewritten. Neither playlists nor XML may hold it. */
const MARK = '\u0000'
export const HOLES = { steering: `${MARK}s`, location: `${MARK}l` } as const

export interface Addresses {
  /** Escaped for the manifest. */
  readonly steering: string
  readonly location: string
}

export interface Template {
  /** What stands before, between and behind the holes, and which they are. */
  readonly parts: readonly string[]
  readonly holes: readonly (keyof Addresses)[]
}

/** @param text the manifest as its target serves it @param rewrite writes `HOLES` where addresses belong */
export function templateOf(text: string, rewrite: (text: string) => Rewrite): Template | RewriteReason {
  if (text.includes(MARK)) return 'malformed'
  const rewritten = rewrite(text)
  if (rewritten.text === undefined) return rewritten.reason
  const [first = '', ...rest] = rewritten.text.split(MARK)
  return { parts: [first, ...rest.map((part) => part.slice(1))], holes: rest.map((part) => (part.startsWith('s') ? 'steering' : 'location')) }
}

export function fill({ parts, holes }: Template, addresses: Addresses): string {
  return parts.reduce((text, part, i) => text + addresses[holes[i - 1] ?? 'steering'] + part)
}

/** Characters. */
export function sizeOf(made: Template | RewriteReason): number {
  return typeof made === 'string' ? 0 : made.parts.reduce((sum, { length }) => sum + length, 0)
}
