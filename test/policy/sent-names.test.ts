import fc from 'fast-check'
import t from 'tap'
import { nameTable, SentNames } from '../../src/policy/sent-names.ts'
import type { Service } from '../../src/routing/model.ts'
import { snapshotOf } from '../log/decisions.ts'

/** Hosts, paths, and what only looks like a name of JavaScript's own. */
const NAMES = fc.oneof(fc.domain(), fc.webPath(), fc.string({ unit: 'binary' }), fc.constantFrom('', '__proto__', 'constructor', 'a', 'b', 'aa', 'ab'))

function sent(names: readonly string[]) {
  const services = [...snapshotOf(names.map((_, i) => `s${i}`), []).services]
  const owners = new Map(names.map((name, i) => [name, services[i] as Service]))
  return { owners, arrived: new SentNames(structuredClone(nameTable(owners)), services) }
}

t.test('a table finds what a map finds, in its order, and nothing else', async () => {
  fc.assert(fc.property(fc.uniqueArray(NAMES, { maxLength: 60 }), fc.array(NAMES), (names, others) => {
    const { owners, arrived } = sent(names)
    const found = [...names, ...others].every((name) => arrived.get(name) === owners.get(name) && arrived.has(name) === owners.has(name))
    const listed = [...arrived]
    return found && listed.length === owners.size && [...owners].every(([name, service], i) => listed[i]?.[0] === name && listed[i]?.[1] === service)
  }), { numRuns: 500 })
})

t.test('ten thousand names, and as many that are not there', async (t) => {
  const { owners, arrived } = sent(Array.from({ length: 10_000 }, (_, i) => `live-${i}.customer.example`))
  t.ok([...owners].every(([name, service]) => arrived.get(name) === service && !arrived.has(`${name}.`) && !arrived.has(name.slice(1))))
})
