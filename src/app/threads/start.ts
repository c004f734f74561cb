/** Starts a thread of this process. */
import { Worker } from 'node:worker_threads'
import type { StartThread } from './handle.ts'

/**
 * MiB of young objects. What survives is copied while nobody is answered, the objects of a new configuration among them: 16 let a
 * publication of 10,000 services stop the thread for 10 ms at a time, 8 for 5, and answering takes as long with either.
 */
const YOUNG = 8

export const startThread: StartThread = (init, { onMessage, onGone }) => {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: init, name: 'players', resourceLimits: { maxYoungGenerationSizeMb: YOUNG } })
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
