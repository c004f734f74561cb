/**
 * The steering manifest and its answer: always a complete 200. Pure.
 *
 * Shapes from draft-pantos-content-steering, sections 4 and 5, and ETSI TS 103 998, narrowed to what every player reads
 * alike: a TTL is always there, an empty list of clones never, and there is no RELOAD-URI, so players keep asking where
 * the manifest told them to.
 */
import { contentAnswer } from '../http/answers.ts'
import type { Answer } from '../http/message.ts'
import { combine, fraction } from '../routing/hash.ts'
import type { Pathway } from './pathways.ts'

/** Seconds. Shorter than what players buffer, so that a drain empties a target before anybody's buffer is. */
export const DEFAULT_TTL = 20
/** Below, a player's own rounding makes it ask without pause. */
export const MIN_TTL = 5
/** The longest that load may stretch a TTL to, and what players wait on their own when they know nothing. */
export const MAX_TTL = 300
export const STEERING_TYPE = 'application/vnd.apple.steering-list'

export interface SteeringManifest {
  readonly VERSION: 1
  /** Whole seconds. */
  readonly TTL: number
  readonly 'PATHWAY-PRIORITY': readonly string[]
  readonly 'PATHWAY-CLONES'?: readonly { readonly 'BASE-ID': string; readonly ID: string; readonly 'URI-REPLACEMENT': { readonly HOST: string } }[]
}

/**
 * @param order best first; at least one
 * @param ttl whole seconds, from `steeringTtl`
 * @param known whether the viewer has reported an id: what it knows it must not be told to make again
 */
export function steeringManifest(order: readonly Pathway[], ttl: number, known: (id: string) => boolean): SteeringManifest {
  const manifest: SteeringManifest = { VERSION: 1, TTL: ttl, 'PATHWAY-PRIORITY': order.map(({ id }) => id) }
  const clones = order.flatMap(({ id, clone }) => (clone === undefined || known(id) ? [] : [{ 'BASE-ID': clone.base, ID: id, 'URI-REPLACEMENT': { HOST: clone.host } }]))
  return clones.length === 0 ? manifest : { ...manifest, 'PATHWAY-CLONES': clones }
}

/**
 * The answer where there is nothing to order: `.` is the pathway that no manifest of ours declares, and players ignore
 * what they do not know. So everybody stays where they are.
 */
export function neutralManifest(ttl: number): SteeringManifest {
  return { VERSION: 1, TTL: ttl, 'PATHWAY-PRIORITY': ['.'] }
}

const TTL_SALT = 0x2545f491

/**
 * Seconds until the viewer asks again, spread by ±10 % so that viewers who came together do not come back together.
 *
 * @param seconds the service's own
 * @param random the viewer's draw
 * @param pressure 1, or by how many times more is asked than is comfortable
 */
export function steeringTtl(seconds: number, random: number, pressure: number): number {
  const spread = 0.9 + 0.2 * fraction(combine(random, TTL_SALT))
  return Math.round(Math.min(MAX_TTL, Math.max(MIN_TTL, Math.min(MAX_TTL, seconds * pressure) * spread)))
}

/** `Date` and `Retry-After` may be read by web pages: some players set their clock by the one and look for the other. */
export function steeringAnswer(manifest: SteeringManifest): Answer {
  const plain = contentAnswer(200, STEERING_TYPE, `${JSON.stringify(manifest)}\n`)
  return { ...plain, headers: [...plain.headers, ...EXPOSED] }
}

export const EXPOSED: readonly string[] = Object.freeze(['Access-Control-Expose-Headers', 'Date, Retry-After'])
