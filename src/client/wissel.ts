/**
 * Asks a Wissel router where a manifest is, for apps and servers that choose for themselves. Runs in browsers and in Node;
 * uses nothing but `fetch`.
 */

export interface Target {
  /** The id in the router's configuration. */
  readonly id: string
  readonly kind: 'edge' | 'cdn'
  /** Where the manifest is. */
  readonly url: string
  /** Scheme, host and path prefix, without the manifest's own path. */
  readonly base: string
  /** Under which id steering manifests name it. */
  readonly pathway: string
  readonly why: readonly string[]
}

export interface Resolved {
  readonly v: 1
  readonly service: string
  readonly protocol: 'hls' | 'dash' | 'other'
  /** Seconds for which the answer may be used again. */
  readonly ttl: number
  /** Absolute URL of the steering endpoint for this title; null where the protocol has no steering. */
  readonly steering: string | null
  /** Best first; at least one. */
  readonly targets: readonly [Target, ...Target[]]
}

export interface ResolveOptions {
  readonly signal?: AbortSignal
  /** Default: the runtime's own. */
  readonly fetch?: typeof fetch
}

/** What the router said instead: `status` is its answer's, `message` its reason, such as `country`. */
export class ResolveError extends Error {
  readonly status: number

  constructor(status: number, reason: string) {
    super(reason)
    this.name = 'ResolveError'
    this.status = status
  }
}

/** Rejects with a `ResolveError` where the router refuses, and with what `fetch` rejects with where there is no answer. */
export async function resolve(manifest: string | URL, { signal, fetch: ask = fetch }: ResolveOptions = {}): Promise<Resolved> {
  const response = await ask(manifest, { headers: { Accept: 'application/json' }, redirect: 'manual', ...(signal === undefined ? {} : { signal }) })
  const text = await response.text()
  if (response.status !== 200) throw new ResolveError(response.status, text.trim() || response.statusText)
  const answer: unknown = JSON.parse(text)
  if (typeof answer !== 'object' || answer === null || Reflect.get(answer, 'v') !== 1) throw new ResolveError(response.status, 'the answer is of another version')
  return answer as Resolved
}
