/** `wissel diff DIR`: what publishing a directory would change, and which share of the traffic would go elsewhere. */
import { readFile } from 'node:fs/promises'
import { decodeBundle } from '../policy/bundle.ts'
import type { Bundle } from '../policy/bundle.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import type { Problem } from '../policy/problem.ts'
import type { Snapshot } from '../routing/model.ts'
import type { RedisSettings } from '../state/redis-settings.ts'
import { build, loadConfiguration } from './configuration.ts'
import { compareRouting, compareSnapshots, compareZones } from './changes.ts'
import type { Change, Moved } from './changes.ts'
import { table } from './routers.ts'
import { generateTraffic, networksOf, recordedTraffic } from './traffic.ts'
import type { Sample } from './traffic.ts'
import { label, withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface DiffArgs {
  readonly directory: string
  /** Compares with what is published. */
  readonly redis?: RedisSettings | undefined
  /** Compares with another directory instead. */
  readonly base?: string | undefined
  /** A file of decision records. Default: generated traffic. */
  readonly records?: string | undefined
  /** Generated requests. Default 20,000. */
  readonly count?: number | undefined
  readonly json?: boolean | undefined
}

/** What is compared with. */
interface Before {
  readonly name: string
  readonly snapshot: Snapshot | undefined
  readonly bundle: Bundle | undefined
}

/** The exit status: 0 nothing would change, 3 something would, 1 it cannot be said. */
export async function diff(args: DiffArgs, io: CommandIO): Promise<number> {
  const { directory, redis, base } = args
  if ((redis === undefined) === (base === undefined)) {
    io.err('diff needs either --redis URL or --base DIR to compare with\n')
    return 1
  }
  const after = await loadConfiguration(directory, io.now())
  if (after.snapshot === undefined) {
    for (const problem of errors(after.problems)) io.err(`${formatProblem(problem)}\n`)
    return 1
  }
  const { snapshot, bundle } = after
  const show = (before: Before) => compared(args, before, { snapshot, bundle }, io)
  if (base !== undefined) {
    const loaded = await loadConfiguration(base, io.now())
    if (loaded.snapshot === undefined) return unusable(base, loaded.problems, io)
    return show({ name: base, snapshot: loaded.snapshot, bundle: loaded.bundle })
  }
  if (redis === undefined) return 1
  return withState(redis, io, async ({ store }) => {
    const head = await store.head()
    if (head === undefined) return show({ name: 'nothing', snapshot: undefined, bundle: undefined })
    const published = bundleIn(await store.readWhole(head))
    if (published === undefined) return unusable(label(head), [], io)
    const version = { epoch: head.epoch, number: head.version, digest: head.sha256 }
    // What was right when it was published is what routers run, also where evidence has expired since.
    const today = build(published, version, io.now())
    const built = today.snapshot === undefined ? build(published, version, head.created) : today
    if (built.snapshot === undefined) return unusable(label(head), today.problems, io)
    return show({ name: label(head), snapshot: built.snapshot, bundle: published })
  })
}

/** What cannot be compared with is not nothing: then all would be new and every viewer would move. */
function unusable(name: string, problems: readonly Problem[], io: CommandIO): number {
  const wrong = errors(problems)
  for (const problem of wrong) io.err(`${name}: ${formatProblem(problem)}\n`)
  io.err(`${name} ${wrong.length === 0 ? 'is torn or gone' : 'is not usable'}, so it cannot be said what would change\n`)
  return 1
}

function bundleIn(bytes: Uint8Array | undefined): Bundle | undefined {
  try {
    return bytes && decodeBundle(bytes)
  } catch {
    return undefined
  }
}

async function compared({ records, count = 20_000, json = false }: DiffArgs, before: Before, after: { snapshot: Snapshot; bundle: Bundle }, io: CommandIO): Promise<number> {
  let traffic: readonly Sample[]
  if (records === undefined) {
    const services = [...new Set([...(before.snapshot?.services ?? []), ...after.snapshot.services].map(({ id }) => id))].sort()
    traffic = generateTraffic(services, networksOf([...(before.bundle === undefined ? [] : [before.bundle]), after.bundle]), count)
  } else {
    const text = await readFile(records, 'utf8').catch(() => undefined)
    if (text === undefined) {
      io.err(`the records ${records} cannot be read\n`)
      return 1
    }
    const { samples, bad } = recordedTraffic(text.split('\n'))
    if (bad > 0) io.err(`${bad} lines are not decision records and are left out\n`)
    traffic = samples
  }
  const changes = [...compareSnapshots(before.snapshot, after.snapshot), ...compareZones(before.bundle, after.bundle)]
  const routing = compareRouting(before.snapshot, after.snapshot, traffic, io.now())
  if (json) io.out(`${JSON.stringify({ before: before.name, changes, routing }, null, 2)}\n`)
  else io.out(formatDiff(before.name, changes, routing, records === undefined))
  return changes.length === 0 && routing.every(({ moved }) => moved === 0) ? 0 : 3
}

/** Ways that are listed for each service. */
const WAYS = 8

function formatDiff(before: string, changes: readonly Change[], routing: readonly Moved[], generated: boolean): string {
  const total = routing.reduce((sum, service) => sum + service.total, 0)
  const moved = routing.reduce((sum, service) => sum + service.moved, 0)
  const lines = [`compared with ${before}:\n`]
  lines.push(changes.length === 0 ? 'nothing is configured differently\n' : table(changes.map(({ change, kind, id }) => [change, kind, id])))
  lines.push(`${percent(moved, total)} of ${Math.round(total)} ${generated ? 'generated' : 'recorded'} requests would go elsewhere\n`)
  for (const { service, total: of, moved: some, ways } of routing) {
    if (some === 0) continue
    lines.push(`\n${service}: ${percent(some, of)}\n`)
    lines.push(table(ways.slice(0, WAYS).map(({ from, to, count }) => [`  ${percent(count, of)}`, from, '->', to])))
    if (ways.length > WAYS) lines.push(`  and ${ways.length - WAYS} other ways\n`)
  }
  return lines.join('')
}

function percent(part: number, whole: number): string {
  return `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(1)} %`
}
