/** Who is near a place: the members that share its viewers. */
import { cosine, EARTH_KM } from './distance.ts'
import type { Member, Vector } from './model.ts'

/** Below this distance in kilometres nobody is nearer than anybody else: a metropolitan area and a country's reference point. */
const FLOOR_KM = 50

/** The members that share a place's viewers. */
export interface Circle {
  /** One, or several in the same place. */
  readonly nearest: readonly Member[]
  readonly members: readonly Member[]
}

/** Those within `spread` of the nearest one's distance. */
export function circleOf(list: readonly Member[], origin: Vector, spread: number): Circle | undefined {
  let closest = -2
  for (const { target: { at }, weight } of list) {
    if (at !== undefined && weight !== 0) closest = Math.max(closest, cosine(origin, at))
  }
  if (closest === -2) return undefined
  return {
    nearest: list.filter(({ target: { at }, weight }) => at !== undefined && weight !== 0 && cosine(origin, at) === closest),
    members: within(list, origin, limitOf(closest, spread)),
  }
}

/** How many of the nearest are known in order: enough for a viewer whom nine of ten turn away. */
const NEARBY = 32

/** The nearest members with a weight, the nearest first; of equals the first in the list. */
export function nearbyOf(list: readonly Member[], origin: Vector): readonly Member[] {
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
  return found.map(({ member }) => member)
}

/** The cosine below which a member is too far. */
export function limitOf(closest: number, spread: number): number {
  const angle = Math.acos(Math.min(1, Math.max(-1, closest)))
  // Rounding must not put the nearest member outside of its own circle.
  return Math.min(closest, Math.cos(Math.min(Math.PI, spread * Math.max(angle, FLOOR_KM / EARTH_KM))))
}

export function within(list: readonly Member[], origin: Vector, limit: number): Member[] {
  return list.filter(({ target: { at } }) => at !== undefined && cosine(origin, at) >= limit)
}
