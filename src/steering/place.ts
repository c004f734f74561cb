/**
 * Where the same manifest is on each target, and what a reference in it means there. Pure.
 *
 * References are put behind a base as they are written, never parsed and written anew: signed tokens and `{$variables}`
 * in them survive.
 */

/** A manifest on one target. */
export interface Place {
  /** The pathway's id. */
  readonly id: string
  /** The target's base, such as `https://edge.example/prefix`, without a slash at the end. */
  readonly base: string
  /** The manifest's path behind the base, starting with a slash, without query. */
  readonly path: string
}

/** The manifest's folder, with a slash at the end. */
export function folder({ base, path }: Place): string {
  return base + path.slice(0, path.lastIndexOf('/') + 1)
}

export type Reference =
  /** Behind the manifest's folder. */
  | { readonly kind: 'relative'; readonly text: string }
  /** Behind the target's base. */
  | { readonly kind: 'based'; readonly text: string }
  /** On a host that is not the target's, or not a place at all, such as `data:`. */
  | { readonly kind: 'elsewhere' }

/**
 * What a reference in the manifest at `source` names, so that it can be found on the other targets too.
 *
 * @returns undefined where that cannot be told
 */
export function readReference(text: string, source: Place): Reference | undefined {
  if (!/^[!-~\u0080-\uffff]+$/.test(text) || text.includes('\\') || text.startsWith('{$') || text.startsWith('#')) return undefined
  if (text.startsWith('?')) return { kind: 'relative', text: source.path.slice(source.path.lastIndexOf('/') + 1) + text }
  const scheme = source.base.slice(0, source.base.indexOf(':') + 1)
  if (text.startsWith('//')) return based(scheme + text, source)
  if (text.startsWith('/')) return based(originOf(source.base) + text, source)
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) ? based(text, source) : relative(text, source)
}

function based(url: string, source: Place): Reference {
  if (!url.toLowerCase().startsWith(originOf(source.base).toLowerCase())) return { kind: 'elsewhere' }
  // Hosts are compared without case, paths are not.
  const same = originOf(source.base) + url.slice(originOf(source.base).length)
  if (!same.startsWith(`${source.base}/`) || leaves(same.slice(source.base.length))) return { kind: 'elsewhere' }
  return { kind: 'based', text: same.slice(source.base.length) }
}

/** A colon before the first slash would be read as a scheme. */
function relative(text: string, source: Place): Reference | undefined {
  if (/^[^/?]*[:{]/.test(text)) return undefined
  return leaves(source.path.slice(0, source.path.lastIndexOf('/') + 1) + text) ? { kind: 'elsewhere' } : { kind: 'relative', text }
}

/** Whether `..` leads out of the base: on another target something else is there. */
function leaves(path: string): boolean {
  let depth = 0
  for (const segment of (path.split(/[?#]/, 1)[0] ?? '').split('/').slice(1, -1)) {
    const plain = segment.replaceAll(/%2e/gi, '.')
    if (plain === '..') depth--
    else if (plain !== '.' && plain !== '') depth++
    if (depth < 0) return true
  }
  return false
}

/** The reference as it is on a place. */
export function at(reference: Reference & { readonly text: string }, place: Place): string {
  return (reference.kind === 'relative' ? folder(place) : place.base) + reference.text
}

function originOf(base: string): string {
  const slash = base.indexOf('/', base.indexOf('://') + 3)
  return slash === -1 ? base : base.slice(0, slash)
}
