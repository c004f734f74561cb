/** Starts a thread of this process. */
import { Worker } from 'node:worker_threads'
import type { StartThread } from './handle.ts'

export const startThread: StartThread = (init, { onMessage, onGone }) => {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: init, name: 'players' })
  let why = 'ended'
  worker.on('message', onMessage)
  // An error's message may hold what a viewer sent.
  worker.on('error', (error: unknown) => {
    why = error instanceof Error && 'code' in error ? String(error.code) : error instanceof Error ? error.name : 'error'
  })
  worker.on('exit', () => onGone(why))
  return {
    post: (message) => worker.postMessage(message),
    kill: () => void worker.terminate(),
  }
}
