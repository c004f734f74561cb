/**
 * The URL that a viewer is sent to: the member's base, the path, and what the service lets through of the query.
 *
 * It is concatenated from checked bytes and never resolved: relative resolution of `//evil` or `/\evil` leaves the host,
 * and re-serialising a query breaks signed tokens. The base ends at the authority or in a path, and the path starts
 * with a slash, so nothing that a client sends can reach the host name.
 */
import { filterCmcd } from './cmcd.ts'
import type { Redirect, RoutingRequest } from './decision.ts'
import type { Member, QueryRule, Scheme } from './model.ts'

export function locationOf(redirect: Redirect, request: RoutingRequest): string {
  const url = memberUrl(redirect.member, redirect.path, request.scheme)
  const query = queryOf(redirect, request)
  return query === '' ? url : `${url}?${query}`
}

/** What goes along of the request's query; a path that the configuration names has its own. */
export function queryOf({ withQuery, service }: Redirect, { query }: RoutingRequest): string {
  return !withQuery || query === '' ? '' : filterQuery(query, service.query)
}

export function memberUrl(member: Member, path: string, scheme: Scheme): string {
  return (member.base[scheme] ?? '') + path
}

/** Keeps each pair byte for byte and in order, but for `CMCD` and what the service's rule drops. */
export function filterQuery(query: string, rule: QueryRule): string {
  if (rule.mode === 'all' && !mayNameCmcd(query)) return query
  return query.split('&').flatMap((pair) => passed(pair, rule)).join('&')
}

/** Most queries hold a `c` somewhere in a token; few have a name that begins with one, or that is escaped. */
function mayNameCmcd(query: string): boolean {
  let inName = true
  for (let i = 0; i < query.length; i++) {
    const code = query.charCodeAt(i)
    if (code === AMPERSAND) inName = true
    else if (!inName) continue
    else if (code === EQUALS) inName = false
    else if (code === PERCENT || ((code | 0x20) === SMALL_C && (i === 0 || query.charCodeAt(i - 1) === AMPERSAND))) return true
  }
  return false
}

const [PERCENT, AMPERSAND, EQUALS, SMALL_C] = [0x25, 0x26, 0x3d, 0x63] as const

function passed(pair: string, { mode, names, cmcd }: QueryRule): string | [] {
  const name = nameOf(pair)
  if (name.toUpperCase() === 'CMCD') {
    const left = cmcd === undefined ? '' : filterCmcd(pair.slice(pair.indexOf('=') + 1), cmcd)
    return left === '' ? [] : `CMCD=${left}`
  }
  return mode === 'all' || names.has(name) === (mode === 'keep') ? pair : []
}

/** The name as the target will read it. What cannot be decoded is compared as it stands. */
function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  const name = equals === -1 ? pair : pair.slice(0, equals)
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
