/** Where a target is reached, as written and as it stands in `Location`. */
import type { Base, Scheme } from '../routing/model.ts'

export interface Address {
  readonly host: string
  readonly port?: number | undefined
  readonly scheme?: 'same' | Scheme | undefined
  readonly prefix?: string | undefined
}

/** The part of `Location` before the path, for each scheme that the address serves. */
export function baseOf({ host, port, scheme = 'same', prefix = '' }: Address): Base {
  const base = (wanted: Scheme) => (scheme === 'same' || scheme === wanted ? `${wanted}://${host}${portText(wanted, port)}${prefix}` : undefined)
  return { http: base('http'), https: base('https') }
}

function portText(scheme: Scheme, port: number | undefined): string {
  const standard = scheme === 'http' ? 80 : 443
  return port === undefined || port === standard ? '' : `:${port}`
}
