// What a router keeps for its next start makes that one quicker, and nothing else.
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ask, demoConfig, start } from './running.ts'
import type { Running } from './running.ts'

const { directory, remove } = await demoConfig()
t.teardown(remove)
const compiled = join(directory, 'var', 'compiled')
const VIEWERS = ['193.99.144.80', '212.27.48.10', '8.8.8.8', '2001:db8::1']

/** Where each of some viewers is sent. */
async function answers(router: Running): Promise<(string | undefined)[]> {
  const sent: (string | undefined)[] = []
  for (const viewer of VIEWERS) sent.push((await ask(`${router.public}/demo/live/master.m3u8`, { headers: { 'X-Forwarded-For': viewer } })).headers.location)
  return sent
}

t.test('a start, another one, and one that finds what was kept damaged all answer the same', async (t) => {
  const first = await start(directory, [])
  const expected = await answers(first)
  t.ok(new Set(expected).size > 1, 'viewers of several countries are told apart')
  await first.stop()
  t.same(readdirSync(compiled).sort(), ['documents', 'geo'])
  const written = () => ['documents', 'geo'].map((name) => statSync(join(compiled, name)).ino)
  const files = written()

  const second = await start(directory, [])
  t.same(await answers(second), expected)
  await second.stop()
  t.same(written(), files, 'nothing was read or compiled anew, so nothing was written')

  for (const name of ['documents', 'geo']) {
    const bytes = readFileSync(join(compiled, name))
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(join(compiled, name), bytes)
  }
  const third = await start(directory, [])
  t.same(await answers(third), expected)
  await third.stop()
  t.notSame(written(), files, 'what was damaged was made anew')
  t.notMatch(third.stderr(), /"level":"(warn|error)"/)
})

t.test('a change while the router runs is kept as well', async (t) => {
  const router = await start(directory, [])
  const before = readFileSync(join(compiled, 'documents'))
  const file = join(directory, 'services', 'demo.yaml')
  writeFileSync(file, `${readFileSync(file, 'utf8')}# changed\n`)
  const applied = router.said(/snapshot_applied[^]*snapshot_applied/)
  router.child.kill('SIGHUP')
  await applied
  await router.stop()
  t.notOk(before.equals(readFileSync(join(compiled, 'documents'))))
})

t.test('what a killed router left half-written is swept away once nobody can be writing it', async (t) => {
  const hour = Date.now() / 1000 - 3600
  for (const [name, old] of [['.geo.1.0a.part', true], ['.documents.1.0b.part', false]] as const) {
    writeFileSync(join(compiled, name), 'half')
    if (old) utimesSync(join(compiled, name), hour, hour)
  }
  const router = await start(directory, [])
  await router.stop()
  t.same(readdirSync(compiled).sort(), ['.documents.1.0b.part', 'documents', 'geo'])
})

t.test('where nothing can be kept the router says so and answers', async (t) => {
  const state = join(directory, 'blocked')
  mkdirSync(state)
  writeFileSync(join(state, 'compiled'), 'in the way')
  const router = await start(directory, ['--state-dir', state])
  await router.said(/"event":"start_not_kept"[^\n]*"code":"E[A-Z]+"/)
  t.ok((await answers(router)).every((location) => location !== undefined))
  t.equal(await router.stop(), 0)
})

t.test('a router that is killed need not compile its own code again', async (t) => {
  const cache = join(directory, 'code')
  const router = await start(directory, [], { environment: { NODE_COMPILE_CACHE: cache } })
  const gone = once(router.child, 'exit')
  // The thread that answers operators has written it by then.
  t.equal((await ask(`${router.admin}/livez`)).status, 200)
  router.child.kill('SIGKILL')
  await gone
  t.ok(readdirSync(cache, { recursive: true }).length > 200)
})
