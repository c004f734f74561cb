/**
 * Where the steering endpoint is: `/-/steering/{hls|dash}/{service}`, and behind it, for services that keep titles on few
 * targets, the title's path within the service, so that its order agrees with the manifest's decision.
 */
import type { Service } from '../routing/model.ts'

export const PROTOCOLS = ['hls', 'dash'] as const
export type Protocol = (typeof PROTOCOLS)[number]

const ROOT = '/-/steering/'

export interface SteeringPath {
  /** `hls` where the path names no protocol: one body serves both. */
  readonly protocol: Protocol
  /** As written, which may be nobody's. */
  readonly service: string
  /** The path within the service; `/` where none is given. */
  readonly rest: string
}

/** @returns undefined where the path is not under the steering endpoint */
export function readSteeringPath(path: string): SteeringPath | undefined {
  if (!path.startsWith(ROOT)) return undefined
  const [protocol = '', service = ''] = path.slice(ROOT.length).split('/', 2)
  const rest = path.slice(ROOT.length + protocol.length + service.length + 1)
  return { protocol: protocol === 'dash' ? 'dash' : 'hls', service, rest: rest === '' ? '/' : rest }
}

/**
 * The steering URL for a manifest. The title is left out where it changes nothing: fewer URLs, and nothing told twice.
 *
 * The pathways that the manifest declares go along, because the router remembers no manifest: health has changed since, and
 * perhaps the viewer's network or the day. An answer must name no other, unless it tells how to make it.
 *
 * @param origin scheme and authority under which the player reached the router
 * @param rest the manifest's path within the service
 * @param declared ids of targets
 */
export function steeringUrl(origin: string, protocol: Protocol, service: Service, rest: string, declared: readonly string[]): string {
  const keyed = service.steps.some((step) => step.key !== 'none')
  return `${origin}${ROOT}${protocol}/${service.id}${keyed ? rest : ''}?${DECLARED}=${declared.join(',')}`
}

const DECLARED = 'declared'
/** Ids that are read: more than any manifest declares, and few enough that what a query asks for costs nothing. */
const MAX_DECLARED = 32

/**
 * The ids that a steering URL carries; undefined where it carries none, as one that somebody wrote by hand.
 *
 * @param query as received, without the `?`
 */
export function readDeclared(query: string): ReadonlySet<string> | undefined {
  // Players add their own parameters behind it, and some write commas as %2C.
  const [, list] = /(?:^|&)declared=([A-Za-z0-9._,%-]{1,4000})(?:&|$)/.exec(query) ?? []
  return list === undefined ? undefined : new Set(list.replaceAll(/%2c/gi, ',').split(',', MAX_DECLARED))
}
