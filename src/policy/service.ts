/** One service's file becomes the steps, pools and rules that a decision walks. */
import { compileContent } from '../privacy/content.ts'
import { combine, hashString } from '../routing/hash.ts'
import { mayServe } from '../routing/hosts.ts'
import { compliesUntil, faults } from '../routing/jurisdiction.ts'
import type { Fault } from '../routing/jurisdiction.ts'
import { PREFIX_SEGMENTS } from '../routing/match.ts'
import type { Condition, ContentRule, Fence, Fixed, JurisdictionPolicy, Member, Pool, QueryRule, Service, Step, Target } from '../routing/model.ts'
import { baseOf } from './address.ts'
import type { Address } from './address.ts'
import { advise } from './advice.ts'
import type { Kind } from './bundle.ts'
import type { SourceDocument } from './document.ts'
import type { Fleet } from './fleet.ts'
import type { Path, Problem } from './problem.ts'
import type { ConditionInput, RewriteInput, ServiceInput, StepInput } from './schema.ts'
import { expandCountries } from './sets.ts'
import { hint } from './validate.ts'

/** While the steps that use it are still coming. */
export interface OpenPool extends Pool {
  loadFactor: number | undefined
}

/** What is shared while all services are compiled. */
export interface Compiling {
  readonly fleet: Fleet
  /** `undefined`: there is one of this name, but it is wrong. */
  readonly policies: ReadonlyMap<string, JurisdictionPolicy | undefined>
  readonly zones: ReadonlySet<string>
  /** Kinds of files of which one could not be read. */
  readonly unread: ReadonlySet<Kind>
  readonly pools: OpenPool[]
  readonly steps: Step[]
  /** Pools by what they hold, so that equal lists are one pool. */
  readonly poolsByKey: Map<string, Pool>
  /** Pools by how they are written. */
  readonly poolsBySpelling: Map<string, Pool>
  /** What each policy found wrong with each target: the same for all services. */
  readonly judgements: Map<JurisdictionPolicy, Map<Target, readonly Fault[]>>
  readonly verdicts: Map<Pool, Verdict>
  readonly now: number
  readonly problems: Problem[]
}

/** The targets of a pool that its policy allows, and those of them that it will not for much longer. */
interface Verdict {
  readonly lawful: readonly Target[]
  readonly expiring: readonly Target[]
}

const MONTH_MS = 30 * 86_400_000

/** @param partial whether there is more to the service than could be read: then what it lacks is not its mistake */
export function compileService(input: ServiceInput, document: SourceDocument, index: number, compiling: Compiling, partial = false): Service {
  const complain = (path: Path, message: string, severity: Problem['severity'] = 'error') => compiling.problems.push(document.problem(path, message, severity))
  const policy = input.jurisdiction === undefined ? undefined : compiling.policies.get(input.jurisdiction)
  if (input.jurisdiction !== undefined && !compiling.policies.has(input.jurisdiction) && !compiling.unread.has('policies')) {
    complain(['jurisdiction'], `there is no policy "${input.jurisdiction}"${hint(input.jurisdiction, compiling.policies.keys())}; add policies/${input.jurisdiction}.yaml`)
  }
  const scope: Scope = { input, compiling, policy, complain }
  checkRewrites(scope)
  const names = new Set<string>()
  const steps = input.steps.map((step, i) => {
    if (names.has(step.name)) complain(['steps', i, 'name'], `step "${step.name}" is there twice; records could not tell them apart`)
    names.add(step.name)
    return compileStep(step, ['steps', i], scope)
  })
  const service: Service = {
    index,
    id: input.service,
    host: input.hosts?.[0],
    prefix: prefixOf(scope),
    policy,
    fence: compileFence(scope),
    steps,
    bypass: input.bypass === undefined ? undefined : compileFixed(input.bypass, ['bypass'], 'prefix', scope),
    status: input.status ?? 302,
    query: compileQuery(scope),
    segments: input.segments ?? 'refuse',
    panicThreshold: input.panic ?? 50,
    delivery: input.delivery ?? 'redirect',
    ...(input.steering?.ttl === undefined ? {} : { steeringTtl: input.steering.ttl }),
    content: compileContentRules(scope),
    ...(input.referrers === undefined ? {} : { referrers: new Set(input.referrers) }),
  }
  if (!partial && checkJurisdiction(steps, scope)) advise({ input, service, complete: !compiling.fleet.broken.some, lawful: (pool) => verdictOn(pool, compiling).lawful, warn: (path, message) => complain(path, message, 'warning') })
  return service
}

interface Scope {
  readonly input: ServiceInput
  readonly compiling: Compiling
  readonly policy: JurisdictionPolicy | undefined
  complain(path: Path, message: string, severity?: Problem['severity']): void
}

function prefixOf({ input, complain }: Scope): string | undefined {
  const prefix = input.prefix ?? (input.hosts === undefined || input.hosts.length === 0 ? `/${input.service}` : undefined)
  if (prefix === undefined) return undefined
  if (prefix.split('/').length - 1 > PREFIX_SEGMENTS) complain(['prefix'], `"${prefix}" has more than ${PREFIX_SEGMENTS} parts`)
  if (prefix === '/-' || prefix.startsWith('/-/')) complain(['prefix'], 'everything under /-/ is the router\'s own; use another prefix')
  return prefix
}

function compileStep(step: StepInput, path: Path, scope: Scope): Step {
  const { compiling, input } = scope
  const compiled: Step = {
    index: compiling.steps.length,
    name: step.name,
    seed: combine(hashString(input.service), hashString(step.name)),
    when: step.when === undefined ? undefined : compileCondition(step.when, [...path, 'when'], scope),
    pool: compilePool(step, path, scope),
    select: step.select,
    key: step.key ?? (step.select === 'rendezvous' ? 'prefix' : 'none'),
    spread: step.spread ?? 1.5,
    loadFactor: step.select === 'rendezvous' || (step.select === 'nearest' && (step.key ?? 'none') !== 'none') ? (step.loadFactor ?? 1.25) : undefined,
  }
  if (step.loadFactor !== undefined && compiled.loadFactor === undefined) {
    scope.complain([...path, 'loadFactor'], `has no effect: ${step.select} spreads every title over all targets; use it with rendezvous, or with nearest and a key`)
  }
  compiling.steps.push(compiled)
  bound(compiling, compiled)
  return compiled
}

/** A pool that several steps share obeys the strictest of their bounds. */
function bound({ pools }: Compiling, { pool, loadFactor }: Step): void {
  if (loadFactor === undefined || loadFactor >= (pool.loadFactor ?? Infinity)) return
  const own = pools[pool.index]
  if (own !== undefined) own.loadFactor = loadFactor
}

function compileCondition(when: ConditionInput, path: Path, { compiling, complain }: Scope): Condition {
  for (const [i, zone] of (when.zone ?? []).entries()) {
    if (!compiling.zones.has(zone) && !compiling.unread.has('zones')) complain([...path, 'zone', i], `there is no zone "${zone}"${hint(zone, compiling.zones)}`)
  }
  if (Object.keys(when).length === 0) complain(path, 'is empty; leave it out, or say which clients the step is for')
  return {
    countries: when.country === undefined ? undefined : expandCountries(when.country),
    continents: when.continent === undefined ? undefined : new Set(when.continent),
    zones: when.zone === undefined ? undefined : new Set(when.zone),
    asns: when.asn === undefined ? undefined : new Set(when.asn),
  }
}

function compilePool(step: StepInput, path: Path, scope: Scope): Pool {
  const { compiling, policy, input, complain } = scope
  // What is written the same way means the same: most of ten thousand services name the same group.
  const spelling = JSON.stringify([policy?.id ?? null, step.targets, input.rewrite ?? null])
  const spelt = compiling.poolsBySpelling.get(spelling)
  if (spelt !== undefined) return spelt
  const before = compiling.problems.length
  const wanted = resolveMembers(step, [...path, 'targets'], scope)
  if (wanted.length > 0 && !compiling.fleet.broken.some && wanted.every(({ weight }) => weight === 0)) complain([...path, 'targets'], 'all weights are 0, so nothing could be chosen; give one of them a weight')
  const key = JSON.stringify([policy?.id ?? null, wanted.map(({ target, weight }) => [target.id, weight, input.rewrite?.[target.id] ?? null])])
  const pool = compiling.poolsByKey.get(key) ?? newPool(wanted, scope)
  compiling.poolsByKey.set(key, pool)
  // One that is wrong is resolved again for the next service, so that its problems are told there too.
  if (compiling.problems.length === before) compiling.poolsBySpelling.set(spelling, pool)
  return pool
}

function newPool(wanted: readonly Wanted[], scope: Scope): Pool {
  const { compiling, policy } = scope
  const members = wanted.map(({ target, weight }, position): Member => ({ target, weight, base: rewritten(target, scope), position }))
  const pool: OpenPool = { index: compiling.pools.length, members, policy, loadFactor: undefined }
  compiling.pools.push(pool)
  return pool
}

interface Wanted {
  readonly target: Target
  readonly weight: number
}

function resolveMembers({ targets }: StepInput, path: Path, { compiling: { fleet }, complain }: Scope): Wanted[] {
  const wanted = new Map<Target, Wanted>()
  if ('group' in targets) {
    const ids = typeof targets.group === 'string' ? [targets.group] : targets.group
    for (const [i, id] of ids.entries()) {
      const place = typeof targets.group === 'string' ? [...path, 'group'] : [...path, 'group', i]
      const group = fleet.group(id)
      const members = group === undefined ? [] : fleet.members(group)
      if (group === undefined && fleet.broken.has(id)) continue
      if (group === undefined) complain(place, `there is no group "${id}"${hint(id, fleet.groups.map((known) => known.id))}`)
      else if (members.length === 0 && !fleet.broken.some) complain(place, `group "${id}" has no targets; give a target \`group: ${id}\``)
      for (const target of members) wanted.set(target, { target, weight: fleet.weight(target) })
    }
    return [...wanted.values()]
  }
  for (const [i, entry] of targets.entries()) {
    const { id, weight } = typeof entry === 'string' ? { id: entry, weight: undefined } : entry
    const place = typeof entry === 'string' ? [...path, i] : [...path, i, 'id']
    const target = fleet.target(id)
    if (target === undefined && fleet.broken.has(id)) continue
    if (target === undefined) complain(place, `there is no target "${id}"${hint(id, fleet.targets.map((known) => known.id))}`)
    else if (wanted.has(target)) complain(place, `target "${id}" is in this list twice; give it one weight`)
    else wanted.set(target, { target, weight: weight ?? fleet.weight(target) })
  }
  return [...wanted.values()]
}

function rewritten(target: Target, { input, compiling }: Scope): Member['base'] {
  const rule = input.rewrite?.[target.id]
  if (rule === undefined) return target.base
  return baseOf(addressUnder(rule, compiling.fleet.address(target)))
}

function addressUnder(rule: RewriteInput, own: Address): Address {
  // A rewritten host is another server, so the target's own port does not come along.
  const port = rule.port ?? (rule.host === undefined || rule.host === own.host ? own.port : undefined)
  return { host: rule.host ?? own.host, port, scheme: rule.scheme ?? own.scheme, prefix: rule.prefix ?? own.prefix }
}

function checkRewrites(scope: Scope): void {
  const { input, compiling: { fleet }, complain } = scope
  for (const [id, rule] of Object.entries(input.rewrite ?? {})) {
    const target = fleet.target(id)
    if (target === undefined && fleet.broken.has(id)) continue
    if (target === undefined) complain(['rewrite', id], `there is no target "${id}"${hint(id, fleet.targets.map((known) => known.id))}`)
    else checkRewrite(target, rule, ['rewrite', id], scope)
  }
}

/** The viewer must end up at a server for which the target's jurisdiction was declared, and no stricter one. */
function checkRewrite(target: Target, rule: RewriteInput, path: Path, { policy, compiling: { fleet, now }, complain }: Scope): void {
  const address = addressUnder(rule, fleet.address(target))
  const { host } = address
  const owners = fleet.owners(host)
  if (!owners.includes(target)) {
    const [owner] = owners
    if (owner !== undefined && mayServe(target, host)) complain([...path, 'host'], `"${host}" is a host of target "${owner.id}", whose jurisdiction counts there; use that target, or another host`)
    else complain([...path, 'host'], `"${host}" is not a host of target "${target.id}"; add it to the target's hosts`)
    return
  }
  const other = fleet.ownersAt(address).find((owner) => owner !== target && faults(policy, owner.jurisdiction, now).length > 0)
  if (other !== undefined) complain(rule.host === undefined ? path : [...path, 'host'], `leads to an address of target "${other.id}" too, which does not satisfy "${policy?.id ?? ''}" (${faults(policy, other.jurisdiction, now).join(', ')}); use another one`)
}

/** A service that its own policy leaves without a target is a mistake to find now, not when the first viewer comes. False then. */
function checkJurisdiction(steps: readonly Step[], { policy, compiling, complain }: Scope): boolean {
  if (policy === undefined) return true
  const pools = [...new Set(steps.map(({ pool }) => pool))]
  const verdicts = pools.map((pool) => verdictOn(pool, compiling))
  if (verdicts.every(({ lawful }) => lawful.length === 0) && pools.some(({ members }) => members.length > 0) && !compiling.fleet.broken.some) {
    const targets = [...new Set(pools.flatMap(({ members }) => members.map(({ target }) => target)))]
    const why = targets.slice(0, 5).map((target) => `${target.id}: ${judgedOnce(policy, target, compiling).join(', ')}`).join('; ')
    complain(['jurisdiction'], `policy "${policy.id}" leaves no target (${why}); add one that complies or choose another policy`)
    return false
  }
  for (const { id, jurisdiction } of new Set(verdicts.flatMap(({ expiring }) => expiring))) {
    complain(['jurisdiction'], `target "${id}" complies with "${policy.id}" only until ${new Date(compliesUntil(policy, jurisdiction)).toISOString().slice(0, 10)}; renew its evidence or review`, 'warning')
  }
  return true
}

/** What a pool's policy says of its members: the same for all services that share the pool. */
function verdictOn(pool: Pool, compiling: Compiling): Verdict {
  const { verdicts, now } = compiling
  const known = verdicts.get(pool)
  if (known !== undefined) return known
  const { policy, members } = pool
  const lawful = members.map(({ target }) => target).filter((target) => policy === undefined || judgedOnce(policy, target, compiling).length === 0)
  const verdict = { lawful, expiring: lawful.filter(({ jurisdiction }) => compliesUntil(policy, jurisdiction) - now < MONTH_MS) }
  verdicts.set(pool, verdict)
  return verdict
}

function judgedOnce(policy: JurisdictionPolicy, target: Target, { judgements, now }: Compiling): readonly Fault[] {
  const known = judgements.get(policy) ?? new Map<Target, readonly Fault[]>()
  judgements.set(policy, known)
  const wrong = known.get(target) ?? faults(policy, target.jurisdiction, now)
  known.set(target, wrong)
  return wrong
}

function compileFence(scope: Scope): Fence | undefined {
  const { fence } = scope.input
  if (fence === undefined) return undefined
  if ((fence.allow === undefined) === (fence.deny === undefined)) scope.complain(['fence'], 'give either allow or deny')
  const mode = fence.allow === undefined ? 'deny' : 'allow'
  return {
    mode,
    countries: expandCountries(fence.allow ?? fence.deny ?? []),
    unknown: fence.unknown ?? (mode === 'allow' ? 'deny' : 'allow'),
    status: fence.status ?? 403,
    redirect: fence.redirect === undefined ? undefined : compileFixed(fence.redirect, ['fence', 'redirect'], 'whole', scope),
  }
}

/**
 * A URL that a person wrote. `prefix`: the viewer's path follows it. `whole`: it is the destination.
 * Its host must belong to a declared target, whose jurisdiction then counts.
 */
function compileFixed(text: string, path: Path, form: 'prefix' | 'whole', { compiling: { fleet, now }, policy, complain }: Scope): Fixed | undefined {
  const same = text.startsWith('//')
  const url = URL.parse(same ? `https:${text}` : text)
  const scheme = url?.protocol === 'https:' ? 'https' : url?.protocol === 'http:' ? 'http' : undefined
  if (url === null || scheme === undefined || url.username !== '' || url.password !== '' || url.hash !== '' || /[^!-~]|[\\"<>]/.test(text)) {
    complain(path, `"${text}" is not usable; give https://host/path, or //host/path for the scheme of the request`)
    return undefined
  }
  if (form === 'prefix' && url.search !== '') complain(path, 'a query would not survive: the viewer\'s path and query follow this URL')
  const fixedPath = url.pathname + url.search
  const address: Address = { host: url.hostname, port: url.port === '' ? undefined : Number(url.port), scheme: same ? 'same' : scheme, prefix: form === 'prefix' ? url.pathname.replace(/\/$/, '') : '' }
  // Of several that share the address, the one that satisfies the policy for the shortest time, if at all.
  const lawfulUntil = ({ jurisdiction }: Target) => (faults(policy, jurisdiction, now).length > 0 ? -1 : Math.min(compliesUntil(policy, jurisdiction), Number.MAX_VALUE))
  const [target] = fleet.ownersAt(address).toSorted((a, b) => lawfulUntil(a) - lawfulUntil(b))
  if (target === undefined || (fleet.broken.some && !target.hosts.includes(url.hostname))) {
    if (!fleet.broken.some) complain(path, `"${url.hostname}" is not a host of a declared target; declare one, so that its jurisdiction is known`)
    return undefined
  }
  if (policy !== undefined && faults(policy, target.jurisdiction, now).length > 0) {
    complain(path, `target "${target.id}" does not satisfy "${policy.id}" (${faults(policy, target.jurisdiction, now).join(', ')}), so nobody would ever be sent there`)
    return undefined
  }
  return { member: { target, weight: 1, base: baseOf(address) }, path: form === 'prefix' ? undefined : fixedPath }
}

function compileQuery({ input: { query }, complain }: Scope): QueryRule {
  if (query?.keep !== undefined && query.drop !== undefined) complain(['query'], 'give either keep or drop')
  const cmcd = query?.cmcd === undefined ? {} : { cmcd: new Set<string>(query.cmcd) }
  if (query?.keep !== undefined) return { mode: 'keep', names: new Set(query.keep), ...cmcd }
  if (query?.drop !== undefined) return { mode: 'drop', names: new Set(query.drop), ...cmcd }
  return { mode: 'all', names: new Set(), ...cmcd }
}

function compileContentRules({ input: { content = [] }, complain }: Scope): ContentRule[] {
  return content.flatMap(({ match, id }, i) => {
    const compiled = compileContent(match)
    if ('problem' in compiled) {
      complain(['content', i, 'match'], compiled.problem)
      return []
    }
    const { segments } = compiled
    const captures = segments.includes('{content}')
    if (captures === (id !== undefined)) complain(['content', i], captures ? 'gives both an id and a {content} part; give one' : 'gives neither an id nor a {content} part, so it names nothing')
    return [{ id, segments }]
  })
}
