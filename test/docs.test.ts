// What the documents say of the code is what the code says. UPDATE_DOCS=1 npm test writes the tables anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rawRecordOf } from '../src/archive/raw-record.ts'
import { ERRORS } from '../src/errors.ts'
import { HTTP_REJECTIONS } from '../src/http/rejection.ts'
import { EVENTS } from '../src/log/operator-log.ts'
import { jsonSchema, SCHEMAS } from '../src/policy/schema.ts'
import { settingsSchema } from '../src/policy/settings.ts'
import { ARRIVALS } from '../src/privacy/arrivals.ts'
import type { Arrival, Becomes } from '../src/privacy/arrivals.ts'
import { KINDS, RECORD_FIELDS } from '../src/privacy/record.ts'
import { RECORD_FORMATS, RECORD_LAWS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_REASONS } from '../src/privacy/values.ts'
import { LOCALIZATIONS, OUTCOMES } from '../src/routing/decision.ts'
import { FOREIGN_LAWS } from '../src/routing/model.ts'
import { FORMATS, OBJECTS } from '../src/routing/path.ts'
import { REASON_NAMES, REASONS } from '../src/routing/reasons.ts'
import { publisherUser, routerUser } from '../src/state/acl.ts'
import { REFUSALS } from '../src/state/follower.ts'
import { METRICS } from '../src/stats/definitions.ts'
import { FALLBACK_REASONS } from '../src/steering/manifests.ts'
import { build } from './policy/base.ts'
import { DIMENSIONS, serialiseSide } from '../src/stats/side-record.ts'

const root = join(import.meta.dirname, '..')
const UPDATE = process.env['UPDATE_DOCS'] === '1'

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const labels = (of: Readonly<Record<string, unknown>>) => (Object.keys(of).length === 0 ? '' : Object.keys(of).map((label) => `\`${label}\``).join(', '))

function cell(becomes: Becomes<string>): string {
  if (typeof becomes === 'string') return becomes
  const { fate, how, fields } = becomes
  return `${fate}${how === '' ? '' : how.startsWith('to ') ? ` ${how}` : `, ${how}`} (${fields.map((field) => `\`${field}\``).join(', ')})`
}

/** By document and name of the marked section: what must stand there. */
const sections: [document: string, name: string, text: string][] = [
  ['ARCHITECTURE.md', 'reasons', table(['reason', 'meaning'], Object.entries(REASONS).map(([reason, meaning]) => [`\`${reason}\``, meaning]))],
  ['ARCHITECTURE.md', 'http-rejections', table(['reason', 'status', 'body'], Object.entries(HTTP_REJECTIONS).map(([reason, { status, text }]) => [`\`${reason}\``, String(status), text]))],
  ['ARCHITECTURE.md', 'metrics', table(['metric', 'type', 'labels', 'meaning'], Object.entries(METRICS).map(([name, { type, labels: of, help }]) => [`\`${name}\``, type, labels(of), help]))],
  ['ARCHITECTURE.md', 'events', table(['event', 'meaning'], Object.entries(EVENTS).map(([event, meaning]) => [`\`${event}\``, meaning]))],
  ['ARCHITECTURE.md', 'errors', table(['code', 'message'], Object.entries(ERRORS).map(([code, message]) => [`\`${code}\``, message.replaceAll('\n', ' ')]))],
  ['ARCHITECTURE.md', 'acl', ['```', routerUser('ams-1', 'PASSWORD'), publisherUser('PASSWORD'), '```'].join('\n')],
  ['ARCHITECTURE.md', 'fallbacks', table(['reason', 'meaning'], Object.entries(FALLBACK_REASONS).map(([reason, meaning]) => [`\`${reason}\``, meaning]))],
  ['ARCHITECTURE.md', 'refusals', REFUSALS.map((reason) => `\`${reason}\``).join(', ')],
  ['PRIVACY.md', 'arrivals', table(
    ['what arrives', 'decision record', 'side counters (off by default)', 'archive (off by default)', 'why'],
    ARRIVALS.map(({ what, record, counters, archive, why }) => [what, cell(record), cell(counters), cell(archive), why]),
  )],
  ['PRIVACY.md', 'record', table(
    ['field', 'what', 'where from', 'why it may be kept', 'values'],
    RECORD_FIELDS.map(({ name, meaning, source, kept, kind, values, nullable }) => [
      `\`${name}\``, meaning, source, kept,
      (kind === 'list' ? (values ?? []).map((value) => `\`${String(value)}\``).join(' ') : KINDS[kind]) + (nullable === true && kind !== 'jurisdiction' ? ', or null' : ''),
    ]),
  )],
]

for (const [document, name, expected] of sections) {
  t.test(`${document} says of ${name} what the code says`, async (t) => {
    const file = join(root, document)
    const text = readFileSync(file, 'utf8')
    const found = new RegExp(`<!-- ${name} -->\\n([^]*?)\\n<!-- /${name} -->`).exec(text)
    if (UPDATE && found !== null && found[1] !== expected) writeFileSync(file, text.replace(found[0], () => `<!-- ${name} -->\n${expected}\n<!-- /${name} -->`))
    t.equal(found?.[1], expected)
  })
}

t.test('every field of what is written stands in the table of what arrives, and a field in it is one that there is', async (t) => {
  const told = (pick: (arrival: Arrival) => Becomes<string>) => [...new Set(ARRIVALS.map(pick).flatMap((becomes) => (typeof becomes === 'string' ? [] : becomes.fields)))].sort()
  t.same(told(({ record }) => record), RECORD_FIELDS.map(({ name }) => name).sort())
  const { dim, value, ...side } = JSON.parse(serialiseSide({ v: 1, t: '2026-03-01', service: 'a', dim: 'asn', value: '1', n: 10, k: 10 }))
  t.ok(dim && value)
  t.same(told(({ counters }) => counters), [...DIMENSIONS, ...Object.keys(side)].sort())
  const raw = { time: 0, address: undefined, port: undefined, method: 'GET', scheme: 'http', host: 'a', path: '/', query: '', userAgent: undefined, decision: { service: undefined, target: undefined, outcome: 'refuse', status: 404 } }
  t.same(told(({ archive }) => archive), Object.keys(rawRecordOf(raw)).sort())
  for (const { what, record, counters } of ARRIVALS) for (const becomes of [record, counters]) t.ok(typeof becomes === 'string' || becomes.fate !== 'sealed', `${what}: only the archive is sealed`)
  for (const { what, archive } of ARRIVALS) t.ok(typeof archive === 'string' || archive.fate === 'sealed', `${what}: nothing in the archive is open`)
})

t.test('the schemas for editors are those of the code', async (t) => {
  for (const [name, schema] of Object.entries({ ...SCHEMAS, wissel: settingsSchema })) {
    const file = join(root, 'config', 'schema', `${name}.json`)
    const expected = `${JSON.stringify(jsonSchema(schema, `Wissel: ${name}`), null, 2)}\n`
    if (UPDATE) writeFileSync(file, expected)
    t.equal(readFileSync(file, 'utf8'), expected, name)
  }
})

t.test('the configuration that the README shows is a right one', async (t) => {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```yaml\n# (\S+)\n([^]*?)```/g)]
  const files = Object.fromEntries(blocks.map(([, path = '', text = '']) => [path, text]))
  t.same(Object.keys(files), ['services/omroep.yaml', 'targets/omroep.yaml', 'policies/eu-only.yaml'])
  const { problems } = build({ 'targets/all.yaml': undefined, 'zones/all.yaml': undefined, 'services/tv.yaml': undefined, ...files })
  t.same(problems, [])
})

t.test('the closed lists of decisions are the closed lists of records', async (t) => {
  t.same(RECORD_REASONS, REASON_NAMES)
  t.same(RECORD_OUTCOMES, OUTCOMES)
  t.same(RECORD_LOCALIZATIONS, LOCALIZATIONS)
  t.same(RECORD_FORMATS, FORMATS)
  t.same(RECORD_OBJECTS, OBJECTS)
  t.same(RECORD_LAWS, FOREIGN_LAWS)
})
