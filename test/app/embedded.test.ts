// The configuration directory of a router without Redis: what is read of it, and when.
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { embeddedSource } from '../../src/app/embedded.ts'
import { OperatorLog } from '../../src/log/operator-log.ts'
import { DocumentMemory } from '../../src/policy/document.ts'
import type { Snapshot } from '../../src/routing/model.ts'
import { NO_REQUESTS } from '../../src/stats/request-counts.ts'
import { Metrics } from '../../src/stats/metrics.ts'
import { bundle, NOW, SERVICE } from '../policy/base.ts'

async function embedded(t: Test, more: Readonly<Record<string, string>> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'wissel-embedded-'))
  t.teardown(() => rm(root, { recursive: true }))
  const directory = join(root, 'config')
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  for (const { path, text } of bundle(more).files) await write(path, text)
  const applied: Snapshot[] = []
  let onBuilding: () => void = () => undefined
  const memory = new (class extends DocumentMemory {
    override turn(): void {
      super.turn()
      onBuilding()
    }
  })()
  const lines: string[] = []
  let tick: () => Promise<void> = () => Promise.reject(new Error('nothing runs'))
  const source = embeddedSource({
    directory, stateDirectory: join(root, 'var'), router: 'ams-1', reloadMs: 2000, now: () => NOW, memory,
    messages: new OperatorLog({ write: (line) => lines.push(line), now: () => NOW, router: 'ams-1' }),
    metrics: new Metrics({ now: () => NOW, requests: () => NO_REQUESTS, snapshotReasons: ['crashed', 'invalid'], process: false }),
    apply: (snapshot) => applied.push(snapshot),
    every: (run) => {
      tick = run
      return () => undefined
    },
  })
  await source.start()
  t.teardown(() => source.close())
  /** What decides: whether the service has a policy and a fence, and how many services there are. */
  const decides = () => {
    const latest = applied.at(-1)
    const service = latest?.ids.get('tv')
    return `${service?.policy?.id ?? 'no policy'}, ${service?.fence === undefined ? 'no fence' : 'a fence'}, ${latest?.services.length ?? 0}`
  }
  return { source, applied, lines, write, decides, tick: () => tick(), building: () => new Promise<void>((resolve) => (onBuilding = resolve)), append: (path: string, text: string) => appendFile(join(directory, path), text) }
}

t.test('a change is taken at the second look at which it is the same, and at once when somebody asks', async (t) => {
  const { source, applied, write, decides, tick } = await embedded(t)
  t.equal(decides(), 'eu-only, no fence, 1')
  await tick()
  await write('services/tv.yaml', `${SERVICE}fence: { allow: [NL] }\n`)
  await tick()
  t.equal(applied.length, 1)
  await tick()
  t.equal(decides(), 'eu-only, a fence, 1')
  await tick()
  t.equal(applied.length, 2)
  await write('services/tv.yaml', SERVICE)
  t.ok(await source.look())
  t.equal(decides(), 'eu-only, no fence, 1')
})

t.test('half of a file is no configuration, though it looks like one', async (t) => {
  const { applied, write, append, decides, tick } = await embedded(t)
  const [head, tail] = [SERVICE.replace(/^jurisdiction.*\n/m, ''), 'jurisdiction: eu-only\nfence: { allow: [NL] }\n']
  await tick()
  await write('services/tv.yaml', head)
  await tick()
  await append('services/tv.yaml', tail)
  await tick()
  t.equal(applied.length, 1)
  await tick()
  t.equal(applied.length, 2)
  t.equal(decides(), 'eu-only, a fence, 1')
})

t.test('what was written back while the change was being built is what runs in the end', async (t) => {
  // To read them takes a while, where they are others than before.
  const many = (end: string) => ['tv', ...Array.from({ length: 1500 }, (_, i) => `tv-${i}`)].map((id) => `${SERVICE.replace('service: tv', `service: ${id}`).replace('play.tv', `play.${id}`)}${end}`).join('---\n')
  const { source, applied, write, decides, building } = await embedded(t, { 'services/tv.yaml': many('') })
  await write('services/tv.yaml', many('fence: { allow: [NL] }\n'))
  const begun = building()
  const first = source.look()
  await begun
  await write('services/tv.yaml', many(''))
  await Promise.all([first, source.look()])
  t.equal(decides(), 'eu-only, no fence, 1501')
  t.equal(applied.length, 3)
})

t.test('what threads died of is not taken again, until the files say something else', async (t) => {
  const { source, applied, lines, write, decides, tick } = await embedded(t)
  await write('services/tv.yaml', `${SERVICE}fence: { allow: [NL] }\n`)
  await source.look()
  t.ok(source.takeBack())
  t.equal(decides(), 'eu-only, no fence, 1')
  const count = applied.length
  for (let i = 0; i < 3; i++) {
    t.notOk(await source.look())
    await tick()
  }
  t.equal(applied.length, count)
  t.equal(lines.filter((line) => line.includes('"crashed"')).length, 4, 'once, and whenever somebody asks')
  await write('services/tv.yaml', `${SERVICE}fence: { allow: [BE] }\n`)
  t.ok(await source.look())
  t.equal(decides(), 'eu-only, a fence, 1')
})
