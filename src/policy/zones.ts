/** The operator's own table, of all files under `zones/`. */
import { overlaps, parsePrefix } from '../geo/zones.ts'
import type { ZoneRow } from '../geo/zones.ts'
import type { Zone } from '../routing/model.ts'
import type { SourceDocument } from './document.ts'
import type { Fleet } from './fleet.ts'
import type { Path, Problem } from './problem.ts'
import { soundEntries, valueAt } from './salvage.ts'
import { zoneSchema, zonesFileSchema } from './schema.ts'
import { hint, validate } from './validate.ts'

export interface CompiledZones {
  readonly rows: ZoneRow[]
  /** Those of wrong zones too: what refers to them is not wrong for that. */
  readonly names: ReadonlySet<string>
}

/** @param continentOf the continent of a country */
export function compileZones(documents: readonly SourceDocument[], fleet: Fleet, continentOf: (country: string) => string | undefined, problems: Problem[]): CompiledZones {
  const rows: ZoneRow[] = []
  const names = new Set<string>()
  const places = new Map<string, { document: SourceDocument; path: Path }>()
  for (const document of documents) {
    validate(zonesFileSchema, document, problems)
    for (const [i, { entry, sound }] of soundEntries(zoneSchema, document.value, 'zones').entries()) {
      const name = valueAt(entry, 'zone')
      if (typeof name === 'string') names.add(name)
      if (sound === undefined) continue
      const { zone: id, prefixes = [], asns = [], group, target, country } = sound
      const path = ['zones', i]
      if (places.has(id)) problems.push(document.problem([...path, 'zone'], `zone "${id}" is defined twice; ids are unique`))
      places.set(id, { document, path })
      const prefer = preference(fleet, group, target, (key, message, severity) => problems.push(document.problem(key === undefined ? path : [...path, key], message, severity)))
      if (prefixes.length === 0 && asns.length === 0) problems.push(document.problem(path, 'has neither prefixes nor asns; no client would be in it'))
      const parsed = prefixes.flatMap((text, p) => {
        const prefix = parsePrefix(text)
        if (prefix === undefined) problems.push(document.problem([...path, 'prefixes', p], `"${text}" is not a network; use CIDR such as 192.0.2.0/24 or 2001:db8::/32, with all bits after the prefix zero`))
        return prefix === undefined ? [] : [prefix]
      })
      if (prefer === undefined) continue
      const zone: Zone = { index: rows.length, id, prefer, country, continent: country === undefined ? undefined : continentOf(country) }
      rows.push({ zone, prefixes: parsed, asns })
    }
  }
  for (const { prefix, zones } of overlaps(rows)) {
    const place = places.get(zones.at(-1) ?? '')
    if (place !== undefined) problems.push(place.document.problem(place.path, `${prefix} is in zones ${zones.join(' and ')}; a client can be in one`))
  }
  return { rows, names }
}

function preference(fleet: Fleet, group: string | undefined, target: string | undefined, complain: (key: string | undefined, message: string, severity?: Problem['severity']) => void): Zone['prefer'] | undefined {
  if ((group === undefined) === (target === undefined)) {
    complain(undefined, 'give either group or target')
    return undefined
  }
  if (group !== undefined) {
    const found = fleet.group(group)
    if (found !== undefined) {
      if (fleet.members(found).length === 0 && !fleet.broken.some) complain('group', `group "${group}" has no targets, so its clients are sent where all others are; give a target \`group: ${group}\``, 'warning')
      return { group: found }
    }
    if (!fleet.broken.has(group)) complain('group', `there is no group "${group}"${hint(group, fleet.groups.map(({ id }) => id))}`)
    return undefined
  }
  const found = fleet.target(target ?? '')
  if (found !== undefined) return { target: found }
  if (!fleet.broken.has(target ?? '')) complain('target', `there is no target "${target ?? ''}"${hint(target ?? '', fleet.targets.map(({ id }) => id))}`)
  return undefined
}
