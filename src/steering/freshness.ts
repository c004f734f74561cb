/** For how long a target's manifest may be used again (RFC 9111, and RFC 5861 for errors). Pure. */

/** Milliseconds from when the answer came. */
export interface Freshness {
  readonly freshMs: number
  /** For how long after that it may stand in for an error. */
  readonly staleMs: number
}

/** Without a word about caching: long enough to save a flood, too short for anybody to notice. */
const UNTOLD_MS = 1000
/** Where `stale-if-error` says nothing and nothing forbids it: a player with yesterday's variants beats one without any. */
const STALE_MS = 60_000
const LONGEST_MS = 3_600_000
const NOT_KEPT: Freshness = Object.freeze({ freshMs: 0, staleMs: 0 })

/** @param header a header's value by its name in lower case, several joined with commas */
export function freshness(header: (name: string) => string | undefined): Freshness {
  const directives = readDirectives(header('cache-control') ?? '')
  if (header('vary')?.includes('*') === true || ['no-store', 'no-cache', 'private'].some((name) => directives.has(name))) return NOT_KEPT
  const lifetime = seconds(directives.get('s-maxage')) ?? seconds(directives.get('max-age')) ?? untilExpiry(header)
  const age = seconds(header('age')) ?? 0
  const freshMs = lifetime === undefined ? UNTOLD_MS : Math.min(LONGEST_MS, Math.max(0, lifetime - age) * 1000)
  if (['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => directives.has(name)) && !directives.has('stale-if-error')) return { freshMs, staleMs: 0 }
  const stale = seconds(directives.get('stale-if-error'))
  return { freshMs, staleMs: stale === undefined ? STALE_MS : Math.min(LONGEST_MS, stale * 1000) }
}

function readDirectives(value: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const part of value.split(',')) {
    const [name = '', argument = ''] = part.split('=', 2)
    // Of two that disagree the first counts, as most caches read it.
    const key = name.trim().toLowerCase()
    if (!directives.has(key)) directives.set(key, argument.trim().replaceAll('"', ''))
  }
  return directives
}

/** An unreadable date is one in the past. */
function untilExpiry(header: (name: string) => string | undefined): number | undefined {
  const expires = header('expires')
  if (expires === undefined) return undefined
  const until = (Date.parse(expires) - Date.parse(header('date') ?? '')) / 1000
  return until > 0 ? until : 0
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined
}
