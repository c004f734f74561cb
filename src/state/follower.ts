/**
 * Follows a store: head, blob, verify, build, prove, swap. Whatever is missing, torn, invalid, older, slow to build or
 * suspiciously small is refused with a reason, and what runs goes on running.
 */
import type { Bundle } from '../policy/bundle.ts'
import { decodeBundle, digest, encodeBundle } from '../policy/bundle.ts'
import type { Built } from '../policy/build.ts'
import type { Problem } from '../policy/problem.ts'
import type { Snapshot, Version } from '../routing/model.ts'
import { shrinks } from './guards.ts'
import { isStagedFor, SCHEMA } from './head.ts'
import type { Good } from './last-known-good.ts'
import { buildIsolated } from './quarantine.ts'
import type { Isolated } from './quarantine.ts'
import type { Head, StateStore } from './store.ts'
import { compareHeads } from './store.ts'
import { within } from './timing.ts'
import type { SetTimer } from './timing.ts'

/** Why a published state was not applied. Closed: a metric label. */
export const REFUSALS = ['unreadable', 'missing', 'oversize', 'torn', 'regress', 'format', 'invalid', 'slow', 'unproven', 'shrunk', 'crashed'] as const
export type Refusal = (typeof REFUSALS)[number]

/** Why a newer head is left alone: an operator froze the version, or the head is for other routers. */
export const HOLDS = ['frozen', 'staged'] as const
export type Hold = (typeof HOLDS)[number]

export type PollResult =
  | { readonly outcome: 'same' | 'empty' }
  | { readonly outcome: 'held'; readonly reason: Hold; readonly head: Head }
  | { readonly outcome: 'applied'; readonly snapshot: Snapshot; readonly head: Head; readonly problems: readonly Problem[]; readonly quarantined: readonly string[] }
  | { readonly outcome: 'refused'; readonly reason: Refusal; readonly head: Head | undefined; readonly problems: readonly Problem[]; readonly detail?: string }

/** Bytes of the largest blob that a router reads. Lower refuses honest configurations; higher lets one publication take a router's memory. */
export const MAX_BLOB_BYTES = 64 * 1024 * 1024

export interface FollowerOptions {
  readonly store: StateStore
  /** May work in another thread. A rejection is a bundle that cannot be built. */
  readonly build: (bundle: Bundle, version: Version) => Built | Promise<Built>
  /** Takes a snapshot that was proven to build. */
  readonly apply: (snapshot: Snapshot) => void
  /** This router, for heads that are meant for some. Default: a head for some is for others. */
  readonly router?: string
  /** Questions with known answers: what is wrong with the snapshot, or `undefined`. Throwing is wrong too. */
  readonly prove?: (snapshot: Snapshot) => string | undefined
  /** Keeps what was applied for the next start. Must not throw. */
  readonly save?: (good: Good) => void
  /** Is told what a poll found, where it is not what the poll before it found. Must not throw. */
  readonly onResult?: (result: Exclude<PollResult, { outcome: 'same' }>) => void
  /** Bytes; a larger blob is refused unread. Default `MAX_BLOB_BYTES`. */
  readonly maxBytes?: number
  /** Share of services or targets that one step may lose, 0 to 1. Default 0.5. */
  readonly maxShrink?: number
  /** Milliseconds that building may take, the search for what to quarantine included. Default 30,000; needs `setTimer`. */
  readonly maxBuildMs?: number
  readonly setTimer?: SetTimer
}

/** What runs. */
interface Applied {
  readonly head: Head
  readonly snapshot: Snapshot
  readonly bundle: Bundle
  readonly quarantined: readonly string[]
}

/** Polls that are skipped at most after a blob was read in vain; it doubles from none. */
const MAX_SKIPPED = 31

export class Follower {
  readonly #options: FollowerOptions
  #applied: Applied | undefined
  /** What ran before it. */
  #former: Applied | undefined
  /** The head that was refused last, so that one bad publication is built and reported once. */
  #refused: string | undefined
  /** The head that was taken back. It stays so until something newer runs. */
  #crashed: string | undefined
  /** A blob that was not there or not whole: tried again, but not as often as the head is looked at. */
  #vain: { readonly head: string; readonly times: number; skip: number } | undefined
  #polling: Promise<PollResult> | undefined
  #reported = ''

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  get applied(): Head | undefined {
    return this.#applied?.head
  }

  /** Services that run on an older version of their own. */
  get quarantined(): readonly string[] {
    return this.#applied?.quarantined ?? []
  }

  /** Applies the newest of what was kept that still builds. `undefined` where there is none. Never rejects. */
  async boot(generations: AsyncIterable<Good> | Iterable<Good>): Promise<Head | undefined> {
    try {
      for await (const { head, bytes, quarantined } of generations) {
        const bundle = decoded(bytes)
        if (bundle === undefined) continue
        const version: Version = { epoch: head.epoch, number: head.version, digest: digest(bytes) }
        const { setTimer, maxBuildMs } = this.#options
        const built = await within(maxBuildMs, setTimer, async () => this.#options.build(bundle, version)).catch(() => undefined)
        if (built?.snapshot === undefined || this.#fault(built.snapshot) !== undefined) continue
        this.#options.apply(built.snapshot)
        this.#applied = { head, snapshot: built.snapshot, bundle, quarantined }
        return head
      }
    } catch {
      // Nothing to start from; the store is asked next.
    }
    return undefined
  }

  /** Looks at the store once. Polls never overlap: a second call gets the first one's result. Never rejects. */
  poll(): Promise<PollResult> {
    this.#polling ??= this.#poll().then((result) => {
      this.#polling = undefined
      this.#report(result)
      return result
    })
    return this.#polling
  }

  /**
   * The router fails with what it runs: what ran before decides again, until something newer is published.
   * False where nothing did.
   */
  takeBack(): boolean {
    const { applied, former } = { applied: this.#applied, former: this.#former }
    if (applied === undefined || former === undefined) return false
    this.#former = undefined
    this.#options.apply(former.snapshot)
    this.#applied = former
    // Kept once more, so that the next start begins with it.
    this.#options.save?.({ head: former.head, bytes: encodeBundle(former.bundle), quarantined: former.quarantined })
    this.#crashed = identity(applied.head)
    this.#report(this.#refuse(applied.head, 'crashed'))
    return true
  }

  /** Tells of what changed: a store that is away for an hour is not news every two seconds. */
  #report(result: PollResult): void {
    const { outcome } = result
    const reason = 'reason' in result ? result.reason : ''
    const news = `${outcome} ${reason} ${'head' in result && result.head !== undefined ? identity(result.head) : ''}`
    if (news === this.#reported) return
    this.#reported = news
    if (outcome !== 'same') this.#options.onResult?.(result)
  }

  async #poll(): Promise<PollResult> {
    let head: Head | undefined
    try {
      head = await this.#options.store.head()
      if (head === undefined) return { outcome: 'empty' }
      const { wanted, hold } = await this.#wanted(head)
      if (wanted === undefined) return { outcome: 'held', reason: hold ?? 'staged', head }
      const applied = this.#applied?.head
      const order = applied === undefined ? 1 : compareHeads(wanted, applied)
      if (hold !== undefined && order <= 0) return { outcome: 'held', reason: hold, head }
      if (order === 0 && wanted.sha256 === applied?.sha256) return SAME
      if (this.#refused === identity(wanted) || this.#crashed === identity(wanted) || this.#isResting(wanted)) return SAME
      if (order <= 0) return this.#refuse(wanted, 'regress')
      if (wanted.schema !== SCHEMA) return this.#refuse(wanted, 'format')
      if (wanted.bytes > (this.#options.maxBytes ?? MAX_BLOB_BYTES)) return this.#refuse(wanted, 'oversize')
      const bytes = await this.#options.store.read(wanted)
      if (bytes === undefined) return this.#inVain(wanted, 'missing')
      if (bytes.length !== wanted.bytes || digest(bytes) !== wanted.sha256) return this.#inVain(wanted, 'torn')
      return await this.#take(wanted, bytes)
    } catch {
      // A store that cannot be read says nothing about what runs. It is asked again at the next poll.
      return { outcome: 'refused', reason: 'unreadable', head, problems: [] }
    }
  }

  /** The head that this router should run, and why it is not the newest. The pin is read after the head: what was frozen before a publication holds it. */
  async #wanted(head: Head): Promise<{ wanted: Head | undefined; hold: Hold | undefined }> {
    const mine = this.#isMine(head)
    const staged = mine ? head : head.base
    const pin = staged !== undefined && this.#isApplied(staged) ? undefined : await this.#options.store.pin?.()
    if (pin !== undefined && staged !== undefined && compareHeads(staged, pin) > 0) return { wanted: this.#isMine(pin) ? pin : pin.base, hold: 'frozen' }
    return { wanted: staged, hold: mine ? undefined : 'staged' }
  }

  #isMine(head: Head): boolean {
    return isStagedFor(head.stage, this.#options.router ?? '')
  }

  #isApplied(head: Head): boolean {
    return this.#applied !== undefined && compareHeads(head, this.#applied.head) === 0
  }

  async #take(head: Head, bytes: Uint8Array): Promise<PollResult> {
    const published = decoded(bytes)
    if (published === undefined) return this.#refuse(head, 'format')
    const { setTimer, maxBuildMs } = this.#options
    const build = async (bundle: Bundle) =>
      this.#options.build(bundle, { epoch: head.epoch, number: head.version, digest: bundle === published ? head.sha256 : digest(encodeBundle(bundle)) })
    let isolated: Isolated
    try {
      isolated = await within(maxBuildMs, setTimer, () => buildIsolated(published, this.#applied?.bundle, build))
    } catch {
      return this.#refuse(head, 'slow')
    }
    const { built: { snapshot, problems }, bundle, quarantined } = isolated
    if (snapshot === undefined) return this.#refuse(head, 'invalid', problems)
    if (head.force === undefined && shrinks(snapshot, this.#applied?.snapshot, this.#options.maxShrink)) return this.#refuse(head, 'shrunk', problems)
    const fault = this.#fault(snapshot)
    if (fault !== undefined) return this.#refuse(head, 'unproven', problems, fault)
    this.#options.apply(snapshot)
    this.#former = this.#applied
    this.#applied = { head, snapshot, bundle, quarantined }
    this.#refused = undefined
    this.#crashed = undefined
    this.#vain = undefined
    this.#options.save?.({ head, bytes: quarantined.length === 0 ? bytes : encodeBundle(bundle), quarantined })
    return { outcome: 'applied', snapshot, head, problems, quarantined }
  }

  #fault(snapshot: Snapshot): string | undefined {
    try {
      return this.#options.prove?.(snapshot)
    } catch (error) {
      return `failed with ${error instanceof Error ? error.name : 'an unknown error'}`
    }
  }

  #isResting(head: Head): boolean {
    if (this.#vain?.head !== identity(head) || this.#vain.skip === 0) return false
    this.#vain.skip--
    return true
  }

  #inVain(head: Head, reason: 'missing' | 'torn'): PollResult {
    const times = this.#vain?.head === identity(head) ? this.#vain.times + 1 : 1
    this.#vain = { head: identity(head), times, skip: Math.min(2 ** (times - 1) - 1, MAX_SKIPPED) }
    return { outcome: 'refused', reason, head, problems: [] }
  }

  #refuse(head: Head, reason: Refusal, problems: readonly Problem[] = [], detail?: string): PollResult {
    this.#refused = identity(head)
    return { outcome: 'refused', reason, head, problems, ...(detail === undefined ? {} : { detail }) }
  }
}

const SAME: PollResult = Object.freeze({ outcome: 'same' })

function decoded(bytes: Uint8Array): Bundle | undefined {
  try {
    return decodeBundle(bytes)
  } catch {
    return undefined
  }
}

function identity(head: Head): string {
  return `${head.epoch}.${head.version}.${head.sha256}`
}
