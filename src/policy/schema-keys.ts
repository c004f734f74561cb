/** Which keys a JSON Schema knows, and where: for what is said of a key that is in the wrong place. */
import type { Path } from './problem.ts'
import { valueAt } from './salvage.ts'

/**
 * The keys of the map at a path.
 * @param value what stands there: of several forms only those count whose constants it has
 */
export function keysAt(schema: unknown, path: Path, value: unknown): string[] {
  const maps = path.reduce<readonly unknown[]>((nodes, key) => nodes.flatMap((node) => forms(step(node, key))), forms(schema))
  return [...new Set(maps.filter((map) => fits(map, value)).flatMap((map) => Object.keys(within(map, 'properties'))))]
}

/**
 * Every key, with the maps in which it may stand: `steps[]` for each of a list, `rewrite.*` for each of a map, '' for the document.
 * @param except a place that does not count
 */
export function placesOf(schema: unknown, except: string): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>()
  const walk = (node: unknown, place: string): void => {
    for (const form of node === undefined ? [] : forms(node)) {
      for (const [key, child] of Object.entries(within(form, 'properties'))) {
        if (place !== except) places.set(key, (places.get(key) ?? new Set()).add(place))
        walk(child, place === '' ? key : `${place}.${key}`)
      }
      walk(valueAt(form, 'items'), `${place}[]`)
      walk(valueAt(form, 'additionalProperties'), `${place}.*`)
    }
  }
  walk(schema, '')
  return places
}

/** As `placesOf` writes it, as far as a path alone tells. */
export function placeOf(path: Path): string {
  return path.reduce<string>((place, key) => (typeof key === 'number' ? `${place}[]` : place === '' ? key : `${place}.${key}`), '')
}

function step(node: unknown, key: string | number): unknown {
  if (typeof key === 'number') return within(node, 'items')
  const properties = within(node, 'properties')
  return Object.hasOwn(properties, key) ? properties[key] : within(node, 'additionalProperties')
}

/** A schema and, where it is a choice, what there is to choose from. */
function forms(node: unknown): unknown[] {
  const choices = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => Object.values(within(node, key)))
  return [node, ...choices.flatMap(forms)]
}

function fits(map: unknown, value: unknown): boolean {
  const given: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {}
  return Object.entries(within(map, 'properties')).every(([key, of]) => {
    const wanted = valueAt(of, 'const')
    return wanted === undefined || wanted === given[key]
  })
}

function within(node: unknown, key: string): Record<string, unknown> {
  const value = valueAt(node, key)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
