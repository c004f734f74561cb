/** Host names to the addresses that a check may use. */
import { lookup as systemLookup } from 'node:dns'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import type { Family } from '../routing/model.ts'
import { isInternal } from './internal-ranges.ts'

type Resolved = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
export type Resolve = (hostname: string, options: LookupOptions, callback: Resolved) => void

export class InternalAddress extends Error {
  readonly code = 'INTERNAL_ADDRESS'
}

/** The name has addresses, but none of the family that is to be checked. */
export class NoSuchFamily extends Error {
  readonly code = 'NO_SUCH_FAMILY'
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/**
 * Judges every address that a name has, at the moment of connecting, before one of them is used. One internal among them
 * condemns the name.
 */
export function guarded(resolve: Resolve, allowInternal: boolean, family?: Family) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, options, (error, addresses) => {
      if (error !== null) return callback(error, [])
      if (addresses.length === 0) return callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), [])
      if (!allowInternal && addresses.some(({ address }) => isInternal(address))) return callback(new InternalAddress('internal address'), [])
      const usable = family === undefined ? addresses : addresses.filter(({ address }) => familyOf(address) === family)
      const [first] = usable
      if (first === undefined) callback(new NoSuchFamily('no address of this family'), [])
      else if (options.all === true) callback(null, usable)
      else callback(null, first.address, first.family)
    })
  }
}

/** `undefined` where it is a name. */
export function familyOf(address: string): Family | undefined {
  const version = isIP(address)
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6'
}

/**
 * Looks a name up once for all that wait for it. The system's look-ups queue for a few threads and cannot be called off:
 * without this a name server that hangs would make the queue grow with every check.
 */
export function shared(resolve: Resolve = resolveAll, monotonic = () => performance.now()): Resolve {
  const waiting = new Map<string, Waiting[]>()
  return (hostname, options, callback) => {
    const since = monotonic()
    const others = waiting.get(hostname)
    if (others !== undefined) {
      // Whoever has waited for so long has given up.
      const late = others.findIndex((other) => since - other.since < LONGEST_MS)
      others.splice(0, late === -1 ? others.length : late)
      others.push({ callback, since })
      return
    }
    const all = [{ callback, since }]
    waiting.set(hostname, all)
    resolve(hostname, options, (error, addresses) => {
      waiting.delete(hostname)
      for (const each of all) each.callback(error, addresses)
    })
  }
}

interface Waiting {
  readonly callback: Resolved
  /** Milliseconds. */
  readonly since: number
}

/** No check may take longer, see `timeoutSeconds`. */
const LONGEST_MS = 60_000

export function resolveAll(hostname: string, _options: LookupOptions, callback: Resolved): void {
  systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) => callback(error, addresses ?? []))
}
