/** Ports for servers that are told theirs. */
import { createServer } from 'node:net'

// Below the ports that the system hands out by itself, from 32768 on, and so that a Redis cluster's second port, 10,000
// above, is too. A test file is a process: each has a block of its own, so that two that run at once do not meet.
const FIRST = 10_000
const BLOCK = 40
const BLOCKS = 300
const from = FIRST + (process.pid % BLOCKS) * BLOCK
let given = 0

/** Free now, and given to nobody else until its use. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 10 * BLOCK; tries++) {
    const port = from + (given++ % BLOCK)
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
        .once('error', () => resolve(false))
        .listen(port, '127.0.0.1', () => void server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
  throw new Error(`no port is free from ${from} on`)
}
