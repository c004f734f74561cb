/**
 * The decision alone, and the pieces around it: processor time per call, and how it grows with services, targets and
 * prefixes. Snapshots are built from generated YAML as the router builds them; only a million prefixes are not, because
 * reading them as YAML takes minutes.
 */
import { readFile } from 'node:fs/promises'
import { Locator } from '../src/geo/locator.ts'
import { compileGeo } from '../src/geo/mmdb.ts'
import { buildZones } from '../src/geo/zones.ts'
import type { Prefix } from '../src/geo/zones.ts'
import { redirectAnswer } from '../src/http/answers.ts'
import { TrustedProxies } from '../src/http/client-address.ts'
import type { WireRequest } from '../src/http/message.ts'
import { readRequest } from '../src/http/request.ts'
import type { ResolvedRequest } from '../src/http/request.ts'
import { DecisionLog } from '../src/log/decision-log.ts'
import { recordDecision } from '../src/log/record-decision.ts'
import type { Sink } from '../src/log/sinks/sink.ts'
import { agentClass } from '../src/privacy/agent.ts'
import { contentOf } from '../src/privacy/content.ts'
import { ClientAddress } from '../src/privacy/address.ts'
import { draw, drawKey } from '../src/privacy/draw.ts'
import { Router } from '../src/router.ts'
import type { Decided } from '../src/router.ts'
import { decide } from '../src/routing/decide.ts'
import type { Redirect, RoutingRequest } from '../src/routing/decision.ts'
import { HealthTable } from '../src/routing/health-table.ts'
import { LoadTally } from '../src/routing/load.ts'
import { queryOf } from '../src/routing/location.ts'
import { SELECTORS } from '../src/routing/model.ts'
import type { SelectorName, Snapshot, Zone, ZoneTable } from '../src/routing/model.ts'
import { geoPaths } from '../src/settings.ts'
import { RequestCounts } from '../src/stats/request-counts.ts'
import { hostOf } from './configuration.ts'
import { cell, deciding, INPUTS, NOW, requestsOf, snapshotOf, TARGETS, viewerDraw } from './deciding.ts'
import type { DecideOptions } from './deciding.ts'
import { table, time } from './measure.ts'
import type { Measurable } from './measure.ts'
import { bySituation } from './situations.ts'
import { headersOf, ipv4, ipv6, viewers } from './viewers.ts'

const SERVICES = [1, 100, 10_000] as const
const PREFIXES = 1_000_000
/** Decisions in a flush window. */
const WINDOW = 1000
/** The aim for one decision, in nanoseconds. */
export const AIM_NS = 1000

/** Everything, as Markdown. */
export async function measureDecisions(options: DecideOptions): Promise<string> {
  const locator = await countries()
  const parts = [bySize(locator, options), bySituation(locator, options), byPrefixes(locator, options), byPiece(locator, options)]
  return parts.join('\n')
}

function bySize(locator: Locator, options: DecideOptions): string {
  const works: Measurable[] = []
  const sizes = options.small ? SERVICES.slice(0, 2) : SERVICES
  const name = (select: SelectorName, services: number, targets: number) => `${select} ${services} ${targets}`
  for (const targets of TARGETS) {
    for (const services of sizes) {
      // With more than one service, one snapshot has them all, a quarter of its services each.
      const snapshots = services === 1 ? SELECTORS.map((select) => snapshotOf({ services, targets, selectors: [select] })) : [snapshotOf({ services, targets, selectors: SELECTORS })]
      for (const [position, select] of SELECTORS.entries()) {
        const snapshot = snapshots[services === 1 ? position : 0] ?? snapshotOf({ services, targets, selectors: [select] })
        const own = [...snapshot.services].filter((service) => service.steps[0]?.select === select)
        works.push({ name: name(select, services, targets), ...deciding(snapshot, requestsOf(snapshot, locator, (i) => hostOf(own[i % own.length]?.index ?? 0))) })
      }
    }
  }
  const times = time(works, options)
  const rows = SELECTORS.flatMap((select) => TARGETS.map((targets) => [`${select}, ${targets} targets`, ...sizes.map((services) => cell(times, name(select, services, targets)))]))
  const slow = [...times].filter(([, { median }]) => median > AIM_NS).map(([which]) => which)
  const verdict = slow.length === 0 ? `met everywhere in this run` : `met in ${times.size - slow.length} of ${times.size} cells in this run`
  return [
    '## `decide` alone, ns\n',
    'By number of services. `nearest` and `rendezvous` keep titles on few targets and bound the targets\' loads. Snapshots as a thread has them; 8,192 requests in turn, each in the caches when it is decided, as one is that has just been read.\n',
    table(['', ...sizes.map((services) => (services === 1 ? '1 service' : `${services.toLocaleString('en')} services`))], rows),
    `Aim: near 1 µs (${AIM_NS} ns) a decision, whatever the size; ${verdict}.\n`,
  ].join('\n')
}

function byPrefixes(locator: Locator, options: DecideOptions): string {
  const prefixes = options.small ? PREFIXES / 10 : PREFIXES
  const snapshot = snapshotOf({ services: 100, targets: 1000, selectors: ['nearest'] })
  const tables = [['0', snapshot.zones], [prefixes.toLocaleString('en'), zonesOf(snapshot, prefixes)]] as const
  const families = [['IPv4', ipv4], ['IPv6', ipv6]] as const
  const works = tables.flatMap(([size, zones]) =>
    families.flatMap(([family, address]) => {
      const zoned: Snapshot = { ...snapshot, zones }
      const addresses = Array.from({ length: INPUTS }, (_, i) => ClientAddress.parse(address(i)))
      const requests = requestsOf(zoned, locator, (i) => hostOf(i % 100), (i) => addresses[i])
      const health = new HealthTable(zoned)
      return [
        { name: `locate ${size} ${family}`, run: (i: number) => locator.locate(addresses[i & (INPUTS - 1)], zones) },
        { name: `both ${size} ${family}`, run: (i: number) => {
          const request = requests[i & (INPUTS - 1)]
          return request && decide({ ...request, client: locator.locate(addresses[i & (INPUTS - 1)], zones) }, zoned, health, viewerDraw(i))
        } },
      ]
    }),
  )
  const times = time(works, options)
  const rows = families.flatMap(([family]) => [
    [`locate, ${family}`, ...tables.map(([size]) => cell(times, `locate ${size} ${family}`))],
    [`locate and decide (nearest, 1,000 targets), ${family}`, ...tables.map(([size]) => cell(times, `both ${size} ${family}`))],
  ])
  return ['## With the operator\'s zones and the country database, ns\n', table(['', ...tables.map(([size]) => `${size} prefixes`)], rows)].join('\n')
}

/** Each hop of a request on its own: 100 services, 40 targets, `nearest`, no zones. */
function byPiece(locator: Locator, options: DecideOptions): string {
  const snapshot = snapshotOf({ services: 100, targets: 40, selectors: ['nearest'] })
  const config = { trusted: TrustedProxies.parse(['127.0.0.0/8']) }
  const key = drawKey((bytes) => new Uint8Array(bytes).fill(7))
  const health = new HealthTable(snapshot)
  const tally = new LoadTally()
  const wires: WireRequest[] = viewers(INPUTS).map((viewer, i) => ({ method: 'GET', target: viewer.target, headers: headersOf(viewer, hostOf(i % 100)), peer: '127.0.0.1', encrypted: false, http10: false }))
  const newLog = () => new DecisionLog({ sinks: [NOWHERE], router: 'bench', setTimer: () => () => undefined, maxDistinct: 4 * INPUTS, defer: queueMicrotask })
  const log = newLog()
  const counts = new RequestCounts({ httpReasons: [] })
  counts.reset(snapshot)
  const noop = () => undefined
  const router = new Router({
    locator, config, world: () => ({ snapshot, health, tally }), drawKey: () => key, now: () => Date.now(), monotonic: () => performance.now(), onDecided: noop, onRejected: noop,
  })
  const resolved = wires.map((wire) => readRequest(wire, config)).filter((request): request is ResolvedRequest => request.rejected === undefined)
  const requests = resolved.map((request): RoutingRequest => ({ ...request, client: locator.locate(request.address, snapshot.zones), now: NOW }))
  const facts = requests.map((request, i): Decided => ({
    decision: decide(request, snapshot, health, draw(resolved[i]?.address, key)), request, snapshot, status: 302, userAgent: resolved[i]?.userAgent, seconds: 2e-5,
  }))
  const redirects = facts.flatMap(({ decision, request }) => (decision.outcome === 'refuse' ? [] : [{ decision, request }]))
  if (resolved.length < INPUTS || redirects.length < INPUTS) throw new Error('not every request is redirected')

  const works: Measurable[] = [
    { name: 'two looks at the clock', run: () => performance.now() + performance.now() },
    each('read the request', wires, (wire) => readRequest(wire, config)),
    each('locate', resolved, ({ address }) => locator.locate(address, snapshot.zones)),
    each('draw', resolved, ({ address }) => draw(address, key)),
    each('decide', requests, (request, i) => decide(request, snapshot, health, viewerDraw(i), i % Router.TALLIED === 0 ? tally : undefined)),
    each('make the answer', redirects, answerOf),
    each('all of these: `Router.respond`', wires, (wire) => router.respond(wire)),
    each('class of the user agent', resolved, ({ userAgent }) => agentClass(userAgent)),
    each('name of the title', facts, ({ request, decision }) => contentOf(request.path, decision.service?.content ?? [])),
    each('record, both of these included, without writing', facts, (decided) => recordDecision(log, decided)),
    { name: `a window of ${WINDOW} decisions: recorded and written, per decision`, run: windowed(newLog(), facts) },
    each('metrics', facts, ({ decision, seconds }) => counts.decision(decision, seconds)),
  ]
  const times = time(works, options)
  return ['## The pieces of a request, ns\n', '100 services, 40 targets, `nearest`, no zones, the country database.\n', table(['', 'ns'], works.map(({ name }) => [name, cell(times, name)]))].join('\n')
}

/** Takes every line and keeps none: a log without sinks would not make them. */
const NOWHERE: Sink = { name: 'nowhere', dropped: 0, write: () => undefined, close: () => Promise.resolve() }

function each<T>(name: string, inputs: readonly T[], run: (input: T, i: number) => unknown): Measurable {
  return {
    name,
    run: (i) => {
      const input = inputs[i & (INPUTS - 1)]
      return input === undefined ? undefined : run(input, i)
    },
  }
}

/** A whole window every so many calls, so that a batch of any size holds its share of the writing. */
function windowed(log: DecisionLog, facts: readonly Decided[]): Measurable['run'] {
  let recorded = 0
  return (i) => {
    const decided = facts[i & (INPUTS - 1)]
    if (decided !== undefined) recordDecision(log, decided)
    if (++recorded % WINDOW === 0) log.flush()
  }
}

function answerOf({ decision, request }: { decision: Redirect, request: RoutingRequest }): unknown {
  return redirectAnswer(decision.member.base[request.scheme] ?? '', decision.path, queryOf(decision, request), decision.status)
}

/** Networks spread over where viewers are, half of them IPv4 (/24) and half IPv6 (/48), over a hundred zones. */
function zonesOf({ groups }: Snapshot, count: number): ZoneTable {
  const rows = Array.from({ length: 100 }, (_, index) => {
    const [first] = groups
    if (first === undefined) throw new Error('the snapshot has no groups')
    const zone: Zone = { index, id: `z${index}`, prefer: { group: groups[index % groups.length] ?? first }, country: undefined, continent: undefined }
    return { zone, prefixes: [] as Prefix[], asns: [] }
  })
  for (let i = 0; i < count; i++) {
    const address = ClientAddress.parse(i % 2 === 0 ? ipv4(i) : ipv6(i))
    if (address === undefined) continue
    const words: Prefix['words'] = i % 2 === 0 ? [(address.word(0) & 0xffffff00) >>> 0, 0, 0, 0] : [address.word(0), (address.word(1) & 0xffff0000) >>> 0, 0, 0]
    rows[i % rows.length]?.prefixes.push({ family: i % 2 === 0 ? 4 : 6, words, length: i % 2 === 0 ? 24 : 48 })
  }
  return buildZones(rows)
}

async function countries(): Promise<Locator> {
  const locator = new Locator()
  locator.swap(compileGeo(await readFile(geoPaths({}, '').database)), NOW)
  return locator
}
