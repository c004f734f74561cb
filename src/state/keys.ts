/**
 * The name of every key. The braces keep all keys of a deployment in one slot of a Redis cluster, so that one script may
 * touch several of them.
 */

export interface Keys {
  /** JSON: the head. */
  readonly head: string
  /** List of JSON, newest first: the heads of the past. */
  readonly heads: string
  /** Set of digests: the blobs that exist. */
  readonly blobs: string
  /** The blob with this SHA-256. */
  blob(sha256: string): string
  /** Stream: an entry for each publication, as a hint. */
  readonly events: string
  /** JSON: the head that routers do not go past; absent where nothing is frozen. */
  readonly pin: string
  /** Set of ids: the routers that there are or were. */
  readonly routers: string
  /** JSON with a time to live: what a router reports. Written by that router alone. */
  router(id: string): string
  /** What a router's prober sees, with a time to live. Written by that router alone. */
  health(router: string): string
  /** Hash by target: what operators said. */
  readonly overrides: string
  /** JSON: the head of the geo database of a kind. */
  geoHead(kind: string): string
  /** List of JSON, newest first: the geo heads of the past. */
  geoHeads(kind: string): string
  /** A piece of the geo database with this SHA-256, from 0. */
  geoPiece(sha256: string, position: number): string
}

export const DEFAULT_PREFIX = 'wissel'

export function keysOf(prefix = DEFAULT_PREFIX): Keys {
  const key = (...parts: readonly (string | number)[]) => [`{${prefix}}`, ...parts].join(':')
  return {
    head: key('head'),
    heads: key('heads'),
    blobs: key('blobs'),
    blob: (sha256) => key('blob', sha256),
    events: key('events'),
    pin: key('pin'),
    routers: key('routers'),
    router: (id) => key('router', id),
    health: (router) => key('health', router),
    overrides: key('overrides'),
    geoHead: (kind) => key('geo', kind, 'head'),
    geoHeads: (kind) => key('geo', kind, 'heads'),
    geoPiece: (sha256, position) => key('geo', 'piece', sha256, position),
  }
}
