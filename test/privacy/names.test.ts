import fc from 'fast-check'
import t from 'tap'
import { names } from '../../src/privacy/names.ts'

/** What it must find, in other words: each list by itself, word for word. */
function plainly(lists: readonly (readonly [readonly string[], number])[], text: string): number {
  return lists.reduce((found, [words, bit]) => (words.some((word) => text.toLowerCase().includes(word.toLowerCase())) ? found | bit : found), 0)
}

t.test('it finds what looking for one word after the other finds', async (t) => {
  // Few letters, so that words overlap, hold one another and begin as others end.
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/'), minLength: 1, maxLength: 6 })
  const text = fc.string({ unit: fc.constantFrom('a', 'B', 'c', 'A', 'b', '/', 'x', 'é', '\0'), maxLength: 60 })
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), fc.array(word, { maxLength: 8 }), text, text, (first, second, before, text) => {
    const lists = [[first, 1], [second, 4]] as const
    const bytes = Buffer.from(before + text + before, 'latin1')
    return names(lists).find(bytes, before.length, before.length + text.length) === plainly(lists, text)
  }), { numRuns: 5000 })
  t.pass('for 5,000 random lists and texts')
})

t.test('words that hold others, overlap, or are at the ends are found', async (t) => {
  const find = names([[['he', 'she', 'his', 'hers'], 1], [['ushers'], 2], [['s'], 4]]).find
  for (const [text, expected] of [['', 0], ['h', 0], ['HE', 1], ['ushers', 7], ['usher', 5], ['x his', 5], ['her', 1], ['hi', 0], ['s', 4]] as const) t.equal(find(Buffer.from(text), 0, text.length), expected, text)
})
