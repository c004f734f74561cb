/** From a wire request to an answer over the tiny snapshot: the whole path of a request, without geo and without records. */
import { jsonAnswer, optionsAnswer, redirectAnswer, refusalAnswer, rejectionAnswer } from '../../src/http/answers.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import type { Answer, WireRequest } from '../../src/http/message.ts'
import { readRequest } from '../../src/http/request.ts'
import { decide } from '../../src/routing/decide.ts'
import type { RoutingRequest } from '../../src/routing/decision.ts'
import { locationOf, queryOf } from '../../src/routing/location.ts'
import { NOWHERE, freshHealth, snapshot } from './tiny-snapshot.ts'

const health = freshHealth()

export function tinyRouter(trustedProxies: readonly string[] = []): (wire: WireRequest) => Answer {
  const config = { trusted: TrustedProxies.parse(trustedProxies) }
  return (wire) => {
    const request = readRequest(wire, config)
    if (request.rejected !== undefined) return rejectionAnswer(request.rejected)
    if (request.method === 'OPTIONS') return optionsAnswer()
    const { scheme, host, path, query } = request
    const routing: RoutingRequest = { scheme, host, path, query, client: { place: NOWHERE, zone: undefined, asn: 0 }, now: 0 }
    const decision = decide(routing, snapshot, health, 0)
    if (decision.outcome === 'refuse') return refusalAnswer(decision.status, decision.reason)
    if (request.wants === 'json') return jsonAnswer(200, { targets: [locationOf(decision, routing)] })
    return redirectAnswer(decision.member.base[scheme] ?? '', decision.path, queryOf(decision, routing), decision.status)
  }
}
