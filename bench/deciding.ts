/** Decisions as work that can be measured: snapshots, requests and a router's way to call. */
import { build } from '../src/cli/configuration.ts'
import type { Locator } from '../src/geo/locator.ts'
import { bundleOf, digest, encodeBundle } from '../src/policy/bundle.ts'
import { Assembly, piecesOf } from '../src/policy/pieces.ts'
import { ClientAddress } from '../src/privacy/address.ts'
import { Router } from '../src/router.ts'
import { decide } from '../src/routing/decide.ts'
import type { RoutingRequest } from '../src/routing/decision.ts'
import { HealthTable } from '../src/routing/health-table.ts'
import { LoadTally } from '../src/routing/load.ts'
import type { Snapshot } from '../src/routing/model.ts'
import { configuration } from './configuration.ts'
import type { Size } from './configuration.ts'
import { tell } from './measure.ts'
import type { Measurable, Spread } from './measure.ts'
import { viewers } from './viewers.ts'

/** A power of two, so that the next input costs a mask. */
export const INPUTS = 8192
export const NOW = Date.UTC(2026, 2, 1, 20, 30)
export const TARGETS = [5, 40, 1000] as const

export interface DecideOptions {
  readonly rounds: number
  /** Of processor time, roughly, in a batch. */
  readonly batchMs: number
  /** When no further round is begun, on the clock of `performance.now()`. */
  readonly until: number
  /** Whether to leave out the largest sizes, which take long to build. */
  readonly small: boolean
}

/** As the router calls it: every so many decisions are also counted for the bound on loads. */
export function deciding(snapshot: Snapshot, requests: readonly RoutingRequest[], health = new HealthTable(snapshot)): Pick<Measurable, 'run' | 'look'> {
  const tally = new LoadTally()
  return {
    run: (i) => {
      const request = requests[i & (INPUTS - 1)]
      return request && decide(request, snapshot, health, viewerDraw(i), i % Router.TALLIED === 0 ? tally : undefined)
    },
    look: (i) => {
      const { host = '', path = '', client, now = 0 } = requests[i & (INPUTS - 1)] ?? {}
      const { place } = client ?? {}
      return sumOf(host) + sumOf(path) + (place?.at?.x ?? 0) + sumOf(place?.country ?? '') + now
    },
  }
}

function sumOf(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum += text.charCodeAt(i)
  return sum
}

export function requestsOf(
  snapshot: Snapshot,
  locator: Locator,
  host: (i: number) => string,
  addressOf?: (i: number) => ClientAddress | undefined,
): RoutingRequest[] {
  return viewers(INPUTS).map(({ target, address }, i) => {
    const [path = '', query = ''] = target.split('?')
    const client = locator.locate(addressOf === undefined ? ClientAddress.parse(address) : addressOf(i), snapshot.zones)
    return { scheme: 'https', host: host(i), path, query, client, now: NOW }
  })
}

/** As a thread has it that answers. */
export function snapshotOf(size: Size): Snapshot {
  const bundle = bundleOf(configuration(size))
  const { snapshot, problems } = build(bundle, { epoch: 1, number: 1, digest: digest(encodeBundle(bundle)) }, NOW)
  if (snapshot === undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
  const assembly = new Assembly()
  const arrived = [...piecesOf(snapshot)].map((piece) => assembly.add(structuredClone(piece))).at(-1)
  if (arrived === undefined) throw new Error('a snapshot arrives with its last piece')
  return arrived
}

/** An unsigned 32-bit number, as a viewer's draw is. */
export function viewerDraw(i: number): number {
  return Math.imul(i, 0x9e3779b1) >>> 0
}

export function cell(times: ReadonlyMap<string, Spread>, name: string): string {
  const found = times.get(name)
  return found === undefined ? '' : tell(found)
}
