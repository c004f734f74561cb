/** Compiled geo data: look-ups in memory that threads share. Made by `compileGeo` and `compileAsn` in `mmdb.ts`. */
import type { Place } from '../routing/model.ts'
import { UNKNOWN_PLACE, countryPlace, placeOf } from './countries.ts'
import { Trie } from './trie.ts'
import type { TrieArrays } from './trie.ts'

interface SharedFacts {
  readonly trie: TrieArrays
  readonly databaseType: string
  /** When the database was built, milliseconds since the epoch. */
  readonly builtAt: number
}

/** Places in columns, one row per distinct place. Row 0 is the unknown place. */
export interface PlaceColumns {
  /** Two letters in two bytes. */
  readonly countries: Uint16Array<SharedArrayBuffer>
  readonly continents: Uint16Array<SharedArrayBuffer>
  /** Latitude and longitude in degrees in turn; `NaN` for the country's reference point. Good to half a metre. */
  readonly coordinates: Float32Array<SharedArrayBuffer>
}

/** A `GeoIndex` as a message between threads: plain, and cloning it copies no data. */
export interface SharedGeo extends SharedFacts {
  readonly kind: 'geo'
  readonly places: PlaceColumns
}

/** An `AsnIndex` as a message between threads. */
export interface SharedAsn extends SharedFacts {
  readonly kind: 'asn'
  /** Row 0 is 0: not known. */
  readonly numbers: Uint32Array<SharedArrayBuffer>
}

/** Address to place. Look-ups never throw; each distinct place becomes an object when it is first found, and stays it. */
export class GeoIndex {
  readonly #shared: SharedGeo
  readonly #trie: Trie
  readonly #places: (Place | undefined)[]

  private constructor(shared: SharedGeo) {
    this.#shared = shared
    this.#trie = new Trie(shared.trie)
    this.#places = new Array<Place | undefined>(shared.places.countries.length).fill(undefined)
  }

  static from(shared: SharedGeo): GeoIndex {
    return new GeoIndex(shared)
  }

  share(): SharedGeo {
    return this.#shared
  }

  get builtAt(): number {
    return this.#shared.builtAt
  }

  get databaseType(): string {
    return this.#shared.databaseType
  }

  /** Distinct places, the unknown one not counted. */
  get placesCount(): number {
    return this.#places.length - 1
  }

  /** @param word the address, an unsigned 32-bit number */
  find4(word: number): Place {
    const row = this.#trie.find4(word)
    return this.#places[row] ?? this.#place(row)
  }

  /** @param w0 the first of the address's four unsigned 32-bit words, most significant first */
  find6(w0: number, w1: number, w2: number, w3: number): Place {
    const row = this.#trie.find6(w0, w1, w2, w3)
    return this.#places[row] ?? this.#place(row)
  }

  #place(row: number): Place {
    const { countries, continents, coordinates } = this.#shared.places
    const country = unpack(countries[row] ?? 0)
    const continent = unpack(continents[row] ?? 0)
    const latitude = coordinates[2 * row] ?? Number.NaN
    const longitude = coordinates[2 * row + 1] ?? Number.NaN
    const place = row === 0 ? UNKNOWN_PLACE : make(country, continent, latitude, longitude)
    this.#places[row] = place
    return place
  }
}

/** Address to autonomous system number, 0 where it is not known. Look-ups neither allocate nor throw. */
export class AsnIndex {
  readonly #shared: SharedAsn
  readonly #trie: Trie
  readonly #numbers: Uint32Array

  private constructor(shared: SharedAsn) {
    this.#shared = shared
    this.#trie = new Trie(shared.trie)
    this.#numbers = shared.numbers
  }

  static from(shared: SharedAsn): AsnIndex {
    return new AsnIndex(shared)
  }

  share(): SharedAsn {
    return this.#shared
  }

  get builtAt(): number {
    return this.#shared.builtAt
  }

  get databaseType(): string {
    return this.#shared.databaseType
  }

  /** Distinct autonomous systems. */
  get count(): number {
    return this.#numbers.length - 1
  }

  find4(word: number): number {
    return this.#numbers[this.#trie.find4(word)] ?? 0
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    return this.#numbers[this.#trie.find6(w0, w1, w2, w3)] ?? 0
  }
}

/** Two letters to a 16-bit number. */
export function pack(code: string): number {
  return (code.charCodeAt(0) << 8) | code.charCodeAt(1)
}

function unpack(value: number): string {
  return String.fromCharCode(value >>> 8, value & 0xff)
}

function make(country: string, continent: string, latitude: number, longitude: number): Place {
  if (!Number.isNaN(latitude)) return placeOf(country, continent, latitude, longitude)
  const standIn = countryPlace(country)
  if (standIn === undefined) return UNKNOWN_PLACE
  return standIn.continent === continent ? standIn : Object.freeze({ ...standIn, continent })
}
