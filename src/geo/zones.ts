/**
 * The operator's table, network prefix or autonomous system → zone, for look-ups by binary search.
 *
 * Prefixes nest, so the table is flattened once: sorted places where the answer changes, with the zone from there on.
 * The longest prefix wins; of two rows with the same prefix the first does (`overlaps` tells).
 */
import type { Zone, ZoneTable } from '../routing/model.ts'
import { formatPrefix } from './prefix.ts'
import type { Prefix } from './prefix.ts'
import { flatten } from './ranges.ts'
import type { Network } from './ranges.ts'

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

export function buildZones(rows: readonly ZoneRow[]): ZoneTable {
  const zones = rows.map((row) => row.zone)
  const v4 = flatten(4, networks(rows, 4))
  const v6 = flatten(6, networks(rows, 6))
  const asns = new Map<number, Zone>()
  for (const row of rows) for (const asn of row.asns) if (!asns.has(asn)) asns.set(asn, row.zone)
  const at = (row: number): Zone | undefined => (row < 0 ? undefined : zones[row])
  return Object.freeze({
    size: rows.reduce((sum, row) => sum + row.prefixes.length + row.asns.length, 0),
    find4: (word: number) => at(v4.find4(word)),
    find6: (w0: number, w1: number, w2: number, w3: number) => at(v6.find6(w0, w1, w2, w3)),
    findAsn: (asn: number) => asns.get(asn),
  })
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
