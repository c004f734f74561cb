// Real threads in a real router: what they answer together, what one of them dying costs, and a snapshot that kills them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { overrideFile } from '../../src/app/override-files.ts'
import { accountsOf } from '../../src/cli/log.ts'
import { targetCommand } from '../../src/cli/target.ts'
import { ask, demoConfig, replaceFile, root, start } from './running.ts'
import type { Running } from './running.ts'

/**
 * Runs in every thread of the router. One of those that answer players dies when the file is there; all die of a second
 * snapshot when the other file is.
 */
const murder = (one: string, all: string) => `
import { isMainThread, parentPort } from 'node:worker_threads'
import { existsSync, unlinkSync } from 'node:fs'
if (!isMainThread && parentPort !== null) {
  setInterval(() => {
    try { unlinkSync(${JSON.stringify(one)}) } catch { return }
    setImmediate(() => { throw new TypeError('secret of a viewer') })
  }, 20).unref()
  const waiting = setInterval(() => {
    if (parentPort.listenerCount('message') === 0) return
    clearInterval(waiting)
    parentPort.on('message', (message) => {
      if (message.kind === 'world' && existsSync(${JSON.stringify(all)})) process.exit(1)
    })
  }, 1).unref()
}
`

interface Stage {
  readonly router: Running
  readonly directory: string
  readonly one: string
  readonly all: string
}

async function stage(t: Test, threads: number): Promise<Stage> {
  const { directory, remove } = await demoConfig()
  const [one, all] = [join(directory, 'kill-one'), join(directory, 'kill-all')]
  const settings = join(directory, 'wissel.yaml')
  writeFileSync(settings, readFileSync(settings, 'utf8').replace('type: stdout', 'type: segments\n      directory: records'))
  const router = await start(directory, ['--demo', '--threads', String(threads)], { preload: murder(one, all) })
  t.teardown(async () => {
    if (router.child.exitCode === null) await router.stop()
    remove()
  })
  return { router, directory, one, all }
}

/** Requests on connections of their own, so that the system spreads them over the threads. */
async function viewers(router: Running, count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => ask(`${router.public}/demo/live/master.m3u8`, { headers: { 'X-Forwarded-For': `80.101.${i}.1` } }).then(({ status }) => status, () => 0)))
}

async function metric(router: Running, name: string): Promise<number> {
  const { body } = await ask(`${router.admin}/metrics`)
  return body.split('\n').filter((line) => line.startsWith(name)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

for (const threads of [0, 1, 2]) {
  t.test(`with ${threads} threads every decision is counted and on record after a planned stop`, async (t) => {
    const { router, directory } = await stage(t, threads)
    t.ok((await viewers(router, 60)).every((status) => status === 302))
    t.equal(await metric(router, 'wissel_decisions_total{'), 60)
    t.equal(await metric(router, 'wissel_decision_duration_seconds_count'), 60)
    t.equal(await metric(router, 'wissel_threads '), Math.max(1, threads))
    t.equal(await router.stop(), 0)
    const [account] = await accountsOf(join(directory, 'records'))
    t.match(account, { decided: 60, recorded: 60, dropped: 0, lost: 0, problems: [] })
  })
}

t.test('an operator\'s word on a target reaches every thread', async (t) => {
  const { router, directory } = await stage(t, 2)
  const where = async () => new Set((await Promise.all(Array.from({ length: 30 }, () => ask(`${router.public}/demo/live/master.m3u8`, { headers: { 'X-Forwarded-For': '193.99.144.80' } })))).map(({ headers }) => headers.location))
  const before = await where()
  t.equal(before.size, 1, 'one title is on one target, whatever thread is asked')
  const { body } = await ask(`${router.admin}/explain?ip=193.99.144.80&url=${encodeURIComponent(`${router.public}/demo/live/master.m3u8`)}`)
  const { location, target } = JSON.parse(body) as { location: string, target: string }
  t.same([...before], [location])
  const state = join(directory, 'var')
  await targetCommand({ words: ['down', target], for: undefined, why: undefined, who: 'a test', now: Date.now(), out: () => undefined, store: overrideFile(state) })
  await router.said(/"override_changed"/)
  t.notOk((await where()).has(location))
})

t.test('a thread that dies costs its own connections; it is replaced, and what is lost shows', async (t) => {
  const { router, directory, one } = await stage(t, 2)
  await viewers(router, 40)
  writeFileSync(one, '')
  await router.said(/"event":"thread_died"/)
  const meanwhile = await viewers(router, 20)
  t.ok(meanwhile.every((status) => status === 302), 'the other one answers')
  while ((await metric(router, 'wissel_threads ')) < 2) await new Promise((resolve) => setTimeout(resolve, 50))
  t.ok((await viewers(router, 40)).every((status) => status === 302))
  t.equal(await metric(router, 'wissel_thread_deaths_total'), 1)
  t.match(router.stderr(), /"event":"thread_died".*"reason":"typeerror"/)
  t.notMatch(router.stderr() + router.stdout(), /secret/)
  t.equal(await router.stop(), 0)
  const [account] = await accountsOf(join(directory, 'records'))
  const lost = account?.lost ?? 0
  t.same(account?.problems.length, lost === 0 ? 0 : 1, 'what is lost is a problem, and nothing else is')
  t.equal(account?.decided, 100)
  t.equal((account?.recorded ?? 0) + lost, 100)
  t.ok(lost <= 40, 'no more than the window of the thread that died')
})

t.test('a snapshot that threads die of is refused, and the former one decides again', async (t) => {
  const { router, directory, all } = await stage(t, 2)
  const decides = async () => (JSON.parse((await ask(`${router.admin}/snapshot`)).body) as { snapshot: string }).snapshot
  const before = await decides()
  writeFileSync(all, '')
  const file = join(directory, 'services', 'demo.yaml')
  replaceFile(file, `${readFileSync(file, 'utf8')}\n# another version\n`)
  await router.said(/"event":"snapshot_refused".*"reason":"crashed"/)
  unlinkSync(all)
  while ((await metric(router, 'wissel_threads ')) < 2) await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(await decides(), before)
  while (!(await viewers(router, 20)).every((status) => status === 302)) await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(await metric(router, 'wissel_snapshot_refused_total{reason="crashed"}'), 1)
})

t.test('two routers do not share a port by mistake, however many threads they have', async (t) => {
  const { router, directory } = await stage(t, 2)
  const second = spawn(join(root, 'bin', 'wissel'), ['serve', '--config', directory, '--listen', new URL(router.public).host, '--admin', '127.0.0.1:0', '--threads', '2', '--state-dir', join(directory, 'other')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  second.stderr.on('data', (data: Buffer) => (err += data.toString()))
  const [status] = await once(second, 'close')
  t.equal(status, 1)
  t.match(err, /cannot listen on .*EADDRINUSE/)
})

t.test('where a processor is short, those that answer players come before the rest of the router', { skip: process.platform !== 'linux' && 'priorities are a thread\'s own on Linux alone' }, async (t) => {
  const { router } = await stage(t, 2)
  const { pid = 0 } = router.child
  /** Name and niceness, which is the 19th field (proc_pid_stat(5)). */
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => {
    const [, name = '', rest = ''] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8')) ?? []
    return { id: Number(id), name, nice: Number(rest.split(' ')[16]) }
  })
  const main = threads.find(({ id }) => id === pid)
  const players = threads.filter(({ name }) => name === 'players')
  t.equal(players.length, 2)
  for (const { nice } of players) t.equal((main?.nice ?? 0) - nice, 5)
})
