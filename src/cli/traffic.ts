/**
 * Traffic to compare two snapshots with: clients as they are spread over countries and networks, or as they were recorded.
 * The same seed gives the same traffic. No client of it is anybody's address: it is a country and a draw.
 */
import { countryPlace, UNKNOWN_PLACE } from '../geo/countries.ts'
import { parsePrefix } from '../geo/zones.ts'
import type { Prefix } from '../geo/zones.ts'
import type { Bundle } from '../policy/bundle.ts'
import { readDocuments } from '../policy/document.ts'
import { isRecord } from '../privacy/record.ts'
import { combine, fraction, mix } from '../routing/hash.ts'

/** Some requests that are alike. */
export interface Sample {
  readonly service: string
  /** Within the service. */
  readonly path: string
  readonly country: string
  /** The viewer's draw. */
  readonly random: number
  /** A network of the operator's zones that the client is in. */
  readonly network: Prefix | undefined
  readonly asn: number
  /** Requests that this one stands for. */
  readonly weight: number
}

/** Shares of the viewers of a European platform, by country; a rough table, for want of records. */
export const COUNTRY_WEIGHTS: Readonly<Record<string, number>> = {
  DE: 18, FR: 13, IT: 10, ES: 9, NL: 9, PL: 7, BE: 5, RO: 3, SE: 3, AT: 3, CZ: 2, PT: 2, DK: 2, IE: 2, FI: 2, GR: 1,
  HU: 1, BG: 1, HR: 1, SK: 1, LT: 1, LV: 1, EE: 1, SI: 1, LU: 1, GB: 4, CH: 3, NO: 2, US: 3, BR: 1, IN: 1, AU: 1, ZZ: 1,
}

/** One in this many generated clients is in one of the operator's zones, where there are any. */
const ZONED = 5

/** @param services ids that traffic is spread over evenly */
export function generateTraffic(services: readonly string[], networks: Networks, count: number, seed = 1): Sample[] {
  const total = Object.values(COUNTRY_WEIGHTS).reduce((sum, weight) => sum + weight, 0)
  return Array.from({ length: services.length === 0 ? 0 : count }, (_, i) => {
    const draw = (purpose: number) => combine(mix(seed + i), purpose)
    const zoned = draw(1) % ZONED === 0
    const size = networks.prefixes.length + networks.asns.length
    const place = zoned && size > 0 ? draw(2) % size : size
    return {
      service: services[i % services.length] ?? '',
      path: pathOf(`title-${draw(3) % 200}`, i % 2 === 0 ? 'm3u8' : 'mpd'),
      country: countryAt(fraction(draw(4)) * total),
      random: draw(5),
      network: networks.prefixes[place],
      asn: networks.asns[place - networks.prefixes.length] ?? 0,
      weight: 1,
    }
  })
}

/** Requests that one record becomes at most: its viewers had as many draws, of which nothing is known. */
const PER_RECORD = 20

/** Traffic from decision records, one in a line. What is not a record is counted and left out, as is what matched no service. */
export function recordedTraffic(lines: Iterable<string>, seed = 1): { samples: Sample[]; bad: number } {
  const samples: Sample[] = []
  let bad = 0
  for (const line of lines) {
    if (line.trim() === '') continue
    const record = parsed(line)
    if (!isRecord(record)) bad++
    else if (record.service !== null) {
      const times = Math.min(record.n, PER_RECORD)
      const path = pathOf(record.content, record.format === 'dash' ? 'mpd' : 'm3u8')
      for (let i = 0; i < times; i++) {
        samples.push({ service: record.service, path, country: record.country, random: combine(mix(seed + samples.length), 5), network: undefined, asn: 0, weight: record.n / times })
      }
    }
  }
  return { samples, bad }
}

/** What the operator's zones name. */
export interface Networks {
  readonly prefixes: readonly Prefix[]
  readonly asns: readonly number[]
}

/** From the texts of zone files; what is wrong in them is not said here. */
export function networksOf(bundles: readonly Bundle[]): Networks {
  const prefixes = new Map<string, Prefix>()
  const asns = new Set<number>()
  for (const zone of zoneEntries(bundles)) {
    for (const written of list(zone, 'prefixes')) {
      const prefix = typeof written === 'string' ? parsePrefix(written) : undefined
      if (prefix !== undefined) prefixes.set(String(written), prefix)
    }
    for (const asn of list(zone, 'asns')) if (typeof asn === 'number') asns.add(asn)
  }
  return { prefixes: [...prefixes.values()], asns: [...asns] }
}

/** The zones as they are written. */
export function zoneEntries(bundles: readonly Bundle[]): object[] {
  return bundles
    .flatMap(({ files }) => files)
    .filter(({ path }) => path.startsWith('zones/'))
    .flatMap(({ path, text }) => readDocuments(path, text).documents.flatMap(({ value }) => list(value, 'zones')))
    .filter((entry) => typeof entry === 'object' && entry !== null)
}

export function placeOf(country: string) {
  return countryPlace(country) ?? UNKNOWN_PLACE
}

function countryAt(point: number): string {
  let rest = point
  for (const [country, weight] of Object.entries(COUNTRY_WEIGHTS)) if ((rest -= weight) < 0) return country
  return 'ZZ'
}

function pathOf(title: string, extension: string): string {
  return `/${title}/master.${extension}`
}

function list(value: unknown, key: string): readonly unknown[] {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return Array.isArray(found) ? found : []
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
