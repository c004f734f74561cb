/** The first eligible member in the configured order. */
import type { Selector } from './selector.ts'
import { turnedAway } from './selector.ts'

export const failover: Selector = (draw) => {
  for (const member of draw.list) if (member.weight > 0 && !turnedAway(draw, member)) return member
  return draw.list.find((member) => member.weight === 0 && !turnedAway(draw, member))
}
