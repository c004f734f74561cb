import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseDuration, targetCommand } from '../../src/cli/target.ts'
import { MirroredOverrides, OVERRIDES_FILE, OverrideFile, OverrideFileError } from '../../src/health/override-file.ts'
import type { OverrideFiles } from '../../src/health/override-file.ts'
import { Commands, forgotten, KEPT_MS, isInForce, isOverride, pruned, readOverrides, record } from '../../src/health/overrides.ts'
import type { Override, OverrideStore } from '../../src/health/overrides.ts'
import { ADMIN_STATES } from '../../src/routing/model.ts'
import { fileIO, replaceFile } from '../../src/state/durable-file.ts'

const files: OverrideFiles = { read: fileIO.read, replace: (directory, name, bytes) => replaceFile(fileIO, directory, name, [bytes]) }

function drain(target: string, when: number, rest: Partial<Override> = {}): Override {
  return { target, state: 'drain', who: 'anna', when, ...rest }
}

async function directory(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'wissel-overrides-')), 'state')
}

t.test('the latest command of a target counts, whatever order they are found in', async () => {
  const commands = fc.array(fc.record({ target: fc.constantFrom('a', 'b'), state: fc.constantFrom(...ADMIN_STATES), who: fc.constant('anna'), when: fc.nat(1000) }))
  fc.assert(fc.property(commands, (list) => {
    const all = record(new Map(), list)
    return [...all.values()].every((one) => list.filter(({ target }) => target === one.target).every(({ when }) => when <= one.when))
      && all.size === new Set(list.map(({ target }) => target)).size
  }))
})

t.test('a command holds until its end, and auto holds nothing', async (t) => {
  t.ok(isInForce(drain('a', 0), 1e15))
  t.ok(isInForce(drain('a', 0, { until: 100 }), 99))
  t.notOk(isInForce(drain('a', 0, { until: 100 }), 100))
  t.notOk(isInForce(drain('a', 0, { state: 'auto' }), 1))
})

t.test('what came and what ended is told once', async (t) => {
  const commands = new Commands()
  const told = (now: number) => commands.update(now).map(({ command, inForce }) => `${command.target} ${command.state} ${inForce}`)
  commands.replace([drain('a', 1, { until: 100 }), drain('b', 1)])
  t.same(told(50), ['a drain true', 'b drain true'])
  t.same(told(60), [])
  commands.replace([drain('a', 1, { until: 100 }), drain('b', 2, { state: 'auto', who: 'bert' })])
  t.same(told(100), ['a drain false', 'b auto false'])
  t.match(commands.latest('b'), { who: 'bert' })
})

t.test('commands that are over are kept for a week, those in force for ever', async (t) => {
  const all = record(new Map(), [drain('a', 0), drain('b', 0, { until: 100 }), drain('c', 100, { state: 'auto' })])
  t.same([...pruned(all, 99 + KEPT_MS).keys()], ['a', 'b', 'c'])
  t.same([...pruned(all, 100 + KEPT_MS).keys()], ['a'])
})

t.test('only what is a command passes for one', async (t) => {
  t.ok(isOverride(drain('a', 1, { until: 5, why: 'disk, again' })))
  for (const wrong of [
    null, 7, [], {}, { ...drain('a', 1), state: 'off' }, { ...drain('a', 1), target: '../x' }, { ...drain('a', 1), when: '1' }, { ...drain('a', 1), until: NaN },
    { ...drain('a', 1), why: 'two\nlines' }, { ...drain('a', 1), why: 'x'.repeat(201) }, { ...drain('a', 1), who: undefined }, { ...drain('a', 1), extra: 1 }, { ...drain('a', 1), why: '\u202egnp' },
  ]) t.notOk(isOverride(wrong), JSON.stringify(wrong))
  t.throws(() => readOverrides([drain('a', 1), {}]), TypeError)
  t.throws(() => readOverrides({}), TypeError)
})

t.test('commands are in the file after a restart, written as a whole', async (t) => {
  const at = await directory()
  const file = new OverrideFile(at, files)
  t.same(await file.read(), [], 'no file, no commands')
  await file.write(drain('a', 1, { until: 1e15, why: 'disk' }))
  await file.write(drain('b', 2))
  await file.write(drain('a', 3, { state: 'auto' }))
  t.same(await new OverrideFile(at, files).read(), [drain('a', 3, { state: 'auto' }), drain('b', 2)])
  t.same(await readdir(at), [OVERRIDES_FILE], 'nothing is left beside it')
})

t.test('of several operators at the same moment none loses a command', async (t) => {
  const at = await directory()
  await Promise.all(['a', 'b', 'c'].map((id) => new OverrideFile(at, files).write(drain(id, 1)).catch(() => undefined)))
  for (const id of ['a', 'b', 'c']) await new OverrideFile(at, files).write(drain(id, 2))
  t.same((await new OverrideFile(at, files).read()).map(({ target }) => target).sort(), ['a', 'b', 'c'])
})

t.test('a file that is torn, foreign or half right is refused as a whole, and not written over', async (t) => {
  const at = await directory()
  const file = new OverrideFile(at, files)
  await file.write(drain('a', 1))
  const right = await readFile(join(at, OVERRIDES_FILE), 'utf8')
  for (const text of ['', right.slice(0, -9), '[]', '{"v":2,"overrides":[]}', '{"v":1}', right.replace('"drain"', '"off"'), '\xff']) {
    await writeFile(join(at, OVERRIDES_FILE), text, 'latin1')
    await t.rejects(file.read(), text)
    await t.rejects(file.write(drain('b', 2)), text)
    t.equal(await readFile(join(at, OVERRIDES_FILE), 'latin1'), text)
  }
})

t.test('what cannot be read or written is told with its file and why', async (t) => {
  const failing = (code: string) => async () => Promise.reject(Object.assign(new Error('no'), { code }))
  const rows: [failing: Partial<OverrideFiles>, doing: 'read' | 'written', code: string][] = [
    [{ read: failing('EACCES') }, 'read', 'EACCES'], [{ read: async () => Buffer.from('x') }, 'read', 'DAMAGED'], [{ replace: failing('EROFS') }, 'written', 'EROFS'],
    [{ read: failing('ENOENT'), replace: async () => undefined }, 'written', 'EBUSY'],
  ]
  for (const [broken, doing, code] of rows) {
    const file = new OverrideFile('/var/lib/wissel', { read: failing('ENOENT'), replace: async () => undefined, ...broken })
    await t.rejects(file.write(drain('a', 1)), { name: 'OverrideFileError', file: '/var/lib/wissel/overrides.json', doing, code } satisfies Partial<OverrideFileError>)
  }
})

t.test('a router that starts while the store is gone knows the commands from its copy', async (t) => {
  const at = await directory()
  let gone = false
  let commands = [drain('a', 1)]
  const store: OverrideStore = { read: async () => (gone ? Promise.reject(new Error('gone')) : commands), write: async () => undefined }
  const now = () => 100
  const running = new MirroredOverrides(store, new OverrideFile(at, files), now)
  t.same(await running.read(), commands)
  gone = true
  await t.rejects(running.read(), 'who knew them goes on with those')
  const started = new MirroredOverrides(store, new OverrideFile(at, files), now)
  t.same(await started.read(), [drain('a', 1)])
  gone = false
  commands = [drain('a', 2, { state: 'auto' })]
  t.same(await started.read(), commands)
  t.same(await new OverrideFile(at, files).read(), commands, 'and the copy follows')
})

t.test('a store that forgets takes no command back, before a restart nor after it', async (t) => {
  const down = drain('a', 10, { state: 'down' })
  const up = drain('b', 20, { state: 'auto' })
  const rows: [forgotten: string, now: readonly Override[], after: readonly Override[]][] = [
    ['everything', [], [down, up]],
    ['the latest', [drain('b', 5, { state: 'down' })], [down, up]],
    ['everything, and was told something new', [drain('b', 30)], [down, drain('b', 30)]],
    ['nothing, and was told another word', [drain('a', 30, { state: 'auto' }), up], [drain('a', 30, { state: 'auto' }), up]],
  ]
  for (const [forgotten, left, after] of rows) {
    const at = await directory()
    let commands: readonly Override[] = [down, up]
    const store: OverrideStore = { read: async () => commands, write: async () => undefined }
    const running = new MirroredOverrides(store, new OverrideFile(at, files), () => 100)
    await running.read()
    commands = left
    t.same(await running.read(), after, `forgot ${forgotten}`)
    t.same(await new OverrideFile(at, files).read(), after, `forgot ${forgotten}: the copy`)
    t.same(await new MirroredOverrides(store, new OverrideFile(at, files), () => 100).read(), after, `forgot ${forgotten}: a router that starts then`)
  }
})

t.test('a command counts as forgotten where whoever knows only the store would treat a target otherwise', async (t) => {
  const rows: [title: string, known: readonly Override[], stored: readonly Override[], targets: readonly string[]][] = [
    ['gone', [drain('a', 1)], [], ['a']], ['there', [drain('a', 1)], [drain('a', 1)], []], ['over', [drain('a', 1, { until: 50 })], [], []], ['taken back, and both gone', [drain('a', 1, { state: 'auto' })], [], []],
    ['taken back, and the former one is there', [drain('a', 2, { state: 'auto' })], [drain('a', 1)], ['a']], ['over, and so is the former one', [drain('a', 2, { until: 50 })], [drain('a', 1, { until: 40 })], []],
  ]
  for (const [title, known, stored, targets] of rows) t.same(forgotten(record(new Map(), known), record(new Map(), stored), 100).map(({ target }) => target), targets, title)
})

t.test('what a store forgot is forgotten here too a week after it was over', async (t) => {
  let commands: readonly Override[] = [drain('a', 0, { until: 100 }), drain('b', 0)]
  const store: OverrideStore = { read: async () => commands, write: async () => undefined }
  let now = 99 + KEPT_MS
  const mirrored = new MirroredOverrides(store, new OverrideFile(await directory(), files), () => now)
  t.equal((await mirrored.read()).length, 2)
  t.same(mirrored.forgotten, [])
  commands = []
  t.equal((await mirrored.read()).length, 2)
  t.same(mirrored.forgotten, [drain('b', 0)], 'and what of it is in force can be told')
  now++
  t.same(await mirrored.read(), [drain('b', 0)])
})

t.test('a disk that takes nothing does not keep commands from being obeyed', async (t) => {
  const full: OverrideFiles = { ...files, replace: async () => Promise.reject(new Error('full')) }
  const store: OverrideStore = { read: async () => [drain('a', 1)], write: async () => undefined }
  t.same(await new MirroredOverrides(store, new OverrideFile('/nowhere', full), () => 100).read(), [drain('a', 1)])
})

async function command(words: readonly string[], options: { for?: string; why?: string } = {}) {
  const written: Override[] = []
  let text = ''
  const store: OverrideStore = { read: async () => written, write: async (one) => void written.push(one) }
  const status = await targetCommand({ words, for: options.for, why: options.why, store, who: 'anna', now: 1_000_000, out: (more) => void (text += more) })
  return { written, text, status }
}

t.test('wissel target writes who, when, until and why', async (t) => {
  const made = await command(['drain', 'edge-ams-1'], { for: '30m', why: 'new disk' })
  t.same(made.written, [{ target: 'edge-ams-1', state: 'drain', until: 2_800_000, why: 'new disk', who: 'anna', when: 1_000_000 }])
  t.match(made.text, /edge-ams-1: drain until 1970-01-01T00:46:40/)
  t.equal(made.status, 0)
  t.same((await command(['auto', 'edge-ams-1'])).written, [{ target: 'edge-ams-1', state: 'auto', who: 'anna', when: 1_000_000 }])
})

t.test('wissel target refuses what it does not understand, and says what would be right', async (t) => {
  const rows: [words: string[], options: { for?: string; why?: string }, message: RegExp][] = [
    [[], {}, /needs one of auto, up, down, drain/], [['off', 'a'], {}, /needs one of/], [['drain'], {}, /needs the id/], [['drain', 'a', 'b'], {}, /needs the id/], [['drain', '../a'], {}, /needs the id/],
    [['drain', 'a'], { for: '30' }, /such as 30m/], [['drain', 'a'], { for: '0m' }, /such as 30m/], [['drain', 'a'], { for: '9999d' }, /up to a year/], [['auto', 'a'], { for: '3m' }, /no meaning/],
    [['drain', 'a'], { why: 'two\nlines' }, /one line/],
  ]
  for (const [words, options, message] of rows) await t.rejects(command(words, options), message, `${words.join(' ')} ${JSON.stringify(options)}`)
})

t.test('lengths of time', async (t) => {
  t.same(['1s', '90s', '30m', '2h', '7d'].map(parseDuration), [1000, 90_000, 1_800_000, 7_200_000, 604_800_000])
})
