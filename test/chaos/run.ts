/**
 * What a router does while everything behind it fails. One line for each case: name, result, figure, and the same load
 * without the fault. Words on the command line choose the cases whose names hold one of them.
 */
import { perform } from './case.ts'
import type { Result } from './case.ts'
import type { Figures } from './load.ts'
import { diskCases } from './disk-cases.ts'
import { healthCases } from './health-cases.ts'
import { networkCases } from './network-cases.ts'
import { redisCases } from './redis-cases.ts'
import { REDIS_ABSENT } from '../state/redis-server.ts'

const words = process.argv.slice(2)
const cases = [...redisCases, ...networkCases, ...diskCases, ...healthCases].filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))

const load = ({ requests, errors, p50, p99 }: Figures) => `${errors} errors of ${requests}, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`

function line(name: string, { passed, figure, baseline, faulted, megabytesBefore, megabytesAfter }: Result): string {
  const ratio = baseline.p99 === 0 ? '-' : (faulted.p99 / baseline.p99).toFixed(2)
  return `${name}: ${passed ? 'pass' : 'FAIL'}: ${figure}; ${load(faulted)}, ${megabytesAfter.toFixed(0)} MB; baseline ${load(baseline)}, ${megabytesBefore.toFixed(0)} MB; p99 ratio ${ratio}`
}

if (REDIS_ABSENT !== false) {
  process.stdout.write(`nothing was run: ${REDIS_ABSENT}\n`)
  process.exitCode = 1
} else {
  let failed = 0
  for (const each of cases) {
    const result = await perform(each)
    if (!result.passed) failed++
    process.stdout.write(`${line(each.name, result)}\n`)
  }
  process.stdout.write(`${cases.length - failed} cases passed, ${failed} failed\n`)
  process.exitCode = failed > 0 || cases.length === 0 ? 1 : 0
}
