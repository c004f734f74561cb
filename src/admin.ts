/** What the admin listener answers. Nothing here changes anything, and nothing tells of a viewer. */
import { explainUrl } from './cli/explain.ts'
import { WisselError } from './errors.ts'
import { formatExplanation } from './explain.ts'
import type { Locator } from './geo/locator.ts'
import type { AdminAnswer, AdminRoute } from './http/admin-server.ts'
import type { Router, World } from './router.ts'
import type { Head } from './state/store.ts'
import type { Metrics } from './stats/metrics.ts'

export interface AdminParts {
  readonly router: Router
  world(): World
  head(): Head | undefined
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
    ['/explain', ({ query }) => explained(parts, query)],
    ['/targets', () => json(200, { targets: targets(parts) })],
    ['/services', () => json(200, { services: services(parts) })],
    ['/snapshot', () => json(200, snapshot(parts))],
  ])
}

function explained({ router, world }: AdminParts, query: URLSearchParams): AdminAnswer {
  const url = query.get('url')
  const ip = query.get('ip')
  if (url === null || ip === null) return json(400, { error: 'give url and ip: /explain?url=https%3A%2F%2Fhost%2Fpath&ip=192.0.2.1' })
  try {
    const explanation = explainUrl(router, world(), url, ip)
    return query.get('format') === 'text' ? text(200, formatExplanation(explanation)) : json(200, explanation)
  } catch (error) {
    if (error instanceof WisselError) return json(400, { error: error.message })
    throw error
  }
}

function targets({ world }: AdminParts): unknown[] {
  const { snapshot: { targets: all }, health } = world()
  return all.map((target) => ({
    id: target.id,
    kind: target.kind,
    group: target.group?.id ?? null,
    hosts: target.hosts,
    health: health.state(target),
    adminState: health.admin(target),
    shed: health.shed(target),
  }))
}

function services({ world }: AdminParts): unknown[] {
  return world().snapshot.services.map((service) => ({
    id: service.id,
    prefix: service.prefix ?? null,
    jurisdiction: service.policy?.id ?? null,
    fence: service.fence?.mode ?? null,
    bypass: service.bypass?.member.target.id ?? null,
    steps: service.steps.map(({ name, select, pool }) => ({ name, select, targets: pool.members.map(({ target, weight }) => ({ id: target.id, weight })) })),
  }))
}

function snapshot({ world, head, locator, now }: AdminParts): unknown {
  const { snapshot: { label, version, services: all, targets: fleet, zones, policies } } = world()
  const created = head()?.created
  const age = (since: number | undefined) => (since === undefined ? null : Math.max(0, Math.round((now() - since) / 1000)))
  return {
    snapshot: label,
    epoch: version.epoch,
    version: version.number,
    sha256: version.digest,
    ageSeconds: age(created),
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
