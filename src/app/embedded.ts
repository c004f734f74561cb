/** The state of one process: its configuration directory, looked at every few seconds. No Redis code is loaded. */
import { randomBytes } from 'node:crypto'
import { loadConfiguration } from '../cli/configuration.ts'
import { strayFiles } from '../cli/surroundings.ts'
import { WisselError } from '../errors.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import { labelOf } from '../policy/build.ts'
import type { Built } from '../policy/build.ts'
import type { Bundle } from '../policy/bundle.ts'
import { digest, encodeBundle } from '../policy/bundle.ts'
import type { DocumentMemory } from '../policy/document.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import type { Problem } from '../policy/problem.ts'
import type { Snapshot, Version } from '../routing/model.ts'
import { lookAt, UnreadableFileError } from '../state/directory.ts'
import { Follower } from '../state/follower.ts'
import { MemoryStore } from '../state/memory.ts'
import { createSealer } from '../state/sealed-key.ts'
import { SharedDrawKey } from '../state/shared-draw-key.ts'
import type { Metrics } from '../stats/metrics.ts'
import { codeOf } from '../system.ts'
import { explained, overrideFile } from './override-files.ts'
import { prove } from './prove.ts'
import type { Source } from './source.ts'
import { buildInSlices, dailyDrawKey } from './source.ts'

export interface EmbeddedOptions {
  readonly directory: string
  readonly stateDirectory: string
  readonly router: string
  readonly reloadMs: number
  readonly now: () => number
  readonly messages: OperatorLog
  readonly metrics: Metrics
  /** What documents said before. */
  readonly memory: DocumentMemory
  readonly apply: (snapshot: Snapshot) => void
  /** Calls `run` every so many milliseconds until it is cancelled. Default: by the process's timers, which it does not outlive. */
  readonly every?: (run: () => Promise<void>, ms: number) => () => void
}

function every(run: () => Promise<void>, ms: number): () => void {
  const timer = setInterval(() => void run(), ms).unref()
  return () => clearInterval(timer)
}

/** Why the directory is looked at. */
type When = 'start' | 'asked' | 'settled'

export function embeddedSource(options: EmbeddedOptions): Source {
  const { directory, messages, metrics, memory, now } = options
  const store = new MemoryStore()
  /** What was built to see whether it is usable: the follower need not build it once more. */
  let tried: { readonly mark: string; readonly snapshot: Snapshot } | undefined
  const build = async (bundle: Bundle, version: Version): Promise<Built> =>
    tried?.mark === version.digest ? { snapshot: { ...tried.snapshot, version, label: labelOf(version) }, problems: [] } : buildInSlices(bundle, version, now(), memory)
  const follower = new Follower({ store, build, apply: options.apply, prove, router: options.router })
  const shared = new SharedDrawKey({ router: options.router, sealer: createSealer(), random: (bytes) => randomBytes(bytes) })
  const overrides = overrideFile(options.stateDirectory)
  let looked: string | undefined
  /** What was there at the last look, read or not. */
  let listed: string | undefined
  let seen: string | undefined
  /** What could not be read the last time, and why. */
  let unreadable: string | undefined
  /** What was reported of the configuration that is applied. */
  let told: ReadonlySet<string> = new Set()
  /** Digest of what threads died of: the same would kill them again. */
  let crashed: string | undefined
  let looking: Promise<boolean> | undefined
  let cancel: (() => void) | undefined

  /** Leaves out what was there before, so that who changes a line hears of that line. */
  function reportNew(problems: readonly Problem[]): void {
    for (const problem of problems) if (!told.has(formatProblem(problem))) report(problem)
    told = new Set(problems.map(formatProblem))
  }

  function report({ file, line, path, message }: Problem): void {
    messages.warn('config_problem', { file, line, problem: path === '' ? message : `${path}: ${message}` })
  }

  /** One after the other: what was read first and took long to build must not come after what was read since. */
  function look(when: When): Promise<boolean> {
    const next = (looking ?? Promise.resolve()).catch(() => undefined).then(() => lookOnce(when))
    looking = next
    void next.catch(() => undefined).then(() => {
      if (looking === next) looking = undefined
    })
    return next
  }

  /**
   * A directory that is not usable is reported once and published never, so what runs goes on running. What is half written may be
   * usable, without what stands at its end, so a change is read at the first look at which it is as it was at the look before, or
   * when somebody asks, and not taken where something changed meanwhile.
   */
  async function lookOnce(when: When): Promise<boolean> {
    if (when !== 'settled') looked = seen = unreadable = undefined
    let bundle: Bundle
    try {
      const listing = await lookAt(directory)
      const settled = listing.signature === listed
      listed = listing.signature
      if (listing.signature === looked || (when === 'settled' && !settled)) {
        if (listing.signature === looked) unreadable = undefined
        return seen === follower.applied?.sha256
      }
      bundle = await listing.read()
      if (when !== 'start' && (await lookAt(directory)).signature !== listing.signature) return false
      looked = listing.signature
      unreadable = undefined
    } catch (error) {
      const file = error instanceof UnreadableFileError ? error.file : directory
      const code = codeOf(error)
      if (unreadable !== `${file} ${code}`) messages.warn('config_problem', { file, code, problem: 'cannot be read; the running configuration stays' })
      unreadable = `${file} ${code}`
      return false
    }
    const bytes = encodeBundle(bundle)
    const mark = digest(bytes)
    if (mark === crashed) {
      if (mark !== seen) messages.warn('snapshot_refused', { reason: 'crashed' })
      seen = mark
      return false
    }
    crashed = undefined
    if (mark === seen) return mark === follower.applied?.sha256
    seen = mark
    if (mark === follower.applied?.sha256) return true
    let warnings: readonly Problem[] | undefined
    if (tried?.mark !== mark) {
      const { snapshot, problems } = await buildInSlices(bundle, { epoch: 1, number: 1, digest: mark }, now(), memory)
      if (snapshot === undefined) {
        metrics.snapshotRefused('invalid')
        messages.warn('snapshot_refused', { reason: 'invalid', count: errors(problems).length })
        for (const problem of errors(problems)) report(problem)
        return false
      }
      tried = { mark, snapshot }
      warnings = [...(await strayFiles(directory).catch(() => [])), ...problems]
    }
    await store.publish({ bytes, created: now(), after: await store.head() })
    const result = await follower.poll()
    tried = undefined
    if (result.outcome === 'applied' && warnings !== undefined) reportNew(warnings)
    if (result.outcome !== 'refused') return result.outcome === 'applied'
    metrics.snapshotRefused(result.reason)
    messages.warn('snapshot_refused', { reason: result.reason, ...(result.detail === undefined ? {} : { problem: result.detail }) })
    return false
  }

  return {
    get head() {
      return follower.applied
    },
    get quarantined() {
      return follower.quarantined
    },
    start: async () => {
      // Who does not know what operators forbade must not begin to send viewers there; who knew it goes on.
      await overrides.read().catch((error: unknown) => {
        throw explained(error)
      })
      const found = await loadConfiguration(directory, now(), (bundle, version, at) => buildInSlices(bundle, version, at, memory))
      if (found.snapshot === undefined) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, errors(found.problems).map(formatProblem).join('\n')])
      reportNew(found.problems)
      tried = { mark: digest(encodeBundle(found.bundle)), snapshot: found.snapshot }
      await look('start')
      cancel = (options.every ?? every)(async () => {
        if (looking === undefined) await look('settled').catch((error: unknown) => messages.error('task_failed', { task: 'reload' }, error))
      }, options.reloadMs)
    },
    takeBack: () => {
      const blamed = follower.applied?.sha256
      if (!follower.takeBack()) return false
      crashed = seen = blamed
      metrics.snapshotRefused('crashed')
      messages.warn('snapshot_refused', { reason: 'crashed' })
      return true
    },
    look: () => look('asked'),
    drawKey: dailyDrawKey(shared, now),
    exchange: undefined,
    overrides,
    geo: undefined,
    link: undefined,
    close: async () => {
      cancel?.()
      await store.close()
    },
  }
}
