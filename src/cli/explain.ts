/** `wissel explain`: where a viewer would be sent, from the files alone, by the same `decide` as in the router. */
import { readFile } from 'node:fs/promises'
import { WisselError } from '../errors.ts'
import { explain, formatExplanation } from '../explain.ts'
import type { Explanation } from '../explain.ts'
import { GeoDatabaseError } from '../geo/geo-error.ts'
import { compileAsn, compileGeo } from '../geo/mmdb.ts'
import { Locator } from '../geo/locator.ts'
import { TrustedProxies } from '../http/client-address.ts'
import type { WireRequest } from '../http/message.ts'
import { HTTP_REJECTIONS } from '../http/rejection.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import { ClientAddress } from '../privacy/address.ts'
import { HealthTable } from '../routing/health-table.ts'
import { LoadTally } from '../routing/load.ts'
import { Router } from '../router.ts'
import type { World } from '../router.ts'
import { geoPaths } from '../settings.ts'
import { codeOf } from '../system.ts'
import type { Loaded } from './configuration.ts'

export interface ExplainOptions {
  readonly directory: string
  readonly url: string
  readonly ip: string
  readonly json: boolean
  readonly now: number
  readonly out: (text: string) => void
  /** Takes what limits the explanation. */
  readonly err: (text: string) => void
}

/** The exit status: 0 when the viewer is sent somewhere, 2 when not. */
export async function explainCommand(loaded: Loaded, { directory, url, ip, json, now, out, err }: ExplainOptions): Promise<number> {
  const { snapshot, problems, settings } = loaded
  if (snapshot === undefined) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, errors(problems).map(formatProblem).join('\n')])
  const locator = new Locator()
  const paths = geoPaths(settings, directory)
  // As the router does: without a database clients are placed by what is left.
  const load = async (path: string, use: (bytes: Buffer) => void) => {
    try {
      use(await readFile(path))
    } catch (error) {
      err(`wissel: ${path} cannot be used (${error instanceof GeoDatabaseError ? error.message : codeOf(error)}); clients are placed without it\n`)
    }
  }
  await load(paths.database, (bytes) => locator.swap(compileGeo(bytes), now))
  if (paths.asnDatabase !== undefined) await load(paths.asnDatabase, (bytes) => locator.swapAsn(compileAsn(bytes)))
  const world: World = { snapshot, health: new HealthTable(snapshot), tally: new LoadTally() }
  // The draw of a viewer is known only to the running router: this one stands for any of the day's keys.
  const drawKey = new Uint32Array(4)
  const router = new Router({ locator, config: { trusted: TrustedProxies.parse([]) }, world: () => world, drawKey: () => drawKey, now: () => now, monotonic: () => 0, onDecided: () => undefined, onRejected: () => undefined })
  const explanation = explainUrl(router, world, url, ip)
  out(json ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation))
  return explanation.outcome === 'refuse' ? 2 : 0
}

/** Explains a URL as if its viewer connected from this address. Throws `WISSEL_USAGE` where either is not usable. */
export function explainUrl(router: Router, world: World, url: string, ip: string): Explanation {
  if (ClientAddress.parse(ip) === undefined) throw new WisselError('WISSEL_USAGE', ['the address is neither IPv4 nor IPv6'])
  const wire = wireOf(url, ip)
  const prepared = wire && router.prepare(wire, world)
  if (prepared === undefined) throw new WisselError('WISSEL_USAGE', ['the URL must be http:// or https:// with a host'])
  if (typeof prepared === 'string') throw new WisselError('WISSEL_USAGE', [`the router would answer ${HTTP_REJECTIONS[prepared].status} (${HTTP_REJECTIONS[prepared].text}) without a decision`])
  return explain(prepared.request, world.snapshot, world.health, prepared.random)
}

/** The request that a player would send for the URL, its path and query byte for byte. */
function wireOf(url: string, peer: string): WireRequest | undefined {
  const [, scheme, authority, target = ''] = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(url) ?? []
  if (scheme === undefined || authority === undefined) return undefined
  return {
    method: 'GET',
    target: target.startsWith('/') ? target : `/${target}`,
    headers: ['Host', authority],
    peer,
    encrypted: scheme.toLowerCase() === 'https',
    http10: false,
  }
}
