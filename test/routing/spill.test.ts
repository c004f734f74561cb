import fc from 'fast-check'
import t from 'tap'
import { capacity, distribute } from '../../src/routing/spill.ts'

// Healthy percentages of the steps and the viewers that each gets: the tables that Envoy publishes for its priorities, and the edges.
const cases: [healthy: number[], loads: number[]][] = [
  [[100, 100], [100, 0]],
  [[72, 72], [100, 0]],
  [[72, 100], [100, 0]],
  [[71, 71], [99, 1]],
  [[71, 100], [99, 1]],
  [[50, 60], [70, 30]],
  [[50, 50], [70, 30]],
  [[25, 100], [35, 65]],
  [[25, 75], [35, 65]],
  [[25, 25], [50, 50]],
  [[5, 65], [7, 93]],
  [[0, 100], [0, 100]],
  [[0, 20], [0, 100]],
  [[0, 0], [100, 0]],
  [[100, 100, 100], [100, 0, 0]],
  [[72, 72, 100], [100, 0, 0]],
  [[71, 71, 100], [99, 1, 0]],
  [[50, 60, 100], [70, 30, 0]],
  [[50, 50, 100], [70, 30, 0]],
  [[25, 100, 100], [35, 65, 0]],
  [[25, 25, 100], [35, 35, 30]],
  [[25, 25, 20], [36, 36, 28]],
  [[71, 0, 0], [100, 0, 0]],
  [[0, 0, 0], [100, 0, 0]],
  [[0, 18, 18, 18], [0, 34, 33, 33]],
]
for (const [healthy, loads] of cases) {
  t.test(`steps that are ${healthy.join(', ')} % healthy get ${loads.join(', ')} % of the viewers`, async (t) => {
    t.same(distribute(healthy.map(capacity)), loads)
  })
}

t.test('one step gets everybody however ill it is', async (t) => {
  for (let healthy = 0; healthy <= 100; healthy++) t.same(distribute([capacity(healthy)]), [100])
})

t.test('no steps get nobody', async (t) => {
  t.same(distribute([]), [])
})

t.test('capacity is a whole percentage that never falls as health rises, and is full from 72 %', async (t) => {
  let before = 0
  for (let healthy = 0; healthy <= 100; healthy++) {
    const now = capacity(healthy)
    t.ok(Number.isInteger(now) && now >= before && now <= 100, `${healthy} %`)
    t.equal(now === 100, healthy >= 72, `${healthy} %`)
    before = now
  }
})

// Mistakes in sharing live at nothing and at everything.
const percent = fc.oneof(fc.constantFrom(0, 1, 71, 72, 99, 100), fc.nat(100), fc.nat(20))

t.test('loads are whole and not negative, and sum to exactly 100', async (t) => {
  fc.assert(fc.property(fc.array(percent, { minLength: 1, maxLength: 8 }), (healthy) => {
    const loads = distribute(healthy.map(capacity))
    return loads.every((load) => Number.isInteger(load) && load >= 0) && loads.reduce((sum, load) => sum + load, 0) === 100
  }), { numRuns: 5000 })
  t.pass('for up to eight steps')
})

t.test('a step without capacity gets nobody, unless no step has any', async (t) => {
  fc.assert(fc.property(fc.array(percent, { minLength: 1, maxLength: 8 }), (healthy) => {
    const capacities = healthy.map(capacity)
    if (capacities.every((value) => value === 0)) return true
    return distribute(capacities).every((load, position) => load === 0 || (capacities[position] ?? 0) > 0)
  }), { numRuns: 5000 })
  t.pass('for up to eight steps')
})

t.test('where the steps can carry all, none gets more than its capacity and each is full before the next gets anyone', async (t) => {
  fc.assert(fc.property(fc.array(percent, { minLength: 1, maxLength: 8 }), (healthy) => {
    const capacities = healthy.map(capacity)
    if (capacities.reduce((sum, value) => sum + value, 0) < 100) return true
    let left = 100
    return distribute(capacities).every((load, position) => {
      const fair = Math.min(left, capacities[position] ?? 0)
      left -= load
      return load === fair
    })
  }), { numRuns: 5000 })
  t.pass('for up to eight steps')
})

t.test('five of seven healthy carry everybody: 140 % of 5/7 is 100, whatever floating point says', async (t) => {
  t.equal(capacity((100 * 5) / 7), 100)
})
