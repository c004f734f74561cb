import t from 'tap'
import { CONTINENTS, UNKNOWN_PLACE, countryCodes, countryPlace, isCountry } from '../../src/geo/countries.ts'
import { kilometres, vector } from '../../src/routing/distance.ts'

t.test('every region that the platform knows as a country has a place', async (t) => {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
  // Codes that are reserved, retired, private or for groups: not countries of ISO 3166-1 today.
  const not = 'AC AN BU CP CQ CS DD DG DY EA EU EZ FX HV IC NH QO RH SU TA TP UK UN VD XA XB YD YU ZR ZZ'.split(' ')
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  const known = letters.flatMap((a) => letters.map((b) => a + b)).filter((code) => names.of(code) !== undefined && !not.includes(code))
  t.same([...countryCodes()].sort(), known)
  t.equal(known.length, 250)
})

t.test('a place has its own code, a continent and a point on the globe, and nobody can change it', async (t) => {
  for (const code of countryCodes()) {
    const place = countryPlace(code)
    t.equal(place?.country, code)
    t.ok(CONTINENTS.some((continent) => continent === place?.continent), `${code} lies on a continent`)
    const { x, y, z } = place?.at ?? { x: 0, y: 0, z: 0 }
    t.ok(Math.abs(Math.hypot(x, y, z) - 1) < 1e-12, `${code} lies on the globe`)
    t.ok(Object.isFrozen(place) && Object.isFrozen(place?.at))
    t.equal(countryPlace(code), place)
  }
})

// Capitals and centres that anybody can look up, so that a slip in sign or order of the coordinates shows.
const cases: [country: string, latitude: number, longitude: number, within: number][] = [
  ['NL', 52.37, 4.9, 100], ['DE', 50.11, 8.68, 150], ['FR', 48.86, 2.35, 200], ['PT', 38.72, -9.14, 150], ['IS', 64.15, -21.94, 50],
  ['US', 39.8, -89.6, 300], ['BR', -23.55, -46.63, 400], ['AR', -34.6, -58.38, 300], ['CL', -33.45, -70.67, 100],
  ['ZA', -26.2, 28.05, 200], ['KE', -1.29, 36.82, 50], ['NG', 6.52, 3.38, 200], ['IN', 23.2, 77.4, 300], ['JP', 35.68, 139.69, 100],
  ['AU', -33.87, 151.21, 400], ['NZ', -36.85, 174.76, 300], ['FJ', -18.12, 178.45, 60], ['GL', 64.18, -51.69, 60], ['XK', 42.66, 21.17, 40],
]
t.test('reference points are where the people are', async (t) => {
  for (const [country, latitude, longitude, within] of cases) {
    const at = countryPlace(country)?.at
    t.ok(at !== undefined && kilometres(at, vector(latitude, longitude)) < within, `${country} is within ${within} km`)
  }
})

t.test('no two countries share a reference point', async (t) => {
  const points = new Set([...countryCodes()].map((code) => JSON.stringify(countryPlace(code)?.at)))
  t.equal(points.size, [...countryCodes()].length)
})

t.test('what is not a country has no place', async (t) => {
  for (const code of ['ZZ', 'EU', 'UK', 'nl', '', 'N', 'NLD', 'constructor', '__proto__']) {
    t.equal(isCountry(code), false)
    t.equal(countryPlace(code), undefined)
  }
  t.same(UNKNOWN_PLACE, { country: 'ZZ', continent: 'ZZ', at: undefined })
  t.ok(Object.isFrozen(UNKNOWN_PLACE))
})
