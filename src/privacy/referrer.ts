/** Which site sent a viewer: the host of `Referer`, and only where the service lists it. The rest of the header goes nowhere. */
import { OTHER } from './values.ts'

const HOST = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** @param listed host names in lower case. `_none`: the player sent no `Referer`. */
export function referrerOf(referer: string | undefined, listed: ReadonlySet<string>): string {
  if (referer === undefined || referer === '') return '_none'
  const host = hostOf(referer)
  return host !== undefined && listed.has(host) ? host : OTHER
}

/** Lower case, without port; one pass over at most 300 characters. */
function hostOf(referer: string): string | undefined {
  const text = referer.slice(0, 300).toLowerCase()
  const start = text.startsWith('https://') ? 8 : text.startsWith('http://') ? 7 : -1
  if (start === -1) return undefined
  let end = start
  while (end < text.length && !'/?#:'.includes(text[end] ?? '')) end++
  const host = text.slice(start, end)
  return HOST.test(host) ? host : undefined
}
