import fc from 'fast-check'
import t from 'tap'
import { hashString } from '../../src/routing/hash.ts'
import { NameTable } from '../../src/log/name-table.ts'

t.test('names have the numbers in whose order they came', async () => {
  fc.assert(fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 200 }), fc.string({ maxLength: 3 }), (all, other) => {
    const table = new NameTable()
    for (let round = 0; round < 2; round++) {
      const numbers = all.map((name) => table.add(name))
      const distinct = [...new Set(all)]
      if (!all.every((name, i) => numbers[i] === distinct.indexOf(name) && table.find(name) === distinct.indexOf(name))) return false
      if (table.find(other) !== distinct.indexOf(other) || table.names.length !== distinct.length) return false
      table.clear()
      if (all.some((name) => table.find(name) !== -1)) return false
    }
    return true
  }))
})

t.test('names whose hashes meet are told apart', (t) => {
  const seen = new Map<number, string>()
  let pair: readonly [string, string] | undefined
  for (let i = 0; pair === undefined; i++) {
    const [name, hash] = [`n${i}`, hashString(`n${i}`)]
    const other = seen.get(hash)
    if (other !== undefined) pair = [other, name]
    seen.set(hash, name)
  }
  const table = new NameTable()
  t.equal(table.add(pair[0]), 0)
  t.equal(table.find(pair[1]), -1)
  t.same([table.add(pair[1]), ...pair.map((name) => table.find(name))], [1, 0, 1])
  t.end()
})
