import t from 'tap'
import { EVENTS, OPERATOR_FIELDS, OperatorLog } from '../../src/log/operator-log.ts'
import type { OperatorEvent, OperatorFields } from '../../src/log/operator-log.ts'

function logTo(lines: string[]): OperatorLog {
  return new OperatorLog({ write: (line) => lines.push(line), now: () => Date.UTC(2026, 2, 1, 20, 31), router: 'ams-1' })
}

t.test('a message is one line of JSON with its event, its fields and nothing of the machine', async (t) => {
  const lines: string[] = []
  logTo(lines).info('snapshot_applied', { version: '42:9f2c17ab', count: 3 })
  t.same(lines, ['{"level":"info","time":"2026-03-01T20:31:00.000Z","router":"ams-1","event":"snapshot_applied","version":"42:9f2c17ab","count":3,"msg":"a new snapshot decides from now on"}\n'])
})

t.test('an error is its name and code: what it was about is not written', async (t) => {
  const canary = '203.0.113.77'
  let invalid: unknown
  try {
    new URL(`http://[${canary}?token=secret`)
  } catch (error) {
    invalid = error
  }
  const packet = Object.assign(new Error(`Parse Error at ${canary}`), { code: 'HPE_INVALID_METHOD', rawPacket: Buffer.from(`GET /?token=secret ${canary}`) })
  const named = Object.assign(new Error('x'), { name: `Error of ${canary}`, code: `token=secret` })
  const nested = new Error('outer', { cause: packet })
  const lines: string[] = []
  const log = logTo(lines)
  for (const error of [invalid, packet, named, nested, new AggregateError([packet], canary), `text ${canary}`, { ip: canary, message: 'secret' }, null, 7]) {
    log.error('request_failed', {}, error)
    log.warn('task_failed', {}, error)
  }
  t.notMatch(lines.join(''), /203\.0|secret|token|stack|message/)
  t.same(lines.filter((_, i) => i % 2 === 0).map((line) => JSON.parse(line)).map(({ error, code }) => [error, code]), [
    ['TypeError', 'ERR_INVALID_URL'], ['Error', 'HPE_INVALID_METHOD'], ['Error', undefined], ['Error', undefined], ['AggregateError', undefined], ['string', undefined],
    ['object', undefined], ['object', undefined], ['number', undefined],
  ])
})

t.test('a value that does not look like its field is withheld', async (t) => {
  const rows: [OperatorFields, boolean][] = [
    [{ target: 'edge-fra-2' }, true], [{ target: 'https://x/?y' }, false], [{ service: '203.0.113.77:80' }, false], [{ reason: 'Mozilla/5.0' }, false],
    [{ version: 'latest' }, false], [{ code: 'ENOSPC' }, true], [{ code: 'enospc /var' }, false], [{ listener: '[::]:8080' }, true], [{ listener: 'a b' }, false],
    [{ file: 'services/omroep.yaml' }, true], [{ file: 'a\nb' }, false], [{ problem: 'x'.repeat(301) }, false], [{ count: 7 }, true], [{ count: '7' }, false],
  ]
  for (const [fields, kept] of rows) {
    const lines: string[] = []
    logTo(lines).info('config_problem', fields)
    t.equal(!lines.join('').includes('[withheld]'), kept, JSON.stringify(fields))
  }
})

t.test('a field that is not in the list is not written, even where the types were got round', async (t) => {
  const lines: string[] = []
  const more = { count: 1, ip: '203.0.113.77', req: { url: '/secret' }, msg: 'secret', err: new Error('secret') }
  logTo(lines).info('started', more)
  t.notMatch(lines.join(''), /203|secret/)
  t.match(JSON.parse(lines.join('')), { event: 'started', count: 1 })
})

t.test('every event and field has a plain name, and every event a sentence', async (t) => {
  for (const [event, text] of Object.entries(EVENTS)) t.ok(/^[a-z_]+$/.test(event) && /^([a-z]|Redis )/.test(text) && !text.endsWith('.'), event)
  for (const field of Object.keys(OPERATOR_FIELDS)) t.match(field, /^[a-z]+$/i)
})

t.test('silence is possible', async (t) => {
  const lines: string[] = []
  const log = new OperatorLog({ write: (line) => lines.push(line), now: () => 0, router: 'ams-1', level: 'silent' })
  const event: OperatorEvent = 'started'
  log.info(event)
  log.error(event)
  t.same(lines, [])
})
