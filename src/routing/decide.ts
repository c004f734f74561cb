/**
 * The decision. Pure and total: it never throws, waits, reads a clock or draws a number. The same function serves the
 * redirect, the JSON answer, the steering order, `explain` and `replay`.
 *
 *   service → path → geo fence → steps (health spreads viewers over them) → panic → last resort → bypass → refuse
 *
 * All branching on policy is here; the helpers compute. Jurisdiction is a filter in every list that a target can come
 * from, and asserted once more on what was chosen, whatever way it came.
 */
import type { Decision, Redirect, RejectedCounts, RoutingRequest } from './decision.ts'
import { combine, FNV_START, fraction, hashString } from './hash.ts'
import type { HealthTable } from './health-table.ts'
import { complies } from './jurisdiction.ts'
import { localize, meets } from './localize.ts'
import type { Located } from './localize.ts'
import { match } from './match.ts'
import type { Matched } from './match.ts'
import { SELECTORS } from './model.ts'
import type { Country, Fence, Fixed, SelectorName, Service, Snapshot, Step } from './model.ts'
import type { Observer } from './observer.ts'
import { classify, isMedia } from './path.ts'
import type { Reason } from './reasons.ts'
import { selectors } from './select/index.ts'
import type { Away } from './select/away.ts'
import type { Draw } from './select/selector.ts'
import { capacity, distribute } from './spill.ts'
import { rejectedTogether, rejectedWith, standing, whyNot } from './standing.ts'
import type { Standing } from './standing.ts'

/**
 * @param random the viewer's draw, an unsigned 32-bit number that is stable for one viewer for a day
 * @param observer is told what was considered; it cannot change the decision
 */
export function decide(request: RoutingRequest, snapshot: Snapshot, health: HealthTable, random: number, observer?: Observer): Decision {
  const located = localize(request.client, snapshot)
  const matched = match(snapshot, request.host, request.path)
  if (matched === undefined) return refuse(undefined, located, 'unknown_service', 404)
  const { service } = matched
  observer?.service?.(service)
  const context: Context = { request, health, random, observer, located, matched, service, overloaded: undefined }

  if (service.segments === 'refuse' && isMedia(classify(matched.rest))) return refuse(service, located, 'segment', 404)
  if (service.fence !== undefined && !admits(service.fence, located.country)) return fenced(context, service.fence)

  let levels: readonly Level[] = []
  for (const step of service.steps) {
    if (!meets(step.when, located, request.client.asn)) continue
    const stand = standing(step.pool, health, request.scheme, request.now)
    observer?.considered?.(step, stand)
    const level: Level = { step, stand, capacity: levelCapacity(step, stand) }
    levels = levels.length === 0 ? [level] : [...levels, level]
    // Nearly always: the first step that applies is healthy enough for everybody.
    if (levels.length === 1 && level.capacity === 100) {
      const chosen = choose(context, levels, level, 'eligible')
      if (chosen !== undefined) return chosen
    }
  }
  return spill(context, levels) ?? panic(context, levels) ?? lastResort(context, levels) ?? bypass(context, levels) ?? nothing(context, levels)
}

interface Context {
  readonly request: RoutingRequest
  readonly health: HealthTable
  readonly random: number
  readonly observer: Observer | undefined
  readonly located: Located
  readonly matched: Matched
  readonly service: Service
  /** Members that turned this viewer away because of their load, over all steps. */
  overloaded: Away | undefined
}

/** A step that applies to this client. */
interface Level {
  readonly step: Step
  readonly stand: Standing
  readonly capacity: number
}

type Among = 'eligible' | 'unproven' | 'lastResort'

/** Percent of the viewers that a step can carry. One working target is all that `failover` needs. */
export function levelCapacity(step: Step, stand: Standing): number {
  if (step.select === 'failover') return stand.eligible.length > 0 ? 100 : 0
  return capacity(stand.healthy)
}

const SPILL_SALT = 0x1b873593

/** The viewer's own step first, then the others in order, as long as one has a healthy target that takes the viewer. */
function spill(context: Context, levels: readonly Level[]): Decision | undefined {
  const own = ownLevel(context, levels)
  if (own === undefined) return undefined
  if (drowns(context, levels, own)) return undefined
  for (const level of [own, ...levels]) {
    const chosen = choose(context, levels, level, 'eligible', level === levels[0] ? undefined : 'spill')
    if (chosen !== undefined) return chosen
  }
  return undefined
}

function ownLevel({ random, service }: Context, levels: readonly Level[]): Level | undefined {
  const usable = levels.filter(({ stand }) => stand.unproven.length > 0)
  const loads = distribute(usable.map((level) => level.capacity))
  let rest = fraction(combine(random ^ SPILL_SALT, service.steps[0]?.seed ?? 0)) * 100
  return usable.find((_, position) => (rest -= loads[position] ?? 0) < 0) ?? usable[0]
}

/** Health and load are ignored: better a target that may be broken than an error. */
function panic(context: Context, levels: readonly Level[]): Decision | undefined {
  const own = ownLevel(context, levels)
  if (own === undefined) return undefined
  // Where the healthy were only too loaded for this viewer, a loaded one is better than one that failed its checks.
  if (!drowns(context, levels, own)) {
    for (const level of [own, ...levels]) {
      const chosen = choose(context, levels, level, 'eligible', 'panic', true)
      if (chosen !== undefined) return chosen
    }
  }
  for (const level of [own, ...levels]) {
    const chosen = choose(context, levels, level, 'unproven', 'panic')
    if (chosen !== undefined) return chosen
  }
  return undefined
}

/** Where all steps together cannot carry the viewers, the few healthy targets of a weak step would drown. */
function drowns({ service }: Context, levels: readonly Level[], own: Level): boolean {
  const total = levels.reduce((sum, level) => sum + level.capacity, 0)
  return total < 100 && own.stand.healthy < service.panicThreshold
}

function lastResort(context: Context, levels: readonly Level[]): Decision | undefined {
  for (const level of levels) {
    const chosen = choose(context, levels, level, 'lastResort', 'last_resort')
    if (chosen !== undefined) return chosen
  }
  return undefined
}

function bypass(context: Context, levels: readonly Level[]): Decision | undefined {
  const { service } = context
  return service.bypass && fixed(context, service.bypass, 'bypass', ['bypass'], rejectedBy(context, levels))
}

function nothing(context: Context, levels: readonly Level[]): Decision {
  const { service, located } = context
  const rejected = rejectedBy(context, levels)
  const forbidden = rejected.jurisdiction !== undefined && Object.keys(rejected).length === 1
  return forbidden ? refuse(service, located, 'jurisdiction', 451, rejected) : refuse(service, located, 'no_target', 503, rejected)
}

function fenced(context: Context, fence: Fence): Decision {
  const { service, located } = context
  const away = fence.redirect && fixed(context, fence.redirect, 'fence', ['country'], {})
  return away ?? refuse(service, located, 'country', fence.status)
}

function admits(fence: Fence, country: Country): boolean {
  if (country === 'ZZ') return fence.unknown === 'allow'
  return fence.countries.has(country) === (fence.mode === 'allow')
}

/** Lets a step's selector pick, and asserts what it picked. */
function choose(context: Context, levels: readonly Level[], { step, stand }: Level, among: Among, how?: Reason, ignoreLoad = among !== 'eligible'): Decision | undefined {
  const list = stand[among]
  if (list.length === 0) return undefined
  const { request, health, random, observer, located, matched, service } = context
  const draw: Draw = {
    step,
    standing: stand,
    list,
    health,
    key: keyOf(step, matched.rest, random),
    random,
    origin: located.origin,
    zone: located.zone,
    exclude: request.exclude,
    ignoreLoad,
    observer,
    overflowed: false,
    overloaded: context.overloaded,
  }
  const member = selectors[step.select](draw)
  context.overloaded = draw.overloaded
  if (member === undefined) return undefined
  return checked(context, {
    outcome: how === 'panic' || how === 'last_resort' ? how : 'redirect',
    service,
    step,
    member,
    path: matched.rest,
    withQuery: true,
    status: service.status,
    localization: located.localization,
    country: located.country,
    why: reasonsOf(step, draw.overflowed, how),
    rejected: rejectedBy(context, levels),
  })
}

/** A destination that is not chosen is judged like one that is: jurisdiction, scheme and the operator's word hold. */
function fixed(context: Context, { member, path }: Fixed, outcome: 'bypass' | 'fence', why: readonly Reason[], rejected: RejectedCounts): Decision | undefined {
  const { request, health, located, matched, service } = context
  if (request.exclude?.has(member.target) === true) return undefined
  const pool = { index: -1, members: [member], policy: service.policy }
  const reason = whyNot(pool, member, health, request.scheme, request.now)
  if (reason === 'jurisdiction' || reason === 'scheme' || reason === 'forced_down') return undefined
  return checked(context, {
    outcome,
    service,
    step: undefined,
    member,
    path: path ?? matched.rest,
    withQuery: path === undefined,
    status: service.status,
    localization: located.localization,
    country: located.country,
    why,
    rejected,
  })
}

/** The second look: the policy from the raw attributes, and an address for this scheme. */
function checked(context: Context, redirect: Redirect): Decision {
  const { target, base } = redirect.member
  const sound = complies(redirect.service.policy, target.jurisdiction, context.request.now) && base[context.request.scheme] !== undefined
  return sound ? redirect : refuse(redirect.service, context.located, 'assertion', 503)
}

function refuse(service: Service | undefined, located: Located, reason: Reason, status: 403 | 404 | 451 | 503, rejected: RejectedCounts = NONE): Decision {
  const { localization, country } = located
  return { outcome: 'refuse', service, reason, status, localization, country, why: [reason], rejected }
}

const NONE: RejectedCounts = Object.freeze({})

function rejectedBy({ overloaded }: Context, levels: readonly Level[]): RejectedCounts {
  const [first, ...others] = levels
  if (first === undefined) return NONE
  let sum = overloaded === undefined ? first.stand.rejected : rejectedWith(overloaded.size, first.stand)
  for (const { stand } of others) sum = rejectedTogether(sum, stand.rejected)
  return sum
}

function keyOf(step: Step, path: string, random: number): number {
  if (step.key === 'none') return combine(random, step.seed)
  return hashString(path, FNV_START, step.key === 'path' ? path.length : folderEnd(path))
}

/** Where the last slash is. */
function folderEnd(path: string): number {
  let end = path.length - 1
  while (end > 0 && path.charCodeAt(end) !== SLASH) end--
  return end
}

const SLASH = 0x2f

/** Nearly always there is no other reason. */
const ALONE = Object.fromEntries(SELECTORS.map((select) => [select, Object.freeze([select])])) as unknown as Readonly<Record<SelectorName, readonly Reason[]>>

function reasonsOf(step: Step, overflowed: boolean, how: Reason | undefined): readonly Reason[] {
  if (!overflowed && how === undefined) return ALONE[step.select]
  const reasons: Reason[] = [step.select]
  if (overflowed) reasons.push('load')
  if (how !== undefined) reasons.push(how)
  return reasons
}
