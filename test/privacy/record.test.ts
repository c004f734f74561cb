import fc from 'fast-check'
import t from 'tap'
import { recordOf } from '../../src/log/record.ts'
import type { ClientAddress } from '../../src/privacy/address.ts'
import { SMALL_COUNTRIES, countryNumber, countryOf } from '../../src/privacy/country.ts'
import { LineWriter } from '../../src/privacy/line-writer.ts'
import { RECORD_FIELDS, checkRecord, isRecord, serialise } from '../../src/privacy/record.ts'
import type { DecisionRecord, RecordJurisdiction } from '../../src/privacy/record.ts'
import * as values from '../../src/privacy/values.ts'
import { LOCALIZATIONS, OUTCOMES } from '../../src/routing/decision.ts'
import type { Decision } from '../../src/routing/decision.ts'
import { FOREIGN_LAWS } from '../../src/routing/model.ts'
import { FORMATS, OBJECTS } from '../../src/routing/path.ts'
import { REASON_NAMES } from '../../src/routing/reasons.ts'
import { WORLD, facts, factsOf, redirectTo } from '../log/decisions.ts'

/** Whether a value of type T can be assigned to some field, or to a part of one. */
type Parts = DecisionRecord[keyof DecisionRecord] | RecordJurisdiction[keyof RecordJurisdiction]
type Fits<T> = T extends Parts ? true : false
type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false

t.test('a client address, and any text that nobody judged, does not type-check into a record', async (t) => {
  const address: Fits<ClientAddress> = false
  const text: Fits<string> = false
  const number: Fits<Date> = false
  const literal: Fits<'192.0.2.1'> = false
  const listed: Fits<'human'> = true
  const textIds: Equal<Extract<DecisionRecord['service'], string>, string> = false
  const statusFits: Equal<Decision['status'] extends DecisionRecord['status'] ? true : false, true> = true
  t.same([address, text, number, literal, listed, textIds, statusFits], [false, false, false, false, true, false, true])
})

t.test('the record\'s closed lists are the router\'s', async (t) => {
  t.same(values.RECORD_REASONS, REASON_NAMES)
  t.same(values.RECORD_OUTCOMES, OUTCOMES)
  t.same(values.RECORD_LOCALIZATIONS, LOCALIZATIONS)
  t.same(values.RECORD_FORMATS, FORMATS)
  t.same(values.RECORD_OBJECTS, OBJECTS)
  t.same(values.RECORD_LAWS, FOREIGN_LAWS)
})

const [omroep, hospital] = WORLD.services
const [fra, us] = WORLD.targets
if (!omroep || !hospital || !fra || !us) throw new Error('the world is too small')
const good = recordOf(factsOf(redirectTo(omroep, fra, { why: ['nearest', 'load'], rejected: { down: 1, jurisdiction: 3 } })), 'live-main' as values.ContentId, 'ams-1', 42)

t.test('a record is the one line that the documentation shows', async (t) => {
  t.equal(serialise(good), '{"v":1,"t":"2026-03-01T20:31Z","service":"omroep-live","content":"live-main","object":"master","format":"hls","country":"NL","agent":"human",'
    + '"outcome":"redirect","step":"own edges of omroep-live","target":"edge-fra-2","localization":"geo","why":["nearest","load"],"status":302,'
    + '"policy":"eu-only","compliant":true,"rejected":{"jurisdiction":3,"down":1},"jurisdiction":{"operator":"DE","parent":"DE","server":"DE","logs":"DE","foreign":[]},'
    + '"snapshot":"42:9f2c17ab","router":"ams-1","n":42}')
})

t.test('what is written can be read again, is a record, and is written the same again', async (t) => {
  fc.assert(fc.property(facts, fc.integer({ min: 1, max: 1e9 }), (given, n) => {
    const record = recordOf(given, given.content, 'ams-1', n)
    const line = serialise(record)
    const read: unknown = JSON.parse(line)
    t.same(checkRecord(read), [])
    return isRecord(read) && serialise(read) === line && !line.includes('\n') && line.length < 4096
  }), { numRuns: 500 })
})

t.test('the order in which keys were set does not show', async (t) => {
  const reversed = (value: object) => Object.fromEntries(Object.entries(value).reverse())
  const other: unknown = { ...reversed(good), rejected: reversed(good.rejected), jurisdiction: good.jurisdiction && reversed(good.jurisdiction) }
  t.ok(isRecord(other) && serialise(other) === serialise(good))
})

t.test('a key that the schema does not have is refused, and never written', async (t) => {
  const more = { ...good, ip: '192.0.2.1' }
  t.same(checkRecord(more), ['record: 1 unknown field(s)'])
  t.equal(serialise(more), serialise(good))
  t.notOk(isRecord({ ...good, jurisdiction: { ...good.jurisdiction, ip: '192.0.2.1' } }))
  t.notOk(isRecord({ ...good, rejected: { '192.0.2.1': 1 } }))
  t.notOk(isRecord(Object.create(good)), 'an inherited field is no field')
})

t.test('a value that does not belong is refused, field by field, without being repeated', async (t) => {
  const rows: [keyof DecisionRecord, unknown][] = [
    ['v', 2], ['v', '1'], ['t', '2026-03-01T20:31:07Z'], ['t', 1772397060], ['service', 'Omroep'], ['service', '192.0.2.1:80'], ['service', 'a/b'], ['service', ''],
    ['content', 'a'.repeat(65)], ['content', 'tokén'], ['content', null], ['object', 'chunk'], ['format', 'webm'], ['country', 'NLD'], ['country', 'nl'], ['country', null],
    ['agent', 'Mozilla/5.0'], ['outcome', 'route'], ['step', 'a\nb'], ['step', 'a'.repeat(65)], ['step', ''], ['target', 'EDGE'], ['localization', 'ip'],
    ['why', ['nearest', 'nearest']], ['why', ['because']], ['why', 'nearest'], ['status', 301], ['status', '302'], ['policy', '?'], ['compliant', 'yes'],
    ['rejected', []], ['rejected', { down: 0 }], ['rejected', { down: 1.5 }], ['rejected', null], ['jurisdiction', {}],
    ['jurisdiction', { ...good.jurisdiction, operator: 'Germany' }], ['jurisdiction', { ...good.jurisdiction, server: 'DE,' }],
    ['jurisdiction', { ...good.jurisdiction, foreign: ['DE'] }], ['snapshot', '42'], ['snapshot', '42:9F2C17AB'], ['router', '_ams'], ['router', null],
    ['n', 0], ['n', -1], ['n', 1.5], ['n', '1'], ['n', Infinity], ['n', undefined],
  ]
  for (const [name, value] of rows) {
    const problems = checkRecord({ ...good, [name]: value })
    t.equal(problems.length, 1, `${name} = ${JSON.stringify(value)}`)
    t.match(problems[0], new RegExp(`^${name}: `))
    if (typeof value === 'string' && value.length > 8) t.notOk(problems.join().includes(value))
  }
  for (const nothing of [null, undefined, 1, 'x', []]) t.same(checkRecord(nothing), ['record: must be an object'])
})

t.test('the schema names every field once and says where it comes from and why it is kept', async (t) => {
  t.same(RECORD_FIELDS.map(({ name }) => name), Object.keys(good))
  for (const { name, meaning, source, kept } of RECORD_FIELDS) t.ok(meaning && source && kept, name)
})

t.test('text from a configuration that is no id becomes _other, not a line that breaks the format', async (t) => {
  for (const text of ['192.0.2.1:80', 'a"b', 'a b', '', 'ü', 'a\n']) t.equal(values.idOf(text), '_other', JSON.stringify(text))
  t.equal(values.stepNameOf('own edges, "first"'), 'own edges, "first"')
  t.equal(values.stepNameOf('naïve'), '_other')
  t.equal(values.versionLabelOf('latest'), '0:00000000')
})

t.test('a country with few people in it is ZZ, and so is what is not a country', async (t) => {
  for (const small of SMALL_COUNTRIES) t.equal(countryOf(small), 'ZZ', small)
  for (const odd of ['', 'nl', 'NLD', 'N1', '192.0.2.1']) t.equal(countryOf(odd), 'ZZ', odd)
  for (const country of ['NL', 'DE', 'LU', 'MT', 'IS', 'ZZ']) t.equal(countryOf(country), country)
  const codes = [...SMALL_COUNTRIES, 'NL', 'DE', 'ZZ', 'AA', 'ZA', 'AZ', '', 'N', 'nl', 'N1', 'NLD', '@A', 'A[']
  for (const a of codes) for (const b of codes) t.equal(countryNumber(a) === countryNumber(b), countryOf(a) === countryOf(b), `${a} ${b}`)
  t.equal(new Set(SMALL_COUNTRIES).size, SMALL_COUNTRIES.length)
  t.ok(SMALL_COUNTRIES.every((code) => /^[A-Z]{2}$/.test(code)))
})

t.test('compliance is judged again for the record, from the target\'s own attributes', async (t) => {
  const content = 'live-main' as values.ContentId
  const wrong = recordOf(factsOf(redirectTo(omroep, us)), content, 'ams-1', 1)
  t.equal(wrong.compliant, false, 'an American parent under a policy for German and Dutch ones')
  t.same(wrong.jurisdiction, { operator: 'DE', parent: 'US', server: 'DE,NL', logs: null, foreign: ['US-CLOUD-ACT', 'US-FISA-702'] })
  t.equal(recordOf(factsOf(redirectTo(hospital, us)), content, 'ams-1', 1).compliant, null, 'no policy, nothing to comply with')
})

t.test('a line written from a model is the record\'s own line, whatever title and count it gets', async (t) => {
  const titles = fc.constantFrom('_other', 'news', 'a"b', '192.0.2.1/', '', 'x'.repeat(65)).map((title) => title as values.ContentId)
  const steps = fc.constantFrom('own edges', '"content":"_other"', '\\"content":"_other"', '"n":1}').map((name) => name as values.StepName)
  // One writer for all of them: what it remembers of one record must not be in another's line.
  const writer = new LineWriter()
  fc.assert(fc.property(facts, steps, titles, fc.integer({ min: -1, max: 2e9 }), (given, step, content, n) => {
    const record = { ...recordOf(given, given.content, 'ams-1', 7), step }
    const own = { ...record, content, n }
    const { before, after, fits } = writer.of(record)
    return (fits(content) && n >= 1 ? `${before}${content}${after}${n}}` : undefined) === (isRecord(own) ? serialise(own) : undefined)
  }), { numRuns: 1000 })
  const line = writer.of({ ...recordOf(factsOf(redirectTo(omroep, fra)), 'news' as values.ContentId, 'ams-1', 1), router: 'not an id' as values.Id })
  t.equal(line.fits('news' as values.ContentId), false)
})
