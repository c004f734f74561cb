// What a running router says of its settings file, which it goes by from the next start on.
import t from 'tap'
import { SettingsWatch } from '../../src/app/settings-watch.ts'
import { OperatorLog } from '../../src/log/operator-log.ts'

function watching(text: string | undefined, started: object) {
  const lines: string[] = []
  const failing = (code: string) => Promise.reject(Object.assign(new Error('no'), { code }))
  let read = () => (text === undefined ? failing('ENOENT') : Promise.resolve(text))
  const watch = new SettingsWatch({ directory: '/etc/wissel', started, read: () => read(), messages: new OperatorLog({ write: (line) => lines.push(line), now: () => 0, router: 'ams-1' }) })
  /** What is said of the file as it is now, by somebody who asks or by time passing. */
  const said = async (next: string | { code: string } | undefined, again = false) => {
    read = () => (next === undefined ? failing('ENOENT') : typeof next === 'string' ? Promise.resolve(next) : failing(next.code))
    await watch.look(again)
    return lines.splice(0).map((line) => JSON.parse(line)).map(({ event, code, line, problem }) => [event, code ?? line, problem].filter((part) => part !== undefined).join(' '))
  }
  return { said, look: async () => watch.look().then(() => lines.splice(0)) }
}

const LISTEN = 'listen: 127.0.0.1:8080\n'

t.test('a change is told once, with what a restart would apply', async (t) => {
  const { said, look } = watching(LISTEN, { listen: '127.0.0.1:8080' })
  t.same(await look(), [], 'nothing changed')
  t.same(await said('listen: 127.0.0.1:9999\ntrustedProxies: [127.0.0.0/8]\n'), ['settings_changed restart to apply listen, trustedProxies'])
  t.same(await look(), [], 'it was told')
  t.same(await said('listen: 127.0.0.1:9999\ntrustedProxies: [127.0.0.0/8]\n', true), ['settings_changed restart to apply listen, trustedProxies'], 'who asks is told again')
  t.same(await said(`# only a comment\n${LISTEN}`), [])
})

t.test('settings that a router would not start with are told with their line', async (t) => {
  const { said, look } = watching(LISTEN, { listen: '127.0.0.1:8080' })
  t.match(await said(`${LISTEN}nonsense: true\n`), [/^config_problem 2 nonsense: /, /^config_problem a router does not start with these settings; the running ones stay$/])
  t.same(await look(), [])
})

t.test('a file that went takes its settings with it, and one that cannot be read is told with its code', async (t) => {
  const { said, look } = watching(LISTEN, { listen: '127.0.0.1:8080' })
  t.same(await said({ code: 'EACCES' }), ['config_problem EACCES cannot be read; a router does not start with it'])
  t.same(await look(), [])
  t.same(await said(undefined), ['settings_changed restart to apply listen'])
  t.same(await watching(undefined, {}).look(), [], 'a router without settings has nothing to tell')
})
