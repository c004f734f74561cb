import fc from 'fast-check'
import t from 'tap'
import { hashString } from '../../src/routing/hash.ts'
import { NameMap, NameTable } from '../../src/routing/name-table.ts'

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
  const map = new NameMap<number>().set(pair[0], 1)
  t.equal(map.get(pair[1]), undefined)
  map.set(pair[1], 2)
  t.same(pair.map((name) => map.get(name)), [1, 2])
  t.end()
})

t.test('a map by name is a map', (t) => {
  const map = new NameMap<number>()
  for (let i = 0; i < 500; i++) map.set(`h${i}.example`, i)
  map.set('h7.example', 70)
  t.same([map.size, map.get('h7.example'), map.get('h499.example'), map.get('h500.example'), map.has('h1.example')], [500, 70, 499, undefined, true])
  t.same([...map].slice(6, 8), [['h6.example', 6], ['h7.example', 70]])
  t.throws(() => (map as Map<string, number>).delete('h1.example'), TypeError)
  t.throws(() => map.clear(), TypeError)
  t.end()
})
