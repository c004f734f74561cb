/** What the contestants read, so that all have the same data, and what an answer must be. */
import { rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countryCodes, countryPlace } from '../../src/geo/countries.ts'
import { cosine, vector } from '../../src/routing/distance.ts'
import { CITIES, edgeHost, hostOf } from '../configuration.ts'
import { PATHS, SERVICES, TARGETS, withStage } from '../server.ts'
import type { Stage as Base } from '../server.ts'
import { requestText, viewers } from '../viewers.ts'
import type { Half } from './contestant.ts'
import { readCountries } from './networks.ts'

export interface Stage extends Base {
  /** For what a contestant needs to keep; not looked at by Wissel. */
  readonly work: string
  /** The same requests, each of which asks for the connection's end. */
  readonly closing: string
  readonly database: string
  /** A line `NETWORK COUNTRY` for each of the database's networks. */
  readonly networks: string
  readonly hosts: readonly string[]
  readonly probes: readonly Probe[]
}

/** A request whose answer is known, because one city is far nearer to its viewer than all others. */
export interface Probe {
  readonly text: string
  readonly target: string
  readonly city: number
}

/** How much nearer a city must be than the next one, so that every idea of nearness agrees on it. */
const CLEARLY = 3
const PROBES = 20

export function withRace<T>(use: (stage: Stage) => Promise<T>): Promise<T> {
  return withStage(async (base) => {
    const work = join(base.directory, 'race')
    await mkdir(work)
    // A race that is interrupted leaves nothing either; afterwards this finds nothing to do.
    process.once('exit', () => rmSync(base.directory, { recursive: true, force: true }))
    const database = fileURLToPath(import.meta.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'))
    const countries = await readCountries(database)
    // Wissel's own folder: what else the bench compares stands beside it.
    const stage = { ...base, directory: join(base.directory, 'wissel'), work, database, closing: join(work, 'closing'), networks: join(work, 'networks.map') }
    await writeFile(stage.networks, `${countries.lines().join('\n')}\n`)
    const all = viewers(PATHS)
    await writeFile(stage.closing, all.map((viewer) => closing(requestText(viewer, hostOf(0)))).join('\0'), 'latin1')
    const probes = all.flatMap((viewer): Probe[] => {
      const city = clearCity(countries.of(viewer.address))
      return city === undefined ? [] : [{ text: requestText(viewer, hostOf(0)), target: viewer.target, city }]
    })
    // Viewers of one city after the other, so that most cities are asked for.
    const varied = CITIES.flatMap((_, city) => probes.filter((probe) => probe.city === city).slice(0, PROBES / CITIES.length))
    return use({ ...stage, hosts: Array.from({ length: SERVICES }, (_, i) => hostOf(i)), probes: varied })
  })
}

export function closing(text: string): string {
  return text.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n')
}

/** Cities by distance, the nearest first. */
function byDistance(country: string): { city: number, angle: number }[] {
  const at = countryPlace(country)?.at
  if (at === undefined) return []
  return CITIES.map(([, latitude, longitude], city) => ({ city, angle: Math.acos(Math.min(1, cosine(at, vector(latitude, longitude)))) })).sort((a, b) => a.angle - b.angle)
}

function clearCity(country: string): number | undefined {
  const [first, second] = byDistance(country)
  return first !== undefined && second !== undefined && second.angle > first.angle * CLEARLY ? first.city : undefined
}

/** Edges stand in the cities in turn, and every second one of a city's is in the same half. The last target is a CDN. */
function edgesOf(city: number, half?: Half): string[] {
  return Array.from({ length: TARGETS - 1 }, (_, i) => i).filter((i) => i % CITIES.length === city && (half === undefined || halfOf(i) === half)).map(edgeHost)
}

export function halfOf(edge: number): Half {
  return Math.floor(edge / CITIES.length) % 2 === 0 ? 0 : 1
}

/** Which hosts may stand in the answer to a probe, while all edges are in service and nothing has loaded them. */
export function nearHosts({ city }: Probe): string[] {
  return edgesOf(city)
}

/**
 * The same while half of the edges is out: a router that bounds loads may send a viewer to the next city, and one whose edges
 * come back gradually some viewers to the CDN, where that is in service.
 */
export function hostsIn(half: Half): string[] {
  const cdn = TARGETS - 1
  return [...CITIES.flatMap((_, city) => edgesOf(city, half)), ...(halfOf(cdn) === half ? [edgeHost(cdn)] : [])]
}

/** For programs that choose by country alone: the nearest city's first edge of a half. */
export function edgeByCountry(half: Half): Map<string, string> {
  return new Map([...countryCodes()].map((country) => [country, edgesOf(byDistance(country)[0]?.city ?? 0, half)[0] ?? '']))
}

/** For the rest of the world. */
export function defaultEdge(half: Half): string {
  return edgesOf(0, half)[0] ?? ''
}
