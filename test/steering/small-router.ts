/**
 * A router with steering in this process, for tests that need a fake clock or to reach inside: the real request reading,
 * `decide`, steering and rewriting, without geo, records and configuration files.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { optionsAnswer, redirectAnswer, refusalAnswer, rejectionAnswer } from '../../src/http/answers.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import type { Answer, WireRequest } from '../../src/http/message.ts'
import { readRequest } from '../../src/http/request.ts'
import { resolveAnswer } from '../../src/http/resolve.ts'
import { decide } from '../../src/routing/decide.ts'
import type { RoutingRequest } from '../../src/routing/decision.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { queryOf } from '../../src/routing/location.ts'
import type { Snapshot } from '../../src/routing/model.ts'
import { SteeredManifests } from '../../src/steering/manifests.ts'
import type { FallbackReason } from '../../src/steering/manifests.ts'
import { steeringUrl } from '../../src/steering/path.ts'
import { Steering } from '../../src/steering/steer.ts'
import type { SteeringOptions } from '../../src/steering/steer.ts'
import { undiciFetch } from '../../src/steering/undici-fetch.ts'
import { Upstream } from '../../src/steering/upstream.ts'
import type { Fetch } from '../../src/steering/upstream.ts'

export interface SmallRouterOptions {
  readonly snapshot: Snapshot
  /** Ids of services whose manifests are steered; `all` for every one. */
  readonly steered?: 'all' | ReadonlySet<string>
  readonly steering?: SteeringOptions
  readonly fetch?: Fetch
  /** With what it keeps, as from snapshot to snapshot. */
  readonly upstream?: Upstream
  readonly random?: number
  now?(): number
  /** Sees each request, before it is answered. */
  onRequest?(method: string, target: string): void
}

export interface SmallRouter {
  readonly health: HealthTable
  readonly fallbacks: FallbackReason[]
  respond(wire: WireRequest): Answer | Promise<Answer>
  get(target: string, options?: { readonly host?: string; readonly method?: string; readonly headers?: readonly string[] }): Answer | Promise<Answer>
  /** On loopback; resolves with its URL. */
  listen(): Promise<string>
  close(): Promise<void>
}

const NOWHERE = { country: 'NL', continent: 'EU', at: undefined }

export function smallRouter({ snapshot, steered = new Set(), random = 0x12345678, now = () => 0, ...options }: SmallRouterOptions): SmallRouter {
  const config = { trusted: TrustedProxies.parse([]) }
  const health = new HealthTable(snapshot)
  const steering = new Steering(options.steering)
  const undici = undiciFetch()
  const fallbacks: FallbackReason[] = []
  const upstream = options.upstream ?? new Upstream({ fetch: options.fetch ?? undici.fetch, now })
  const manifests = new SteeredManifests({ steering, upstream, onFallback: (reason) => fallbacks.push(reason) })
  const world = { snapshot, health }

  function respond(wire: WireRequest): Answer | Promise<Answer> {
    const resolved = readRequest(wire, config)
    if (resolved.rejected !== undefined) return rejectionAnswer(resolved.rejected)
    if (resolved.method === 'OPTIONS') return optionsAnswer()
    const { scheme, host, path, query } = resolved
    const request: RoutingRequest = { scheme, host, path, query, client: { place: NOWHERE, zone: undefined, asn: 0 }, now: now() }
    const steer = steering.answer(request, world, random)
    if (steer !== undefined) return steer.answer
    const decision = decide(request, snapshot, health, random)
    if (decision.outcome === 'refuse') return refusalAnswer(decision.status, decision.reason)
    const origin = `${scheme}://${authorityOf(wire)}`
    if (resolved.wants === 'json') {
      const [first, ...others] = steering.pathways(decision, request, world, random)
      if (first !== undefined) {
        const ids = [first, ...others].map(({ id }) => id)
        const url = steeringUrl(origin, path.endsWith('.mpd') ? 'dash' : 'hls', decision.service, decision.path, ids)
        return resolveAnswer([first.redirect, ...others.map(({ redirect }) => redirect)], request, { url, pathways: ids })
      }
    }
    const redirect = () => redirectAnswer(decision.member.base[scheme] ?? '', decision.path, queryOf(decision, request), decision.status)
    if (steered !== 'all' && !steered.has(decision.service.id)) return redirect()
    return manifests.answer({ decision, request, world, random, origin, redirect })
  }

  const server = createServer((request, response) => void handle(request, response))
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', rawHeaders } = request
    options.onRequest?.(method, url)
    const answer = await respond({ method, target: url, headers: rawHeaders, peer: '127.0.0.1', encrypted: false, http10: false })
    response.writeHead(answer.status, [...answer.headers])
    response.end(method === 'HEAD' ? undefined : answer.body)
  }

  return {
    health,
    fallbacks,
    respond,
    get: (target, { host = 'play.tv.example', method = 'GET', headers = [] } = {}) =>
      respond({ method, target, headers: ['Host', host, ...headers], peer: '127.0.0.1', encrypted: false, http10: false }),
    listen: () => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))),
    close: async () => {
      await undici.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

function authorityOf({ headers }: WireRequest): string {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
  return at === -1 ? '' : (headers[at + 1] ?? '')
}

export function header(answer: Answer, name: string): string | undefined {
  const at = answer.headers.findIndex((key, i) => i % 2 === 0 && key.toLowerCase() === name.toLowerCase())
  return at === -1 ? undefined : answer.headers[at + 1]
}
