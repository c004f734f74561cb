/**
 * To import before a subject: takes a sampling profile of its main thread between the two times that its parent asks for
 * its processor time, and writes it to the file that `WISSEL_BENCH_PROFILE` names when the parent lets go.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/** Microseconds. */
const INTERVAL = 200

const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.setSamplingInterval', { interval: INTERVAL })
let taken = 0
process.on('message', () => {
  taken++
  if (taken === 1) void session.post('Profiler.start')
  if (taken === 2) void session.post('Profiler.stop').then(({ profile }) => writeFileSync(process.env['WISSEL_BENCH_PROFILE'] ?? 'profile.json', JSON.stringify(profile)))
})
