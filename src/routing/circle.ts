/** Who is near a place: the members that share its viewers. */
import { cosine, EARTH_KM } from './distance.ts'
import type { Member, Vector } from './model.ts'

/** Members that are equally near to a place: nearly always those in one place. */
export interface Ring {
  /** The cosine of the angle between them and the place. */
  readonly near: number
  readonly members: readonly Member[]
}

/** How many of the nearest are known in order: enough for a viewer whom nine of ten turn away. */
const NEARBY = 32

/** The nearest members with a weight, the nearest first. The last ring may be a part of one. */
export function ringsAround(list: readonly Member[], origin: Vector): Ring[] {
  const found: { readonly member: Member, readonly near: number }[] = []
  for (const member of list) {
    const { target: { at }, weight } = member
    if (at === undefined || weight === 0) continue
    const near = cosine(origin, at)
    if (found.length === NEARBY && near <= (found[NEARBY - 1]?.near ?? 0)) continue
    let place = found.length
    while (place > 0 && near > (found[place - 1]?.near ?? 0)) place--
    found.splice(place, 0, { member, near })
    if (found.length > NEARBY) found.pop()
  }
  return [...Map.groupBy(found, ({ near }) => near)].map(([near, all]) => ({ near, members: all.map(({ member }) => member) }))
}

/** Below this distance in kilometres nobody is nearer than anybody else: a metropolitan area and a country's reference point. */
const FLOOR_KM = 50

/** Those within `spread` of the distance of the nearest that takes the viewer. @param near how near that one is, as a cosine */
export function circleOf(list: readonly Member[], origin: Vector, near: number, spread: number): Member[] {
  const angle = Math.acos(Math.min(1, Math.max(-1, near)))
  // Rounding must not put the nearest member outside of its own circle.
  const limit = Math.min(near, Math.cos(Math.min(Math.PI, spread * Math.max(angle, FLOOR_KM / EARTH_KM))))
  return list.filter(({ target: { at } }) => at !== undefined && cosine(origin, at) >= limit)
}
