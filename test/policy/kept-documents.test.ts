// What documents say is kept for the next start where that changes nothing of what they say.
import t from 'tap'
import type { Content } from '../../src/policy/document.ts'
import { DocumentMemory, readInSteps } from '../../src/policy/document.ts'
import { finish } from '../../src/policy/steps.ts'
import { decodeDocuments, encodeDocuments } from '../../src/policy/kept-documents.ts'

function read(memory: DocumentMemory, text: string) {
  memory.turn()
  return finish(readInSteps('a.yaml', text, memory))
}

/** Reads a text, keeps what it said, starts anew and reads it again. */
function restarted(text: string) {
  const before = new DocumentMemory()
  const first = read(before, text)
  const after = decodeDocuments(Buffer.concat([...encodeDocuments(before.known(), 'mark')]), 'mark')
  const second = read(after, text)
  return { first, second, parsed: after.parsed }
}

t.test('after a start, documents that are the same need not be read, and say the same', async (t) => {
  const text = 'a: 1\nb: [x, null, true, 1.5, -3, "", "ü \\u2028 \\ud83d"]\n---\nc: { d: {} }\n---\n- __proto__: 1\n  toString: 2\n'
  const { first, second, parsed } = restarted(text)
  t.equal(parsed, 0)
  t.same(second.documents.map(({ value }) => value), first.documents.map(({ value }) => value))
  t.same(Object.keys((second.documents[2]?.value as object[])[0] ?? {}), ['__proto__', 'toString'])
  t.equal(second.documents[1]?.problem(['c', 'd'], 'x').line, 4)
})

t.test('what JSON cannot say, and what has mistakes, is read again', async (t) => {
  const cases = ['a: .nan\n', 'a: .inf\n', 'a: [-.inf]\n', 'a: -0.0\n', 'a: 1\na: 2\n', 'a: [\n', 'a: *nothing\n']
  for (const text of cases) {
    const { first, second, parsed } = restarted(text)
    t.equal(parsed, 1, JSON.stringify(text))
    t.same(second.documents.map(({ value }) => value), first.documents.map(({ value }) => value))
    t.same(second.problems, first.problems)
  }
})

t.test('aliases are kept as what they stand for, and a bomb of them is not', async (t) => {
  const { first, second, parsed } = restarted('a: &x { b: 1 }\nc: *x\n')
  t.equal(parsed, 0)
  t.same(second.documents[0]?.value, first.documents[0]?.value)

  const bomb = (levels: number) => `l0: &l0 text\n${Array.from({ length: levels }, (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(', ')}]\n`).join('')}`
  const size = (text: string) => {
    const memory = new DocumentMemory()
    t.same(read(memory, text).problems, [])
    return Buffer.concat([...encodeDocuments(memory.known(), 'mark')]).length
  }
  t.ok(size(bomb(3)) > 1000, 'a small one is not worth a mention')
  const many = (text: (i: number) => string) => Array.from({ length: 100 }, (_, i) => `id: ${i}\n${text(i)}`).join('---\n')
  t.ok(size(many(() => bomb(4))) < 1_500_000, 'all together are bounded by what they hold; unbounded they are 5 MB')
  t.ok(size(many(() => `text: &x ${'x'.repeat(1000)}\nmore: [${Array.from({ length: 100 }, () => '*x').join(', ')}]\n`)) < 1_500_000, 'and by its length; unbounded they are 10 MB')
})

t.test('a configuration of any size is kept as far as it is worth it', async (t) => {
  const text = `a: ${'x'.repeat(2 ** 20)}\n`
  const known = Array.from({ length: 200 }, (_, i): [string, Content[]] => [String(i), [{ value: text, aliased: false, mistakes: [] }]])
  let bytes = 0
  for (const piece of encodeDocuments(known, 'mark')) bytes += piece.length
  t.ok(bytes > 100 * 2 ** 20 && bytes <= 128 * 2 ** 20)
})

t.test('what other code has read is read again', async (t) => {
  const memory = new DocumentMemory()
  read(memory, 'a: 1\n')
  const bytes = Buffer.concat([...encodeDocuments(memory.known(), 'this')])
  const after = decodeDocuments(bytes, 'that')
  read(after, 'a: 1\n')
  t.equal(after.parsed, 1)
  t.equal(decodeDocuments(new Uint8Array(), 'this').parsed, 0, 'nothing is an empty memory')
})

t.test('many documents are kept in pieces', async (t) => {
  const text = Array.from({ length: 5000 }, (_, i) => `service: s${i}\nhosts: [s${i}.tv.example]\n`).join('---\n')
  const memory = new DocumentMemory()
  read(memory, text)
  const pieces = [...encodeDocuments(memory.known(), 'mark')]
  t.ok(pieces.length > 2)
  const after = decodeDocuments(Buffer.concat(pieces), 'mark')
  t.equal(read(after, text).documents.length, 5000)
  t.equal(after.parsed, 0)
})
