import fc from 'fast-check'
import t from 'tap'
import { decide } from '../../src/routing/decide.ts'
import { HealthTable } from '../../src/routing/health-table.ts'
import { ADMIN_STATES, HEALTH_STATES } from '../../src/routing/model.ts'
import { chosen, situation } from './situation.ts'

function pair() {
  const { snapshot, health, target } = situation({ targets: { a: { admin: 'drain' }, b: {} }, services: { tv: { steps: [] } } })
  return { snapshot, health, a: target('a'), b: target('b') }
}

t.test('nobody has looked at a target at first, and the configuration\'s word holds', async (t) => {
  const { health, a, b } = pair()
  t.equal(health.state(a), 'unknown')
  t.equal(health.admin(a), 'drain')
  t.equal(health.admin(b), 'auto')
  t.equal(health.shed(a), 0)
})

t.test('what is written is read back, of that target alone', async (t) => {
  const { health, a, b } = pair()
  for (const state of HEALTH_STATES) {
    health.setState(a, state)
    t.equal(health.state(a), state)
  }
  for (const state of ADMIN_STATES) {
    health.setAdmin(a, state)
    t.equal(health.admin(a), state)
  }
  health.setShed(a, 0.25)
  t.equal(health.shed(a), 0.25)
  t.same([health.state(b), health.admin(b), health.shed(b)], ['unknown', 'auto', 0])
})

t.test('the version rises with a change and only with a change', async (t) => {
  const { health, a } = pair()
  const before = health.version
  health.setState(a, 'unknown')
  health.setAdmin(a, 'drain')
  t.equal(health.version, before)
  health.setState(a, 'up')
  t.equal(health.version, before + 1)
})

t.test('a share to shed is between 0 and 1 whatever is written, and what is no number sheds nobody', async (t) => {
  const { health, a } = pair()
  fc.assert(fc.property(fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, -0, 1), fc.double()), (share) => {
    health.setShed(a, share)
    const read = health.shed(a)
    return Number.isNaN(share) ? read === 0 : read >= 0 && read <= 1 && (share < 0 || share > 1 || read === share)
  }))
  t.pass('for any number')
})

t.test('a table over the columns of another sees every change of it, and its decisions are made anew', async (t) => {
  const { snapshot, health, request, target } = situation({ targets: { a: {}, b: {} }, services: { tv: { steps: [{ targets: ['a', 'b'], select: 'failover' }] } } })
  const other = new HealthTable(snapshot, health.columns)
  const sent = (table: HealthTable) => chosen(decide(request(), snapshot, table, 7))
  t.same([sent(health), sent(other)], ['a', 'a'])
  health.setState(target('a'), 'down')
  t.same([sent(health), sent(other)], ['b', 'b'])
  health.setState(target('a'), 'up')
  t.same([sent(health), sent(other)], ['a', 'a'])
  health.setShed(target('a'), 1)
  t.same([sent(health), sent(other)], ['b', 'b'], 'a share to shed leaves standings as they are')
  t.equal(other.version, health.version)
})
