/** What the admin listener answers. Nothing tells of a viewer; the one thing that changes anything is a target's word on its own load. */
import { explainUrl } from './cli/explain.ts'
import { WisselError } from './errors.ts'
import { formatExplanation } from './explain.ts'
import type { Locator } from './geo/locator.ts'
import type { HealthBoard, TargetStatus } from './health/board.ts'
import { readLoadReport } from './health/load.ts'
import type { AdminAnswer, AdminRoute, OwnRoute } from './http/admin-server.ts'
import type { Consumption } from './app/consumption.ts'
import type { Router, World } from './router.ts'
import type { Source } from './app/source.ts'
import type { Metrics } from './stats/metrics.ts'
import { MAX_REPORT_BYTES } from './usage/report.ts'

export interface AdminParts {
  readonly router: Router
  world(): World | undefined
  readonly source: Pick<Source, 'head' | 'quarantined' | 'link'>
  /** Absent: `/targets` tells only what decisions read. */
  readonly board?: HealthBoard | undefined
  readonly locator: Locator
  readonly metrics: Metrics
  now(): number
  isReady(): boolean
}

export function adminRoutes(parts: AdminParts): ReadonlyMap<string, AdminRoute> {
  return new Map<string, AdminRoute>([
    ['/livez', () => text(200, 'ok\n')],
    ['/readyz', () => (parts.isReady() ? text(200, 'ready\n') : text(503, 'not ready\n'))],
    ['/metrics', async () => {
      const { contentType, text: body } = await parts.metrics.render()
      return { status: 200, contentType, body }
    }],
    ['/explain', ({ query }) => told(parts, (world) => explained(parts, world, query))],
    ['/targets', () => told(parts, (world) => json(200, { targets: targets(parts, world), ...(parts.board === undefined ? {} : { prober: prober(parts.board) }) }))],
    ['/services', () => told(parts, (world) => json(200, { services: services(world) }))],
    ['/snapshot', () => told(parts, (world) => json(200, snapshot(parts, world)))],
  ])
}

/** What can be told of the world, once there is one. */
function told({ world }: AdminParts, tell: (world: World) => AdminAnswer): AdminAnswer {
  const current = world()
  return current === undefined ? json(503, { error: 'there is no snapshot yet' }) : tell(current)
}

function explained({ router }: AdminParts, world: World, query: URLSearchParams): AdminAnswer {
  const url = query.get('url')
  const ip = query.get('ip')
  if (url === null || ip === null) return json(400, { error: 'give url and ip: /explain?url=https%3A%2F%2Fhost%2Fpath&ip=192.0.2.1' })
  try {
    const explanation = explainUrl(router, world, url, ip)
    return query.get('format') === 'text' ? text(200, formatExplanation(explanation)) : json(200, explanation)
  } catch (error) {
    if (error instanceof WisselError) return json(400, { error: error.message })
    throw error
  }
}

/** Targets report their own load, and exporters consumption. The answers are bounded and repeat nothing of what was sent. */
export function ownRoutes(board: HealthBoard, consumption?: Consumption): ReadonlyMap<string, OwnRoute> {
  return new Map<string, OwnRoute>([['/targets/{id}/load', {
    tokenHash: (id: string) => board.loadTokenHash(id),
    respond: (id: string, body: string) => {
      const report = readLoadReport(body)
      if (report === undefined) return json(400, { error: 'give {"bandwidthMbps": NUMBER} and, where they are known, capacityMbps, connections, sequence' })
      const taken = board.report(id, report)
      return taken === undefined ? json(404, { error: 'not found' }) : json(200, taken)
    },
    maxBody: 4096,
  }], ...(consumption === undefined ? [] : [usageRoute(consumption)])])
}

/** Targets, or whoever collects for them, report bytes and requests. */
function usageRoute({ tokenHash, report }: Consumption): [string, OwnRoute] {
  return ['/usage', { tokenHash: () => tokenHash, respond: (_id, body) => report(body), maxBody: MAX_REPORT_BYTES }]
}

function targets({ board }: AdminParts, { snapshot: { targets: all }, health }: World): unknown[] {
  const states = new Map(board?.states().map((status) => [status.id, status]))
  return all.map((target) => ({
    id: target.id,
    kind: target.kind,
    group: target.group?.id ?? null,
    hosts: target.hosts,
    health: health.state(target),
    adminState: health.admin(target),
    shed: health.shed(target),
    ...measured(states.get(target.id)),
  }))
}

function measured(status: TargetStatus | undefined): object {
  if (status === undefined) return {}
  const { own, families, peers, override, shed, load } = status
  const iso = (time: number | undefined) => (time === undefined ? null : new Date(time).toISOString())
  return {
    checked: { own, families, peers },
    shares: { load: shed.load, slowStart: shed.slowStart },
    load: load === undefined ? null : { ...load, utilisation: load.utilisation ?? null },
    override: override === undefined ? null : { ...override, why: override.why ?? null, when: iso(override.when), until: iso(override.until) },
  }
}

function prober(board: HealthBoard): unknown {
  const { quarantined, checksRunning, peers } = board.status()
  const age = (ageMs: number) => (Number.isFinite(ageMs) ? Math.round(ageMs / 1000) : null)
  return { quarantined, checksRunning, peers: peers.map(({ prober: router, ageMs, fresh, withheld }) => ({ router, ageSeconds: age(ageMs), fresh, withheld })) }
}

function services({ snapshot }: World): unknown[] {
  return Array.from(snapshot.services, (service) => ({
    id: service.id,
    prefix: service.prefix ?? null,
    jurisdiction: service.policy?.id ?? null,
    fence: service.fence?.mode ?? null,
    bypass: service.bypass?.member.target.id ?? null,
    steps: service.steps.map(({ name, select, pool }) => ({ name, select, targets: pool.members.map(({ target, weight }) => ({ id: target.id, weight })) })),
  }))
}

function snapshot({ source, locator, now }: AdminParts, { snapshot: { label, version, services: all, targets: fleet, zones, policies } }: World): unknown {
  const age = (since: number | undefined) => (since === undefined ? null : Math.max(0, Math.round((now() - since) / 1000)))
  return {
    snapshot: label,
    epoch: version.epoch,
    version: version.number,
    sha256: version.digest,
    ageSeconds: age(source.head?.created),
    quarantined: source.quarantined,
    redis: source.link === undefined ? null : { up: source.link.up, seconds: age(source.link.since) },
    services: all.length,
    targets: fleet.length,
    zoneEntries: zones.size,
    policies: policies.length,
    geo: { type: locator.databaseType ?? null, ageSeconds: age(locator.builtAt), places: locator.placesCount, asnType: locator.asnDatabaseType ?? null },
  }
}

function json(status: number, value: unknown): AdminAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` }
}

function text(status: number, body: string): AdminAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}
