// Where an operator's command goes, and which commands are refused because nobody would obey them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { targetCommand } from '../../src/cli/target.ts'
import { withCommands } from '../../src/cli/target-place.ts'
import type { PlaceArgs } from '../../src/cli/target-place.ts'
import { freePort } from '../free-port.ts'
import { POLICY, SERVICE, TARGETS } from '../policy/base.ts'

const COMPLETE = { 'targets/all.yaml': TARGETS, 'policies/eu-only.yaml': POLICY, 'services/tv.yaml': SERVICE }

function stage(t: Test, files: Record<string, string> = COMPLETE) {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, dirname(path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  const [named, given] = [join(directory, 'named'), join(directory, 'given')]
  mkdirSync(named)
  mkdirSync(given)
  writeFileSync(join(directory, 'wissel.yaml'), `stateDirectory: ${named}\n`)
  let said = ''
  const say = (text: string) => void (said += text)
  const io = { out: say, err: say, now: () => 1000, random: () => 0, setTimer: () => () => undefined }
  const command = (words: readonly string[], { isNew, ...place }: Partial<PlaceArgs> & { isNew?: boolean } = {}) =>
    withCommands({ directory, redis: undefined, stateDirectory: undefined, ...place }, io, (store, known) =>
      targetCommand({ words, for: undefined, why: undefined, store, known, isNew, who: 'anna', now: 1000, out: say }))
  const written = (state: string) => JSON.parse(readFileSync(join(state, 'overrides.json'), 'utf8')).overrides.map(({ target, state: word }: Record<string, string>) => `${target} ${word}`)
  return { directory, named, given, command, written, said: () => said }
}

t.test('a command goes where the settings of the configuration say that the router looks', async (t) => {
  const { named, command, written } = stage(t)
  t.equal(await command(['drain', 'edge-ams']), 0)
  t.same(written(named), ['edge-ams drain'])
})

t.test('the command line wins over the settings', async (t) => {
  const { named, given, command, written } = stage(t)
  await command(['down', 'edge-ams'], { stateDirectory: given })
  t.same(written(given), ['edge-ams down'])
  t.throws(() => written(named), { code: 'ENOENT' })
})

t.test('redis of the settings is where the command goes, and not a file beside it', async (t) => {
  const { directory, named, command, written, said } = stage(t)
  writeFileSync(join(directory, 'wissel.yaml'), `stateDirectory: ${named}\nredis: { url: "redis://127.0.0.1:${await freePort()}" }\n`)
  t.equal(await command(['drain', 'edge-ams']), 1)
  t.match(said(), /redis does not answer \(ECONNREFUSED\)/)
  t.throws(() => written(named), { code: 'ENOENT' })
})

t.test('a target that is not configured is refused with what was probably meant, unless it is about to be', async (t) => {
  const { directory, named, command, written } = stage(t)
  await t.rejects(command(['drain', 'edge-amz']), { code: 'WISSEL_NO_TARGET', message: new RegExp(`"edge-amz" in ${directory} \\(did you mean "edge-ams"\\?\\)`) })
  t.throws(() => written(named), { code: 'ENOENT' }, 'nothing is written')
  t.equal(await command(['drain', 'edge-amz'], { isNew: true }), 0)
  t.equal(await command(['auto', 'edge-amz']), 0, 'what was said of it can be taken back')
  t.same(written(named), ['edge-amz auto'])
  await t.rejects(command(['auto', 'edge-amx']), { code: 'WISSEL_NO_TARGET' })
})

t.test('a configuration that is not usable at this moment keeps nobody from draining a target', async (t) => {
  const { named, command, written } = stage(t, { ...COMPLETE, 'services/tv.yaml': 'service: [', 'targets/more.yaml': 'targets: [{ id: more, host: 7 }]\n' })
  await command(['drain', 'more'])
  t.same(written(named), ['more drain'])
})

t.test('without a configuration any id passes, with a warning', async (t) => {
  const { directory, command, given, written, said } = stage(t)
  const here = process.cwd()
  t.teardown(() => process.chdir(here))
  process.chdir(directory)
  t.equal(await command(['drain', 'some'], { directory: undefined, stateDirectory: given }), 0)
  t.same(written(given), ['some drain'])
  t.match(said(), /warning: config cannot be read, so it is not known whether there is such a target/)
})

t.test('a directory that is given and is not there is a mistake', async (t) => {
  const { directory, command, given } = stage(t)
  await t.rejects(command(['drain', 'edge-ams'], { directory: join(directory, 'nowhere'), stateDirectory: given }), { code: 'WISSEL_CONFIG_UNREADABLE' })
  await t.rejects(command(['drain', 'edge-ams'], { stateDirectory: join(directory, 'nowhere') }), { code: 'WISSEL_OVERRIDES', message: /nowhere cannot be written \(ENOENT\); no router has run/ })
})
