/**
 * Targets as pathways: under which id a player knows them. Pure.
 *
 * A manifest is written once and its steering answers follow for hours, while health changes. So which targets a manifest
 * declares must not depend on health: they are the first few of the order in which everything is well. A target beyond
 * these, as large groups of edges have them, enters later as a clone of a declared one. Its id holds a hash of its
 * address, because players keep the address of an id that they have seen.
 */
import { hashString } from '../routing/hash.ts'
import type { Redirect, Scheme, Target } from '../routing/model.ts'

/** Pathways that a manifest declares while all is well. Each repeats all variants, and players hold all of them in memory. */
export const MAX_PATHWAYS = 4

/** Steering ids may hold letters, digits, `.`, `-` and `_`; a target's id has no `.`, so a clone's never equals one. */
const CLONE_MARK = '.'

export interface Pathway {
  readonly id: string
  readonly redirect: Redirect
  /** How a player that does not know the id makes it from one that it knows. */
  readonly clone: Clone | undefined
}

export interface Clone {
  readonly base: string
  /** Without port. */
  readonly host: string
}

/**
 * @param order the decision and its alternatives, best first
 * @param declared the alternatives while all is well; undefined where every target of the service fits into a manifest
 */
export function pathways(order: readonly Redirect[], declared: readonly Redirect[] | undefined, scheme: Scheme): Pathway[] {
  if (declared === undefined) return order.map((redirect) => ({ id: redirect.member.target.id, redirect, clone: undefined }))
  const known = new Set<Target>(declared.map((redirect) => redirect.member.target))
  return order.map((redirect) => {
    const { target } = redirect.member
    const clone = known.has(target) ? undefined : cloneOf(redirect, declared, scheme)
    return { id: clone === undefined ? target.id : `${target.id}${CLONE_MARK}${hashString(baseOf(redirect, scheme)).toString(36)}`, redirect, clone }
  })
}

/** A clone changes the host and nothing else, and some players ignore a host with a port. */
function cloneOf(redirect: Redirect, declared: readonly Redirect[], scheme: Scheme): Clone | undefined {
  const own = parts(baseOf(redirect, scheme))
  if (own === undefined) return undefined
  const base = declared.find((candidate) => parts(baseOf(candidate, scheme))?.prefix === own.prefix)
  return base && { base: base.member.target.id, host: own.host }
}

function baseOf(redirect: Redirect, scheme: Scheme): string {
  return redirect.member.base[scheme] ?? ''
}

/** Undefined for an address with a port, or one in brackets. */
function parts(base: string): { host: string; prefix: string } | undefined {
  const [, host, prefix = ''] = /^https?:\/\/([a-z0-9._-]+)(\/.*)?$/.exec(base) ?? []
  return host === undefined ? undefined : { host, prefix }
}
