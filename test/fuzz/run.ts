/** `npm run fuzz [-- --seconds N --seed N]`: hostile input, the same time for each kind. Ends at the first fault. */
import { parseArgs } from 'node:util'
import { fuzz as fuzzFastLane } from './fast-lane.fuzz.ts'
import { fuzz as fuzzRedirect } from './open-redirect.fuzz.ts'

/** Each takes the time of its end, in milliseconds since the epoch, and gives the number of its trials. */
const KINDS = { 'open redirect': fuzzRedirect, 'fast lane': fuzzFastLane }

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } })
const seed = Number(values.seed ?? Date.now() % 2 ** 32) >>> 0
for (const [kind, fuzz] of Object.entries(KINDS)) {
  process.stdout.write(`${kind}: seed ${seed}, ${values.seconds} s\n`)
  const tried = await fuzz(Date.now() + Number(values.seconds) * 1000, mulberry32(seed))
  process.stdout.write(`${tried} tried, 0 faults\n`)
}

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
