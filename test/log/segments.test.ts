import { appendFileSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { accountsOf, verifyLog } from '../../src/cli/log.ts'
import type { ContentId } from '../../src/privacy/values.ts'
import { DISK } from '../../src/log/segments/segment-io.ts'
import { prune } from '../../src/log/segments/tidy.ts'
import { settle } from './clock.ts'
import { NOW, WORLD, facts, factsOf, redirectTo } from './decisions.ts'
import { SegmentDisk, until } from './segment-disk.ts'

const [omroep] = WORLD.services
const [fra] = WORLD.targets
if (!omroep || !fra) throw new Error('the world is too small')
const toFra = redirectTo(omroep, fra)
const titled = (i: number) => factsOf(toFra, { content: `title-${i}` as ContentId })

function disk(t: { teardown(run: () => void): unknown }): SegmentDisk {
  const made = new SegmentDisk()
  t.teardown(() => made.remove())
  return made
}

/** So many records, each on the disk before the next one is given. */
async function write(d: SegmentDisk, log: ReturnType<SegmentDisk['log']>, records: number): Promise<void> {
  for (let i = 0; i < records; i++) {
    log.add(titled(i))
    log.flush()
    await d.records(i + 1)
  }
}

t.test('a segment is a header, records, a mark after each window and an end; then it gets its final name', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink())
  for (let i = 0; i < 5; i++) log.add(factsOf(toFra))
  d.clock.advance(1000)
  await until(() => d.files.length === 1 && d.lines.length === 3)
  t.match(d.files[0], /^20260301T2031Z-ams-1-4f2a9c01-0-00000001\.open$/)
  log.add(factsOf(toFra))
  await log.close()
  t.match(d.files, [/^20260301T2031Z-ams-1-4f2a9c01-0-00000001\.ndjson$/])
  t.same(d.lines.map(({ kind }) => kind), ['segment', 'record', 'mark', 'record', 'mark', 'end'])
  t.match(await d.account(), { decided: 6, recorded: 6, dropped: 0, lost: 0, expired: 0, end: 'stopped', problems: [] })
})

t.test('a writer that decided nothing leaves no file', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink())
  await log.close()
  t.notOk(existsSync(d.directory))
})

t.test('decided = recorded + dropped, and the files say so, whatever the disk does', async () => {
  const faults = fc.constantFrom('none', 'none', 'none', 'full', 'room', 'readOnly', 'works')
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.array(facts, { maxLength: 6 }), faults, fc.nat(900)), { minLength: 1, maxLength: 12 }), fc.constantFrom(900, 4000, 1 << 20), async (windows, maxBytes) => {
    const d = new SegmentDisk()
    try {
      const sink = d.sink({ maxBytes, segmentBytes: 2000, segmentMs: 2500, budgetBytes: 1 << 30 })
      const log = d.log(sink, { maxDistinct: 8 })
      for (const [given, fault, room] of windows) {
        if (fault === 'full') d.room = 0
        if (fault === 'room') d.room = room
        if (fault === 'readOnly') d.readOnly = true
        if (fault === 'works') [d.room, d.readOnly] = [Infinity, false]
        for (const each of given) log.add(each)
        d.clock.advance(1000)
        await settle()
      }
      ;[d.room, d.readOnly] = [Infinity, false]
      for (let i = 0; i < 3 || d.states.length % 2 === 1 || d.inFlight > 0; i++) {
        d.clock.advance(1000)
        await settle()
      }
      await log.close()
      if (log.decided === 0) return true
      const account = await d.account()
      const whole = account.problems.length === 0 && account.lost === 0 && account.end === 'stopped' && account.decided === log.decided
      if (sink.deleted > 0) return whole && account.expired + account.recorded + account.dropped === log.decided
      return whole && account.recorded + account.dropped === log.decided && account.dropped === log.dropped + sink.dropped
    } finally {
      d.remove()
    }
  }), { numRuns: 100 })
})

t.test('a full disk costs the newest records, which a gap counts, and is used again by itself', async (t) => {
  const d = disk(t)
  const sink = d.sink({ maxBytes: 3000 })
  const log = d.log(sink)
  log.add(titled(0))
  log.flush()
  await until(() => d.lines.length === 3)
  d.room = 100
  for (let i = 1; i < 100; i++) {
    log.add(titled(i))
    log.flush()
  }
  await until(() => d.states.length === 1)
  t.ok(sink.dropped > 80, 'memory is bounded')
  d.room = Infinity
  d.clock.advance(1000)
  await until(() => d.states.length === 2)
  await until(() => d.lines.some(({ kind }) => kind === 'gap'))
  t.same(d.states, ['failed ENOSPC', 'recovered ENOSPC'])
  log.add(titled(100))
  await log.close()
  t.equal(d.lines.reduce((sum, line) => sum + (line.kind === 'gap' ? line.n : 0), 0), sink.dropped, 'gaps name all of it')
  t.match(await d.account(), { decided: 101, dropped: sink.dropped, recorded: 101 - sink.dropped, lost: 0, problems: [], end: 'stopped' })
})

t.test('a disk that its own segments fill goes on with the newest records: each attempt deletes the oldest segment, or ends the only one', async (t) => {
  for (const segmentBytes of [1500, 16 << 20]) {
    const d = disk(t)
    const sink = d.sink({ segmentBytes })
    const log = d.log(sink)
    d.capacity = 12_000
    for (let i = 0; i < 60; i++) {
      log.add(titled(i))
      log.flush()
      await settle()
      d.clock.advance(1000)
    }
    await until(() => {
      d.clock.advance(1000)
      return d.lines.some((line) => line.kind === 'record' && line.record.content === 'title-59')
    })
    await log.close()
    t.ok(sink.deleted > 0)
    t.match(d.states, ['failed ENOSPC', 'recovered ENOSPC'])
    t.equal(sink.dropped, 0)
    const account = await d.account()
    t.match(account, { decided: 60, lost: 0, problems: [], end: 'stopped' })
    t.equal(account.expired + account.recorded, 60)
  }
})

t.test('a disk that hangs blocks nobody, and closing gives up in time', async (t) => {
  const d = disk(t)
  const sink = d.sink()
  const log = d.log(sink)
  d.hung = true
  log.add(titled(0))
  log.flush()
  await until(() => d.inFlight === 1)
  log.add(titled(1))
  let closed = false
  const closing = log.close().then(() => { closed = true })
  await settle()
  t.notOk(closed)
  d.clock.advance(5000)
  await closing
  t.equal(sink.dropped, 2)
  t.equal(d.mostInFlight, 1)
  d.resume()
  await settle()
})

t.test('a stop while the disk is full says in the files, and to the operator, how much is missing', async (t) => {
  for (const distinct of [3, 8]) {
    const d = disk(t)
    const abandoned: number[] = []
    const sink = d.sink({ maxBytes: 3000, onAbandoned: (decisions) => abandoned.push(decisions) })
    const log = d.log(sink, { maxDistinct: distinct })
    log.add(titled(0))
    log.flush()
    await d.records(1)
    // The block of the writer's file is all that can be freed, and less than a record's line is left.
    await until(() => d.inFlight === 0)
    d.capacity = d.files.reduce((sum, file) => sum + d.text(file).length, 4096) + 10
    for (let i = 1; i < 100; i++) {
      log.add(titled(i))
      if (i % 5 === 0) log.flush()
    }
    await until(() => d.states.length === 1)
    await log.close()
    t.ok(sink.dropped > 0)
    t.same(abandoned, [sink.dropped])
    const account = await d.account()
    t.match(account, { decided: 100, lost: 0, problems: [], end: 'stopped' })
    t.equal(account.dropped, log.dropped + sink.dropped)
    t.equal(account.recorded + account.dropped, 100)
    t.same(d.files.map((file) => file.endsWith('.ndjson')), [true])
  }
})

t.test('a stop on a disk that never took a line says how much is missing, in the block that was kept', async (t) => {
  const d = disk(t)
  d.capacity = 4096 + 10
  const log = d.log(d.sink())
  for (let i = 0; i < 20; i++) log.add(titled(i))
  await log.close()
  t.match(await d.account(), { decided: 20, recorded: 0, dropped: 20, lost: 0, problems: [], end: 'stopped' })
})

t.test('a stop that could not write a line more is not said to be whole', async (t) => {
  const d = disk(t)
  const abandoned: number[] = []
  const sink = d.sink({ onAbandoned: (decisions) => abandoned.push(decisions) })
  const log = d.log(sink)
  d.room = 0
  for (let i = 0; i < 5; i++) log.add(titled(i))
  await log.close()
  t.same(abandoned, [5])
  d.room = Infinity
  const next = d.sink({ writer: { router: 'ams-1', boot: 'ffffffff' } })
  next.start()
  await until(() => next.repaired === 1)
  await next.close()
  t.same(d.lines, [{ kind: 'cut' }])
  t.match(await d.account(), { end: 'killed', problems: [] })
  const said: string[] = []
  await verifyLog(d.directory, { json: false, out: (text) => said.push(text) })
  t.match(said.join(''), /what it had in memory is missing/)
  t.match(said.join(''), /every decision that the files know of/)
})

t.test('closing twice is closing once', async (t) => {
  const d = disk(t)
  const sink = d.sink()
  const log = d.log(sink)
  log.add(titled(0))
  await Promise.all([log.close(), sink.close()])
  await sink.close()
  t.match(await d.account(), { recorded: 1, segments: 1, end: 'stopped' })
})

t.test('a segment ends by size and by age, and the next one goes on where it ended', async (t) => {
  const d = disk(t)
  let closed = 0
  const log = d.log(d.sink({ segmentBytes: 1000, segmentMs: 60_000, onClosed: () => closed++ }))
  await write(d, log, 10)
  await until(() => d.files.length >= 3)
  log.add(titled(10))
  log.flush()
  await d.records(11)
  d.clock.advance(60_000)
  await until(() => !d.files.some((file) => file.endsWith('.open')))
  t.ok(closed >= 3, 'nothing waits for the next record')
  await log.close()
  t.match(await d.account(), { decided: 11, recorded: 11, lost: 0, problems: [], end: 'stopped' })
})

t.test('the budget holds: the oldest closed segments go, and the first that is left tells what they held', async (t) => {
  const d = disk(t)
  const sink = d.sink({ segmentBytes: 600, budgetBytes: 280_000 })
  const log = d.log(sink)
  for (let i = 0; i < 60; i++) {
    for (let j = 0; j < 20; j++) log.add(titled(i * 20 + j))
    log.flush()
    await settle()
  }
  await log.close()
  const bytes = d.files.reduce((sum, file) => sum + d.text(file).length, 0)
  t.ok(bytes <= 280_000)
  t.ok(sink.deleted > 0)
  const account = await d.account()
  t.match(account, { decided: 1200, lost: 0, problems: [], end: 'stopped' })
  t.equal(account.expired + account.recorded, 1200)
})

t.test('a small budget holds with the one that is written to, and the segment closed last is there to be shipped', async (t) => {
  const budgetBytes = 1 << 18
  const d = disk(t)
  const shippable: boolean[] = []
  let peak = 0
  const sink = d.sink({ budgetBytes, onClosed: () => shippable.push(d.files.some((file) => file.endsWith('.ndjson'))) })
  const log = d.log(sink)
  for (let i = 0; i < 120; i++) {
    for (let j = 0; j < 20; j++) log.add(titled(i * 20 + j))
    log.flush()
    await settle()
    peak = Math.max(peak, d.files.reduce((sum, file) => sum + d.text(file).length, 0))
  }
  await until(() => sink.deleted > 0 && d.lines.some((line) => line.kind === 'record' && line.record.content === 'title-2399'))
  t.ok(peak <= budgetBytes, `${peak} of ${budgetBytes}`)
  t.ok(shippable.length > 3)
  t.notOk(shippable.includes(false))
  await log.close()
  t.ok(d.files.length > 2)
  t.match(await d.account(), { decided: 2400, lost: 0, problems: [], end: 'stopped' })
})

t.test('a segment that is larger than the budget is left until the next one is closed', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink({ budgetBytes: 100, segmentBytes: 1 << 20 }))
  log.add(titled(0))
  await log.close()
  t.match(await d.account(), { recorded: 1, expired: 0, end: 'stopped' })
})

t.test('what is older than it is kept goes, though there is room', async (t) => {
  const d = disk(t)
  const sink = d.sink({ segmentMs: 1000, keepMs: 3_600_000 })
  const log = d.log(sink)
  log.add(titled(0))
  log.flush()
  await d.records(1)
  d.clock.advance(1000)
  await until(() => d.files.some((file) => file.endsWith('ndjson')))
  d.clock.advance(3_700_000)
  log.add(titled(1))
  log.flush()
  await until(() => sink.deleted === 1)
  await log.close()
  t.match(await d.account(), { expired: 1, recorded: 1, decided: 2, problems: [] })
})

t.test('a segment that cannot be deleted is not counted as deleted, and the next one goes', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink({ segmentBytes: 500 }))
  await write(d, log, 3)
  await log.close()
  const [first = '', second = ''] = d.files
  const unlink = async (path: string) => {
    if (path.endsWith(first)) throw Object.assign(new Error('denied'), { code: 'EACCES' })
    await DISK.unlink(path)
  }
  const bytes = d.text(second).length
  const budget = d.files.reduce((sum, file) => sum + d.text(file).length, 0) - 1
  t.same(await prune({ ...DISK, unlink }, d.directory, { budget, reserve: 0, before: 0 }), { segments: 1, bytes })
  t.ok(d.files.includes(first))
  t.notOk(d.files.includes(second))
})

t.test('after a clock that was ahead was set right, the newest records are the ones that stay', async (t) => {
  const hour = 3_600_000
  const rows: [ahead: number, tight: boolean, left: string[]][] = [
    [8760 * hour, false, ['bbbbbbbb', 'bbbbbbbb', 'bbbbbbbb']],
    [5 * hour, false, ['bbbbbbbb', 'bbbbbbbb', 'bbbbbbbb', 'aaaaaaaa', 'aaaaaaaa', 'aaaaaaaa']],
    [5 * hour, true, ['bbbbbbbb', 'bbbbbbbb', 'bbbbbbbb']],
    [120_000, true, ['bbbbbbbb', 'bbbbbbbb', 'bbbbbbbb']],
  ]
  for (const [ahead, tight, left] of rows) {
    const d = disk(t)
    let clock = NOW + ahead
    const write = async (boot: string) => {
      const log = d.log(d.sink({ now: () => clock, writer: { router: 'ams-1', boot }, segmentBytes: 500 }))
      for (let i = 0; i < 2; i++) {
        log.add(titled(i))
        log.flush()
        await until(() => d.files.filter((file) => file.includes(boot) && file.endsWith('.ndjson')).length > i)
      }
      await log.close()
    }
    await write('aaaaaaaa')
    clock = NOW
    await write('bbbbbbbb')
    const budget = tight ? d.files.reduce((sum, file) => sum + (file.includes('bbbbbbbb') ? d.text(file).length : 0), 0) : 1 << 30
    await prune(DISK, d.directory, { budget, reserve: 0, before: NOW - 72 * hour, now: NOW })
    t.same(d.files.map((file) => /[ab]{8}/.exec(file)?.[0]), left, `${ahead / hour} hours ahead, a budget of ${budget} bytes`)
  }
})

t.test('what is too old goes, and what a killed process left open is closed, at the start and each minute, though nobody comes', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink())
  log.add(titled(0))
  await log.close()
  writeFileSync(join(d.directory, '20260301T2031Z-ams-1-dddddddd-0-00000001.open'), '{"segment":1,"writer":"ams-1-dddddddd-0","seq":1,"decided":0,"recorded":0,"dropped":0}\n')
  let closed = 0
  const next = d.sink({ writer: { router: 'ams-1', boot: 'ffffffff' }, keepMs: 3_600_000, onClosed: () => closed++ })
  next.start()
  await until(() => next.repaired === 1)
  t.equal(closed, 1, 'it can be shipped')
  t.equal(d.files.length, 2)
  await until(() => {
    d.clock.advance(60_000)
    return next.deleted === 2
  })
  t.ok(d.clock.now > 3_600_000)
  t.same(d.files, [])
  await next.close()
})

t.test('tidying that nobody asked for makes no directory', async (t) => {
  const d = disk(t)
  const sink = d.sink()
  sink.start()
  await until(() => d.clock.waiting === 1)
  t.notOk(existsSync(d.directory))
  await sink.close()
  t.equal(d.clock.waiting, 0)
})

t.test('a segment that a killed process left open is closed at the start, without its torn last line', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink())
  for (let i = 0; i < 3; i++) {
    log.add(titled(i))
    log.flush()
  }
  await until(() => d.files.length === 1 && d.lines.length === 7)
  const [left = ''] = d.files
  appendFileSync(join(d.directory, left), '{"v":1,"t":"2026')
  const next = d.sink({ writer: { router: 'ams-1', boot: 'ffffffff' } })
  const nextLog = d.log(next)
  nextLog.add(titled(9))
  await nextLog.close()
  t.equal(next.repaired, 1)
  t.notOk(d.files.some((file) => file.endsWith('.open')))
  t.match(d.text(left.replace('.open', '.ndjson')), /\n\{"cut":true\}\n$/)
  t.match(await d.account(), { decided: 3, recorded: 3, lost: 0, problems: [], end: 'killed' })
  await log.close()
})

t.test('the segments of another thread of the same process are left alone', async (t) => {
  const d = disk(t)
  const first = d.log(d.sink({ writer: { router: 'ams-1', boot: '4f2a9c01', thread: 0 } }))
  const sink = d.sink({ writer: { router: 'ams-1', boot: '4f2a9c01', thread: 1 } })
  const second = d.log(sink)
  first.add(titled(0))
  first.flush()
  await until(() => d.files.length === 1)
  second.add(titled(1))
  await second.close()
  first.add(titled(2))
  await first.close()
  t.equal(sink.repaired, 0)
  t.same((await accountsOf(d.directory)).map(({ recorded, end, problems }) => [recorded, end, problems]), [[2, 'stopped', []], [1, 'stopped', []]])
})

t.test('a directory that is deleted costs what was in it, which the next header shows', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink())
  log.add(titled(0))
  log.flush()
  await d.records(1)
  log.add(titled(1))
  log.flush()
  await d.records(2)
  rmSync(d.directory, { recursive: true })
  d.clock.advance(60_000)
  await until(() => d.states.length === 1)
  for (let i = 2; i < 6; i++) {
    log.add(titled(i))
    log.flush()
    d.clock.advance(1000)
    await settle()
  }
  // As often as the disk needs: a slow one has not yet failed when the next attempt would be due.
  await until(() => {
    d.clock.advance(1000)
    return d.lines.length > 0
  })
  await log.close()
  t.same(d.states, ['failed ENOENT', 'recovered ENOENT'])
  const account = await d.account()
  t.equal(account.decided, 6)
  t.equal(account.expired + account.recorded, 6)
})

t.test('what somebody takes out, adds or reorders shows', async (t) => {
  const make = async () => {
    const d = disk(t)
    const log = d.log(d.sink({ segmentBytes: 1500 }))
    await write(d, log, 12)
    await log.close()
    return d
  }
  const rows: [string, (path: string, files: string[]) => void][] = [
    ['a record is taken out', (path) => edit(path, (lines) => lines.toSpliced(1, 1))],
    ['a record is there twice', (path) => edit(path, (lines) => lines.toSpliced(1, 0, lines[1] ?? ''))],
    ['a count is changed', (path) => edit(path, (lines) => lines.with(1, (lines[1] ?? '').replace('"n":1', '"n":2')))],
    ['a line is something else', (path) => edit(path, (lines) => lines.toSpliced(1, 0, '{"ip":"192.0.2.1"}'))],
    ['a header is gone', (path) => edit(path, (lines) => lines.slice(1))],
    ['the end is cut off', (path) => truncateSync(path, readFileSync(path).length - 20)],
    ['a segment in the middle is gone', (path) => unlinkSync(path)],
    ['the last lines are gone', (path) => edit(path, (lines) => lines.slice(0, -1))],
    ['all lines are gone', (path) => writeFileSync(path, '')],
  ]
  for (const [name, spoil] of rows) {
    const d = await make()
    const file = d.files[1] ?? ''
    spoil(join(d.directory, file), d.files)
    const { problems, lost } = await d.account()
    t.ok(problems.length > 0, name)
    if (name === 'a record is taken out') t.equal(lost, 1)
    const said: string[] = []
    t.equal(await verifyLog(d.directory, { json: false, out: (text) => said.push(text) }), 1)
    t.match(said.join(''), /does not add up/)
    t.notMatch(said.join(''), /192\.0\.2/)
  }
})

function edit(path: string, change: (lines: string[]) => string[]): void {
  writeFileSync(path, `${change(readFileSync(path, 'utf8').split('\n').slice(0, -1)).join('\n')}\n`)
}

t.test('wissel log verify prints a row per writer, and exits with 0 where all add up', async (t) => {
  const d = disk(t)
  const said: string[] = []
  for (const boot of ['4f2a9c01', '4f2a9c02']) {
    const log = d.log(d.sink({ writer: { router: 'ams-1', boot } }))
    for (let i = 0; i < 3; i++) log.add(titled(i))
    await log.close()
  }
  t.equal(await verifyLog(d.directory, { json: false, out: (text) => said.push(text) }), 0)
  t.match(said.join(''), /ams-1-4f2a9c01-0 +3 +3 +0 +0 +0 {2}stopped as planned\n/)
  t.match(said.join(''), /all +6 +6 +0 +0 +0\nadds up/)
  said.length = 0
  t.equal(await verifyLog(d.directory, { json: true, out: (text) => said.push(text) }), 0)
  t.match(JSON.parse(said.join('')), { adds: true, writers: [{ recorded: 3 }, { recorded: 3 }] })
  t.equal(await verifyLog(d.root, { json: false, out: () => undefined }), 1, 'a directory without segments proves nothing')
  await t.rejects(verifyLog(join(d.root, 'nowhere'), { json: false, out: () => undefined }), { code: 'WISSEL_USAGE' })
})

t.test('a segment whose first line is just being written adds up', async (t) => {
  const d = disk(t)
  const sink = d.sink()
  // The writer's file comes first.
  d.room = 4096 + 20
  const log = d.log(sink)
  log.add(titled(0))
  log.flush()
  await until(() => d.states.length === 1)
  t.equal(d.text(d.files[0] ?? ''), '{"segment":1,"writer')
  t.match(await d.account(), { end: 'running', problems: [] })
  d.room = Infinity
  await log.close()
})

t.test('segments that are closed or deleted while they are verified are found again', async (t) => {
  const rows: [string, (d: SegmentDisk) => void, object][] = [
    ['one is closed', (d) => renameSync(join(d.directory, d.files[2] ?? ''), join(d.directory, (d.files[2] ?? '').replace('.open', '.ndjson'))), { expired: 0, recorded: 3, segments: 3, problems: [] }],
    ['the oldest is deleted', (d) => unlinkSync(join(d.directory, d.files[0] ?? '')), { expired: 1, recorded: 2, segments: 2, problems: [] }],
    ['all are deleted', (d) => { for (const file of d.files) unlinkSync(join(d.directory, file)) }, {}],
  ]
  for (const [name, change, expected] of rows) {
    const d = disk(t)
    const log = d.log(d.sink({ segmentBytes: 500 }))
    await write(d, log, 3)
    await log.close()
    renameSync(join(d.directory, d.files[2] ?? ''), join(d.directory, (d.files[2] ?? '').replace('.ndjson', '.open')))
    for (const file of d.files.slice(3)) unlinkSync(join(d.directory, file))
    let listed = 0
    const accounts = await accountsOf(d.directory, (directory) => {
      const files = readdirSync(directory)
      // Once its writer is known, between listing and reading.
      if (++listed === 2) change(d)
      return Promise.resolve(files)
    })
    if (name === 'all are deleted') t.same(accounts, [], name)
    else t.match(accounts, [expected], name)
  }
  await t.rejects(accountsOf(disk(t).root, () => Promise.resolve(['20260301T2031Z-ams-1-4f2a9c01-0-00000001.ndjson'])), { code: 'WISSEL_USAGE' }, 'not for ever')
})

t.test('strict windows are written in random order, which depends on the chance alone and not on who came first', async (t) => {
  const write = async (order: readonly number[], seed: number) => {
    const d = disk(t)
    let state = seed
    const log = d.log(d.sink(), { windowMs: 60_000, shuffle: () => (state = (state * 16807) % 2147483647) / 2147483647 })
    for (const i of order) log.add(titled(i))
    d.clock.advance(59_999)
    await settle()
    t.throws(() => readdirSync(d.directory), 'nothing before the minute is over')
    await log.close()
    return d.lines.flatMap((line) => (line.kind === 'record' ? [line.record.content] : []))
  }
  const order = Array.from({ length: 20 }, (_, i) => i)
  const [forward, backward, other] = [await write(order, 7), await write(order.toReversed(), 7), await write(order, 8)]
  t.same(forward, backward)
  t.notSame(forward, other)
  t.notSame(forward, forward.toSorted())
  t.same(new Set(forward).size, 20)
})

t.test('no line of a segment tells more of the time than the minute', async (t) => {
  const d = disk(t)
  const log = d.log(d.sink())
  log.add(factsOf(toFra, { now: NOW + 12_345 }))
  await log.close()
  t.notMatch(d.files.join() + d.files.map((file) => d.text(file)).join(''), /12[.,]?345|20:31:|2031\d/)
})
