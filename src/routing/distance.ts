/** Great-circle distance on unit vectors: comparing needs one dot product, and kilometres only where people read them. */
import type { Vector } from './model.ts'

/** Mean radius of the earth (IUGG), kilometres. */
export const EARTH_KM = 6371.0088

/** Degrees north and east to a unit vector. */
export function vector(latitude: number, longitude: number): Vector {
  const phi = (latitude * Math.PI) / 180
  const lambda = (longitude * Math.PI) / 180
  return { x: Math.cos(phi) * Math.cos(lambda), y: Math.cos(phi) * Math.sin(lambda), z: Math.sin(phi) }
}

/** Cosine of the angle between two places: 1 is here, -1 is the antipode. */
export function cosine(a: Vector, b: Vector): number {
  return a.x * b.x + a.y * b.y + a.z * b.z
}

export function kilometres(a: Vector, b: Vector): number {
  return Math.acos(Math.min(1, Math.max(-1, cosine(a, b)))) * EARTH_KM
}
