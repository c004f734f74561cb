import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createSinks } from '../../src/app/sinks.ts'
import { OperatorLog } from '../../src/log/operator-log.ts'
import type { Settings } from '../../src/policy/settings.ts'
import { Clock } from '../log/clock.ts'

const directory = mkdtempSync(join(tmpdir(), 'wissel-sinks-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

type Wanted = NonNullable<NonNullable<Settings['log']>['sinks']>
const created = (sinks: Wanted) => createSinks({
  settings: { log: { sinks } }, directory, router: 'ams-1', setTimer: new Clock().setTimer, now: () => 0, messages: new OperatorLog({ write: () => undefined, now: () => 0, router: 'ams-1' }),
})
const segments = { type: 'segments', directory: 'log' } as const

for (const sink of [{ type: 'http', url: 'http://127.0.0.1:1/' }, { type: 'redis', url: 'redis://127.0.0.1:1' }] as const) {
  t.test(`two sinks of type ${sink.type} are refused: they would share one position`, async (t) => {
    await t.rejects(created([segments, sink, { ...sink }]), { code: 'WISSEL_SINK', message: `the log sink ${sink.type} cannot be used (it is given twice; give one)` })
  })
}

t.test('two sinks of type segments are refused: every record would be written twice', async (t) => {
  await t.rejects(created([segments, { ...segments, directory: 'other' }]), { code: 'WISSEL_SINK', message: 'the log sink segments cannot be used (it is given twice; give one)' })
})

t.test('one of each is made, and each is named once', async (t) => {
  const made = await created([{ type: 'stdout' }, segments, { type: 'http', url: 'http://127.0.0.1:1/' }, { type: 'redis', url: 'redis://127.0.0.1:1' }])
  t.same([...made.sinks, ...made.shippers].map(({ name }) => name), ['stdout', 'segments', 'http', 'redis'])
  await made.close()
})
