/**
 * `npm run bench:race`: what others would configure against Wissel, in about ten minutes, printed and written to its part
 * of `RESULTS.md` and to `race.svg`. `npm run bench:race -- --quick`: one short round within a minute, printed only.
 * `--only NAME,NAME` races some of them, printed only. Linux, with `wrk`.
 */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isPresent, machine, pinned } from '../machine.ts'
import { writeSection } from '../results.ts'
import { chart } from './chart.ts'
import type { Contestant } from './contestant.ts'
import { CONTESTANTS } from './contestants.ts'
import { idleConnections, measureIdle } from './idle.ts'
import type { IdleCost } from './idle.ts'
import { measure } from './measure.ts'
import type { Run } from './measure.ts'
import { endAllWithUs } from './processes.ts'
import { report } from './report.ts'
import { withRace } from './stage.ts'

/** Seconds after a plan's limit: whatever still runs then hangs, or the machine is too busy to race on. */
const PATIENCE = 120

interface Plan {
  readonly rounds: number
  readonly warm: number
  readonly lap: number
  /** Idle connections that are wanted of each. */
  readonly idle: number
  /** Seconds in which a further round, and then the idle connections, must be over. */
  readonly limit: number
}

const FULL: Plan = { rounds: 5, warm: 6, lap: 3, idle: 20_000, limit: 640 }
const QUICK: Plan = { rounds: 1, warm: 2, lap: 2, idle: 1000, limit: 50 }
/** Seconds that the idle connections of one contestant take. */
const IDLE_SECONDS = 7

const { values: { quick, only } } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
const plan = quick ? QUICK : FULL

if (process.platform !== 'linux' || !isPresent('wrk')) {
  process.stderr.write('the race needs Linux, which tells what processes take, and wrk: another load would measure itself\n')
  process.exit(1)
}
endAllWithUs()
const facts = machine()
const started = performance.now()
setTimeout(() => {
  process.stderr.write('the race takes too long, and is ended\n')
  process.exit(1)
}, (plan.limit + PATIENCE) * 1000).unref()
// The load's core is ours too: on the servers' we would lengthen what they answer in.
const [pin, pinArgs] = pinned('load', 'true', [])
if (pin === 'taskset') spawnSync(pin, ['-p', ...pinArgs.slice(0, 2), String(process.pid)], { stdio: 'ignore' })

const absent = (contestant: Contestant) => contestant.missing()
const wanted = CONTESTANTS.filter(({ name }) => only === undefined || only.split(',').includes(name))
const racing = wanted.filter((contestant) => absent(contestant) === undefined)
const missing = wanted.flatMap((contestant) => absent(contestant) ?? [])
const judged = CONTESTANTS.find(({ name }) => name === 'Wissel')
if (racing.length === 0 || judged === undefined) throw new Error(`nobody to race: ${missing.join(', ')}`)

await withRace(async (stage) => {
  const runs = new Map<Contestant, Run[]>(racing.map((contestant) => [contestant, []]))
  const until = started + (plan.limit - racing.length * (quick ? 2 : IDLE_SECONDS)) * 1000
  let longest = 0
  for (let round = 0; round === 0 || (round < plan.rounds && performance.now() + longest < until); round++) {
    const began = performance.now()
    for (const i of racing.keys()) {
      const contestant = racing[(round + i) % racing.length]
      if (contestant === undefined) continue
      const run = await measure(contestant, stage, plan)
      runs.get(contestant)?.push(run)
      process.stderr.write(`round ${round + 1}, ${contestant.name}: ${(run.laps.keep?.cpu ?? 0).toFixed(1)} µs a request\n`)
    }
    longest = Math.max(longest, performance.now() - began)
  }
  const idle = new Map<Contestant, IdleCost>()
  for (const contestant of racing) idle.set(contestant, await measureIdle(contestant, stage, idleConnections(plan.idle)))

  const found = { runs, idle }
  const minutes = ((performance.now() - started) / 60_000).toFixed(1)
  const text = `Written by \`npm run bench:race\`${quick ? ' -- --quick' : ''} on ${new Date().toISOString().slice(0, 10)}, in ${minutes} minutes.\n\n${facts}.\n\n${report(found, missing, judged, plan.lap)}`
  process.stdout.write(text)
  if (quick || only !== undefined) return
  await writeSection('race', text)
  await writeFile(join(import.meta.dirname, '../race.svg'), chart(found, ({ name }) => name.startsWith('Wissel')))
})
process.exit()
