/** `wissel apply DIR`: validates a configuration directory as `check` does and publishes it to every router. */
import { digest, encodeBundle, decodeBundle } from '../policy/bundle.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import type { Snapshot } from '../routing/model.ts'
import { MAX_BLOB_BYTES } from '../state/follower.ts'
import { shrinks } from '../state/guards.ts'
import { isStagedFor, positionIn, UnreadableHeadError } from '../state/head.ts'
import { evictionPolicy, KEEPS } from '../state/redis-eviction.ts'
import type { RedisSettings } from '../state/redis-settings.ts'
import type { RedisState } from '../state/redis-state.ts'
import { forgetRouters, readRouters } from '../state/router-report.ts'
import type { RouterReport, SeenRouter } from '../state/router-report.ts'
import { compareHeads } from '../state/store.ts'
import type { Head, Position, Stage } from '../state/store.ts'
import { build, loadConfiguration } from './configuration.ts'
import { tellForgotten } from './forgotten.ts'
import { label, pause, withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface ApplyArgs {
  readonly directory: string
  readonly redis: RedisSettings
  /** Who answers for a change that takes away half of the services or targets. */
  readonly force?: string | undefined
  /** `10%`, or ids of routers with commas between them. Default: all routers. */
  readonly stage?: string | undefined
  /** A higher epoch than the one that is published. */
  readonly epoch?: number | undefined
  /** Says that no router runs yet, so nobody is listened for. */
  readonly isNew?: boolean | undefined
}

/** Milliseconds that routers are given to report. */
const WAIT_MS = 10_000
const LOOK_MS = 200
/** Milliseconds after which every router that runs has reported to a Redis that forgot: it reconnects within 10 s and reports first thing. */
export const LISTEN_MS = 12_000

/** The exit status: 0 published, or there already, and nobody refused, 1 not published, 2 a router refused it. */
export async function apply(args: ApplyArgs, io: CommandIO): Promise<number> {
  const { directory, redis } = args
  const stage = args.stage === undefined ? undefined : parseStage(args.stage)
  if (stage === 'wrong') {
    io.err(`--stage ${args.stage?.slice(0, 40) ?? ''} is neither a share such as 10% nor ids of routers such as ams-1,fra-1\n`)
    return 1
  }
  if (args.force !== undefined && !isName(args.force)) {
    io.err('--force needs the name of who answers for it: letters, digits, dots and dashes\n')
    return 1
  }
  const { snapshot, problems, bundle } = await loadConfiguration(directory, io.now())
  for (const problem of problems) io.err(`${formatProblem(problem)}\n`)
  if (snapshot === undefined) {
    io.err(`nothing is published: ${errors(problems).length} problem${errors(problems).length === 1 ? '' : 's'}\n`)
    return 1
  }
  const bytes = encodeBundle(bundle)
  if (bytes.length > MAX_BLOB_BYTES) {
    io.err(`nothing is published: it is ${bytes.length} bytes, and routers refuse more than ${MAX_BLOB_BYTES} as oversize; take away what is not needed, or publish it as several deployments with --redis-prefix\n`)
    return 1
  }
  return withState(redis, io, async (state) => {
    const { before, instead } = await current(state, args.force !== undefined)
    await warnOfEviction(state, io)
    const above = highest([await running(state, before, io, args.isNew), instead && positionIn(instead)])
    let lost: Head | undefined
    if (before !== undefined && before.stage === undefined && stage === undefined && before.sha256 === digest(bytes) && args.epoch === undefined && (above === undefined || compareHeads(above, before) <= 0)) {
      if ((await state.store.readWhole(before)) !== undefined) {
        io.out(`unchanged: ${label(before)} is what is published\n`)
        return report(state, before, io)
      }
      io.out(`unchanged, but redis has lost or damaged the content of ${label(before)}: it is published again\n`)
      // Under a new number: routers that looked for it in vain look for this one at once.
      lost = before
    }
    const former = before && (await published(state, before, io.now()))
    if (args.force === undefined && shrinks(snapshot, former)) {
      io.err(`nothing is published: it would leave ${snapshot.services.length} of ${former?.services.length ?? 0} services and ${snapshot.targets.length} of ${former?.targets.length ?? 0} targets; if that is meant, give --force NAME\n`)
      return 1
    }
    const head = await state.store.publish({ bytes, created: io.now(), after: before, instead, above, epoch: args.epoch, stage, force: args.force ?? lost?.force })
    io.out(`published ${label(head)}: ${snapshot.services.length} services, ${snapshot.targets.length} targets, ${head.bytes} bytes${stage === undefined ? '' : `, for ${formatStage(stage)}`}\n`)
    await tidy(state)
    return report(state, head, io)
  })
}

/** Waits for the routers that should run a head, and says what each of them did. */
export async function report(state: RedisState, head: Head, io: CommandIO): Promise<number> {
  const pin = await state.store.pin()
  if (pin !== undefined && compareHeads(head, pin) > 0) {
    io.out(`the routers are frozen at ${label(pin)}; they take this one after wissel unfreeze\n`)
    return 0
  }
  const until = io.now() + WAIT_MS
  let answers: Answer[] = []
  let routers: readonly SeenRouter[]
  do {
    routers = await readRouters(state.link, state.keys)
    answers = routers.filter(({ report }) => isStagedFor(head.stage, report.router)).map(({ report }) => answer(report, head))
    if (answers.every(({ settled }) => settled)) break
    await pause(io, LOOK_MS)
  } while (io.now() < until)
  if (answers.length === 0) io.out(head.stage === undefined ? 'no router is running\n' : 'no router that is running is meant by the stage\n')
  for (const { text } of answers) io.out(`  ${text}\n`)
  io.err(tellForgotten(routers.map(({ report }) => report)))
  return answers.some(({ refused }) => refused) ? 2 : 0
}

interface Answer {
  readonly text: string
  readonly settled: boolean
  readonly refused: boolean
}

function answer({ router, applied, refused, quarantined }: RouterReport, head: Head): Answer {
  const name = router.padEnd(20)
  if (refused !== null && compareHeads(refused, head) >= 0) return { text: `${name} refused: ${refused.reason}`, settled: true, refused: true }
  if (applied === null || compareHeads(applied, head) < 0) return { text: `${name} has not answered yet`, settled: false, refused: false }
  const rest = quarantined.length === 0 ? '' : `, but on an older version of ${quarantined.join(', ')}`
  return { text: `${name} applied${rest}`, settled: true, refused: quarantined.length > 0 }
}

async function warnOfEviction({ link }: RedisState, io: CommandIO): Promise<void> {
  const policy = await evictionPolicy(link).catch(() => undefined)
  if (policy !== undefined && policy !== KEEPS) io.err(`warning: redis throws keys away when its memory is full (maxmemory-policy ${policy}), what is published among them; set it to ${KEEPS}\n`)
}

/** What is published. With `overGarbage` what cannot be read counts as nothing, and is given as it stands. */
async function current(state: RedisState, overGarbage: boolean): Promise<{ before: Head | undefined; instead: Uint8Array | undefined }> {
  try {
    return { before: await state.store.head(), instead: undefined }
  } catch (error) {
    if (overGarbage && error instanceof UnreadableHeadError) return { before: undefined, instead: error.found }
    throw error
  }
}

/** The snapshot of a head, as far as it is there and still builds. */
export async function published(state: RedisState, head: Head, now: number): Promise<Snapshot | undefined> {
  const bytes = await state.store.readWhole(head)
  if (bytes === undefined) return undefined
  try {
    return build(decodeBundle(bytes), { epoch: head.epoch, number: head.version, digest: head.sha256 }, now).snapshot
  } catch {
    return undefined
  }
}

/**
 * The highest version that a router runs: a Redis that lost its data must not make anybody go back. One that has just come
 * back, empty or with an old copy, knows no routers yet, and what is published below what they run would be refused by all
 * of them. So where there is no head or no report, the routers are given the time to tell.
 */
export async function running(state: RedisState, before: Head | undefined, io: CommandIO, isNew = false): Promise<Position | undefined> {
  const read = async () => (await readRouters(state.link, state.keys)).map(({ report }) => report)
  const routers = await read()
  if (isNew || (before !== undefined && routers.length > 0)) return highest(routers.map(({ applied }) => applied))
  io.out(`${before === undefined ? 'nothing is published yet' : 'no router is known yet'}: listening ${LISTEN_MS / 1000} s for routers, whose versions the next one must be above\n`)
  await pause(io, LISTEN_MS)
  return highest((await read()).map(({ applied }) => applied))
}

function highest(positions: readonly (Position | null | undefined)[]): Position | undefined {
  return positions.filter((position) => position !== null && position !== undefined).sort(compareHeads).at(-1)
}

/** Deletes what nobody needs any more; what fails here is done the next time. */
export async function tidy(state: RedisState): Promise<void> {
  try {
    await forgetRouters(state.link, state.keys)
    const routers = await readRouters(state.link, state.keys)
    await state.store.collect(routers.flatMap(({ report: { applied } }) => (applied === null ? [] : [applied.sha256])))
  } catch {
    // The publication is done; what is left over costs memory only.
  }
}

function parseStage(text: string): Stage | 'wrong' {
  const share = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (share !== undefined) return Number(share) <= 100 ? { percent: Number(share) } : 'wrong'
  const routers = text.split(',').map((id) => id.trim())
  return routers.every(isName) ? { routers } : 'wrong'
}

export function formatStage(stage: Stage): string {
  return 'percent' in stage ? `${stage.percent} % of the routers` : stage.routers.join(', ')
}

function isName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.test(text)
}
