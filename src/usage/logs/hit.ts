/** What is read of a line of an access log. The address, user agent, referer and query are passed over and held nowhere. */
export interface Hit {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Lower case, without port; `undefined` where the log does not say. */
  readonly host: string | undefined
  /** Path without query. */
  readonly path: string
  readonly bytes: number
}

/** One line at a time; a reader remembers what the lines before it declared. */
export interface HitReader {
  /** `undefined`: a comment or a directive. `malformed`: neither that nor a request. */
  read(line: string): Hit | undefined | 'malformed'
}

/** Host and path of a request target or a URL. Total; never throws. */
export function targetOf(text: string): { readonly host: string | undefined, readonly path: string } {
  const scheme = /^https?:\/\//i.exec(text)?.[0].length ?? 0
  const start = scheme === 0 ? 0 : firstOf(text, '/?#', scheme)
  const host = scheme === 0 ? undefined : hostOf(text.slice(scheme, start))
  return { host, path: text.slice(start, firstOf(text, '?#', start)) || '/' }
}

export function hostOf(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d{1,5}$/, '').toLowerCase()
  return /^[a-z0-9_.[\]:-]{1,253}$/.test(host) ? host : undefined
}

/** The moment in UTC of `2026-03-01` and `20:31:05.123`; `undefined` where there is none. */
export function momentOf(date: string, time: string): number | undefined {
  const at = Date.parse(`${date}T${time}Z`)
  // The 31st of February and 24:00 are moments of a later day to `Date`.
  return new Date(at).getUTCDate() === Number(date.slice(-2)) ? at : undefined
}

/** Whole bytes; `-` is none. */
export function bytesOf(text: string | undefined): number | undefined {
  if (text === '-') return 0
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function firstOf(text: string, characters: string, from: number): number {
  let i = from
  while (i < text.length && !characters.includes(text[i] ?? '')) i++
  return i
}
