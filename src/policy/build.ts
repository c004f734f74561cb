/**
 * A bundle of configuration files becomes a snapshot, or a complete list of what is wrong with it. The only way to make
 * a snapshot: inside the router its types are true and nobody checks again.
 */
import { buildZones } from '../geo/zones.ts'
import type { JurisdictionPolicy, Service, Snapshot, Step, Version } from '../routing/model.ts'
import type { Bundle, Kind } from './bundle.ts'
import { KINDS } from './bundle.ts'
import type { SourceDocument } from './document.ts'
import { DocumentMemory, readInSteps } from './document.ts'
import { compileFleet } from './fleet.ts'
import type { FleetFile } from './fleet.ts'
import { compilePolicy } from './jurisdiction.ts'
import type { Problem } from './problem.ts'
import { errors } from './problem.ts'
import { salvageService, soundEntries, valueAt } from './salvage.ts'
import { groupSchema, policySchema, serviceSchema, targetSchema, targetsFileSchema } from './schema.ts'
import { compileService } from './service.ts'
import type { Compiling, OpenPool } from './service.ts'
import { finish } from './steps.ts'
import { validate } from './validate.ts'
import { compileZones } from './zones.ts'

export interface BuildOptions {
  readonly version: Version
  /** Milliseconds since the epoch: evidence that has expired by then makes a service without an eligible target a problem. */
  readonly now: number
  /** The continent of a country, for zones that name one. */
  readonly continentOf: (country: string) => string | undefined
  /** Of builds before. Default none. */
  readonly memory?: DocumentMemory | undefined
}

export interface Built {
  /** Absent where there is an error among the problems. */
  readonly snapshot: Snapshot | undefined
  readonly problems: readonly Problem[]
  /** Whether a zone or a step depends on autonomous systems, which takes a database of them. */
  readonly asns?: boolean
}

/** A version as operators and records see it. */
export function labelOf({ number, digest }: Version): string {
  return `${number}:${digest.slice(0, 8)}`
}

export function buildSnapshot(bundle: Bundle, options: BuildOptions): Built {
  return finish(buildInSteps(bundle, options))
}

/**
 * The same in steps of about a document or a service each, for a process that has something else to do in between.
 */
export function* buildInSteps(bundle: Bundle, options: BuildOptions): Generator<void, Built> {
  const problems: Problem[] = []
  const { documents, unread } = yield* sortDocuments(bundle, options.memory ?? new DocumentMemory(), problems)

  const fleet = compileFleet(documents.targets.map((document) => readFleet(document, problems)), unread.has('targets'), problems)
  const policies = compilePolicies(documents.policies, problems)
  const { rows: zones, names: zoneNames } = compileZones(documents.zones, fleet, options.continentOf, problems)
  const pools: OpenPool[] = []
  const steps: Step[] = []
  const compiling: Compiling = { fleet, policies, zones: zoneNames, unread, pools, steps, poolsByKey: new Map(), poolsBySpelling: new Map(), judgements: new Map(), verdicts: new Map(), now: options.now, problems }
  const services: Service[] = []
  const hosts = new Map<string, Service>()
  const prefixes = new Map<string, Service>()
  const inner = new Map<string, Service>()
  const sources = new Map<string, SourceDocument>()
  for (const source of documents.services) {
    yield
    const whole = validate(serviceSchema, source, problems)
    const input = whole ?? salvageService(source.value)
    if (input === undefined) continue
    const document = source
    const first = sources.get(input.service)
    if (first !== undefined) problems.push(document.problem(['service'], `service "${input.service}" is already in ${first.file}; ids are unique`))
    sources.set(input.service, document)
    const service = compileService(input, document, services.length, compiling, whole === undefined)
    if (whole !== undefined) services.push(service)
    claim(hosts, input.hosts ?? [], service, (host, i, owner) => problems.push(document.problem(['hosts', i], `host "${host}" already belongs to service "${owner.id}"; a host has one service`)))
    // Without its hosts a service would seem to claim a prefix that it never wanted.
    if (service.prefix !== undefined && (whole !== undefined || input.prefix !== undefined)) claimPrefix(prefixes, inner, service.prefix, service, document, problems)
  }
  for (const [host, service] of hosts) {
    const [target] = fleet.owners(host)
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
    asns: zones.some(({ asns }) => asns.length > 0) || steps.some((step) => step.when?.asns !== undefined),
    snapshot: {
      version,
      label: labelOf(version),
      targets: fleet.targets,
      groups: fleet.groups,
      policies: [...policies.values()].filter((policy) => policy !== undefined),
      services,
      steered: services.some(({ delivery }) => delivery === 'steered'),
      pools,
      ids: new Map(services.map((service) => [service.id, service])),
      hosts,
      prefixes,
      zones: buildZones(zones),
    },
  }
}

interface Sorted {
  readonly documents: Record<Kind, SourceDocument[]>
  /** Kinds of which a file could not be read at all: what refers to them may be right. */
  readonly unread: ReadonlySet<Kind>
}

function* sortDocuments(bundle: Bundle, memory: DocumentMemory, problems: Problem[]): Generator<void, Sorted> {
  const documents: Sorted['documents'] = { targets: [], services: [], zones: [], policies: [] }
  const unread = new Set<Kind>()
  memory.turn()
  for (const { path, text } of bundle.files) {
    yield
    const kind = KINDS.find((name) => path.startsWith(`${name}/`))
    if (kind === undefined) {
      problems.push({ file: path, line: 1, path: '', message: `belongs to none of ${KINDS.join('/, ')}/; move it`, severity: 'error' })
      continue
    }
    const read = yield* readInSteps(path, text, memory)
    const found = read.problems.length === 0 && read.documents.length === 0 ? [nothingIn(path, text)] : read.problems
    problems.push(...found)
    if (errors(found).length > 0) unread.add(kind)
    for (const document of read.documents) documents[kind].push(document)
  }
  return { documents, unread }
}

/** A full disk, or a slip in a shell, leaves an empty file, and all that it held would be gone. What is all comments somebody wrote so. */
function nothingIn(file: string, text: string): Problem {
  return /^\s*#/.test(text) && !/^[^\S\n]*[^\s#]/m.test(text)
    ? { file, line: 1, path: '', message: 'holds nothing but comments; remove the file if that is meant', severity: 'warning' }
    : { file, line: 1, path: '', message: 'is empty; remove the file if that is meant', severity: 'error' }
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
  if (input !== undefined) return { document, checks: input.checks, groups: input.groups ?? [], targets: input.targets ?? [], broken: [], torn: false }
  const groups = soundEntries(groupSchema, document.value, 'groups')
  const targets = soundEntries(targetSchema, document.value, 'targets')
  const broken = [...groups, ...targets].flatMap(({ sound, entry }) => (sound === undefined ? [valueAt(entry, 'id')] : []))
  const named = broken.filter((id) => typeof id === 'string')
  return { document, checks: undefined, groups: groups.map(({ sound }) => sound), targets: targets.map(({ sound }) => sound), broken: named, torn: named.length < broken.length || isTorn(document.value) }
}

/** Whether a file under `targets/` has entries where nobody looks for them. */
function isTorn(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true
  return Object.entries(value).some(([key, entries]) => (key === 'targets' || key === 'groups' ? !Array.isArray(entries) : key !== 'checks'))
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
