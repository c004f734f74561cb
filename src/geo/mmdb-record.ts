/** Reads places and autonomous systems from data records, in the flat schema and in MaxMind's. */
import { countryPlace, isContinent, isCountry } from './countries.ts'
import type { Metadata } from './mmdb-metadata.ts'
import { Section, names } from './mmdb-section.ts'

/** What a record says of a place. Coordinates are `NaN` where the country's reference point is to stand in. */
export interface PlaceRecord {
  readonly country: string
  readonly continent: string
  /** Degrees. */
  readonly latitude: number
  readonly longitude: number
}

const PLACE = names('country_code', 'country', 'registered_country', 'continent_code', 'continent', 'latitude', 'longitude', 'location')
const COUNTRY = names('iso_code')
const CONTINENT = names('code')
const LOCATION = names('latitude', 'longitude')
const ASN = names('autonomous_system_number', 'asn')

/** The data section of a file. Its budget lets every byte be read some dozen times over, because records share values. */
export function dataSection(file: Uint8Array, { dataStart, dataEnd }: Metadata): Section {
  return new Section(file, dataStart, dataEnd, 100_000 + 32 * (dataEnd - dataStart))
}

/**
 * @returns a function from a record's position to its place, or to `undefined` where it names no country
 * @throws the returned function: GeoDatabaseError where the record cannot be read
 */
export function placeReader(section: Section): (position: number) => PlaceRecord | undefined {
  const found = new Int32Array(PLACE.length)
  const inner = new Int32Array(2)

  /** The value itself where it is text, or the text under the key of a map. */
  function code(position: number, key: typeof COUNTRY): string | undefined {
    if (position < 0) return undefined
    const text = section.fields(position, key, inner) ? section.text(inner[0] ?? -1) : section.text(position)
    return text?.toUpperCase()
  }

  return (position) => {
    section.fields(position, PLACE, found)
    const [flat = -1, own = -1, registered = -1, flatContinent = -1, ownContinent = -1, north = -1, east = -1, location = -1] = found
    const country = usable(code(flat, COUNTRY)) ?? usable(code(own, COUNTRY)) ?? usable(code(registered, COUNTRY))
    if (country === undefined) return undefined
    const told = code(flatContinent, CONTINENT) ?? code(ownContinent, CONTINENT)
    const continent = told !== undefined && isContinent(told) ? told : countryPlace(country)?.continent ?? 'ZZ'

    let latitude = section.number(north)
    let longitude = section.number(east)
    if (location >= 0 && section.fields(location, LOCATION, inner)) {
      const [innerNorth = -1, innerEast = -1] = inner
      latitude = section.number(innerNorth)
      longitude = section.number(innerEast)
    }
    if (latitude === undefined || longitude === undefined || !onEarth(latitude, longitude)) latitude = longitude = Number.NaN
    return { country, continent, latitude, longitude }
  }
}

/** Position to autonomous system number, or 0. Throws as `placeReader`'s does. */
export function asnReader(section: Section): (position: number) => number {
  const found = new Int32Array(ASN.length)
  return (position) => {
    section.fields(position, ASN, found)
    for (const at of found) {
      const value = section.number(at) ?? Number(/^AS(\d{1,10})$/i.exec(section.text(at) ?? '')?.[1] ?? 0)
      if (Number.isInteger(value) && value > 0 && value <= 0xffffffff) return value
    }
    return 0
  }
}

function usable(country: string | undefined): string | undefined {
  return country !== undefined && isCountry(country) ? country : undefined
}

/** Exactly 0, 0 is what makers of databases write where they know nothing; only a buoy is there. */
function onEarth(latitude: number, longitude: number): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && (latitude !== 0 || longitude !== 0)
}
