import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import t from 'tap'
import { linesOf } from '../../src/log/sinks/sink.ts'
import { StdoutSink } from '../../src/log/sinks/stdout.ts'
import { Clock, settle } from './clock.ts'

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
  const sink = new StdoutSink({ stream: reader, setTimer: new Clock().setTimer })
  reader.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))
  sink.write(linesOf('a\n', [3]))
  await settle()
  sink.write(linesOf('b\n', [4]))
  await sink.close()
  t.equal(sink.dropped, 7)
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
