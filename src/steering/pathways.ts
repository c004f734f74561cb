/**
 * Targets as pathways: under which id a player knows them. Pure.
 *
 * A manifest is written once and its steering answers follow for hours, while health changes. So which targets a manifest
 * declares must not depend on health: they are the first few of the order in which everything is well. A target beyond
 * these, as large groups of edges have them, enters later as a clone of a declared one. Its id holds a hash of its
 * address, because players keep the address of an id that they have seen.
 */
import type { Redirect } from '../routing/decision.ts'
import { hashString } from '../routing/hash.ts'
import type { Member, Scheme, Target } from '../routing/model.ts'

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

/** What a manifest declares: a target as the service uses it. */
export interface Declared {
  readonly member: Member
}

/**
 * For a manifest that is being written.
 *
 * @param order the decision and its alternatives, best first
 * @param declared the alternatives while all is well; undefined where every target of the service fits into a manifest
 */
export function pathways(order: readonly Redirect[], declared: readonly Declared[] | undefined, scheme: Scheme): Pathway[] {
  if (declared === undefined) return order.map((redirect) => ({ id: redirect.member.target.id, redirect, clone: undefined }))
  const known = targetsOf(declared)
  return order.map((redirect) => (known.has(redirect.member.target) ? undefined : cloned(redirect, declared, scheme)) ?? { id: redirect.member.target.id, redirect, clone: undefined })
}

/** For a manifest that was written before: what it does not declare and what cannot be made from what it declares is left out. */
export function knownPathways(order: readonly Redirect[], declared: readonly Declared[], scheme: Scheme): Pathway[] {
  const known = targetsOf(declared)
  return order.flatMap((redirect) => {
    if (known.has(redirect.member.target)) return [{ id: redirect.member.target.id, redirect, clone: undefined }]
    return cloned(redirect, declared, scheme) ?? []
  })
}

function targetsOf(declared: readonly Declared[]): ReadonlySet<Target> {
  return new Set(declared.map(({ member }) => member.target))
}

function cloned(redirect: Redirect, declared: readonly Declared[], scheme: Scheme): Pathway | undefined {
  const clone = cloneOf(redirect, declared, scheme)
  return clone && { id: `${redirect.member.target.id}${CLONE_MARK}${hashString(baseOf(redirect, scheme)).toString(36)}`, redirect, clone }
}

/** A clone changes the host and nothing else, and some players ignore a host with a port. */
function cloneOf(redirect: Redirect, declared: readonly Declared[], scheme: Scheme): Clone | undefined {
  const own = parts(baseOf(redirect, scheme))
  if (own === undefined) return undefined
  const base = declared.find((candidate) => parts(baseOf(candidate, scheme))?.prefix === own.prefix)
  return base && { base: base.member.target.id, host: own.host }
}

function baseOf({ member }: Declared, scheme: Scheme): string {
  return member.base[scheme] ?? ''
}

/** Undefined for an address with a port, or one in brackets. */
function parts(base: string): { host: string; prefix: string } | undefined {
  const [, host, prefix = ''] = /^https?:\/\/([a-z0-9._-]+)(\/.*)?$/.exec(base) ?? []
  return host === undefined ? undefined : { host, prefix }
}
