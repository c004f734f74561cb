/**
 * What a player reports when it asks for a steering manifest: the pathways it has used and what they gave it. Pure and total.
 *
 * Players send an id bare or in quotes, a list of ids in quotes with a list of throughputs beside it, blanks for what was
 * not measured, an empty value, both parameters twice, or nothing at all. Whatever cannot be read is left out.
 */

export interface ReportedPathway {
  readonly id: string
  /** Bits per second as the player measured them. */
  readonly throughput?: number
}

export interface SteeringQuery {
  /** In the player's order, no id twice; empty where nothing usable was reported. */
  readonly pathways: readonly ReportedPathway[]
}

/** More than any player has pathways; what follows is not read. */
const MAX_REPORTED = 16
const PATHWAY_ID = /^[A-Za-z0-9._-]{1,128}$/
const NUMBER = /^\d{1,15}(?:\.\d{1,9})?$/
const NOTHING: SteeringQuery = Object.freeze({ pathways: Object.freeze([]) })

/** @param query as received, without the `?` */
export function readSteeringQuery(query: string): SteeringQuery {
  if (query === '') return NOTHING
  const found = { pathway: '', throughput: '' }
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=')
    if (equals === -1) continue
    const name = /^_(?:HLS|DASH)_(pathway|throughput)$/.exec(decode(pair.slice(0, equals)))?.[1]
    // The last of several wins: a player that adds its own to a URL that already had one means its own.
    if (name === 'pathway' || name === 'throughput') found[name] = decode(pair.slice(equals + 1))
  }
  const throughputs = list(found.throughput)
  const pathways = new Map<string, ReportedPathway>()
  for (const [position, id] of list(found.pathway).entries()) {
    if (!PATHWAY_ID.test(id)) continue
    const measured = throughputs[position] ?? ''
    pathways.set(id, NUMBER.test(measured) ? { id, throughput: Number(measured) } : { id })
  }
  return pathways.size === 0 ? NOTHING : { pathways: [...pathways.values()] }
}

function list(value: string): string[] {
  return value.replaceAll('"', '').split(',', MAX_REPORTED).map((part) => part.trim())
}

function decode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
