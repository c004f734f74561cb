import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { linesOf } from '../../src/log/sinks/sink.ts'
import { FileSink } from '../../src/log/sinks/file.ts'
import type { FileSinkOptions } from '../../src/log/sinks/file.ts'
import type { LogFile } from '../../src/log/sinks/log-file.ts'
import { Clock, settle } from './clock.ts'
import { until } from './segment-disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'wissel-file-sink-'))
t.teardown(() => rmSync(folder, { recursive: true }))
let files = 0

/** A real file whose disk can be made full, broken or hung. */
class Disk {
  readonly path = join(folder, `${++files}.log`)
  full = false
  /** Bytes that are still written before the disk is full. */
  room = 0
  hung = false
  opened = 0
  inFlight = 0
  mostInFlight = 0
  readonly states: string[] = []
  readonly clock = new Clock()
  #resume: (() => void)[] = []

  sink(options: Partial<FileSinkOptions> = {}): FileSink {
    return new FileSink({
      path: this.path, setTimer: this.clock.setTimer, onState: (state, code) => this.states.push(`${state} ${code}`), open: (path) => this.#open(path), ...options,
    })
  }

  get text(): string {
    return readFileSync(this.path, 'utf8')
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }

  resume(): void {
    this.hung = false
    for (const run of this.#resume.splice(0)) run()
  }

  async #open(path: string): Promise<LogFile> {
    this.opened++
    const file = await open(path, 'a+')
    return {
      stat: () => file.stat(),
      read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
      truncate: (length) => file.truncate(length),
      datasync: () => file.datasync(),
      close: () => file.close(),
      write: async (buffer, offset, length) => {
        this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
        try {
          if (this.hung) await new Promise<void>((resolve) => this.#resume.push(resolve))
          if (!this.full) return await file.write(buffer, offset, length)
          const part = Math.min(length, this.room)
          this.room -= part
          if (part === 0) throw Object.assign(new Error('no space left, and a path that nobody should see'), { code: 'ENOSPC' })
          return await file.write(buffer, offset, part)
        } finally {
          this.inFlight--
        }
      },
    }
  }
}

const line = (i: number) => `{"v":1,"i":${i}}\n`
const expected = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `{"v":1,"i":${from + i}}`)

t.test('lines arrive in order, with one write in flight and one write for what came together', async (t) => {
  const disk = new Disk()
  const sink = disk.sink()
  for (let i = 0; i < 500; i++) sink.write(linesOf(line(i), [1]))
  await until(() => disk.opened === 1)
  for (let i = 500; i < 1000; i++) sink.write(linesOf(line(i), [1]))
  await sink.close()
  t.same(disk.lines, expected(0, 1000))
  t.equal(disk.mostInFlight, 1)
  t.equal(sink.dropped, 0)
})

t.test('a file is appended to, never begun anew', async (t) => {
  const disk = new Disk()
  for (let run = 0; run < 2; run++) {
    const sink = disk.sink()
    sink.write(linesOf(line(run), [1]))
    await sink.close()
  }
  t.same(disk.lines, expected(0, 2))
})

t.test('a new file is for its owner and group alone', async (t) => {
  const path = join(folder, 'default.log')
  const sink = new FileSink({ path, setTimer: new Clock().setTimer })
  sink.write(linesOf(line(0), [1]))
  await sink.close()
  t.equal(readFileSync(path, 'utf8'), line(0))
  t.equal(statSync(path).mode & 0o007, 0)
})

t.test('after a full disk has room again the sink goes on by itself, with no line lost, torn or twice', async (t) => {
  const disk = new Disk()
  const sink = disk.sink()
  sink.write(linesOf(line(0), [1]))
  await until(() => existsSync(disk.path) && disk.lines.length === 1 && disk.inFlight === 0)
  disk.full = true
  disk.room = 25
  for (let i = 1; i < 10; i++) sink.write(linesOf(line(i), [1]))
  await until(() => disk.states.length === 1)
  t.same(disk.states, ['failed ENOSPC'])
  await until(() => disk.clock.waiting === 1)
  for (let round = 0; round < 5; round++) {
    const opened = disk.opened
    disk.clock.advance(1000)
    await until(() => disk.opened > opened && disk.clock.waiting === 1)
    sink.write(linesOf(line(10 + round), [1]))
  }
  disk.full = false
  disk.clock.advance(1000)
  await until(() => disk.states.length === 2)
  await sink.close()
  t.same(disk.states, ['failed ENOSPC', 'recovered ENOSPC'])
  t.same(disk.lines, expected(0, 15))
  t.equal(sink.dropped, 0)
})

t.test('while the disk is full, memory is bounded: the newest are dropped and their decisions counted', async (t) => {
  const disk = new Disk()
  disk.full = true
  const sink = disk.sink({ maxBytes: 10 * line(0).length })
  for (let i = 0; i < 10; i++) sink.write(linesOf(line(i), [1]))
  await until(() => disk.states.length === 1 && disk.clock.waiting === 1)
  for (let i = 0; i < 1000; i++) sink.write(linesOf(line(i), [7]))
  t.equal(sink.dropped, 7000)
  disk.full = false
  disk.clock.advance(1000)
  await until(() => disk.states.length === 2)
  sink.write(linesOf(line(10), [1]))
  await sink.close()
  t.same(disk.lines, expected(0, 11))
})

t.test('a disk that hangs blocks nobody: writing returns, and closing gives up in time and counts', async (t) => {
  const disk = new Disk()
  disk.hung = true
  const sink = disk.sink({ closeMs: 5000 })
  sink.write(linesOf(line(0), [3]))
  await until(() => disk.inFlight === 1)
  sink.write(linesOf(line(1), [4]))
  let closed = false
  const closing = sink.close().then(() => { closed = true })
  await settle()
  t.notOk(closed)
  disk.clock.advance(5000)
  await closing
  t.equal(sink.dropped, 7)
  disk.resume()
})

t.test('what was on its way when closing began and failed is tried once more', async (t) => {
  const disk = new Disk()
  disk.hung = true
  const sink = disk.sink({ onState: () => { disk.full = false } })
  sink.write(linesOf(line(0), [3]))
  await until(() => disk.inFlight === 1)
  const closing = sink.close()
  disk.full = true
  disk.resume()
  await closing
  t.notOk(disk.full, 'it failed once')
  t.same(disk.lines, expected(0, 1))
  t.equal(sink.dropped, 0)
})

t.test('closing on a full disk ends at once and counts what could not be written', async (t) => {
  const disk = new Disk()
  disk.full = true
  const sink = disk.sink()
  sink.write(linesOf(line(0), [5]))
  await sink.close()
  t.equal(sink.dropped, 5)
  sink.write(linesOf(line(1), [2]))
  t.equal(sink.dropped, 7, 'after closing nothing is taken')
  t.equal(disk.clock.waiting, 0)
})

t.test('closing twice is closing once', async (t) => {
  const disk = new Disk()
  const sink = disk.sink()
  sink.write(linesOf(line(0), [1]))
  await Promise.all([sink.close(), sink.close()])
  await sink.close()
  t.same(disk.lines, expected(0, 1))
})

t.test('a file that cannot be opened is tried again', async (t) => {
  const disk = new Disk()
  let allowed = false
  const sink = disk.sink({
    open: async (path) => {
      if (!allowed) throw Object.assign(new Error('denied'), { code: 'EACCES' })
      return await open(path, 'a+')
    },
  })
  sink.write(linesOf(line(0), [1]))
  await until(() => disk.states.length === 1 && disk.clock.waiting === 1)
  allowed = true
  disk.clock.advance(1000)
  await until(() => disk.states.length === 2)
  await sink.close()
  t.same(disk.states, ['failed EACCES', 'recovered EACCES'])
  t.same(disk.lines, expected(0, 1))
})

t.test('a last line that a crash cut off is removed at the start, and nothing else', async (t) => {
  const rows: [string, string, number][] = [
    ['', '', 0],
    [line(0), line(0), 0],
    [`${line(0)}{"v":1,"t":"2026`, line(0), 1],
    [`${line(0)}{`, line(0), 1],
    ['{"v":1,"t', '', 1],
    [`${line(0)}\0\0\0\0`, line(0), 1],
    ['a file of somebody else', 'a file of somebody else\n', 0],
    [`${line(0)}text`, `${line(0)}text\n`, 0],
    [`${'x'.repeat(70_000)}`, `${'x'.repeat(70_000)}\n`, 0],
    [`{${'x'.repeat(70_000)}`, `{${'x'.repeat(70_000)}\n`, 0],
  ]
  for (const [before, after, repaired] of rows) {
    const disk = new Disk()
    writeFileSync(disk.path, before)
    const sink = disk.sink()
    sink.write(linesOf(line(1), [1]))
    await sink.close()
    t.equal(disk.text, after + line(1), JSON.stringify(before.slice(0, 40)))
    t.equal(sink.repaired, repaired)
  }
})

t.test('after a rename, reopening goes on in a new file with the next whole line', async (t) => {
  const disk = new Disk()
  const sink = disk.sink()
  for (let i = 0; i < 5; i++) sink.write(linesOf(line(i), [1]))
  await until(() => existsSync(disk.path) && disk.lines.length === 5 && disk.inFlight === 0)
  const rotated = `${disk.path}.1`
  renameSync(disk.path, rotated)
  sink.reopen()
  await settle()
  for (let i = 5; i < 9; i++) sink.write(linesOf(line(i), [1]))
  await sink.close()
  t.equal(readFileSync(rotated, 'utf8'), expected(0, 5).map((text) => `${text}\n`).join(''))
  t.same(disk.lines, expected(5, 9))
})

t.test('reopening while the disk is full, and without anything to write, does no harm', async (t) => {
  const disk = new Disk()
  const sink = disk.sink()
  sink.reopen()
  await settle()
  disk.full = true
  disk.room = 5
  sink.write(linesOf(line(0), [1]))
  await until(() => disk.states.length === 1 && disk.clock.waiting === 1)
  sink.reopen()
  disk.full = false
  disk.clock.advance(1000)
  await until(() => disk.states.length === 2)
  await sink.close()
  t.same(disk.lines, expected(0, 1))
})

t.test('the name of a file, or an error\'s text, is told to nobody', async (t) => {
  const disk = new Disk()
  disk.full = true
  const sink = disk.sink()
  sink.write(linesOf(line(0), [1]))
  await until(() => disk.states.length === 1)
  t.notMatch(disk.states.join(), /path|space|\//)
  await sink.close()
})
