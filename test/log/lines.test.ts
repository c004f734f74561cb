import fc from 'fast-check'
import t from 'tap'
import { decisionsIn, linesAfter, linesOf, linesWithin } from '../../src/log/sinks/sink.ts'
import { linesOneByOne } from './lines.ts'

t.test('lines that are cut anywhere are those that are whole before the cut, and all others', async () => {
  const line = fc.tuple(fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 5 }), fc.integer({ min: 1, max: 2 ** 31 }))
  fc.assert(fc.property(fc.array(line, { maxLength: 10 }), fc.nat({ max: 80 }), (all, cut) => {
    const lines = linesOf(all.map(([text]) => `${text}\n`).join(''), all.map(([, n]) => n))
    const at = Math.min(cut, lines.bytes.length)
    const [before, after] = [linesWithin(lines, cut), linesAfter(lines, at)]
    const whole = all.filter((_, i) => Buffer.byteLength(all.slice(0, i + 1).map(([text]) => `${text}\n`).join('')) <= at).length
    const expected = all.map(([text, n]) => [`${text}\n`, n])
    t.same([linesOneByOne(before), linesOneByOne(after)], [expected.slice(0, whole), expected.slice(whole)])
    return decisionsIn(before) + decisionsIn(after) === all.reduce((sum, [, n]) => sum + n, 0)
  }), { numRuns: 300 })
})
