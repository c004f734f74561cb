/**
 * Where Redis is: a URL, and what does not belong into one.
 *
 *   redis://host:6379/0                                   one server
 *   rediss://host:6379                                    the same over TLS
 *   redis+sentinel://host:26379,host:26379/mymaster/0     the master that Sentinel names
 *   redis+cluster://host:6379,host:6379                   a cluster
 *
 * `rediss+sentinel` and `rediss+cluster` use TLS. User and password may stand before the hosts, percent-encoded; a
 * password belongs into a file, because command lines and process lists are read by many.
 */

export interface RedisSettings {
  readonly url: string
  /** Start of every key. Default `wissel`. Two deployments may share a Redis under two prefixes. */
  readonly prefix?: string | undefined
  readonly username?: string | undefined
  /** A file whose first line is the password. */
  readonly passwordFile?: string | undefined
  /** Sentinel's own user and password, where it has them. */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPasswordFile?: string | undefined
  readonly tls?: RedisTls | undefined
}

export interface RedisTls {
  /** PEM. Default: the authorities that Node trusts. */
  readonly caFile?: string | undefined
  /** PEM, for servers that ask for a certificate. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /** The name that the server's certificate must carry. Default: the host that is connected to. */
  readonly serverName?: string | undefined
}

export interface RedisEndpoint {
  readonly host: string
  readonly port: number
}

export type RedisLayout =
  | { readonly kind: 'plain'; readonly at: RedisEndpoint }
  | { readonly kind: 'sentinel'; readonly sentinels: readonly RedisEndpoint[]; readonly master: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisEndpoint[] }

export interface RedisAddress {
  readonly layout: RedisLayout
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
}

/** The URL cannot be used. The message does not hold it: it may hold a password. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError'
}

/** What is wrong with the settings themselves, for an operator: the URL, or a file that they name. `undefined`: it is something else. */
export function settingsFault(error: unknown): string | undefined {
  if (error instanceof RedisUrlError) return error.message
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return undefined
  return `the file ${'path' in error ? `${String(error.path)} ` : ''}of the redis settings cannot be read (${String(error.code)}); check passwordFile and tls`
}

const URL_SHAPE = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/

/** @throws RedisUrlError */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme, layout = 'plain', user = '', hosts = '', path = ''] = URL_SHAPE.exec(url) ?? []
  if (scheme === undefined) throw new RedisUrlError('the redis address is not usable; give redis://HOST:PORT, rediss://, redis+sentinel://HOST:PORT,HOST:PORT/MASTER or redis+cluster://HOST:PORT')
  const parts = path.split('/').filter((part) => part !== '')
  const master = layout === 'sentinel' ? parts.shift() : undefined
  const db = Number(parts.shift() ?? 0)
  if (parts.length > 0 || !Number.isInteger(db) || db < 0) throw new RedisUrlError('the redis address ends in something that is not the number of a database; end it with /0 or nothing')
  if (layout === 'sentinel' && master === undefined) throw new RedisUrlError('the redis address names no master; end it with /MASTER, the name that sentinel knows it by')
  if (layout === 'cluster' && db !== 0) throw new RedisUrlError('a redis cluster has database 0 only; leave the number out')
  const endpoints = hosts.split(',').map((host) => endpointOf(host, layout === 'sentinel' ? 26_379 : 6379))
  const [first, ...others] = endpoints
  if (first === undefined || (layout === 'plain' && others.length > 0)) throw new RedisUrlError('the redis address names several hosts; use redis+sentinel:// or redis+cluster://')
  return {
    layout: layout === 'plain' ? { kind: 'plain', at: first } : layout === 'cluster' ? { kind: 'cluster', nodes: endpoints } : { kind: 'sentinel', sentinels: endpoints, master: master ?? '' },
    tls: scheme === 'rediss',
    ...credentials(user),
    db,
  }
}

function endpointOf(text: string, standardPort: number): RedisEndpoint {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z._-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  const port = digits === undefined ? standardPort : Number(digits)
  if (host === undefined || port > 65_535 || port === 0) throw new RedisUrlError('the redis address has a host that is not usable; give HOST:PORT, with IPv6 in brackets')
  return { host, port }
}

function credentials(user: string): { username: string | undefined; password: string | undefined } {
  const colon = user.indexOf(':')
  const decode = (text: string) => (text === '' ? undefined : decodeURIComponent(text))
  try {
    return colon === -1 ? { username: decode(user), password: undefined } : { username: decode(user.slice(0, colon)), password: decode(user.slice(colon + 1)) }
  } catch {
    throw new RedisUrlError('the user or the password in the redis address is not percent-encoded; encode it, or use a password file')
  }
}
