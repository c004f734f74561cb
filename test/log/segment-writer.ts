/**
 * A process that decides for as long as it lives: a decision log with segments, and on standard output, now and then,
 * how many decisions there were, of how many the log has written lines, and how many of those the disk has taken. It
 * stops as planned on SIGTERM. Run by `kill.test.ts`.
 */
import { DecisionLog } from '../../src/log/decision-log.ts'
import type { SetTimer } from '../../src/log/sinks/sink.ts'
import { parseLine } from '../../src/log/segments/lines.ts'
import { DISK } from '../../src/log/segments/segment-io.ts'
import type { SegmentIo } from '../../src/log/segments/segment-io.ts'
import { SegmentSink } from '../../src/log/sinks/segments.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { WORLD, factsOf, redirectTo } from './decisions.ts'

const [directory = '', boot = '00000000', windowMs = '100'] = process.argv.slice(2)
const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
const [service] = WORLD.services
const [target] = WORLD.targets
if (service === undefined || target === undefined) throw new Error('the world is too small')
const decision = redirectTo(service, target)
let taken = 0
const io: SegmentIo = {
  ...DISK,
  open: async (path, flags) => {
    const file = await DISK.open(path, flags)
    const write: typeof file.write = async (buffer, offset, length, position) => {
      const result = await file.write(buffer, offset, length, position)
      for (const line of buffer.toString('utf8', offset, offset + result.bytesWritten).split('\n').map(parseLine)) if (line.kind === 'record') taken += line.record.n
      return result
    }
    return {
      write, stat: () => file.stat(), read: (...given) => file.read(...given), truncate: (length) => file.truncate(length),
      datasync: () => file.datasync(), close: () => file.close(),
    }
  },
}
// A slow disk is waited for: what it costs is another test's.
const sink = new SegmentSink({ directory, writer: { router: 'ams-1', boot }, setTimer, now: () => Date.now(), segmentBytes: 1 << 20, closeMs: 120_000, io })
const log = new DecisionLog({ sinks: [sink], router: 'ams-1', setTimer, windowMs: Number(windowMs) })

let i = 0
const work = setInterval(() => {
  for (let n = 0; n < 100; n++) log.add(factsOf(decision, { content: `title-${i++ % 200}` as ContentId, now: Date.now() }))
  process.stdout.write(`${log.decided} ${log.recorded} ${taken}\n`)
}, 5)
process.on('SIGTERM', () => {
  clearInterval(work)
  void log.close().then(() => process.stdout.write(`closed ${log.decided}\n`))
})
