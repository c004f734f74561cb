/** Which service a request is for: by its host name, else by the path prefix. */
import type { Service, Snapshot } from './model.ts'

/** Segments of the longest prefix that a configuration may name; look-ups by prefix are this many at most. */
export const PREFIX_SEGMENTS = 4

export interface Matched {
  readonly service: Service
  /** The path within the service: without its prefix where the prefix matched. */
  readonly rest: string
}

/** Everything under it is the router's own, whatever the host; nothing of it is ever a service's. */
export const OWN_PREFIX = '/-/'

export function match(snapshot: Pick<Snapshot, 'hosts' | 'prefixes'>, host: string, path: string): Matched | undefined {
  if (path.startsWith(OWN_PREFIX)) return undefined
  const byHost = snapshot.hosts.get(host)
  if (byHost !== undefined) return { service: byHost, rest: path }
  let end = 0
  for (let depth = 0; depth < PREFIX_SEGMENTS; depth++) {
    end = path.indexOf('/', end + 1)
    if (end === -1) return undefined
    const service = snapshot.prefixes.get(path.slice(0, end))
    if (service !== undefined) return { service, rest: path.slice(end) }
  }
  return undefined
}

/** A host name and the beginning of a path by which `match` finds a service. */
export function wayTo({ host, prefix = '' }: Service): { readonly host: string; readonly prefix: string } {
  return host === undefined ? { host: '', prefix } : { host, prefix: '' }
}
