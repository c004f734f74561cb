import fc from 'fast-check'
import t from 'tap'
import type { Member } from '../../src/routing/model.ts'
import { Away } from '../../src/routing/select/away.ts'
import { situation } from './situation.ts'

const MANY = 80
const ids = Array.from({ length: MANY }, (_, i) => `t${i}`)
const members: readonly Member[] = situation({ targets: Object.fromEntries(ids.map((id) => [id, {}])), services: { tv: { steps: [{ targets: ids, select: 'weighted' }] } } }).snapshot.pools[0]?.members ?? []

t.test('each member counts once, be they few or many', async () => {
  fc.assert(fc.property(fc.array(fc.nat(MANY - 1), { maxLength: 3 * MANY }), (asked) => {
    const away = new Away()
    const seen = new Set<number>()
    return asked.every((i) => {
      const member = members[i]
      if (member === undefined) return false
      away.add(member)
      return away.size === seen.add(i).size
    })
  }))
})
