/**
 * Compiles a MaxMind DB file (format 2.0) into flat arrays for look-ups, having checked all of it.
 *
 * The checks come first because the file is replaced while the router runs: whatever is wrong with it must show here,
 * as a `GeoDatabaseError`, and never in a look-up. Time and memory are bounded by the file's size, for hostile files too.
 * That is why records are decoded here and not by the `maxmind` package, which follows whatever a record refers to.
 */
import { GeoDatabaseError, tooLarge } from './geo-error.ts'
import { AsnIndex, GeoIndex, pack } from './geo-index.ts'
import type { PlaceColumns } from './geo-index.ts'
import { readMetadata } from './mmdb-metadata.ts'
import { asnReader, dataSection, placeReader } from './mmdb-record.ts'
import type { PlaceRecord } from './mmdb-record.ts'
import { compileTree } from './mmdb-tree.ts'

export { GeoDatabaseError } from './geo-error.ts'

/** Bytes. MaxMind's largest product is about half of this. */
export const MAX_BYTES = 512 * 1024 * 1024

/**
 * Compiles a country or city database.
 * @param maxBytes default 512 MiB; a larger file is refused
 * @throws GeoDatabaseError, and nothing else
 */
export function compileGeo(file: Uint8Array, maxBytes = MAX_BYTES): GeoIndex {
  return guarded(file, maxBytes, (bytes) => {
    const metadata = readMetadata(bytes)
    const section = dataSection(bytes, metadata)
    const read = placeReader(section)
    const places = new PlaceTable()
    const trie = compileTree(bytes, metadata, (offset) => {
      const record = read(metadata.dataStart + offset)
      return record === undefined ? 0 : places.row(record)
    })
    const { databaseType, builtAt } = metadata
    if (places.size === 1) throw new GeoDatabaseError(`geo database of type ${databaseType} has no country; give a country or city database`)
    return GeoIndex.from({ kind: 'geo', trie, places: places.columns(), databaseType, builtAt })
  })
}

/**
 * Compiles a database of autonomous system numbers.
 * @throws GeoDatabaseError, and nothing else
 */
export function compileAsn(file: Uint8Array, maxBytes = MAX_BYTES): AsnIndex {
  return guarded(file, maxBytes, (bytes) => {
    const metadata = readMetadata(bytes)
    const read = asnReader(dataSection(bytes, metadata))
    const rows = new Map<number, number>([[0, 0]])
    const trie = compileTree(bytes, metadata, (offset) => {
      const asn = read(metadata.dataStart + offset)
      const row = rows.get(asn) ?? rows.size
      rows.set(asn, row)
      return row
    })
    const { databaseType, builtAt } = metadata
    if (rows.size === 1) throw new GeoDatabaseError(`geo database of type ${databaseType} has no autonomous system; give an ASN database`)
    const numbers = new Uint32Array(new SharedArrayBuffer(rows.size * 4))
    numbers.set([...rows.keys()])
    return AsnIndex.from({ kind: 'asn', trie, numbers, databaseType, builtAt })
  })
}

function guarded<T>(file: Uint8Array, maxBytes: number, compile: (bytes: Buffer) => T): T {
  if (file.length > maxBytes) throw tooLarge(file.length, maxBytes)
  try {
    return compile(Buffer.from(file.buffer, file.byteOffset, file.byteLength))
  } catch (cause) {
    if (cause instanceof GeoDatabaseError) throw cause
    throw new GeoDatabaseError('geo database cannot be compiled; give another one', { cause })
  }
}

/** Gives every distinct place a row. Row 0 is the unknown place. */
class PlaceTable {
  readonly #rows = new Map<string, number>()
  readonly #records: PlaceRecord[] = [{ country: 'ZZ', continent: 'ZZ', latitude: Number.NaN, longitude: Number.NaN }]

  get size(): number {
    return this.#records.length
  }

  row(record: PlaceRecord): number {
    const { country, continent, latitude, longitude } = record
    const key = `${country}${continent}${Math.fround(latitude)},${Math.fround(longitude)}`
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const row = this.#records.length
    this.#rows.set(key, row)
    this.#records.push(record)
    return row
  }

  columns(): PlaceColumns {
    const { size } = this
    const countries = new Uint16Array(new SharedArrayBuffer(size * 2))
    const continents = new Uint16Array(new SharedArrayBuffer(size * 2))
    const coordinates = new Float32Array(new SharedArrayBuffer(size * 8))
    for (const [row, { country, continent, latitude, longitude }] of this.#records.entries()) {
      countries[row] = pack(country)
      continents[row] = pack(continent)
      coordinates[2 * row] = latitude
      coordinates[2 * row + 1] = longitude
    }
    return { countries, continents, coordinates }
  }
}
