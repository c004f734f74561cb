import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { openConsumption } from '../../src/app/consumption.ts'
import type { ConsumptionOptions } from '../../src/app/consumption.ts'
import { OperatorLog } from '../../src/log/operator-log.ts'
import { bucketOf } from '../../src/usage/usage.ts'
import { snapshot } from '../http/tiny-snapshot.ts'
import { Clock } from '../log/clock.ts'
import { until } from '../log/segment-disk.ts'

/** 2026-03-01T20:33:00Z */
const NOW = Date.UTC(2026, 2, 1, 20, 33)
const MINUTE = 60_000
const BUCKET = 5 * MINUTE

async function opened(t: Test, path = 'usage.ndjson', open?: ConsumptionOptions['open']) {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-consumption-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'token'), 'a-token-for-reports-of-usage\n')
  const clock = new Clock()
  const said: string[] = []
  const now = () => NOW + clock.now
  const messages = new OperatorLog({ write: (line) => void said.push((JSON.parse(line) as { event: string }).event), now, router: 'ams-1' })
  const [target] = snapshot.targets
  const targets = target === undefined ? [] : Array.from({ length: 60 }, (_, i) => ({ ...target, id: `edge-${i}` }))
  const consumption = await openConsumption({ tokenFile: 'token', path }, { directory, setTimer: clock.setTimer, now, messages, snapshot: () => ({ ...snapshot, targets }), ...(open === undefined ? {} : { open }) })
  t.teardown(() => consumption.close())
  return {
    clock, consumption, directory, said,
    /** The status of a report that one target makes of so many buckets, the newest ago so long. */
    post: (ago: number, { target = 'edge-0', service = 'play', count = 1 } = {}) => consumption.report(JSON.stringify({
      v: 1, buckets: Array.from({ length: count }, (_, i) => ({ t: bucketOf(now() - ago - i * BUCKET), service, target, bytes: 5, requests: 1 })),
    })).status,
    lines: () => {
      try {
        return readFileSync(join(directory, path), 'utf8').split('\n').slice(0, -1)
      } catch {
        return []
      }
    },
  }
}

t.test('a bucket is in the file within a second of its end, or of a report that comes later', async (t) => {
  const { clock, post, lines } = await opened(t)
  t.equal(post(60 * MINUTE), 202)
  t.equal(post(0), 202)
  clock.advance(1000)
  await until(() => lines().length > 0)
  t.match(lines(), [/"t":"2026-03-01T19:30Z"/])
  clock.advance(2 * MINUTE - 2000)
  t.equal(lines().length, 1, 'the other one is not over')
  clock.advance(2000)
  await until(() => lines().length > 1)
  t.match(lines(), [/./, /"t":"2026-03-01T20:30Z"/])
})

t.test('what was answered with 202 while the disk failed is in the file afterwards, and what has no room is refused', async (t) => {
  const { clock, consumption, post, lines, directory, said } = await opened(t, 'later/usage.ndjson')
  let taken = 0
  const some = (i: number) => {
    const count = 1800
    const status = post(BUCKET, { target: `edge-${i % 60}`, service: i < 60 ? 'play' : 'demo', count })
    if (status === 202) taken += count
    return status
  }
  some(0)
  clock.advance(1000)
  await until(() => said.includes('sink_failed'))
  const statuses = Array.from({ length: 70 }, (_, i) => {
    clock.advance(1000)
    return some(i + 1)
  })
  t.same([...new Set(statuses)], [202, 503])
  mkdirSync(join(directory, 'later'))
  await until(() => {
    clock.advance(1000)
    return said.includes('sink_recovered')
  })
  await consumption.close()
  t.equal(lines().length, taken)
  t.notOk(said.includes('records_dropped'))
})

t.test('a disk that failed while nothing waited for it is tried again with the next row', async (t) => {
  let close = true
  const { clock, consumption, post, lines, said } = await opened(t, undefined, async (path) => {
    const file = await openFile(path, 'a+')
    return {
      stat: () => file.stat(),
      read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
      write: (buffer, offset, length) => file.write(buffer, offset, length),
      truncate: (length) => file.truncate(length),
      datasync: () => file.datasync(),
      close: async () => {
        await file.close()
        if (!close) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      },
    }
  })
  post(BUCKET)
  clock.advance(1000)
  await until(() => lines().length === 1)
  close = false
  consumption.reopen()
  await until(() => said.includes('sink_failed'))
  close = true
  for (const target of ['edge-1', 'edge-2', 'edge-3']) post(BUCKET, { target })
  clock.advance(1000)
  await until(() => said.includes('sink_recovered'))
  clock.advance(1000)
  await until(() => lines().length === 4)
  t.notOk(said.includes('records_dropped'))
})

t.test('a router that ends writes what it took and takes nothing more', async (t) => {
  const { consumption, post, lines } = await opened(t)
  t.equal(post(0), 202)
  const closed = consumption.close()
  t.equal(post(0), 503)
  await closed
  t.equal(lines().length, 1)
})
