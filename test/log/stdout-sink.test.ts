import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { stdoutSink } from '../../src/app/stdout.ts'
import { linesOf } from '../../src/log/sinks/sink.ts'
import { FileSink } from '../../src/log/sinks/file.ts'
import { descriptor } from '../../src/log/sinks/stdout-file.ts'
import { StdoutSink } from '../../src/log/sinks/stdout.ts'
import { Clock, settle } from './clock.ts'
import { until } from './segment-disk.ts'

/** A reader that takes a chunk when the test says so. */
class Reader extends Writable {
  text = ''
  readonly #waiting: (() => void)[] = []
  slow = false

  constructor() {
    super({ highWaterMark: 100, decodeStrings: false })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const take = () => {
      this.text += chunk.toString()
      done()
    }
    if (this.slow) this.#waiting.push(take)
    else take()
  }

  take(): void {
    this.#waiting.shift()?.()
  }
}

t.test('lines arrive in order', async (t) => {
  const reader = new Reader()
  const sink = new StdoutSink({ stream: reader, setTimer: new Clock().setTimer })
  for (let i = 0; i < 1000; i++) sink.write(linesOf(`${i}\n`, [1]))
  await sink.close()
  t.equal(reader.text, Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(''))
  t.equal(sink.dropped, 0)
})

t.test('a slow reader gets all that fits in the bound; the rest is dropped and counted', async (t) => {
  const reader = new Reader()
  reader.slow = true
  const sink = new StdoutSink({ stream: reader, setTimer: new Clock().setTimer, maxBytes: 1000 })
  for (let i = 0; i < 50; i++) {
    sink.write(linesOf(`${'x'.repeat(99)}\n`, [2]))
    if (i % 5 === 0) await settle()
  }
  t.equal(sink.dropped, 80)
  reader.slow = false
  reader.take()
  await settle()
  sink.write(linesOf('last\n', [1]))
  await sink.close()
  t.equal(reader.text.length, 1005)
  t.match(reader.text, /last\n$/)
  t.equal(sink.dropped, 80)
})

t.test('a reader that is gone costs records, not the process', async (t) => {
  const reader = new Reader()
  const states: string[] = []
  const sink = new StdoutSink({ stream: reader, setTimer: new Clock().setTimer, onState: (state, code) => states.push(`${state} ${code}`) })
  reader.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))
  sink.write(linesOf('a\n', [3]))
  await settle()
  sink.write(linesOf('b\n', [4]))
  await sink.close()
  t.equal(sink.dropped, 7)
  t.same(states, ['failed EPIPE'])
})

t.test('closing waits for the reader, but not for ever', async (t) => {
  const clock = new Clock()
  const reader = new Reader()
  reader.slow = true
  const sink = new StdoutSink({ stream: reader, setTimer: clock.setTimer, closeMs: 2000 })
  sink.write(linesOf('a\n', [3]))
  await settle()
  const closing = sink.close()
  await settle()
  clock.advance(2000)
  await closing
  t.equal(sink.dropped, 3)
  reader.take()
})

t.test('a process whose standard output nobody reads goes on, and one whose reader went away too', async (t) => {
  const source = new URL('../../src/log/sinks/stdout.ts', import.meta.url).href
  const lines = new URL('../../src/log/sinks/sink.ts', import.meta.url).href
  const script = `
    import { StdoutSink } from '${source}'
    import { linesOf } from '${lines}'
    const setTimer = (run, ms) => { const timer = setTimeout(run, ms); return () => clearTimeout(timer) }
    const sink = new StdoutSink({ stream: process.stdout, setTimer, maxBytes: 300000, closeMs: 1 })
    let beats = 0
    const beat = () => {
      for (let i = 0; i < 100; i++) sink.write(linesOf('x'.repeat(999) + '\\n', [1]))
      if (++beats < 50) setImmediate(beat)
      else sink.close().then(() => { process.stderr.write('beats ' + beats + ' dropped ' + sink.dropped); process.exit(0) })
    }
    beat()`
  for (const reader of ['silent', 'gone']) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
    if (reader === 'gone') child.stdout.destroy()
    let told = ''
    child.stderr.on('data', (data) => { told += String(data) })
    const [code] = await once(child, 'exit')
    child.stdout.destroy()
    if (!child.stderr.readableEnded) await once(child.stderr, 'end')
    t.equal(code, 0, reader)
    t.match(told, /^beats 50 dropped [1-9]\d{3}$/)
  }
})

t.test('standard output that is a file is used again once its disk has room, with no line lost, torn or twice', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-stdout-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'records.ndjson')
  const fd = openSync(path, 'a')
  t.teardown(() => closeSync(fd))
  for (const room of [0, 3, 7, 10]) {
    const before = readFileSync(path, 'utf8')
    const clock = new Clock()
    const states: string[] = []
    let left = room
    const open = descriptor(fd, async (fd, buffer, offset, length) => {
      const part = Math.min(length, left)
      if (part === 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      left -= part
      return await Promise.resolve({ bytesWritten: writeSync(fd, buffer, offset, part) })
    })
    const sink = new FileSink({ path: '', setTimer: clock.setTimer, open, onState: (state, code) => states.push(`${state} ${code}`) })
    for (let i = 0; i < 5; i++) sink.write(linesOf(`line ${i}\n`, [1]))
    await until(() => states.length === 1 && clock.waiting === 1)
    left = 2
    clock.advance(1000)
    await until(() => left === 0 && clock.waiting === 1)
    left = Infinity
    clock.advance(1000)
    await until(() => states.at(-1)?.startsWith('recovered') === true)
    sink.write(linesOf('line 5\n', [1]))
    await sink.close()
    t.equal(sink.dropped, 0)
    t.equal(readFileSync(path, 'utf8'), `${before}line 0\nline 1\nline 2\nline 3\nline 4\nline 5\n`, `room for ${room} bytes`)
  }
})

t.test('standard output is taken for what it is', async (t) => {
  const fd = openSync(new URL(import.meta.url), 'r')
  t.teardown(() => closeSync(fd))
  const options = { stream: new Reader(), setTimer: new Clock().setTimer, onState: () => undefined }
  const file = stdoutSink({ ...options, fd })
  t.ok(file instanceof FileSink)
  t.equal(file.name, 'stdout')
  const device = openSync('/dev/null', 'w')
  t.teardown(() => closeSync(device))
  t.ok(stdoutSink({ ...options, fd: device }) instanceof StdoutSink)
})
