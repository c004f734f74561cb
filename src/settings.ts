/** What the process settings mean where they are not given. */
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Settings } from './policy/settings.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT`, with IPv6 in brackets, that the schema has already checked. */
export function parseEndpoint(text: string): Endpoint {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Paths in settings are relative to the configuration directory. The default is the country database that comes with `npm ci`. */
export function geoPaths({ geo }: Settings, directory: string): { database: string; asnDatabase: string | undefined } {
  const within = (path: string) => (isAbsolute(path) ? path : join(directory, path))
  return {
    database: geo?.database === undefined ? bundledDatabase() : within(geo.database),
    asnDatabase: geo?.asnDatabase === undefined ? undefined : within(geo.asnDatabase),
  }
}

function bundledDatabase(): string {
  return fileURLToPath(import.meta.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'))
}

/** Where a router keeps what must outlast it; relative to the working directory. */
export function stateDirectoryOf({ stateDirectory }: Settings): string {
  return stateDirectory ?? 'var'
}
