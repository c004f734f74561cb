/**
 * The proof in full, a few minutes of it: `npm run prove`. Each part says what it looked at and what it found; the exit
 * status is 1 when anything was.
 *
 *   --only PART    one of: non-interference, canaries, mutants, crash, jurisdiction, archive
 *   --traces N     traces of non-interference; default 2000
 *   --fleets N     random fleets; default 1000000
 *   --seed N       of the chance; default: another one each time
 */
import { parseArgs } from 'node:util'
import { sealedArchive } from './archive.ts'
import { canaries } from './canaries.ts'
import { CRASHES, crash } from './crash.ts'
import { judgeFleets } from './fleets.ts'
import { interference } from './interference.ts'
import { mutate } from './mutate.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, traces: { type: 'string' }, fleets: { type: 'string' }, seed: { type: 'string' } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 0x7fffffff))
const say = (text: string) => void process.stdout.write(`${text}\n`)

/** Whether nothing was found. */
const PARTS: Readonly<Record<string, () => Promise<boolean>>> = {
  'non-interference': async () => {
    const { traces, requests, difference } = await interference(Number(values.traces ?? 2000), seed)
    say(`non-interference: ${traces} traces, ${requests} requests, each by two people, seed ${seed}: ${difference ?? 'byte-identical output'}`)
    return difference === undefined
  },
  canaries: async () => {
    const { requests, places, forms, hits } = await canaries()
    say(`canaries: ${requests} requests, ${places.length} places searched for ${forms} forms: ${hits.length} hits`)
    say(`  ${places.join(', ')}`)
    for (const hit of hits.slice(0, 20)) say(`hit in ${hit}`)
    return hits.length === 0
  },
  mutants: async () => {
    const results = await mutate(({ leak, by, said }) => say(`  ${by.padEnd(17)} ${leak}${said === '' ? '' : ` (${said.replaceAll('\n', ' ')})`}`))
    const killed = results.filter(({ by }) => by === 'non-interference' || by === 'canaries').length
    say(`mutants: ${killed} of ${results.length} planted leaks were found`)
    return killed === results.length
  },
  crash: async () => {
    let good = true
    for (const kind of CRASHES) {
      const { survived, files, hits, inspector } = await crash(kind)
      say(`crash: ${kind.padEnd(9)} ${survived ? 'goes on' : 'ends'}; ${files.length} files left${files.length > 0 ? ` (${files.join(', ')})` : ''}; ${hits.length} hits${inspector ? '; the inspector was opened' : ''}`)
      for (const hit of hits.slice(0, 5)) say(`hit in ${hit}`)
      good &&= files.length === 0 && hits.length === 0 && !inspector
    }
    return good
  },
  jurisdiction: async () => {
    const { fleets, decisions, sent, byOutcome, violations } = judgeFleets(Number(values.fleets ?? 1_000_000), seed)
    say(`jurisdiction: ${fleets} random fleets, ${decisions} decisions, ${sent} targets sent to, seed ${seed}: ${violations.length} violations (${Object.entries(byOutcome).map(([outcome, count]) => `${outcome} ${count}`).join(', ')})`)
    for (const violation of violations) say(`  ${violation}`)
    return violations.length === 0
  },
  archive: async () => {
    const { segments, files, keys, opened, tampered, after } = await sealedArchive()
    say(`archive: ${segments} segments of a running router; ${keys} keys made of the ${files} files that its user can read: ${opened} opened anything`)
    for (const { what, found } of tampered) say(`  ${found ? 'detected' : 'NOT SEEN'}          ${what}`)
    say(`archive: ${after.tried} segments, ${after.backups} of them in a backup, with every key that is left after the shred: ${after.opened} opened`)
    return opened + after.opened === 0 && after.tried > 0 && tampered.every(({ found }) => found)
  },
}

let good = true
for (const [name, part] of Object.entries(PARTS)) if (values.only === undefined || values.only === name) good = (await part()) && good
process.exitCode = good ? 0 : 1
