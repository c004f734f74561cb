/** Worker thread: plaintext in, ciphertext and its hash out. */
import { createHash } from 'node:crypto'
import { isMainThread, parentPort } from 'node:worker_threads'
import { seal } from './seal.ts'
import type { SealJob, SealResult } from './sealer.ts'

if (!isMainThread) parentPort?.on('message', (job: SealJob) => void run(job))

async function run({ id, plaintext, recipients }: SealJob): Promise<void> {
  let result: SealResult
  try {
    const bytes = await seal(plaintext, recipients)
    result = { id, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
  } catch (error) {
    result = { id, failed: error instanceof Error ? error.name : 'unknown' }
  }
  new Uint8Array(plaintext.buffer).fill(0)
  parentPort?.postMessage(result)
}
