/**
 * A snapshot in pieces, so that another thread can put it together between two requests: a large one that came in a single
 * message would keep that thread's viewers waiting until it was read.
 *
 * What several parts refer to (groups, policies, jurisdictions, targets, pools) is sent once and from then on by number. A piece
 * holds some thousand values, which take a fraction of a millisecond to read. Services and their names, of which there may be
 * thousands, go as bytes that threads share.
 */
import { serialize } from 'node:v8'
import { Zones } from '../geo/zones.ts'
import type { SharedZones } from '../geo/zones.ts'
import { ADMIN_STATES, DELIVERIES, KEYS, SELECTORS } from '../routing/model.ts'
import type { Group, JurisdictionPolicy, Pool, Service, Snapshot, Target, Zone } from '../routing/model.ts'
import { nameTable, SentNames } from './sent-names.ts'
import type { NameTable } from './sent-names.ts'
import { SentServices, SERVICES } from './sent-services.ts'
import type { ServiceBytes } from './sent-services.ts'

/** The lists of a snapshot, in the order in which they are sent: an entry refers to those before it and to its own list. */
const LISTS = ['groups', 'policies', 'jurisdictions', 'targets', 'pools'] as const
type ListName = (typeof LISTS)[number]
/** What services go by. */
const NAMES = ['ids', 'hosts', 'prefixes'] as const
type NameList = (typeof NAMES)[number]

/** Stands for an object that was sent before, by its number among all of them. */
interface Reference {
  readonly wisselReference: number
}

interface Items {
  readonly items: readonly unknown[]
  /** How many there are in all of them, for whoever sends them. */
  readonly values: number
}

export type Piece =
  | ({ readonly list: ListName | 'zones' } & Items)
  /** Of a pool, which may have thousands. */
  | ({ readonly list: 'members'; readonly pool: number } & Items)
  | ({ readonly list: 'services' } & ServiceBytes)
  | { readonly list: NameList; readonly names: NameTable }
  | { readonly list: 'end'; readonly version: Snapshot['version']; readonly label: string; readonly steered: boolean; readonly table: Omit<SharedZones, 'zones'> }

/** As the code has them: a text that was sent is a copy, which V8 compares letter by letter, and looks up by search. */
const WORDS: ReadonlyMap<unknown, string> = new Map([...SELECTORS, ...KEYS, ...DELIVERIES, ...ADMIN_STATES, 'refuse', 'all', 'keep', 'drop', 'allow', 'deny', 'edge', 'cdn', '*', '**', '{content}'].map((word) => [word, word]))

/** Values of a piece, more or less an item; and of pieces that are sent together. */
const VALUES = 2000
/** What a piece counts for that holds its values as bytes: it is read in no time, but making it takes a while. */
const OF_BYTES = VALUES / 4

/**
 * Pieces that are sent together: a message costs either side more than a few values do, and of a small configuration most pieces
 * are small.
 *
 * @throws TypeError where the operator's table is none of `geo/`
 */
export function* parcelsOf(snapshot: Snapshot): Generator<readonly Piece[], void> {
  let parcel: Piece[] = []
  let values = 0
  for (const piece of piecesOf(snapshot)) {
    const more = 'values' in piece ? piece.values : OF_BYTES
    if (parcel.length > 0 && values + more > VALUES) {
      yield parcel
      parcel = []
      values = 0
    }
    parcel.push(piece)
    values += more
  }
  yield parcel
}

/** @throws TypeError where the operator's table is none of `geo/` */
export function* piecesOf(snapshot: Snapshot): Generator<Piece, void> {
  const { zones: table } = snapshot
  if (!(table instanceof Zones)) throw new TypeError('the snapshot was not built by policy/build.ts')
  const known = new Map<object, number>()
  const packer = new Packer(known)
  // Targets of one operator share theirs.
  const all = { ...snapshot, jurisdictions: [...new Set(snapshot.targets.map(({ jurisdiction }) => jurisdiction))] }
  for (const list of LISTS) {
    for (const item of all[list]) known.set(item, known.size)
    if (list !== 'pools') yield* packer.pieces(list, all[list])
    else {
      yield* packer.pieces(list, snapshot.pools.map((pool) => ({ ...pool, members: [] })))
      for (const { index, members } of snapshot.pools) for (const part of packer.parts(members)) yield { list: 'members', pool: index, ...part }
    }
  }
  yield* sharedPieces(snapshot, packer)
  const { zones, ...shared } = table.shared
  yield* packer.pieces('zones', zones)
  yield { list: 'end', version: snapshot.version, label: snapshot.label, steered: snapshot.steered, table: shared }
}

/** Of each snapshot, those that hold shared memory: all threads get the same. */
const SHARED = new WeakMap<Snapshot, Piece[]>()

function* sharedPieces(snapshot: Snapshot, packer: Packer): Generator<Piece, void> {
  const known = SHARED.get(snapshot) ?? []
  SHARED.set(snapshot, known)
  const parts = Math.ceil(snapshot.services.length / SERVICES)
  for (let i = 0; i < parts; i++) yield (known[i] ??= packer.services(snapshot, i * SERVICES))
  for (const [i, list] of NAMES.entries()) yield (known[parts + i] ??= { list, names: nameTable(snapshot[list]) })
}

class Packer {
  readonly #known: ReadonlyMap<object, number>
  #values = 0

  constructor(known: ReadonlyMap<object, number>) {
    this.#known = known
  }

  *pieces(list: ListName | 'zones', all: readonly object[]): Generator<Piece, void> {
    for (const part of this.parts(all)) yield { list, ...part }
  }

  services({ services }: Snapshot, first: number): Piece {
    const written: Buffer[] = []
    for (let i = first; i < Math.min(first + SERVICES, services.length); i++) written.push(serialize(this.#fields(services.at(i) as Service)))
    const ends = new Uint32Array(new SharedArrayBuffer(written.length * Uint32Array.BYTES_PER_ELEMENT))
    let end = 0
    for (const [i, { length }] of written.entries()) ends[i] = end += length
    const bytes = new Uint8Array(new SharedArrayBuffer(end))
    for (const [i, one] of written.entries()) bytes.set(one, (ends[i] ?? 0) - one.length)
    return { list: 'services', bytes, ends }
  }

  /** At least one, which may be empty. */
  *parts(all: readonly object[]): Generator<Items, void> {
    let items: unknown[] = []
    this.#values = 0
    for (const item of all) {
      items.push(this.#fields(item))
      if (this.#values < VALUES) continue
      yield { items, values: this.#values }
      items = []
      this.#values = 0
    }
    yield { items, values: this.#values }
  }

  #fields(value: object): unknown {
    const fields: Record<string, unknown> = {}
    for (const key of Object.keys(value)) fields[key] = this.#packed(Reflect.get(value, key))
    return fields
  }

  #packed(value: unknown): unknown {
    this.#values++
    if (typeof value !== 'object' || value === null) return value
    const number = this.#known.get(value)
    if (number !== undefined) return { wisselReference: number } satisfies Reference
    if (Array.isArray(value)) return value.map((item) => this.#packed(item))
    // Sets hold texts and numbers, and are copied as they are.
    if (value instanceof Set) {
      this.#values += value.size
      return value
    }
    return this.#fields(value)
  }
}

/** Puts a snapshot together. Pieces must come in the order in which they were made. */
export class Assembly {
  readonly #numbered: object[] = []
  readonly #lists: Record<ListName | 'zones', object[]> = { groups: [], policies: [], jurisdictions: [], targets: [], pools: [], zones: [] }
  readonly #services: ServiceBytes[] = []
  readonly #names = new Map<NameList, NameTable>()

  /** The snapshot, with its last piece. */
  add(piece: Piece): Snapshot | undefined {
    switch (piece.list) {
      case 'ids':
      case 'hosts':
      case 'prefixes':
        this.#names.set(piece.list, piece.names)
        return undefined
      case 'members': {
        const pool = this.#lists.pools[piece.pool] as { members: object[] } | undefined
        for (const item of piece.items as readonly object[]) {
          this.#resolve(item)
          pool?.members.push(item)
        }
        return undefined
      }
      case 'services':
        this.#services.push(piece)
        return undefined
      case 'end':
        return this.#whole(piece)
      default: {
        const list = this.#lists[piece.list]
        for (const item of piece.items as readonly object[]) {
          list.push(item)
          if (piece.list !== 'zones') this.#numbered.push(item)
          this.#resolve(item)
        }
        return undefined
      }
    }
  }

  /** Puts the objects in the place of their numbers, and words in the place of copies of them. */
  #resolve(value: object): void {
    for (const [key, field] of Object.entries(value)) {
      const word = WORDS.get(field)
      if (word !== undefined) Reflect.set(value, key, word)
      if (typeof field !== 'object' || field === null || field instanceof Set) continue
      if (isReference(field)) {
        const object = this.#numbered[field.wisselReference]
        if (object === undefined) throw new RangeError(`piece refers to object ${field.wisselReference}, which has not come yet`)
        Reflect.set(value, key, object)
      } else this.#resolve(field)
    }
  }

  #whole({ version, label, steered, table }: Piece & { readonly list: 'end' }): Snapshot {
    const { groups, policies, targets, pools, zones } = this.#lists
    const services = new SentServices(this.#services, (value) => this.#resolve(value))
    const named = (list: NameList) => new SentNames(this.#names.get(list) ?? nameTable(new Map()), services)
    return {
      version, label, steered, services, ids: named('ids'), hosts: named('hosts'), prefixes: named('prefixes'),
      groups: groups as Group[], policies: policies as JurisdictionPolicy[], targets: targets as Target[], pools: pools as Pool[],
      zones: new Zones({ ...table, zones: zones as Zone[] }),
    }
  }
}

function isReference(value: object): value is Reference {
  return 'wisselReference' in value
}
