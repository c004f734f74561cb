/**
 * What of a player's measurements (CMCD, CTA-5004) a service may pass on to its targets. Pure.
 *
 * Only short numbers and tokens of a closed list of keys: no session, no content, no path, and no text at all, in which
 * any of these could be hidden.
 */

/** The keys of version 1 that name nobody and nothing. `sid`, `cid`, `nor` and `nrr` are not among them, nor anybody's own keys. */
export const CMCD_KEYS = ['bl', 'br', 'bs', 'd', 'dl', 'mtp', 'ot', 'pr', 'rtp', 'sf', 'st', 'su', 'tb', 'v'] as const

/** A flag, or a number or token as these keys have them: too short to be anybody's. */
const VALUE = /^(?:\d{1,7}(?:\.\d{1,2})?|[a-z]{1,2})$/

/**
 * @param value of the `CMCD` parameter, as received
 * @returns it with nothing but the allowed keys, in their order; empty where none is left or it cannot be read
 */
export function filterCmcd(value: string, allowed: ReadonlySet<string>): string {
  let text: string
  try {
    text = decodeURIComponent(value)
  } catch {
    return ''
  }
  const kept: string[] = []
  // Text in quotes may hold commas, and what stands between them is no key.
  const item = /([^,="]+)(?:=("(?:[^"\\]|\\.)*"|[^",]*))?(,|$)/y
  while (item.lastIndex < text.length) {
    const [whole, key = '', given] = item.exec(text) ?? []
    if (whole === undefined) return ''
    if (allowed.has(key) && (given === undefined || VALUE.test(given))) kept.push(given === undefined ? key : `${key}=${given}`)
  }
  return encodeURIComponent(kept.join(','))
}
