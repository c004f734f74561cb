/** The race's part of `RESULTS.md`. */
import { spread, table, tell } from '../measure.ts'
import type { Spread } from '../measure.ts'
import { CONNECTIONS, PATHS } from '../server.ts'
import type { Contestant } from './contestant.ts'
import type { IdleCost } from './idle.ts'
import { LOADS } from './measure.ts'
import type { Load, Run } from './measure.ts'
import { nginx } from './nginx.ts'

export interface Found {
  /** Those that took part, each with a run for every round, so that the runs of a round have one index. */
  readonly runs: ReadonlyMap<Contestant, readonly Run[]>
  readonly idle: ReadonlyMap<Contestant, IdleCost>
}

export const LOAD_NAMES: Readonly<Record<Load, string>> = {
  keep: 'Kept connections',
  close: 'One connection per request',
  swap: 'Kept connections, a swap every second',
  flap: 'Kept connections, a swap and other health every second',
}

/** What Wissel aims at, embedded and with its records, as multiples; the start in milliseconds. */
const AIMS = { keep: 1.15, close: 1.3, swapP99: 1.5, ready: 1000 } as const

const NONE = '–'
const told = (values: readonly number[], digits: number) => (values.length === 0 ? NONE : tell(spread(values), digits))

/** Processor time per request as a multiple of the first contestant's in the same round. */
export function ratios({ runs }: Found, contestant: Contestant, load: Load): number[] {
  const [base] = [...runs.values()]
  return (runs.get(contestant) ?? []).flatMap(({ laps }, round) => {
    const [own, other] = [laps[load]?.cpu, base?.[round]?.laps[load]?.cpu]
    return own === undefined || other === undefined ? [] : [own / other]
  })
}

export function cpus({ runs }: Found, contestant: Contestant, load: Load): number[] {
  return (runs.get(contestant) ?? []).flatMap(({ laps }) => laps[load]?.cpu ?? [])
}

/** @param judged the contestant that the aims are set for */
export function report(found: Found, missing: readonly string[], judged: Contestant, seconds: number): string {
  const [first] = [...found.runs.keys()]
  const rounds = [...found.runs.values()][0]?.length ?? 0
  return [
    '## The race\n',
    '![Processor time per request](race.svg)\n',
    `${PATHS} paths, twelve headers a request as a browser's through a proxy, IPv4 and IPv6 addresses in \`X-Forwarded-For\`, ${CONNECTIONS} connections, no pipelining; load by \`wrk\`, as fast as it is answered.`,
    'Every contestant reads the same country database and gives the same status, `Location` and headers; its first answers are checked, and those after the last swap.',
    `One at a time, started anew for every round, which begins with another one each time. Rounds: ${rounds}, a load takes ${seconds} s. Processor time is user and system of all processes of the contestant.`,
    `Against ${first?.name ?? ''} is within the same round. Median, with the least and the most of all rounds.\n`,
    ...LOADS.map((load) => section(found, load)),
    'Failed requests got no answer: their connection was closed under them. A latency here is that of a server under all the load that it can take, so it follows from the rate.\n',
    `### What else it takes\n\n${others(found)}`,
    `### Aims\n\n${aims(found, judged)}`,
    '### Who takes part\n',
    ...[...found.runs.keys()].map(({ name, does, swaps }) => `- **${name}.** ${does} ${swaps === undefined ? 'It has nothing to swap.' : `A swap: ${swaps}.`}`),
    ...missing.map((text) => `- Missing: ${text}.`),
    '',
  ].join('\n')
}

function section(found: Found, load: Load): string {
  const rows = [...found.runs].flatMap(([contestant, runs]) => {
    const laps = runs.flatMap(({ laps }) => laps[load] ?? [])
    if (laps.length === 0) return []
    const helpers = laps.some((lap) => lap.helpers > 0) ? `, + ${told(laps.map((lap) => lap.helpers), 2)} beside it` : ''
    return [[
      contestant.name + helpers,
      told(laps.map(({ cpu }) => cpu), 1),
      told(ratios(found, contestant, load), 2),
      told(laps.map(({ requests, seconds }) => requests / seconds), 0),
      ...(['p50', 'p99', 'p999'] as const).map((key) => told(laps.map((lap) => lap[key] / 1000), 2)),
      told(laps.map(({ errors, requests }) => (errors / requests) * 1e6), 0),
    ]]
  })
  const [first] = [...found.runs.keys()]
  return `### ${LOAD_NAMES[load]}\n\n${table(['', 'CPU, µs a request', `against ${first?.name ?? ''}`, 'requests/s', 'p50, ms', 'p99, ms', 'p99.9, ms', 'failed of a million'], rows)}`
}

function others({ runs, idle }: Found): string {
  const rows = [...runs].map(([contestant, all]) => {
    const cost = idle.get(contestant)
    return [
      contestant.name,
      told(all.map(({ ready }) => ready), 0),
      told(all.map(({ readyAgain }) => readyAgain), 0),
      told(all.map(({ memory }) => memory / 1024), 0),
      contestant.swaps === undefined ? NONE : told(all.map(({ memorySwapping }) => memorySwapping / 1024), 0),
      told(slowed(all, 'swap'), 2),
      told(slowed(all, 'flap'), 2),
      cost === undefined ? NONE : `${(cost.each / 1024).toFixed(1)} (${cost.connections} open)`,
    ]
  })
  return table(['', 'first start to ready, ms', 'started again, ms', 'peak memory, MiB', '… with swaps', 'p99 with swaps / without', '… and with flapping health', 'an idle connection, KiB'], rows)
    + '\nMemory is the peak of each process, added up, so what processes share counts more than once. An idle connection has had an answer; what the kernel keeps for it is not in it, and what a load before has left free is used first.\n'
}

function slowed(runs: readonly Run[], load: 'swap' | 'flap'): number[] {
  return runs.flatMap(({ laps }) => {
    const [swapping, keep] = [laps[load], laps.keep]
    return keep === undefined || swapping === undefined ? [] : [swapping.p99 / keep.p99]
  })
}

function aims(found: Found, judged: Contestant): string {
  const runs = found.runs.get(judged) ?? []
  const row = (what: string, values: readonly number[], aim: number, digits: number) => {
    const middle: Spread | undefined = values.length === 0 ? undefined : spread(values)
    return [what, String(aim), told(values, digits), middle === undefined ? NONE : middle.median <= aim ? 'met' : 'not met']
  }
  // The aims are set against nginx; without it the ratios are to somebody else.
  const against = (load: Load) => (found.runs.has(nginx) ? ratios(found, judged, load) : [])
  return table([`${judged.name}, at most`, 'aim', 'found', ''], [
    row('CPU against nginx, kept connections', against('keep'), AIMS.keep, 2),
    row('CPU against nginx, one connection per request', against('close'), AIMS.close, 2),
    row('p99 with a swap every second against without', slowed(runs, 'swap'), AIMS.swapP99, 2),
    row('first start to ready with the country database, ms', runs.map(({ ready }) => ready), AIMS.ready, 0),
    row('started again, ms', runs.map(({ readyAgain }) => readyAgain), AIMS.ready, 0),
  ])
}
