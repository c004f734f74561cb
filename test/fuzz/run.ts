/** `npm run fuzz [-- --seconds N --seed N]`: hostile input for the redirect until the time is up. Ends at the first escape. */
import { parseArgs } from 'node:util'
import { fuzz } from './open-redirect.fuzz.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } })
const seed = Number(values.seed ?? Date.now() % 2 ** 32) >>> 0
process.stdout.write(`open redirect: seed ${seed}, ${values.seconds} s\n`)
const tried = fuzz(Date.now() + Number(values.seconds) * 1000, mulberry32(seed))
process.stdout.write(`${tried} requests, 0 escapes\n`)

/** T. Ettinger's generator (public domain): small, and the same sequence for the same seed everywhere. */
function mulberry32(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
