/** Loaded into the router before its own code, to make it end in ways that no request can: on SIGWINCH, as `CRASH` says. */
import { isMainThread } from 'node:worker_threads'

const kind = process.env['CRASH']
// Signals come to the main thread alone, so it tells the others.
const threads = kind === 'thread' ? new BroadcastChannel('crash') : undefined
threads?.unref()
if (threads !== undefined && !isMainThread) {
  threads.onmessage = () => {
    throw Object.assign(new TypeError(process.env['CRASH_TEXT']), { input: process.env['CRASH_TEXT'] })
  }
}

process.on('SIGWINCH', () => {
  threads?.postMessage('now')
  if (kind === 'abort') process.abort()
  // The error holds its input, as so many do.
  if (kind === 'uncaught') setImmediate(() => void new URL(process.env['CRASH_TEXT'] ?? ''))
  if (kind === 'rejection') void Promise.reject(Object.assign(new Error(process.env['CRASH_TEXT']), { input: process.env['CRASH_TEXT'] }))
  if (kind === 'memory') {
    const held: unknown[] = []
    for (;;) held.push(new Array(10_000).fill(held.length))
  }
})
