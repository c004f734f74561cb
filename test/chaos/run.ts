/**
 * What a router does while everything behind it fails. One line for each case: name, result, figure, and how quick and
 * how large the router was beside an undisturbed one. Words on the command line choose the cases whose names hold one of them.
 */
import { perform } from './case.ts'
import type { Measured, Result } from './case.ts'
import { diskCases } from './disk-cases.ts'
import { healthCases } from './health-cases.ts'
import { networkCases } from './network-cases.ts'
import { redisCases } from './redis-cases.ts'
import { REDIS_ABSENT } from '../state/redis-server.ts'

const words = process.argv.slice(2)
const cases = [...redisCases, ...networkCases, ...diskCases, ...healthCases].filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))

function line(name: string, { passed, figure, before, during }: Result): string {
  const ratio = ({ p99, control }: Measured) => (control === undefined || control.p99 === 0 ? '-' : (p99 / control.p99).toFixed(2))
  const mb = (read: (measured: Measured) => number | undefined) => `${(read(before) ?? 0).toFixed(0)} -> ${(read(during) ?? 0).toFixed(0)} MB`
  return [
    `${name}: ${passed ? 'pass' : 'FAIL'}: ${figure}`,
    `${during.errors} errors of ${during.requests}`,
    `p99 ${during.p99.toFixed(1)} ms = ${ratio(during)} x that of an undisturbed router at the same time (${ratio(before)} x before the fault)`,
    `${mb(({ megabytes }) => megabytes)} (undisturbed ${mb(({ control }) => control?.megabytes)})`,
  ].join('; ')
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
