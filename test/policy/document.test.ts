// A file is read document by document, so that one that did not change need not be read again; nobody may notice.
import t from 'tap'
import { LineCounter, parseAllDocuments } from 'yaml'
import { buildSnapshot } from '../../src/policy/build.ts'
import { DocumentMemory, readDocuments, readInSteps } from '../../src/policy/document.ts'
import { finish } from '../../src/policy/steps.ts'
import { countryPlace } from '../../src/geo/countries.ts'
import { bundle, NOW, SERVICE } from './base.ts'
import { buildIsolated } from '../../src/state/quarantine.ts'
import { heapUsed } from '../heap.ts'

/** What the parser makes of the whole file at once: values, and the line of each mistake. */
function atOnce(text: string): { values: unknown[]; lines: number[] } {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, schema: 'core', uniqueKeys: true, prettyErrors: false })
  const documents = 'empty' in parsed ? [] : parsed
  return {
    values: documents.filter(({ errors }) => errors.length === 0).map((document): unknown => document.toJS()).filter((value) => value !== null && value !== undefined),
    lines: documents.flatMap(({ errors, warnings }) => [...errors, ...warnings].map(({ pos }) => lines.linePos(pos[0]).line)),
  }
}

const DOCUMENTS = [
  'a: 1\nb: [x, y]\n',
  'text: |\n  first\n  ---\n  last\n',
  'text: >-\n   folded\n\n   more\n\n\n',
  '# only a comment\n',
  '\n\n',
  '',
  'quoted: "one\n  two --- three"\n',
  'flow: { a: [1,\n  2], b: "---" }\n',
  'key: &anchor { x: 1 }\nother: *anchor\n',
  '- one\n- ---two\n- --- three\n',
  '---- : four dashes\n',
  'plain: a\n  --- b\n',
  'windows: 1\r\nline: ends\r\n',
  'twice: 1\ntwice: 2\n',
  'tab:\n\t- wrong\n',
  '? complex\n: key\n',
  'no line end: 1',
]
const SEPARATORS = ['---\n', '--- # comment\n', '---\r\n', '--- \n', '---\t\n', '--- {inline: 1}\n---\n', '---\n---\n']

t.test('a file that is read document by document says what it says as a whole', async (t) => {
  let seed = 1
  const below = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const pick = (list: readonly string[]) => list[below(list.length)] ?? ''
  for (let i = 0; i < 2000; i++) {
    let text = below(4) === 0 ? pick(SEPARATORS) : ''
    for (let left = 1 + below(5); left > 0; left--) text += pick(DOCUMENTS).replace(/(?<!\n)$/, '\n') + (left > 1 ? pick(SEPARATORS) : '')
    const { documents, problems } = readDocuments('a.yaml', text)
    const found = { values: documents.map(({ value }) => value), lines: problems.map(({ line }) => line) }
    const expected = atOnce(text)
    if (JSON.stringify(found) !== JSON.stringify(expected)) t.same({ text, ...found }, { text, ...expected })
  }
  t.pass('2,000 files')
})

t.test('directives and ends of documents are left to the parser', async (t) => {
  for (const text of ['%YAML 1.2\n---\na: 1\n---\nb: 2\n', 'a: 1\n...\nb: 2\n', 'a: 1\n...\n---\nb: 2\n', 'a: 1\n...\n%YAML 1.2\n---\nb: 2\n']) {
    t.same(readDocuments('a.yaml', text).documents.map(({ value }) => value), atOnce(text).values, JSON.stringify(text))
  }
})

t.test('a directive counts wherever the parser sees one, and what it declares is known', async (t) => {
  for (const start of ['', '\ufeff', '# first\n', 'a: 1\n...\n']) {
    const text = `${start}%TAG !e! tag:yaml.org,2002:\n---\nb: !e!str 1\n`
    t.same(readDocuments('a.yaml', text).documents.at(-1)?.value, { b: '1' }, JSON.stringify(start))
  }
})

t.test('a thousand documents that are read as one, each with a mistake, are parsed twice', async (t) => {
  const text = `${Array.from({ length: 1000 }, (_, i) => `service: s${i}\nsteps: []\n`).join('---\n')}...\n`
  const { documents } = readDocuments('a.yaml', text)
  // A parse for each would take minutes, which no test has.
  t.same(documents.map((document) => document.problem(['steps'], 'x').line), documents.map((_, i) => 3 * i + 2))
})

t.test('texts that only half characters tell apart are told apart', async (t) => {
  const memory = new DocumentMemory()
  t.same(read('a: "\ud83d"\n---\na: "\ufffd"\n---\na: "\udc00"\n', memory).documents.map(({ value }) => value), [{ a: '\ud83d' }, { a: '\ufffd' }, { a: '\udc00' }])
})

t.test('what is left open in one document costs no other one', async (t) => {
  const { documents, problems } = readDocuments('a.yaml', 'a: "open\n---\nb: 2\n---\nc: {\n---\nd: 4\n')
  t.same(documents.map(({ value }) => value), [{ b: 2 }, { d: 4 }])
  t.same(problems.map(({ line }) => line), [2, 6], 'each where it shows')
})

function read(text: string, memory: DocumentMemory) {
  memory.turn()
  return finish(readInSteps('services/all.yaml', text, memory))
}

t.test('of a file of which one document changed, one is read', async (t) => {
  const memory = new DocumentMemory()
  const before = read('service: a\n---\nservice: b\n---\nservice: c\n', memory).documents
  const after = read('service: a\n---\nservice: b2\n---\nservice: c\n', memory).documents
  t.same(after.map(({ value }) => value), [{ service: 'a' }, { service: 'b2' }, { service: 'c' }])
  t.same(after.map(({ value }, i) => value === before[i]?.value), [true, false, true])
})

t.test('a document is forgotten once a reading did without it', async (t) => {
  const memory = new DocumentMemory()
  const [first] = read('service: a\n', memory).documents
  t.equal(read('service: a\n', memory).documents[0]?.value, first?.value)
  read('service: b\n', memory)
  t.not(read('service: a\n', memory).documents[0]?.value, first?.value)
})

t.test('a document that cannot be put together is one mistake, where it begins', async (t) => {
  const { documents, problems } = readDocuments('a.yaml', 'a: 1\n---\nalias: *unknown\n')
  t.same(documents.map(({ value }) => value), [{ a: 1 }])
  t.same(problems.map(({ line }) => line), [2])
})

t.test('a document that is known says where it stands now', async (t) => {
  const memory = new DocumentMemory()
  const lines = (text: string) => read(text, memory).documents.map((document) => document.problem(['steps', 0, 'name'], 'x').line)
  t.same(lines('service: a\nsteps:\n  - name: x\n---\nservice: b\nsteps:\n  - name: x\n'), [3, 7])
  t.same(lines('# two\n# lines\nservice: a\nsteps:\n  - name: x\n---\nservice: b\nsteps:\n  - name: x\n'), [5, 9])
  t.same(read('a: 1\n---\ntwice: 1\ntwice: 2\n', memory).problems.map(({ line }) => line), [4])
  t.same(read('a: 1\nb: 2\n---\ntwice: 1\ntwice: 2\n', memory).problems.map(({ line }) => line), [5], 'mistakes that are known, too')
})

t.test('a snapshot is the same whether its documents were known or not', async (t) => {
  const options = { version: { epoch: 1, number: 1, digest: 'ab'.repeat(8) }, now: NOW, continentOf: (country: string) => countryPlace(country)?.continent }
  const memory = new DocumentMemory()
  const first = buildSnapshot(bundle(), { ...options, memory })
  const again = buildSnapshot(bundle(), { ...options, memory })
  t.ok(first.snapshot)
  t.same(again, buildSnapshot(bundle(), options))
  t.same(again, first, 'and building changed nothing in what is known')
})

t.test('a file that was emptied is a problem at every reading, and its memory holds nothing of it', async (t) => {
  const options = { version: { epoch: 1, number: 1, digest: 'ab'.repeat(8) }, now: NOW, continentOf: () => undefined }
  const memory = new DocumentMemory()
  t.ok(buildSnapshot(bundle(), { ...options, memory }).snapshot)
  for (const time of ['first', 'second']) {
    const { snapshot, problems } = buildSnapshot(bundle({ 'zones/all.yaml': '' }), { ...options, memory })
    t.same([snapshot, problems.map(({ file }) => file)], [undefined, ['zones/all.yaml']], time)
  }
  t.ok(buildSnapshot(bundle(), { ...options, memory }).snapshot, 'and none once it is written again')
})

t.test('a service whose file was emptied goes on as it was', async (t) => {
  const options = { version: { epoch: 1, number: 1, digest: 'ab'.repeat(8) }, now: NOW, continentOf: () => undefined }
  const two = (text: string) => bundle({ 'services/two.yaml': text })
  const { built, quarantined } = await buildIsolated(two(''), two(SERVICE.replace('tv', 'two').replace('play.tv', 'play.two')), async (candidate) => buildSnapshot(candidate, options))
  t.same([[...built.snapshot?.services ?? []].map(({ id }) => id), quarantined], [['tv', 'two'], ['two']])
})

t.test('a file of a comment and a million blank lines is told of in a moment', async (t) => {
  const problems = buildSnapshot(bundle({ 'zones/more.yaml': `# none\n${'\n'.repeat(1_000_000)}` }), { version: { epoch: 1, number: 1, digest: 'ab'.repeat(8) }, now: NOW, continentOf: () => undefined }).problems
  t.same(problems.map(({ message }) => message), ['holds nothing but comments; remove the file if that is meant'])
})

t.test('files that are gone leave nothing behind in what is remembered of their documents', async (t) => {
  const memory = new DocumentMemory()
  // Values long enough that the parser cuts them from the text, in place of copying them.
  const document = (id: number, change: number) => `service: a-service-with-a-long-name-${id}-${change}\n# ${'x'.repeat(10_000)}\n`
  const file = (change: number) => Array.from({ length: 100 }, (_, id) => document(id, id < change ? 1 : 0)).join('---\n')
  read(file(0), memory)
  const before = heapUsed()
  for (let change = 1; change <= 100; change++) read(file(change), memory)
  t.ok(heapUsed() - before < 20, '100 files of 1 MiB were read, each of which differs by one document from the one before')
})
