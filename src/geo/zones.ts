/**
 * The operator's table, network prefix or autonomous system → zone, for look-ups by binary search.
 *
 * Prefixes nest, so the table is flattened once: sorted places where the answer changes, with the zone from there on.
 * The longest prefix wins; of two rows with the same prefix the first does (`overlaps` tells).
 */
import type { Zone, ZoneTable } from '../routing/model.ts'
import { formatPrefix } from './prefix.ts'
import type { Prefix } from './prefix.ts'
import { flatten, Ranges } from './ranges.ts'
import type { Network, SharedRanges } from './ranges.ts'

export { parsePrefix } from './prefix.ts'
export type { Prefix } from './prefix.ts'

export interface ZoneRow {
  readonly zone: Zone
  readonly prefixes: readonly Prefix[]
  readonly asns: readonly number[]
}

/** `prefix` is a network or `AS` and a number; `zones` the ids that claim it, in the order of the rows. */
export interface Overlap {
  readonly prefix: string
  readonly zones: readonly string[]
}

/** What another thread needs to answer as this one does. All but the zones themselves is shared memory. */
export interface SharedZones {
  readonly size: number
  readonly zones: readonly Zone[]
  readonly v4: SharedRanges
  readonly v6: SharedRanges
  /** In ascending order. */
  readonly asns: Uint32Array<SharedArrayBuffer>
  /** Zone of each. */
  readonly asnRows: Uint32Array<SharedArrayBuffer>
}

export class Zones implements ZoneTable {
  readonly shared: SharedZones
  readonly size: number
  readonly #zones: readonly Zone[]
  readonly #v4: Ranges
  readonly #v6: Ranges

  constructor(shared: SharedZones) {
    this.shared = shared
    this.size = shared.size
    this.#zones = shared.zones
    this.#v4 = new Ranges(shared.v4)
    this.#v6 = new Ranges(shared.v6)
    Object.freeze(this)
  }

  find4(word: number): Zone | undefined {
    return this.#at(this.#v4.find4(word))
  }

  find6(w0: number, w1: number, w2: number, w3: number): Zone | undefined {
    return this.#at(this.#v6.find6(w0, w1, w2, w3))
  }

  findAsn(asn: number): Zone | undefined {
    const { asns, asnRows } = this.shared
    let low = 0
    let high = asns.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((asns[middle] ?? 0) < asn) low = middle + 1
      else high = middle
    }
    return asns[low] === asn ? this.#zones[asnRows[low] ?? 0] : undefined
  }

  /** A negative index would be looked for as a name, which is slow. */
  #at(row: number): Zone | undefined {
    return row < 0 ? undefined : this.#zones[row]
  }
}

export function buildZones(rows: readonly ZoneRow[]): Zones {
  const asns = new Map<number, number>()
  for (const [row, { asns: numbers }] of rows.entries()) for (const asn of numbers) if (!asns.has(asn)) asns.set(asn, row)
  const sorted = [...asns].sort(([a], [b]) => a - b)
  return new Zones({
    size: rows.reduce((sum, row) => sum + row.prefixes.length + row.asns.length, 0),
    zones: rows.map((row) => row.zone),
    v4: flatten(4, networks(rows, 4)).shared,
    v6: flatten(6, networks(rows, 6)).shared,
    asns: column(sorted.map(([asn]) => asn)),
    asnRows: column(sorted.map(([, row]) => row)),
  })
}

function column(numbers: readonly number[]): Uint32Array<SharedArrayBuffer> {
  const shared = new Uint32Array(new SharedArrayBuffer(numbers.length * Uint32Array.BYTES_PER_ELEMENT))
  shared.set(numbers)
  return shared
}

/** Prefixes and autonomous systems that more than one zone claims. */
export function overlaps(rows: readonly ZoneRow[]): readonly Overlap[] {
  const claims = new Map<string, Set<string>>()
  const claim = (what: string, { id }: Zone) => claims.set(what, (claims.get(what) ?? new Set()).add(id))
  for (const { zone, prefixes, asns } of rows) {
    for (const prefix of prefixes) claim(formatPrefix(prefix), zone)
    for (const asn of asns) claim(`AS${asn}`, zone)
  }
  return [...claims].filter(([, ids]) => ids.size > 1).map(([prefix, ids]) => ({ prefix, zones: [...ids] }))
}

function networks(rows: readonly ZoneRow[], family: 4 | 6): Network[] {
  return rows.flatMap(({ prefixes }, row) => prefixes.filter((prefix) => prefix.family === family).map((prefix) => ({ prefix, row })))
}
