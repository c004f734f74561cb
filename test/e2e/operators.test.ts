// What a running router tells its operator of files: of commands that it cannot read, and of settings that it goes by at the next start.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
