/**
 * A client without an HTTP library, in a process of its own: `node bench/load.ts PORT SECONDS CONNECTIONS FILE`.
 * Each connection sends the next request of the file (they are separated by NUL) when the last one is answered, and is
 * opened anew where the server closes it. Tells its parent the result.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

export interface LoadResult {
  readonly requests: number
  /** Answers that were no redirects, and connections that broke. */
  readonly errors: number
  readonly seconds: number
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** Latency histogram: 10 µs wide, up to 1 s. */
const STEP = 10
const buckets = new Uint32Array(100_000)

const [port = 0, seconds = 0, connections = 0] = process.argv.slice(2, 5).map(Number)
const texts = readFileSync(process.argv[5] ?? '', 'latin1').split('\0').map((text) => Buffer.from(text, 'latin1'))

let next = 0
let requests = 0
let errors = 0
let running = true

function open(): void {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let sent = 0
  let answered = true
  const ask = () => {
    answered = false
    sent = performance.now()
    socket.write(texts[next++ % texts.length] ?? '')
  }
  socket.once('connect', ask)
  socket.on('error', () => undefined)
  socket.once('close', () => {
    if (!answered && running) errors++
    if (running) open()
  })
  // Redirects have no content, so an answer ends with the empty line, and it comes in one piece or the rest is at hand.
  socket.on('data', (chunk: Buffer) => {
    if (chunk.length < 4 || chunk.readUInt32BE(chunk.length - 4) !== 0x0d0a0d0a) return
    answered = true
    requests++
    if (chunk[9] !== 0x33) errors++
    const bucket = Math.min(buckets.length - 1, Math.floor(((performance.now() - sent) * 1000) / STEP))
    buckets[bucket] = (buckets[bucket] ?? 0) + 1
    if (running && !chunk.includes('Connection: close')) ask()
  })
}

function percentile(share: number): number {
  let left = requests * share
  const bucket = buckets.findIndex((count) => (left -= count) <= 0)
  return bucket * STEP
}

const started = performance.now()
for (let i = 0; i < connections; i++) open()
setTimeout(() => {
  running = false
  const result: LoadResult = { requests, errors, seconds: (performance.now() - started) / 1000, p50: percentile(0.5), p99: percentile(0.99), p999: percentile(0.999) }
  process.send?.(result, () => process.exit())
}, seconds * 1000)
