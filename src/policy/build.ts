/**
 * A bundle of configuration files becomes a snapshot, or a complete list of what is wrong with it. The only way to make
 * a snapshot: inside the router its types are true and nobody checks again.
 */
import type { ZodType } from 'zod'
import { buildZones, overlaps, parsePrefix } from '../geo/zones.ts'
import type { ZoneRow } from '../geo/zones.ts'
import type { JurisdictionPolicy, Pool, Service, Snapshot, Step, Version, Zone } from '../routing/model.ts'
import type { Bundle, Kind } from './bundle.ts'
import { KINDS } from './bundle.ts'
import type { SourceDocument } from './document.ts'
import { readDocuments } from './document.ts'
import { compileFleet } from './fleet.ts'
import type { Fleet, FleetFile } from './fleet.ts'
import { compilePolicy } from './jurisdiction.ts'
import type { Problem } from './problem.ts'
import { errors } from './problem.ts'
import { groupSchema, policySchema, serviceSchema, targetSchema, targetsFileSchema, zonesFileSchema } from './schema.ts'
import { compileService } from './service.ts'
import type { Compiling } from './service.ts'
import { hint, validate } from './validate.ts'

export interface BuildOptions {
  readonly version: Version
  /** Milliseconds since the epoch: evidence that has expired by then makes a service without an eligible target a problem. */
  readonly now: number
  /** The continent of a country, for zones that name one. */
  readonly continentOf: (country: string) => string | undefined
}

export interface Built {
  /** Absent where there is an error among the problems. */
  readonly snapshot: Snapshot | undefined
  readonly problems: readonly Problem[]
}

export function buildSnapshot(bundle: Bundle, options: BuildOptions): Built {
  const steps = buildInSteps(bundle, options)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/**
 * The same in steps of about a file or a service each, for a process that has something else to do in between.
 */
export function* buildInSteps(bundle: Bundle, options: BuildOptions): Generator<void, Built> {
  const problems: Problem[] = []
  const documents = yield* sortDocuments(bundle, problems)

  const fleet = compileFleet(documents.targets.map((document) => readFleet(document, problems)), problems)
  const policies = compilePolicies(documents.policies, problems)
  const zones = compileZones(documents.zones, fleet, options, problems)
  const pools: Pool[] = []
  const steps: Step[] = []
  const compiling: Compiling = { fleet, policies, zones: new Set(zones.map(({ zone }) => zone.id)), pools, steps, poolsByKey: new Map(), poolsBySpelling: new Map(), judgements: new Map(), now: options.now, problems }
  const services: Service[] = []
  const hosts = new Map<string, Service>()
  const prefixes = new Map<string, Service>()
  const inner = new Map<string, Service>()
  const sources = new Map<string, SourceDocument>()
  for (const source of documents.services) {
    yield
    const input = validate(serviceSchema, source, problems)
    if (input === undefined) continue
    const document = source
    const first = sources.get(input.service)
    if (first !== undefined) problems.push(document.problem(['service'], `service "${input.service}" is already in ${first.file}; ids are unique`))
    sources.set(input.service, document)
    const service = compileService(input, document, services.length, compiling)
    services.push(service)
    claim(hosts, input.hosts ?? [], service, (host, i, owner) => problems.push(document.problem(['hosts', i], `host "${host}" already belongs to service "${owner.id}"; a host has one service`)))
    if (service.prefix !== undefined) claimPrefix(prefixes, inner, service.prefix, service, document, problems)
  }
  for (const [host, service] of hosts) {
    const target = fleet.byHost(host)
    if (target !== undefined) {
      const document = sources.get(service.id)
      if (document !== undefined) problems.push(document.problem(['hosts'], `host "${host}" is also a host of target "${target.id}"; viewers would be sent back to the router`))
    }
  }
  if (services.length === 0 && errors(problems).length === 0) problems.push({ file: 'services', line: 1, path: '', message: 'there is no service; add services/NAME.yaml', severity: 'error' })
  if (errors(problems).length > 0) return { snapshot: undefined, problems }

  const { version } = options
  return {
    problems,
    snapshot: {
      version,
      label: `${version.number}:${version.digest.slice(0, 8)}`,
      targets: fleet.targets,
      groups: fleet.groups,
      policies: [...policies.values()].filter((policy) => policy !== undefined),
      services,
      pools,
      steps,
      hosts,
      prefixes,
      zones: buildZones(zones),
    },
  }
}

type Documents = Record<Kind, SourceDocument[]>

function* sortDocuments(bundle: Bundle, problems: Problem[]): Generator<void, Documents> {
  const sorted: Documents = { targets: [], services: [], zones: [], policies: [] }
  for (const { path, text } of bundle.files) {
    yield
    const kind = KINDS.find((name) => path.startsWith(`${name}/`))
    if (kind === undefined) {
      problems.push({ file: path, line: 1, path: '', message: `belongs to none of ${KINDS.join('/, ')}/; move it`, severity: 'error' })
      continue
    }
    const read = readDocuments(path, text)
    problems.push(...read.problems)
    sorted[kind].push(...read.documents)
  }
  return sorted
}

export interface Valid<T> {
  readonly input: T
  readonly document: SourceDocument
}

function valid<T>(schema: Parameters<typeof validate<T>>[0], documents: readonly SourceDocument[], problems: Problem[]): Valid<T>[] {
  return documents.flatMap((document) => {
    const input = validate(schema, document, problems)
    return input === undefined ? [] : [{ input, document }]
  })
}

/** A target that is wrong costs its own entry: the others stay known, so that what refers to them is not a problem as well. */
function readFleet(document: SourceDocument, problems: Problem[]): FleetFile {
  const input = validate(targetsFileSchema, document, problems)
  if (input !== undefined) return { document, checks: input.checks, groups: input.groups ?? [], targets: input.targets ?? [], broken: [] }
  const broken: string[] = []
  const sound = <T>(schema: ZodType<T>, key: string) =>
    entriesOf(document.value, key).map((entry) => {
      const { data } = schema.safeParse(entry)
      const id = data === undefined ? valueAt(entry, 'id') : undefined
      if (typeof id === 'string') broken.push(id)
      return data
    })
  return { document, checks: undefined, groups: sound(groupSchema, 'groups'), targets: sound(targetSchema, 'targets'), broken }
}

function entriesOf(value: unknown, key: string): readonly unknown[] {
  const entries = valueAt(value, key)
  return Array.isArray(entries) ? entries : []
}

function valueAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

function compilePolicies(documents: readonly SourceDocument[], problems: Problem[]): Map<string, JurisdictionPolicy | undefined> {
  // A policy that is wrong is known by name, so that its services are not reported for it.
  const policies = new Map<string, JurisdictionPolicy | undefined>()
  for (const { value } of documents) {
    const id = valueAt(value, 'policy')
    if (typeof id === 'string') policies.set(id, undefined)
  }
  for (const { input, document } of valid(policySchema, documents, problems)) {
    if (policies.get(input.policy) !== undefined) problems.push(document.problem(['policy'], `policy "${input.policy}" is defined twice; ids are unique`))
    policies.set(input.policy, compilePolicy(input, policies.size))
  }
  return policies
}

function compileZones(documents: readonly SourceDocument[], fleet: Fleet, options: BuildOptions, problems: Problem[]): ZoneRow[] {
  const rows: ZoneRow[] = []
  const places = new Map<string, { document: SourceDocument; path: (string | number)[] }>()
  for (const { input, document } of valid(zonesFileSchema, documents, problems)) {
    for (const [i, { zone: id, prefixes = [], asns = [], group, target, country }] of input.zones.entries()) {
      const path = ['zones', i]
      if (places.has(id)) problems.push(document.problem([...path, 'zone'], `zone "${id}" is defined twice; ids are unique`))
      places.set(id, { document, path })
      const prefer = preference(fleet, group, target, (key, message) => problems.push(document.problem(key === undefined ? path : [...path, key], message)))
      if (prefixes.length === 0 && asns.length === 0) problems.push(document.problem(path, 'has neither prefixes nor asns; no client would be in it'))
      const parsed = prefixes.flatMap((text, p) => {
        const prefix = parsePrefix(text)
        if (prefix === undefined) problems.push(document.problem([...path, 'prefixes', p], `"${text}" is not a network; use CIDR such as 192.0.2.0/24 or 2001:db8::/32, with all bits after the prefix zero`))
        return prefix === undefined ? [] : [prefix]
      })
      if (prefer === undefined) continue
      const zone: Zone = { index: rows.length, id, prefer, country, continent: country === undefined ? undefined : options.continentOf(country) }
      rows.push({ zone, prefixes: parsed, asns })
    }
  }
  for (const { prefix, zones } of overlaps(rows)) {
    const place = places.get(zones.at(-1) ?? '')
    if (place !== undefined) problems.push(place.document.problem(place.path, `${prefix} is in zones ${zones.join(' and ')}; a client can be in one`))
  }
  return rows
}

function preference(fleet: Fleet, group: string | undefined, target: string | undefined, complain: (key: string | undefined, message: string) => void): Zone['prefer'] | undefined {
  if ((group === undefined) === (target === undefined)) {
    complain(undefined, 'give either group or target')
    return undefined
  }
  if (group !== undefined) {
    const found = fleet.group(group)
    if (found !== undefined) return { group: found }
    if (!fleet.broken.has(group)) complain('group', `there is no group "${group}"${hint(group, fleet.groups.map(({ id }) => id))}`)
    return undefined
  }
  const found = fleet.target(target ?? '')
  if (found !== undefined) return { target: found }
  if (!fleet.broken.has(target ?? '')) complain('target', `there is no target "${target ?? ''}"${hint(target ?? '', fleet.targets.map(({ id }) => id))}`)
  return undefined
}

function claim(owners: Map<string, Service>, names: readonly string[], service: Service, taken: (name: string, position: number, owner: Service) => void): void {
  for (const [position, name] of names.entries()) {
    const owner = owners.get(name)
    if (owner === undefined) owners.set(name, service)
    else taken(name, position, owner)
  }
}

/**
 * Prefixes may not hold one another: which service a path belongs to must not depend on the order of files.
 * @param inner every proper beginning of a claimed prefix
 */
function claimPrefix(prefixes: Map<string, Service>, inner: Map<string, Service>, prefix: string, service: Service, document: SourceDocument, problems: Problem[]): void {
  const beginnings = prefix.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/')).slice(1)
  const owner = inner.get(prefix) ?? beginnings.map((path) => prefixes.get(path)).find((found) => found !== undefined)
  if (owner !== undefined) {
    problems.push(document.problem(['prefix'], `prefix "${prefix}" overlaps "${owner.prefix ?? ''}" of service "${owner.id}"; give one of them another prefix`))
    return
  }
  prefixes.set(prefix, service)
  for (const path of beginnings.slice(0, -1)) inner.set(path, service)
}
