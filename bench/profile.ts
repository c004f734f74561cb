/**
 * Where a server spends its time under load: `node bench/profile.ts [SUBJECT] [SECONDS]`. Prints the functions that took
 * most processor time themselves, after the server is warm: their share of a sampling profile of its main thread, times
 * the processor time of a request. `(program)` is the system and Node's native code.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { table } from './measure.ts'
import { cpuOf, load, startSubject, withStage } from './server.ts'
import { RECORDING, SUBJECTS } from './subjects.ts'

interface Profile {
  readonly nodes: readonly { readonly id: number, readonly callFrame: { readonly functionName: string, readonly url: string, readonly lineNumber: number } }[]
  readonly samples: readonly number[]
}

const SHOWN = 60
const WARM_SECONDS = 4

const [name = 'wissel', seconds = '6'] = process.argv.slice(2)
const subject = [...SUBJECTS, ...RECORDING].find((known) => known === name)
if (subject === undefined) throw new Error(`${name} is none of ${[...SUBJECTS, ...RECORDING].join(', ')}`)

await withStage(async (stage) => {
  const file = join(stage.directory, 'profile.json')
  process.env['WISSEL_BENCH_PROFILE'] = file
  const { child, port } = await startSubject(subject, stage, { flags: ['--import', join(import.meta.dirname, 'profiled.ts')], threads: 0 })
  await load(port, WARM_SECONDS, stage)
  const before = await cpuOf(child)
  const { requests } = await load(port, Number(seconds), stage)
  const cpu = ((await cpuOf(child)) - before) / requests
  // The profile is written before the process looks at its parent again.
  await cpuOf(child)
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
  const profile = JSON.parse(await readFile(file, 'utf8')) as Profile
  process.stdout.write(`${subject}: ${cpu.toFixed(1)} µs a request, with the profiler's own cost\n\n${report(profile, cpu)}`)
})

function report({ nodes, samples }: Profile, cpu: number): string {
  const names = new Map(nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [id, `${functionName.slice(0, 60) || '(anonymous)'} ${url.replace(/^.*\/(src|bench|node_modules)\//, '$1/')}:${lineNumber + 1}`]))
  const counts = new Map<string, number>()
  let busy = 0
  for (const id of samples) {
    const where = names.get(id) ?? ''
    if (where.startsWith('(idle)')) continue
    busy++
    counts.set(where, (counts.get(where) ?? 0) + 1)
  }
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, SHOWN)
  return table(['function', 'µs a request'], most.map(([where, count]) => [where, ((count / busy) * cpu).toFixed(2)]))
}
