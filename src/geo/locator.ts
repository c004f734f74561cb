/** Where a client is: the operator's zone, its autonomous system, its place. All in memory, and it never throws. */
import type { ClientAddress } from '../privacy/address.ts'
import type { Client } from '../routing/decision.ts'
import type { Place, Zone, ZoneTable } from '../routing/model.ts'
import { UNKNOWN_PLACE } from './countries.ts'

/** What the locator needs of a `GeoIndex` or an `AsnIndex`. */
interface Lookup<T> {
  readonly builtAt: number
  readonly databaseType: string
  find4(word: number): T
  find6(w0: number, w1: number, w2: number, w3: number): T
}

export interface GeoLookup extends Lookup<Place> {
  readonly placesCount: number
}

export type AsnLookup = Lookup<number>

const UNKNOWN_CLIENT: Client = Object.freeze({ place: UNKNOWN_PLACE, zone: undefined, asn: 0 })

/**
 * Holds the current indexes. Without one, or where a look-up fails, the client is simply not known: a routing decision
 * must not wait for geo data or fail for want of it.
 */
export class Locator {
  #geo: GeoLookup | undefined
  #asn: AsnLookup | undefined
  #loadedAt: number | undefined
  #failures = 0

  /** A client whose address is not known is nowhere. */
  locate(address: ClientAddress | undefined, zones: ZoneTable): Client {
    if (address === undefined) return UNKNOWN_CLIENT
    return {
      place: this.#look(this.#geo, address) ?? UNKNOWN_PLACE,
      zone: zones.size === 0 ? undefined : this.#look<Zone | undefined>(zones, address),
      asn: this.#look(this.#asn, address) ?? 0,
    }
  }

  /** @param loadedAt milliseconds since the epoch */
  swap(geo: GeoLookup, loadedAt: number): void {
    this.#geo = geo
    this.#loadedAt = loadedAt
  }

  swapAsn(asn: AsnLookup): void {
    this.#asn = asn
  }

  /** Look-ups that failed, ever. */
  get failures(): number {
    return this.#failures
  }

  /** When the geo database was built, milliseconds since the epoch; `undefined` while there is none. */
  get builtAt(): number | undefined {
    return this.#geo?.builtAt
  }

  get databaseType(): string | undefined {
    return this.#geo?.databaseType
  }

  /** Distinct places in the geo database. */
  get placesCount(): number {
    return this.#geo?.placesCount ?? 0
  }

  /** When the geo database was put in use, milliseconds since the epoch. */
  get loadedAt(): number | undefined {
    return this.#loadedAt
  }

  get asnBuiltAt(): number | undefined {
    return this.#asn?.builtAt
  }

  get asnDatabaseType(): string | undefined {
    return this.#asn?.databaseType
  }

  #look<T>(table: Pick<Lookup<T>, 'find4' | 'find6'> | undefined, address: ClientAddress): T | undefined {
    if (table === undefined) return undefined
    try {
      if (address.family === 4) return table.find4(address.word(0))
      return table.find6(address.word(0), address.word(1), address.word(2), address.word(3))
    } catch {
      this.#failures++
      return undefined
    }
  }
}
