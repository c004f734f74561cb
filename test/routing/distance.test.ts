import fc from 'fast-check'
import t from 'tap'
import { cosine, EARTH_KM, kilometres, vector } from '../../src/routing/distance.ts'

// Great-circle distances that anyone can look up, to within half a percent.
const cases: [from: string, to: string, a: [number, number], b: [number, number], km: number][] = [
  ['Amsterdam', 'Frankfurt', [52.37, 4.9], [50.11, 8.68], 364],
  ['Amsterdam', 'Paris', [52.37, 4.9], [48.86, 2.35], 430],
  ['London', 'New York', [51.5, -0.13], [40.71, -74.0], 5570],
  ['a quarter of the equator', 'its end', [0, 0], [0, 90], 10_008],
  ['pole', 'pole', [90, 0], [-90, 0], 20_015],
  ['Fiji', 'Samoa across the date line', [-18, 178], [-14, -172], 1157],
]
for (const [from, to, a, b, km] of cases) {
  t.test(`from ${from} to ${to} it is ${km} km`, async (t) => {
    const measured = kilometres(vector(...a), vector(...b))
    t.ok(Math.abs(measured - km) < km * 0.005, `${measured} km`)
  })
}

const degrees = fc.tuple(
  fc.oneof(fc.constantFrom(-90, 0, 90), fc.double({ min: -90, max: 90, noNaN: true })),
  fc.oneof(fc.constantFrom(-180, 0, 180), fc.double({ min: -180, max: 180, noNaN: true })),
)

t.test('a distance is never negative, never more than half the globe, never NaN, and the same both ways', async (t) => {
  fc.assert(fc.property(degrees, degrees, (a, b) => {
    const there = kilometres(vector(...a), vector(...b))
    return there >= 0 && there <= Math.PI * EARTH_KM && there === kilometres(vector(...b), vector(...a))
  }), { numRuns: 2000 })
  t.pass('for places at the poles and the date line too')
})

t.test('of two places the one with the greater cosine is the nearer, by the haversine formula', async (t) => {
  fc.assert(fc.property(degrees, degrees, degrees, (here, a, b) => {
    const difference = haversine(here, a) - haversine(here, b)
    if (Math.abs(difference) < 0.001) return true
    const origin = vector(...here)
    return cosine(origin, vector(...a)) < cosine(origin, vector(...b)) === difference > 0
  }), { numRuns: 2000 })
  t.pass('so that comparing needs no arc')
})

function haversine([lat1, lon1]: [number, number], [lat2, lon2]: [number, number]): number {
  const radians = Math.PI / 180
  const h = Math.sin(((lat2 - lat1) * radians) / 2) ** 2
    + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * Math.sin(((lon2 - lon1) * radians) / 2) ** 2
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}
