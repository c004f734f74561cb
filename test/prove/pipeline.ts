/**
 * The router and all that is written about its decisions, in one process, with every clock and chance given: what comes
 * out is text that can be compared byte for byte.
 */
import { Locator } from '../../src/geo/locator.ts'
import { TrustedProxies } from '../../src/http/client-address.ts'
import type { Answer, WireRequest } from '../../src/http/message.ts'
import { HTTP_REJECTION_NAMES } from '../../src/http/rejection.ts'
import { build } from '../../src/cli/configuration.ts'
import { DecisionLog } from '../../src/log/decision-log.ts'
import { OperatorLog } from '../../src/log/operator-log.ts'
import { recordDecision } from '../../src/log/record-decision.ts'
import { SegmentSink } from '../../src/log/sinks/segments.ts'
import type { Sink } from '../../src/log/sinks/sink.ts'
import { bundleOf, digest, encodeBundle } from '../../src/policy/bundle.ts'
import { Router } from '../../src/router.ts'
import type { World } from '../../src/router.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { LoadTally } from '../../src/routing/load.ts'
import type { Place, Snapshot } from '../../src/routing/model.ts'
import { Metrics } from '../../src/stats/metrics.ts'
import { RequestCounts } from '../../src/stats/request-counts.ts'
import { SideCounters } from '../../src/stats/side-counters.ts'
import { Clock, settle } from '../log/clock.ts'
import { memoryDisk } from './memory-disk.ts'
import { DRAW_KEY, PLACES } from './people.ts'

export const NOW = Date.UTC(2026, 2, 1, 20, 31)
/** The site that the services list. */
export const LISTED = 'www.omroep.example'

const TARGETS = `
groups:
  - { id: eu, latitude: 52, longitude: 5 }
targets:
  - { id: edge-a, group: eu, host: a.edge.example, jurisdiction: &eu { operator: { country: NL }, parent: { country: NL }, server: { countries: [NL] }, logs: { mode: none }, foreign: [], evidence: [{ kind: contract, ref: c, validUntil: 2099-01-01 }] } }
  - { id: edge-b, group: eu, host: b.edge.example, jurisdiction: *eu }
  - { id: edge-c, group: eu, host: c.edge.example, jurisdiction: *eu }
  - { id: cdn-us, kind: cdn, host: cdn-us.example }
`.replaceAll(/&eu (\{.*\}) \}$/gm, '$1 }')
const [, EU = '{}'] = /jurisdiction: (\{ operator.*\}) \}$/m.exec(TARGETS) ?? []

const SERVICES = [
  `service: tv\nhosts: [tv.example]\njurisdiction: eu-only\nsteps:\n  - { name: own, when: { continent: [EU] }, targets: { group: eu }, select: nearest }\n  - { name: rest, targets: [{ id: edge-a, weight: 3 }, { id: edge-c, weight: 1 }, cdn-us], select: weighted }\n`,
  'service: titles\nhosts: [titles.example]\nsteps:\n  - { name: all, targets: { group: eu }, select: rendezvous, key: none }\n',
  'service: one\nhosts: [one.example]\nprefix: /one\nsteps:\n  - { name: only, targets: [edge-b], select: failover }\nbypass: https://a.edge.example\n',
  'service: fenced\nhosts: [fenced.example]\nfence: { allow: [NL] }\nsegments: redirect\nsteps:\n  - { name: only, targets: [edge-a], select: weighted }\n',
].map((text) => `${text}referrers: [${LISTED}]\ncontent:\n  - { match: /live/news/**, id: news }\n  - { match: "/vod/{content}/**" }\n`)

function snapshotOf(): Snapshot {
  const bundle = bundleOf([
    { path: 'targets/all.yaml', text: TARGETS.replaceAll('*eu', EU) },
    { path: 'policies/eu-only.yaml', text: 'policy: eu-only\noperator: [eu-members]\nparent: [eu-members]\nserver: [eu-members]\nlogs: [eu-members]\nforeign: []\n' },
    ...SERVICES.map((text, i) => ({ path: `services/s${i}.yaml`, text })),
  ])
  const { snapshot, problems } = build(bundle, { epoch: 1, number: 42, digest: digest(encodeBundle(bundle)) }, NOW)
  if (snapshot === undefined) throw new Error(JSON.stringify(problems))
  return snapshot
}

export const SNAPSHOT = snapshotOf()
const UNKNOWN: Place = { country: 'ZZ', continent: 'ZZ', at: undefined }
const KNOWN = PLACES.map(({ country, continent, v4, v6 }) => ({ v4, v6, place: { country, continent, at: undefined } }))

/** Finds the countries of these tests; every third look-up is a fault of the database, which says whose it was. */
function locator(): Locator {
  const made = new Locator()
  let looked = 0
  made.swap({
    builtAt: NOW - 86_400_000, databaseType: 'test', placesCount: KNOWN.length,
    find4: (word) => {
      if (++looked % 3 === 0) throw new Error(`no record for ${word}`)
      return KNOWN.find(({ v4 }) => v4 === word >>> 24)?.place ?? UNKNOWN
    },
    find6: (w0) => KNOWN.find(({ v6 }) => v6 === w0 >>> 16)?.place ?? UNKNOWN,
  }, NOW)
  return made
}

/** One request as it comes off the wire. */
export interface Sent {
  readonly wire: WireRequest
  /** Whether the router has a fault in this very request. */
  readonly fault: boolean
}

/** Everything that was written anywhere, and what the answers have in common for all people. */
export async function run(sent: readonly Sent[]): Promise<Readonly<Record<string, string>>> {
  const clock = new Clock()
  const disk = memoryDisk()
  const out: Record<string, string> = { messages: '', stream: '', side: '', answers: '' }
  const into = (name: string): Sink => ({ name, dropped: 0, write: ({ bytes }) => void (out[name] += Buffer.from(bytes).toString()), close: async () => undefined })
  const now = () => NOW + clock.now
  const segments = new SegmentSink({ directory: '/log', writer: { router: 'ams-1', boot: '00000000' }, setTimer: clock.setTimer, now, io: disk.io })
  const log = new DecisionLog({ sinks: [into('stream'), segments], router: 'ams-1', setTimer: clock.setTimer })
  // A gate of one person, so that whatever is counted is seen.
  const side = new SideCounters({ sinks: [into('side')], random: (bytes) => new Uint8Array(bytes), k: 1 })
  const messages = new OperatorLog({ write: (line) => void (out['messages'] += line), now, router: 'ams-1' })
  const geo = locator()
  const counts = new RequestCounts({ httpReasons: HTTP_REJECTION_NAMES })
  const metrics = new Metrics({ now, requests: () => counts.totals(geo.failures), snapshotReasons: [], log, geo, process: false })
  const health = new HealthTable(SNAPSHOT)
  metrics.reset(SNAPSHOT, health, NOW)
  counts.reset(SNAPSHOT)
  const world: World = { snapshot: SNAPSHOT, health, tally: new LoadTally() }
  let current: Sent | undefined
  const router = new Router({
    locator: geo,
    config: { trusted: TrustedProxies.parse(['192.168.0.0/16']) },
    world: () => {
      if (current?.fault === true) throw Object.assign(new TypeError(`invalid ${current.wire.target}`), { code: 'ERR_INVALID_URL', input: current.wire.target })
      return world
    },
    drawKey: () => DRAW_KEY,
    now,
    monotonic: () => clock.now,
    onDecided: (decided) => {
      counts.decision(decided.decision, decided.seconds)
      recordDecision(log, decided)
    },
    onViewer: ({ service, ...seen }) => side.count({ ...seen, service: service.id, referrers: service.referrers ?? new Set() }),
    onRejected: (reason) => counts.httpRejected(reason),
  })
  const restore = capture((text) => void (out['messages'] += text))
  try {
    for (const one of sent) {
      current = one
      try {
        out['answers'] += shared(await router.respond(one.wire))
      } catch (error) {
        counts.requestFailed()
        messages.error('request_failed', { reason: error instanceof Error ? error.name.toLowerCase() : 'unknown' }, error)
      }
      clock.advance(400)
    }
    await log.close()
    await side.close()
  } finally {
    restore()
  }
  await settle()
  out['metrics'] = (await metrics.render()).text
  return { ...out, ...disk.files() }
}

/** An answer without what the viewer sent: its own path and query come back to it in `Location` and in the list. */
function shared({ status, headers }: Answer): string {
  const kept = headers.map((text, i) => {
    const name = (headers[i % 2 === 0 ? i : i - 1] ?? '').toLowerCase()
    if (i % 2 === 0 || !['location', 'content-length', 'link'].includes(name)) return text
    return name === 'location' ? (URL.parse(text)?.origin ?? '') : ''
  })
  return `${status} ${kept.join(' ')}\n`
}

/** Whatever prints, prints into the comparison. */
function capture(write: (text: string) => void): () => void {
  const kept = [process.stdout.write, process.stderr.write] as const
  const instead = ((text: unknown) => {
    write(String(text))
    return true
  }) as typeof process.stdout.write
  process.stdout.write = instead
  process.stderr.write = instead
  return () => {
    process.stdout.write = kept[0]
    process.stderr.write = kept[1]
  }
}
