/**
 * Checks every target once a round and writes what follows into the health table.
 *
 * A round's results are judged together before any of them counts: when more than half of all targets fail that worked
 * before, it is likelier that this prober has lost its network than that the world is down, so nothing is published.
 */
import type { HealthTable } from '../routing/health-table.ts'
import type { HealthState, Target } from '../routing/model.ts'
import { FOLD, UNPROVEN, fold } from './fold.ts'
import type { Fold, FoldOptions } from './fold.ts'
import type { CheckSpec, ProbeResult, ProbeWhy } from './probe.ts'

export interface CheckerOptions {
  readonly probe: (spec: CheckSpec, cancel: AbortSignal) => Promise<ProbeResult>
  /** Calls `run` once after `ms` milliseconds; the result cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number
  /** Milliseconds between the starts of two rounds; default 5000. A round that takes longer delays the next. */
  readonly intervalMs?: number
  /** Share of the interval by which a round is early or late at random, so that routers do not probe in step; default 0.1. */
  readonly jitter?: number
  /** Checks at once; default 16. */
  readonly concurrency?: number
  readonly fold?: FoldOptions
  readonly onChange?: (target: Target, state: HealthState, why: ProbeWhy) => void
  /** Most targets failed at once, so nothing was published. */
  readonly onQuarantine?: (failed: number, total: number) => void
}

export interface Round {
  readonly failed: number
  readonly total: number
  readonly published: boolean
}

/** Fewer targets than this are too few to tell their fault from the prober's. */
export const QUARANTINE_FROM = 4

export class HealthChecker {
  readonly #options: CheckerOptions
  #specs: readonly CheckSpec[] = []
  #table: HealthTable | undefined
  /** By target id, so that a state outlives the snapshot that it was measured under. */
  #folds = new Map<string, Fold>()
  #cancelTimer: (() => void) | undefined
  #cancelRound: AbortController | undefined
  /** Which start is running; a loop that sees another one ends. */
  #loop: symbol | undefined

  constructor(options: CheckerOptions) {
    this.#options = options
  }

  /** Goes over to another snapshot's targets and table. States that were measured before are in the table at once. */
  watch(specs: readonly CheckSpec[], table: HealthTable): void {
    const ids = new Set(specs.map(({ target }) => target.id))
    for (const id of this.#folds.keys()) if (!ids.has(id)) this.#folds.delete(id)
    this.#specs = specs
    this.#table = table
    for (const { target } of specs) table.setState(target, this.#foldOf(target).state)
  }

  /** The first round begins within the jitter, not an interval later. */
  start(): void {
    if (this.#loop !== undefined) return
    const loop = Symbol('loop')
    this.#loop = loop
    const { intervalMs = 5000, jitter = 0.1, random, setTimer } = this.#options
    this.#cancelTimer = setTimer(() => void this.#tick(loop), intervalMs * jitter * random())
  }

  /** Ends a round that is under way; what it measured is not published. */
  stop(): void {
    this.#loop = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#cancelRound?.abort()
  }

  /** One round, now. Never rejects. The checks of a snapshot that was swapped out meanwhile count for nothing. */
  async round(): Promise<Round> {
    const specs = this.#specs
    const cancel = new AbortController()
    this.#cancelRound = cancel
    const results = new Map<CheckSpec, ProbeResult>()
    const queue = specs.values()
    const worker = async () => {
      for (const spec of queue) {
        if (cancel.signal.aborted) return
        results.set(spec, await this.#check(spec, cancel.signal))
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.concurrency ?? 16, specs.length) }, worker))

    const failed = specs.filter((spec) => results.get(spec)?.ok === false).length
    const none = { failed, total: specs.length, published: false }
    if (cancel.signal.aborted || this.#specs !== specs) return none
    const lost = specs.filter((spec) => results.get(spec)?.ok === false && this.#foldOf(spec.target).state !== 'down').length
    if (specs.length >= QUARANTINE_FROM && lost * 2 > specs.length) {
      this.#options.onQuarantine?.(failed, specs.length)
      return none
    }
    for (const [spec, result] of results) this.#publish(spec.target, result)
    return { ...none, published: true }
  }

  #publish(target: Target, { ok, why }: ProbeResult): void {
    const before = this.#foldOf(target)
    const after = fold(before, ok, this.#options.fold ?? FOLD)
    this.#folds.set(target.id, after)
    if (after.state === before.state) return
    this.#table?.setState(target, after.state)
    this.#options.onChange?.(target, after.state, why)
  }

  #foldOf(target: Target): Fold {
    return this.#folds.get(target.id) ?? UNPROVEN
  }

  async #check(spec: CheckSpec, cancel: AbortSignal): Promise<ProbeResult> {
    try {
      return await this.#options.probe(spec, cancel)
    } catch {
      return { ok: false, why: 'other' }
    }
  }

  /** The interval runs from the start of a round, so that slow targets do not stretch it; rounds never overlap. */
  async #tick(loop: symbol): Promise<void> {
    const { intervalMs = 5000, jitter = 0.1, random, setTimer } = this.#options
    let over = false
    let due = false
    const next = () => {
      if (this.#loop === loop) void this.#tick(loop)
    }
    this.#cancelTimer = setTimer(() => {
      due = true
      if (over) next()
    }, intervalMs * (1 + jitter * (2 * random() - 1)))
    await this.round()
    over = true
    if (due) next()
  }
}
