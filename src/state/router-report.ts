/** What a router says of itself, in a key of its own that lives for seconds. Nothing in it is about a viewer. */
import { readOverride } from '../health/overrides.ts'
import type { AdminState } from '../routing/model.ts'
import { REFUSALS } from './follower.ts'
import type { Refusal } from './follower.ts'
import { GEO_KINDS } from './redis-geo.ts'
import type { GeoKind } from './redis-geo.ts'
import type { Keys } from './keys.ts'
import type { RedisLink } from './redis-connection.ts'
import type { Position } from './store.ts'

export interface RouterReport {
  readonly router: string
  /** Random, drawn at each start: tells two processes under one name apart. */
  readonly instance: string
  /** Milliseconds since the epoch, by the router's clock. */
  readonly started: number
  readonly applied: RunningHead | null
  readonly refused: RefusedHead | null
  /** Services that run on an older version of their own. */
  readonly quarantined: readonly string[]
  /** Versions of the geo databases that it fetched. Absent: none, or a router of an earlier version. */
  readonly geo?: Readonly<Partial<Record<GeoKind, number>>>
  /** Operators' commands that it obeys and Redis has forgotten. Absent: none. */
  readonly forgotten?: readonly ForgottenCommand[]
  readonly draw: DrawReport
}

export interface ForgottenCommand {
  readonly target: string
  readonly state: AdminState
  /** Milliseconds since the epoch. Absent: it does not end by itself. */
  readonly until?: number
}

export interface RunningHead extends Position {
  readonly sha256: string
}

export interface RefusedHead extends Position {
  readonly reason: Refusal
}

/** A router's part in agreeing on the keys of the viewers' draws. */
export interface DrawReport {
  /** X25519, base64: what keys for this router are sealed to. A new one at each start. */
  readonly publicKey: string
  /** The keys it uses, by their marks: a mark tells two keys apart and nothing else. */
  readonly marks: readonly { readonly day: number; readonly mark: string }[]
  /** Keys for routers that do not have them yet. */
  readonly sealed: readonly { readonly to: string; readonly day: number; readonly box: string }[]
}

export interface SeenRouter {
  readonly report: RouterReport
  /** Milliseconds since it was written, by the clock of Redis; `undefined` where nobody asked. */
  readonly ageMs: number | undefined
}

/** A router is there for as long as its last report lives. */
export const REPORT_TTL_MS = 15_000

/** More than this is not a deployment but a fault. */
const MAX_ROUTERS = 2000

/** The routers that are there, in the order of their ids. A report that is not understood is left out. */
export async function readRouters(link: RedisLink, keys: Keys, { ages = false }: { ages?: boolean } = {}): Promise<SeenRouter[]> {
  const members = await link.call('SMEMBERS', keys.routers)
  const ids = (Array.isArray(members) ? members.filter((id) => typeof id === 'string') : []).sort().slice(0, MAX_ROUTERS)
  if (ids.length === 0) return []
  const texts = await link.call('MGET', ...ids.map((id) => keys.router(id)))
  const seen: SeenRouter[] = []
  for (const [i, id] of ids.entries()) {
    const report = parseReport(Array.isArray(texts) ? texts[i] : undefined)
    if (report?.router !== id) continue
    const left = ages ? Number(await link.call('PTTL', keys.router(id))) : undefined
    seen.push({ report, ageMs: left === undefined ? undefined : Math.max(0, REPORT_TTL_MS - left) })
  }
  return seen
}

/** Forgets the ids of routers that are gone. For publishers. */
export async function forgetRouters(link: RedisLink, keys: Keys): Promise<void> {
  const members = await link.call('SMEMBERS', keys.routers)
  for (const id of Array.isArray(members) ? members : []) {
    if (typeof id === 'string' && (await link.call('EXISTS', keys.router(id))) === 0) await link.call('SREM', keys.routers, id)
  }
}

export function formatReport(report: RouterReport): string {
  return JSON.stringify(report)
}

export function parseReport(text: unknown): RouterReport | undefined {
  if (typeof text !== 'string') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isPlain(value)) return undefined
  const { router, instance, started, applied, refused, quarantined, geo, forgotten, draw } = value
  if (typeof router !== 'string' || typeof instance !== 'string' || typeof started !== 'number') return undefined
  return {
    router,
    instance,
    started,
    applied: isPlain(applied) && isPosition(applied) && typeof applied['sha256'] === 'string' ? { epoch: applied.epoch, version: applied.version, sha256: applied['sha256'] } : null,
    refused: isPlain(refused) && isPosition(refused) ? { epoch: refused.epoch, version: refused.version, reason: REFUSALS.find((reason) => reason === refused['reason']) ?? 'invalid' } : null,
    quarantined: Array.isArray(quarantined) ? quarantined.filter((id) => typeof id === 'string') : [],
    ...(isPlain(geo) ? { geo: geoOf(geo) } : {}),
    ...(Array.isArray(forgotten) && forgotten.length > 0 ? { forgotten: forgotten.flatMap((item: unknown) => commandOf(item) ?? []) } : {}),
    draw: drawOf(draw),
  }
}

function commandOf(value: unknown): ForgottenCommand | undefined {
  const command = isPlain(value) ? readOverride({ ...value, who: '', when: 0 }) : undefined
  return command && { target: command.target, state: command.state, ...(command.until === undefined ? {} : { until: command.until }) }
}

function geoOf(value: Readonly<Record<string, unknown>>): Partial<Record<GeoKind, number>> {
  return Object.fromEntries(GEO_KINDS.flatMap((kind) => (Number.isSafeInteger(value[kind]) ? [[kind, Number(value[kind])]] : [])))
}

function drawOf(value: unknown): DrawReport {
  if (!isPlain(value) || typeof value['publicKey'] !== 'string' || !Array.isArray(value['marks']) || !Array.isArray(value['sealed'])) return { publicKey: '', marks: [], sealed: [] }
  return {
    publicKey: value['publicKey'],
    marks: value['marks'].flatMap((item) => (isPlain(item) && typeof item['day'] === 'number' && typeof item['mark'] === 'string' ? [{ day: item['day'], mark: item['mark'] }] : [])),
    sealed: value['sealed'].flatMap((item) =>
      isPlain(item) && typeof item['to'] === 'string' && typeof item['day'] === 'number' && typeof item['box'] === 'string' ? [{ to: item['to'], day: item['day'], box: item['box'] }] : [],
    ),
  }
}

function isPosition(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & Position {
  return Number.isSafeInteger(value['epoch']) && Number.isSafeInteger(value['version'])
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
