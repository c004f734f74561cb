/** The targets and groups of all files under `targets/`, joined and checked. */
import { vector } from '../routing/distance.ts'
import { hashString } from '../routing/hash.ts'
import type { Group, Jurisdiction, Target, Vector } from '../routing/model.ts'
import { baseOf } from './address.ts'
import type { Address } from './address.ts'
import type { SourceDocument } from './document.ts'
import { compileJurisdiction } from './jurisdiction.ts'
import { Owners } from './owners.ts'
import type { Problem } from './problem.ts'
import type { CheckInput, GroupInput, TargetInput } from './schema.ts'
import { compileHealth } from './target-health.ts'
import { hint } from './validate.ts'

export interface Fleet {
  readonly targets: readonly Target[]
  readonly groups: readonly Group[]
  readonly broken: Broken
  target(id: string): Target | undefined
  group(id: string): Group | undefined
  /** The targets of a group and of the groups in it. */
  members(group: Group): readonly Target[]
  /** A target's share where a step names its group. */
  weight(target: Target): number
  /** Where the target itself is reached. */
  address(target: Target): Address
  /** The targets that serve under this host name: those that name it, else those of the smallest domain with `*.` that holds it. */
  owners(host: string): readonly Target[]
  /** The same, and where several share the host those that are reached at this very port, if any are. */
  ownersAt(address: Address): readonly Target[]
}

/** What could not be read: what refers to it is not wrong for that. */
export interface Broken {
  /** Whether there may be something of this id after all. */
  has(id: string): boolean
  /** Whether there is more than can be told. */
  readonly some: boolean
}

/** One file under `targets/`. An entry that is wrong is `undefined`, and its id is among the broken. */
export interface FleetFile {
  readonly document: SourceDocument
  /** Health checks of the targets that do not say otherwise. */
  readonly checks: CheckInput | undefined
  readonly groups: readonly (GroupInput | undefined)[]
  readonly targets: readonly (TargetInput | undefined)[]
  readonly broken: readonly string[]
  /** Whether there may be entries of any id: some were not even found, or have none that can be read. */
  readonly torn: boolean
}

/** @param unread whether there is a file of which nothing could be read */
export function compileFleet(files: readonly FleetFile[], unread: boolean, problems: Problem[]): Fleet {
  const lost = unread || files.some(({ torn }) => torn)
  const wrong = new Set(files.flatMap((file) => file.broken))
  const { groups, adrift } = compileGroups(files, (id) => lost || wrong.has(id), problems)
  for (const id of adrift) wrong.add(id)
  const broken: Broken = {
    has: (id) => lost || wrong.has(id),
    get some() {
      return lost || wrong.size > 0
    },
  }
  const targets = new Map<string, Target>()
  const weights = new Map<Target, number>()
  const addresses = new Map<Target, Address>()
  const jurisdictions = new Map<string, Jurisdiction>()
  const bases = new Map<string | undefined, Target>()
  for (const { document, checks, targets: entries } of files) {
    for (const [i, written] of entries.entries()) {
      if (written === undefined) continue
      const complain = (key: string, message: string, severity?: Problem['severity']) => problems.push(document.problem(['targets', i, key], message, severity))
      if (targets.has(written.id)) {
        complain('id', `target "${written.id}" is defined twice; ids are unique`)
        wrong.add(written.id)
      }
      const group = written.group === undefined ? undefined : groups.get(written.group)
      if (written.group !== undefined && group === undefined) {
        if (!broken.has(written.group)) complain('group', `there is no group "${written.group}"${hint(written.group, groups.keys())}`)
        // Whichever group is meant lacks it.
        wrong.add(written.id)
      }
      const own = coordinates(written)
      if (own === 'half') complain(written.latitude === undefined ? 'longitude' : 'latitude', 'latitude and longitude belong together; give both or neither')
      const { mode, countries } = written.jurisdiction?.logs ?? {}
      if (mode !== undefined && mode !== 'none' && (countries === undefined || countries.length === 0)) complain('jurisdiction', `logs.mode is ${mode}, so logs.countries must say where they are stored`)
      const target: Target = {
        index: targets.size,
        id: written.id,
        kind: written.kind ?? 'edge',
        group,
        at: own === 'half' ? undefined : (own ?? group?.at),
        base: baseOf(written),
        hosts: [written.host, ...(written.hosts ?? [])],
        adminState: written.adminState ?? 'auto',
        jurisdiction: oneOf(jurisdictions, compileJurisdiction(written.jurisdiction)),
        health: compileHealth(written, checks, complain),
        seed: hashString(written.id),
      }
      const twin = bases.get(target.base.https) ?? bases.get(target.base.http)
      if (twin !== undefined && !targets.has(written.id)) complain('host', `is the address of target "${twin.id}" too${twin.jurisdiction === target.jurisdiction ? '' : ', which declares another jurisdiction for it'}; give one of them another host, port or prefix, or take it away`, 'warning')
      for (const base of [target.base.http, target.base.https]) if (base !== undefined) bases.set(base, target)
      targets.set(written.id, target)
      weights.set(target, written.weight ?? 1)
      addresses.set(target, written)
    }
  }
  const list = [...targets.values()]
  const owners = new Owners(addresses)
  const members = new Map<Group, readonly Target[]>()
  return {
    targets: list,
    groups: [...groups.values()],
    broken,
    target: (id) => targets.get(id),
    group: (id) => groups.get(id),
    members: (group) => {
      // Thousands of zones and services name few groups.
      const known = members.get(group) ?? list.filter((target) => isIn(target.group, group))
      members.set(group, known)
      return known
    },
    weight: (target) => weights.get(target) ?? 1,
    address: (target) => addresses.get(target) ?? { host: '' },
    owners: (host) => owners.of(host),
    ownersAt: (address) => owners.at(address),
  }
}

/** The first that was equal: most targets are one operator's, and what decisions read of it is in the processor's caches then. */
function oneOf(known: Map<string, Jurisdiction>, jurisdiction: Jurisdiction): Jurisdiction {
  const spelled = JSON.stringify(jurisdiction)
  const same = known.get(spelled)
  if (same === undefined) known.set(spelled, jurisdiction)
  return same ?? jurisdiction
}

interface Groups {
  readonly groups: Map<string, Group>
  /** Ids of groups that are in themselves or in a group that is not there: what they and others hold cannot be told. */
  readonly adrift: ReadonlySet<string>
}

/** Parents before children, whatever the order of the files. */
function compileGroups(files: readonly FleetFile[], broken: Broken['has'], problems: Problem[]): Groups {
  const written = new Map<string, { input: GroupInput; complain: (key: string, message: string) => void }>()
  for (const { document, groups: entries } of files) {
    for (const [i, group] of entries.entries()) {
      if (group === undefined) continue
      const complain = (key: string, message: string) => problems.push(document.problem(['groups', i, key], message))
      if (written.has(group.id)) complain('id', `group "${group.id}" is defined twice; ids are unique`)
      else written.set(group.id, { input: group, complain })
    }
  }
  const groups = new Map<string, Group>()
  const adrift = new Set<string>()
  const compile = (id: string, below: readonly string[]): Group | undefined => {
    const known = groups.get(id)
    const source = written.get(id)
    if (known !== undefined || source === undefined) return known
    const { input, complain } = source
    if (below.includes(id)) {
      complain('in', `group "${id}" is in itself, by way of ${below.join(', ')}`)
      for (const other of below.slice(below.indexOf(id))) adrift.add(other)
      return undefined
    }
    const parent = input.in === undefined ? undefined : compile(input.in, [...below, id])
    if (input.in !== undefined && !written.has(input.in)) {
      if (!broken(input.in)) complain('in', `there is no group "${input.in}"${hint(input.in, written.keys())}`)
      adrift.add(id)
    }
    const at = coordinates(input)
    if (at === 'half') complain(input.latitude === undefined ? 'longitude' : 'latitude', 'latitude and longitude belong together; give both or neither')
    const group: Group = { index: groups.size, id, parent, at: at === 'half' ? undefined : at }
    groups.set(id, group)
    return group
  }
  for (const id of written.keys()) compile(id, [])
  return { groups, adrift }
}

function isIn(inner: Group | undefined, outer: Group): boolean {
  let group = inner
  while (group !== undefined && group !== outer) group = group.parent
  return group !== undefined
}

function coordinates({ latitude, longitude }: { latitude?: number | undefined; longitude?: number | undefined }): Vector | 'half' | undefined {
  if (latitude === undefined && longitude === undefined) return undefined
  return latitude === undefined || longitude === undefined ? 'half' : vector(latitude, longitude)
}
