/** Questions with known answers that a snapshot must pass before it decides: nobody is sent outside of their service's targets. */
import { UNKNOWN_PLACE, countryPlace } from '../geo/countries.ts'
import { decide } from '../routing/decide.ts'
import type { Client, RoutingRequest } from '../routing/decision.ts'
import { HealthTable } from '../routing/health-table.ts'
import { locationOf } from '../routing/location.ts'
import { wayTo } from '../routing/match.ts'
import type { Snapshot } from '../routing/model.ts'

/** Services that are asked; in a larger snapshot they are spread over it. */
const SAMPLE = 500
const CLIENTS: readonly Client[] = [UNKNOWN_PLACE, countryPlace('DE') ?? UNKNOWN_PLACE, countryPlace('US') ?? UNKNOWN_PLACE].map((place) => ({ place, zone: undefined, asn: 0 }))

/** What is wrong, or `undefined`. */
export function prove(snapshot: Snapshot): string | undefined {
  const health = new HealthTable(snapshot)
  const stride = Math.max(1, Math.ceil(snapshot.services.length / SAMPLE))
  for (let i = 0; i < snapshot.services.length; i += stride) {
    const service = snapshot.services.at(i)
    if (service === undefined) continue
    const { host, prefix } = wayTo(service)
    for (const [random, client] of CLIENTS.entries()) {
      const request: RoutingRequest = { scheme: 'https', host, path: `${prefix}/a/master.m3u8`, query: '', client, now: 0 }
      const decision = decide(request, snapshot, health, random * 0x3fffffff)
      if (decision.service !== service) return `service ${service.id} is not found under its own name`
      if (decision.outcome === 'refuse') continue
      const { hostname } = new URL(locationOf(decision, request))
      if (!decision.member.target.hosts.some((own) => own === hostname || (own.startsWith('*.') && hostname.endsWith(own.slice(1))))) return `service ${service.id} sends viewers to a host that is not its target's`
    }
  }
  return undefined
}
