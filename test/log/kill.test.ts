import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { accountsOf } from '../../src/cli/log.ts'
import { SegmentSink } from '../../src/log/sinks/segments.ts'
import { Clock } from './clock.ts'

const WINDOW_MS = 100
const RUNS = 3

/** Starts a writer, lets it decide until the disk has taken a few windows, and ends it. Resolves with what it said last. */
async function ended(directory: string, boot: string, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'segment-writer.ts'), directory, boot, String(WINDOW_MS)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let closed: number | undefined
  let [decided, recorded, taken] = [0, 0, 0]
  /** The most that was ever decided and not yet recorded: what a window held. */
  let most = 0
  const lines = createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('closed ')) closed = Number(line.slice(7))
    else [decided = 0, recorded = 0, taken = 0] = line.split(' ').map(Number)
    most = Math.max(most, decided - recorded)
    if (taken > 3000 && !child.killed) child.kill(signal)
  })
  await once(lines, 'close')
  return { decided, most, late: recorded - taken, closed }
}

function folder(t: { teardown(run: () => void): unknown }): string {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-kill-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

t.test('a process that is told to stop loses nothing', async (t) => {
  const directory = folder(t)
  for (let run = 0; run < RUNS; run++) {
    const boot = `0000000${run}`
    const { closed } = await ended(directory, boot, 'SIGTERM')
    const account = (await accountsOf(directory)).find(({ writer }) => writer.includes(boot))
    t.match(account, { decided: closed, recorded: closed, dropped: 0, lost: 0, end: 'stopped', problems: [] })
  }
})

t.test('one that is killed loses at most what a window held, and what is left adds up', async (t) => {
  const directory = folder(t)
  for (let run = 0; run < RUNS; run++) {
    const boot = `0000000${run}`
    const { decided, most, late } = await ended(directory, boot, 'SIGKILL')
    // The next start repairs what is there.
    const next = new SegmentSink({ directory, writer: { router: 'ams-1', boot: `1000000${run}` }, setTimer: new Clock().setTimer, now: () => Date.now() })
    next.account({ decided: 1, dropped: 1 })
    await next.close()
    t.equal(next.repaired, 1)
    const account = (await accountsOf(directory)).find(({ writer }) => writer.includes(boot))
    t.match(account, { dropped: 0, lost: 0, end: 'killed', problems: [] })
    const lost = decided - (account?.recorded ?? 0)
    t.ok(lost <= most + late, `${lost} of ${decided} were lost; a window held ${most}, and the disk had yet to take ${late}`)
  }
})

t.test('a router on the same directory leaves alone what one that lives writes', async (t) => {
  const directory = folder(t)
  const child = spawn(process.execPath, [join(import.meta.dirname, 'segment-writer.ts'), directory, '4f2a9c01', String(WINDOW_MS)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const other = new SegmentSink({ directory, writer: { router: 'ams-1', boot: 'ffffffff' }, setTimer: new Clock().setTimer, now: () => Date.now() })
  let more = 0
  const lines = createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('closed ')) return
    const [, , taken = 0] = line.split(' ').map(Number)
    if (taken > 1000 && more++ === 0) other.account({ decided: 1, dropped: 1 })
    if (taken > 3000 && !child.killed && readdirSync(directory).some((file) => file.includes('ffffffff') && !file.endsWith('.writer'))) child.kill('SIGTERM')
  })
  await once(lines, 'close')
  await other.close()
  t.equal(other.repaired, 0)
  t.match((await accountsOf(directory)).map(({ end, problems, lost }) => ({ end, problems, lost })), [{ end: 'stopped', problems: [], lost: 0 }, { end: 'stopped', problems: [], lost: 0 }])
  t.same(readdirSync(directory).filter((file) => !file.endsWith('.ndjson')), [])
})
