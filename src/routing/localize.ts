/** Where the client is, by the best source that knows: the operator's zones, its autonomous system, the geo database. */
import type { Client, Localization } from './decision.ts'
import type { Condition, Country, Member, Snapshot, Target, Vector, Zone } from './model.ts'

export interface Located {
  readonly localization: Localization
  readonly zone: Zone | undefined
  readonly country: Country
  readonly continent: string
  readonly origin: Vector | undefined
}

export function localize(client: Client, snapshot: Snapshot): Located {
  const { place, asn } = client
  const byAsn = client.zone === undefined && asn !== 0 ? snapshot.zones.findAsn(asn) : undefined
  const zone = client.zone ?? byAsn
  if (zone === undefined) {
    const localization = place.at === undefined ? 'default' : 'geo'
    return { localization, zone, country: place.country, continent: place.continent, origin: place.at }
  }
  return {
    localization: byAsn === undefined ? 'zone' : 'asn',
    zone,
    country: zone.country ?? place.country,
    continent: zone.continent ?? place.continent,
    origin: ('group' in zone.prefer ? zone.prefer.group.at : zone.prefer.target.at) ?? place.at,
  }
}

/** Whether a zone names this target for its clients, or a group that holds it. */
export function prefers(zone: Zone, target: Target): boolean {
  if ('target' in zone.prefer) return target === zone.prefer.target
  let group = target.group
  while (group !== undefined && group !== zone.prefer.group) group = group.parent
  return group !== undefined
}

/** Those with a weight that a zone's clients are served by first. */
export function preferredBy(zone: Zone, list: readonly Member[]): readonly Member[] {
  return list.filter(({ weight, target }) => weight > 0 && prefers(zone, target))
}

/** Whether a step is meant for this client. Every list that is given must hold. */
export function meets(when: Condition | undefined, located: Located, asn: number): boolean {
  if (when === undefined) return true
  if (when.countries !== undefined && !when.countries.has(located.country)) return false
  if (when.continents !== undefined && !when.continents.has(located.continent)) return false
  if (when.zones !== undefined && (located.zone === undefined || !when.zones.has(located.zone.id))) return false
  return when.asns === undefined || when.asns.has(asn)
}
