/** What a second thread brings: the same router with one and with two, both free to use all cores, loaded in turn. */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { spread, table, tell } from './measure.ts'
import { cpuOf, load, startSubject, withStage } from './server.ts'

const THREADS = [1, 2] as const

export interface Scaling {
  readonly threads: number
  /** Of each round: requests a second, and microseconds of processor time per request. */
  readonly rates: readonly number[]
  readonly cpu: readonly number[]
}

export async function measureThreads({ rounds, until, warmSeconds, seconds }: { readonly rounds: number, readonly until: number, readonly warmSeconds: number, readonly seconds: number }): Promise<Scaling[]> {
  return withStage(async (stage) => {
    const servers = []
    try {
      for (const threads of THREADS) servers.push({ threads, ...(await startSubject('wissel', stage, { threads, free: true })), rates: [] as number[], cpu: [] as number[] })
      for (const { port } of servers) await load(port, warmSeconds, stage)
      for (let round = 0; round === 0 || (round < rounds && performance.now() < until); round++) {
        for (const { child, port, rates, cpu } of round % 2 === 0 ? servers : servers.toReversed()) {
          const before = await cpuOf(child)
          const result = await load(port, seconds, stage)
          cpu.push(((await cpuOf(child)) - before) / result.requests)
          rates.push(result.requests / result.seconds)
        }
      }
      return servers.map(({ threads, rates, cpu }) => ({ threads, rates, cpu }))
    } finally {
      for (const { child } of servers) {
        const ended = once(child, 'exit')
        child.disconnect()
        await ended
      }
    }
  })
}

export function reportThreads(found: readonly Scaling[]): string {
  const [one, two] = found
  const gain = spread((two?.rates ?? []).map((rate, round) => rate / (one?.rates[round] ?? Number.NaN)))
  return [
    '## Threads\n',
    `The whole router with records into a file, not pinned; the load has one of the ${availableParallelism()} cores, shared with the router where that has more threads. Rounds: ${one?.rates.length ?? 0}.\n`,
    table(['threads', 'requests/s', 'CPU, µs a request'], found.map(({ threads, rates, cpu }) => [String(threads), tell(spread(rates)), tell(spread(cpu), 1)])),
    `From one to two: ${tell(gain, 2)} times the requests, round by round.\n`,
  ].join('\n')
}
