/**
 * Runs the tests with tap and ends with one line: `N passed, N failed, N skipped`. Assertions are counted, not files.
 * On CI a skipped one is a failure: what is not run there is run nowhere.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const counts = { passed: 0, failed: 0, skipped: 0 }

/** A subtest that is open: its own closing line is a summary, unless nothing in it failed but it did. */
interface Subtest {
  readonly name: string
  readonly failedBefore: number
}

const open = new Map<number, Subtest>()
let failing = false

function read(line: string): void {
  const subtest = /^( *)# Subtest: (.*)$/.exec(line)
  if (subtest !== null) {
    open.set(subtest[1]?.length ?? 0, { name: subtest[2] ?? '', failedBefore: counts.failed })
    return
  }
  const result = /^( *)(not )?ok \d+(.*)$/.exec(line)
  if (result === null) {
    if (failing) process.stdout.write(`${line}\n`)
    return
  }
  const [, indent = '', not, rest = ''] = result
  const closing = open.get(indent.length)
  open.delete(indent.length)
  failing = false
  if (/ # (SKIP|TODO)\b/i.test(rest)) {
    counts.skipped++
    process.stdout.write(`skipped${rest}\n`)
  } else if (not !== undefined) {
    failing = closing === undefined || counts.failed === closing.failedBefore
    if (failing) counts.failed++
    process.stdout.write(`${line}\n`)
  } else if (closing === undefined) counts.passed++
  else if (indent === '') process.stdout.write(`ok${rest}\n`)
}

const tap = spawn('tap', ['--reporter=tap', ...process.argv.slice(2)], { stdio: ['ignore', 'pipe', 'inherit'] })
createInterface({ input: tap.stdout }).on('line', read)
tap.once('close', (code) => {
  if (code !== 0 && counts.failed === 0) {
    process.stdout.write(`tap ended with ${String(code)} and no failed test\n`)
    counts.failed++
  }
  const bad = counts.failed > 0 || counts.passed === 0 || (process.env['CI'] !== undefined && counts.skipped > 0)
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
  process.exitCode = bad ? 1 : 0
})
