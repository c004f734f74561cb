/**
 * Has another program read the same database: a compiled index goes into use only if the `maxmind` package finds the same
 * for a sample of addresses. A mistake of our own compiler then costs an update, and never sends a country elsewhere.
 *
 * The package is asked only after the whole file was checked, because it follows whatever a record refers to.
 */
import { Reader } from 'maxmind'
import type { Response } from 'maxmind'
import { isCountry } from './countries.ts'
import { GeoDatabaseError } from './geo-error.ts'
import { AsnIndex, GeoIndex } from './geo-index.ts'

/** Addresses of each family. */
const SAMPLE = 1000

/** @throws GeoDatabaseError where the two differ */
export function confirm(index: GeoIndex | AsnIndex, file: Uint8Array<ArrayBuffer>): void {
  const reader = new Reader<Response>(Buffer.from(file.buffer, file.byteOffset, file.byteLength))
  let seed = 1
  // Any fixed sequence will do: the sample need not be secret, only spread out.
  const word = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0)
  for (let i = 0; i < SAMPLE; i++) {
    const v4 = word()
    compare(reader, index, dotted(v4), index instanceof GeoIndex ? index.find4(v4).country : index.find4(v4))
    // Global unicast, where nearly all of a database is.
    const words = [0x20000000 + (word() >>> 3), word(), word(), word()] as const
    if (reader.metadata.ipVersion === 6) compare(reader, index, colons(words), index instanceof GeoIndex ? index.find6(...words).country : index.find6(...words))
  }
}

function compare(reader: Reader<Response>, index: GeoIndex | AsnIndex, address: string, ours: string | number): void {
  const record: unknown = reader.get(address)
  const theirs = index instanceof GeoIndex ? countryOf(record) : asnOf(record)
  if (ours !== theirs) throw new GeoDatabaseError('geo database is read differently by two readers; keep the former file and report this one')
}

function countryOf(record: unknown): string {
  const codes = [at(record, 'country_code'), at(record, 'country'), at(at(record, 'country'), 'iso_code'), at(at(record, 'registered_country'), 'iso_code')]
  return codes.filter((code) => typeof code === 'string').map((code) => code.toUpperCase()).find(isCountry) ?? 'ZZ'
}

function asnOf(record: unknown): number {
  const found = at(record, 'autonomous_system_number') ?? at(record, 'asn')
  const number = Number(typeof found === 'string' ? found.replace(/^AS/i, '') : found)
  return Number.isSafeInteger(number) && number > 0 && number <= 0xffffffff ? number : 0
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

function dotted(word: number): string {
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')
}

function colons(words: readonly number[]): string {
  return words.flatMap((word) => [word >>> 16, word & 0xffff]).map((group) => group.toString(16)).join(':')
}
