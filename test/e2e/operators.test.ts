// What a running router tells its operator of files: of commands that it cannot read, of settings that it goes by at
// the next start, and of what is not right in a configuration that it took.
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { ask, demoConfig, replaceFile, start } from './running.ts'

const { directory, remove } = await demoConfig()
t.teardown(remove)
const state = join(directory, 'var')
const file = join(state, 'overrides.json')
const DOWN = JSON.stringify({ v: 1, overrides: [{ target: 'edge-ams-1', state: 'down', who: 'anna', when: 1 }] })
mkdirSync(state)

async function adminState(admin: string): Promise<unknown> {
  const { targets } = JSON.parse((await ask(`${admin}/targets`)).body)
  return targets.find(({ id }: { id: string }) => id === 'edge-ams-1').adminState
}

t.test('a router that cannot know what operators forbade does not start, and says which file and why', async (t) => {
  writeFileSync(file, DOWN.slice(0, -3))
  await t.rejects(start(directory, []), /overrides\.json cannot be read \(DAMAGED\); mend the file, or delete it and give the commands anew/)
  rmSync(file)
  mkdirSync(file)
  await t.rejects(start(directory, []), /overrides\.json cannot be read \(EISDIR\)/)
  rmSync(file, { recursive: true })
})

t.test('a router that knew them goes on with what it knew, and says so once', async (t) => {
  writeFileSync(file, DOWN)
  const router = await start(directory, [])
  t.equal(await adminState(router.admin), 'down')
  const failed = router.said(/"level":"error"[^\n]*"event":"task_failed"[^\n]*"task":"overrides"[^\n]*overrides\.json"[^\n]*"code":"DAMAGED"/)
  replaceFile(file, 'x')
  await failed
  t.equal(await adminState(router.admin), 'down', 'what was forced down stays down')
  const recovered = router.said(/"event":"task_recovered","task":"overrides"/)
  replaceFile(file, DOWN.replace('"down"', '"drain"').replace('"when":1', '"when":2'))
  await recovered
  t.equal(await adminState(router.admin), 'drain')
  await router.stop()
  t.equal(router.stderr().match(/"task":"overrides"/g)?.length, 2)
})

t.test('a router whose disk never answers ends all the same', { skip: process.platform === 'linux' ? false : 'no other system has a folder that is there and can hold nothing' }, async (t) => {
  // Node tries for ever to make a folder there.
  const router = await start(directory, ['--state-dir', '/proc/no-such-state'])
  t.equal(await router.stop(), 0)
})

t.test('a command that names no target is warned of', async () => {
  const router = await start(directory, [])
  const warned = router.said(/"level":"warn"[^\n]*"event":"override_changed","target":"edge-ams-9"[^\n]*there is no such target/)
  replaceFile(file, DOWN.replace('edge-ams-1', 'edge-ams-9'))
  await warned
  await router.stop()
})

t.test('a changed wissel.yaml is told of at once by who is asked, and what runs goes on', async () => {
  const router = await start(directory, [])
  const settings = join(directory, 'wissel.yaml')
  const told = router.said(/"event":"settings_changed","file":"wissel.yaml","problem":"restart to apply maxConnections"/)
  replaceFile(settings, `${readFileSync(settings, 'utf8')}maxConnections: 77\n`)
  router.child.kill('SIGHUP')
  await told
  await router.stop()
})

/** A router that looks ten times a second, and what has it look at least five more times: commands are read once a second. */
async function lookingOften() {
  const place = await demoConfig()
  const commands = join(place.directory, '..', `${basename(place.directory)}-state`)
  mkdirSync(commands)
  t.teardown(() => {
    place.remove()
    rmSync(commands, { recursive: true })
  })
  const settings = join(place.directory, 'wissel.yaml')
  writeFileSync(settings, `${readFileSync(settings, 'utf8')}reloadSeconds: 0.1\n`)
  const router = await start(place.directory, ['--state-dir', commands])
  let drained = 0
  const passes = async () => {
    for (let i = 0; i < 2; i++) {
      const state = drained++ % 2 === 0 ? 'down' : 'drain'
      const obeyed = router.said(new RegExp(`(override_changed[^]*){${drained}}`))
      replaceFile(join(commands, 'overrides.json'), JSON.stringify({ v: 1, overrides: [{ target: 'edge-ams-1', state, who: 'anna', when: drained }] }))
      await obeyed
    }
  }
  return { directory: place.directory, router, passes }
}

t.test('a warning that comes with a change is told once', async (t) => {
  const { directory, router, passes } = await lookingOften()
  const service = join(directory, 'services', 'demo.yaml')
  const warned = router.said(/"event":"config_problem","file":"services\/demo\.yaml"[^\n]*spread/)
  const text = readFileSync(service, 'utf8')
  replaceFile(service, `${text}---\nservice: more\nhosts: [more.example]\nsteps: [{ name: own, targets: [edge-ams-1], select: failover, spread: 2 }]\n`)
  await warned
  await passes()
  const applied = router.said(/(snapshot_applied[^]*){3}/)
  writeFileSync(join(directory, 'services', 'kids.YAML'), text)
  replaceFile(service, `${readFileSync(service, 'utf8')}# more\n`)
  await applied
  await router.said(/"config_problem","file":"services\/kids\.YAML"/)
  t.equal(await router.stop(), 0)
  t.equal(router.stderr().match(/spread/g)?.length, 1, 'also where something else changes')
})

t.test('a directory that is away and a file that cannot be read are told once, by name and code', async (t) => {
  const { directory, router, passes } = await lookingOften()
  const away = router.said(/"event":"config_problem","code":"ENOENT","file":"[^"]*wissel-/)
  renameSync(directory, `${directory}.away`)
  await away
  await passes()
  const blocked = router.said(/"event":"config_problem","code":"ENOENT","file":"services\/blocked\.yaml"/)
  symlinkSync('nowhere', join(`${directory}.away`, 'services', 'blocked.yaml'))
  renameSync(`${directory}.away`, directory)
  await blocked
  await passes()
  t.equal(await router.stop(), 0)
  t.equal(router.stderr().match(/cannot be read; the running/g)?.length, 2)
})

t.test('a router whose messages nobody reads any more goes on', async (t) => {
  rmSync(file)
  const router = await start(directory, [])
  router.child.stderr?.destroy()
  replaceFile(file, DOWN)
  // It is told of as it is obeyed; a router that ended answers nobody.
  let state: unknown
  do state = await adminState(router.admin)
  while (state !== 'down')
  router.child.kill('SIGHUP')
  t.equal((await ask(`${router.admin}/livez`)).status, 200)
  t.equal(await router.stop(), 0)
})
