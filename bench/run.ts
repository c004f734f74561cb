/**
 * `npm run bench`: everything, in about seven minutes, printed and written to its part of `RESULTS.md`.
 * `npm run bench -- --quick`: the same in less than a minute with fewer rounds and without the largest sizes, printed only.
 */
import { measureDecisions } from './decide.ts'
import { machine } from './machine.ts'
import { writeSection } from './results.ts'
import { measurePublishing, reportPublishing } from './publish.ts'
import { measureSteered, reportSteered } from './steered.ts'
import { measureSteering } from './steering.ts'
import { measureRecording, reportRecording } from './recording.ts'
import { measureServers, reportServers } from './server.ts'
import { measureThreads, reportThreads } from './threads.ts'

const quick = process.argv.includes('--quick')

const facts = machine()
const started = performance.now()
/** A machine that is busy with other things gets fewer rounds. */
const limit = started + (quick ? 38_000 : 310_000)
const servers = reportServers(await measureServers(quick ? { rounds: 1, until: limit, warmSeconds: 2, seconds: 2 } : { rounds: 5, until: limit - 195_000, warmSeconds: 3, seconds: 4 }))
const recording = reportRecording(await measureRecording(quick ? { starts: 1, rounds: 1, until: limit, warmSeconds: 1, seconds: 1 } : { starts: 4, rounds: 3, until: limit - 15_000, warmSeconds: 6, seconds: 2 }))
const decisions = await measureDecisions(quick ? { rounds: 3, until: limit - 10_000, batchMs: 2, small: true } : { rounds: 7, until: limit + 15_000, batchMs: 20, small: false })
const steering = await measureSteering(quick ? { rounds: 3, batchMs: 2, until: limit } : { rounds: 7, batchMs: 20, until: limit + 25_000 })
const steered = reportSteered(await measureSteered(quick ? { rounds: 1, until: limit, warmSeconds: 1, seconds: 1 } : { rounds: 5, until: limit + 60_000, warmSeconds: 3, seconds: 2 }))
const threads = reportThreads(await measureThreads(quick ? { rounds: 1, until: limit, warmSeconds: 2, seconds: 1 } : { rounds: 5, until: limit + 100_000, warmSeconds: 4, seconds: 3 }))
const publishing = quick ? '' : `\n${reportPublishing(await measurePublishing(5))}`
const minutes = ((performance.now() - started) / 60_000).toFixed(1)

const text = `Written by \`npm run bench\`${quick ? ' -- --quick' : ''} on ${new Date().toISOString().slice(0, 10)}, in ${minutes} minutes.

${facts}.

Times are processor time, all threads of the process; numbers are medians, with the least and the most of all rounds in brackets.
Compare numbers of one run only: what else the machine does changes them all, the ratios less.

${servers}
${recording}
${decisions}
${steering}
${steered}
${threads}${publishing}`

process.stdout.write(text)
if (!quick) await writeSection('bench', text)
