/**
 * The nearest member by great-circle distance; those within the step's spread of the nearest share the load,
 * each title on its own one of them. Members that the operator's table names for the client beat distance.
 */
import { cosine, EARTH_KM } from '../distance.ts'
import { ranked } from './rendezvous.ts'
import type { Selector } from './selector.ts'
import { turnedAway } from './selector.ts'

/** Below this distance in kilometres nobody is nearer than anybody else: a metropolitan area and a country's reference point. */
const FLOOR_KM = 50

export const nearest: Selector = (draw) => {
  const { preferred, origin } = draw
  if (preferred !== undefined) {
    const chosen = ranked(draw, draw.list.filter((member) => member.weight > 0 && preferred(member.target)))
    if (chosen !== undefined) return chosen
  }
  if (origin === undefined) return ranked(draw, draw.list)

  let closest = -2
  for (const member of draw.list) {
    const { at } = member.target
    if (at === undefined || member.weight === 0) continue
    const near = cosine(origin, at)
    if (near > closest && !turnedAway(draw, member)) closest = near
  }
  // Nothing has a place, or only weights of 0 are left: distance says nothing.
  if (closest === -2) return ranked(draw, draw.list)

  const angle = Math.acos(Math.min(1, Math.max(-1, closest)))
  // Rounding must not put the nearest member outside of its own circle.
  const limit = Math.min(closest, Math.cos(Math.min(Math.PI, draw.step.spread * Math.max(angle, FLOOR_KM / EARTH_KM))))
  return ranked(draw, draw.list.filter(({ target: { at } }) => at !== undefined && cosine(origin, at) >= limit))
}
