/**
 * The nearest member by great-circle distance; those within the step's spread of the nearest share the load,
 * each title on its own one of them. Members that the operator's table names for the client beat distance.
 */
import { circleOf } from '../circle.ts'
import { cosine } from '../distance.ts'
import { preferredBy } from '../localize.ts'
import { SHORT } from '../memo.ts'
import type { Member, Vector } from '../model.ts'
import { isStanding, ranked } from './rendezvous.ts'
import type { Draw, Selector } from './selector.ts'
import { turnedAway } from './selector.ts'

/** Lists that are short are remembered up to so many pools: beyond, it takes more memory than time is saved. */
const FEW_POOLS = 100

export const nearest: Selector = (draw) => {
  const { zone, origin, list, health, step } = draw
  const lasting = isStanding(draw)
  const memo = lasting && (list.length > SHORT || health.pass.length <= FEW_POOLS) ? health.memo.at(health.version) : undefined
  if (zone !== undefined) {
    const chosen = ranked(draw, memo === undefined ? preferredBy(zone, list) : memo.preferred(list, zone), lasting)
    if (chosen !== undefined) return chosen
  }
  if (origin === undefined) return ranked(draw, list, lasting)
  const rings = memo?.around(list, origin, step.spread)
  if (memo === undefined || rings === undefined) return ranked(draw, circle(draw, origin), false)

  if (rings.length === 0) return ranked(draw, list, true)
  for (const ring of rings) if (takesSome(draw, ring.members)) return ranked(draw, memo.circle(list, origin, step.spread, ring), true)
  return ranked(draw, circle(draw, origin), false)
}

function takesSome(draw: Draw, members: readonly Member[]): boolean {
  for (const member of members) if (!turnedAway(draw, member)) return true
  return false
}

/** By a look at each: around the nearest that does not turn the viewer away; all where nothing has a place, or only weights of 0 are left. */
function circle(draw: Draw, origin: Vector): readonly Member[] {
  let closest = -2
  for (const member of draw.list) {
    const { at } = member.target
    if (at === undefined || member.weight === 0) continue
    const near = cosine(origin, at)
    if (near > closest && !turnedAway(draw, member)) closest = near
  }
  return closest === -2 ? draw.list : circleOf(draw.list, origin, closest, draw.step.spread)
}
