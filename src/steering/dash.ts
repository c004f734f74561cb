/**
 * An MPD with steering written into it: one `BaseURL` per pathway, all absolute, everything else byte for byte. Pure.
 *
 * A live MPD is fetched again and again, and the target's own knows nothing of steering: `Location` keeps players coming
 * back to the router for it. (ETSI TS 103 998; ISO/IEC 23009-1)
 */
import { at, readReference } from './place.ts'
import type { Place, Reference } from './place.ts'
import type { Rewrite } from './rewrite.ts'
import { escapeXml, readTags, readText } from './xml.ts'
import type { Tag } from './xml.ts'

export interface DashUrls {
  /** Absolute. */
  readonly steering: string
  /** Where the player got this MPD from. */
  readonly location: string
}

/** Addresses in attributes. They are put behind the `BaseURL`, unless they are absolute. */
const ADDRESSES = ['media', 'initialization', 'sourceURL', 'index', 'bitstreamSwitching']

/**
 * @param text the MPD as the target at `source` serves it
 * @param order the pathways, best first; at least one
 */
export function rewriteDash(text: string, source: Place, order: readonly [Place, ...Place[]], urls: DashUrls): Rewrite {
  const tags = readTags(text)
  const [root] = tags ?? []
  if (tags === undefined || root?.name !== 'MPD' || root.kind !== 'open') return { reason: 'not_a_manifest' }
  const cuts: { from: number; to: number }[] = []
  let base: (Reference & { readonly text: string }) | undefined
  for (const [i, tag] of tags.entries()) {
    if (tag.kind === 'close') continue
    if (tag.name === 'ContentSteering' || tag.attributes.has('serviceLocation')) return { reason: 'already_steered' }
    // Parts that are elsewhere, and updates of an MPD that the player does not have.
    if (tag.name === 'PatchLocation' || [...tag.attributes.keys()].some((name) => name.startsWith('xlink:'))) return { reason: 'unknown_tag' }
    if (ADDRESSES.some((name) => !isBehindBase(tag.attributes.get(name)))) return { reason: 'elsewhere' }
    if (tag.name === 'UTCTiming' && !isClock(tag)) return { reason: 'reference' }
    if (tag.name !== 'BaseURL' && tag.name !== 'Location') continue
    const element = contentOf(text, tags, i)
    if (element === undefined) return { reason: 'malformed' }
    if (tag.depth === 1) cuts.push({ from: tag.from, to: element.to })
    if (tag.name === 'Location') continue
    if (tag.depth > 1) {
      if (!isBehindBase(element.text)) return { reason: 'elsewhere' }
      continue
    }
    // Several are alternatives that the packager has chosen.
    if (base !== undefined || tag.attributes.size > 0) return { reason: 'already_steered' }
    const reference = readReference(element.text, source)
    if (reference === undefined) return { reason: 'reference' }
    if (reference.kind === 'elsewhere') return { reason: 'elsewhere' }
    base = reference
  }
  const written = elements(order, base, root.attributes.get('type') === 'dynamic', urls)
  return { text: splice(text, cuts, insertionPoint(tags, root, cuts), written) }
}

function elements(order: readonly [Place, ...Place[]], base: (Reference & { readonly text: string }) | undefined, live: boolean, urls: DashUrls): string {
  const bases = order.map((place) => `<BaseURL serviceLocation="${place.id}">${escapeXml(at(base ?? { kind: 'relative', text: '' }, place))}</BaseURL>`)
  const location = live ? [`<Location>${escapeXml(urls.location)}</Location>`] : []
  const steering = `<ContentSteering defaultServiceLocation="${order[0].id}" queryBeforeStart="false">${escapeXml(urls.steering)}</ContentSteering>`
  return [...bases, ...location, steering].join('')
}

/** Absolute addresses would not follow a change of base, nor would those that begin at the root of a host. */
function isBehindBase(value: string | undefined): boolean {
  return value === undefined || !/^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:|\/|\.\.\/)/.test(value)
}

/** A clock's address is resolved by some players against the MPD's, by others not at all. */
function isClock({ attributes }: Tag): boolean {
  const scheme = attributes.get('schemeIdUri') ?? ''
  return !scheme.includes(':http-') || /^https?:\/\//.test((attributes.get('value') ?? '').trim())
}

function contentOf(text: string, tags: readonly Tag[], i: number): { readonly text: string; readonly to: number } | undefined {
  const [tag, end] = [tags[i], tags[i + 1]]
  if (tag?.kind !== 'open' || end?.kind !== 'close') return undefined
  const content = readText(text.slice(tag.to, end.from))
  return content === undefined || content === '' ? undefined : { text: content, to: end.to }
}

/** Where `BaseURL` belongs: behind what describes the programme, before everything else. */
function insertionPoint(tags: readonly Tag[], root: Tag, cuts: readonly { from: number }[]): number {
  const [cut] = cuts
  if (cut !== undefined) return cut.from
  const described = tags.findLast((tag) => tag.depth === 1 && tag.name === 'ProgramInformation' && tag.kind !== 'open')
  return described?.to ?? root.to
}

function splice(text: string, cuts: readonly { from: number; to: number }[], point: number, written: string): string {
  let result = ''
  let from = 0
  for (const cut of [...cuts, { from: point, to: point }].sort((a, b) => a.from - b.from || a.to - b.to)) {
    result += text.slice(from, cut.from)
    if (cut.from === point && cut.to === point) result += written
    from = Math.max(from, cut.to)
  }
  return result + text.slice(from)
}
