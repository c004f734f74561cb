/**
 * Follows a store: head, blob, verify, build, swap. Whatever is missing, torn, invalid, older or suspiciously small
 * is refused with a reason, and what runs goes on running.
 */
import type { Bundle } from '../policy/bundle.ts'
import { decodeBundle, digest } from '../policy/bundle.ts'
import type { Built } from '../policy/build.ts'
import type { Problem } from '../policy/problem.ts'
import type { Snapshot, Version } from '../routing/model.ts'
import type { Head, StateStore } from './store.ts'
import { compareHeads } from './store.ts'

/** Why a published state was not applied. Closed: a metric label. */
export const REFUSALS = ['unreadable', 'missing', 'oversize', 'torn', 'regress', 'format', 'invalid', 'shrunk'] as const
export type Refusal = (typeof REFUSALS)[number]

export type PollResult =
  | { readonly outcome: 'same' | 'empty' }
  | { readonly outcome: 'applied'; readonly snapshot: Snapshot; readonly head: Head; readonly problems: readonly Problem[] }
  | { readonly outcome: 'refused'; readonly reason: Refusal; readonly head: Head | undefined; readonly problems: readonly Problem[] }

export interface FollowerOptions {
  readonly store: StateStore
  readonly build: (bundle: Bundle, version: Version) => Built
  /** Takes a snapshot that was proven to build. */
  readonly apply: (snapshot: Snapshot) => void
  /** Bytes; a larger blob is refused unread. Default 64 MiB. */
  readonly maxBytes?: number
  /**
   * Share of services or targets that one step may lose, 0 to 1. Default 0.5: half of a fleet does not leave at once, but
   * a broken generator drops that much easily. Lower refuses honest clean-ups; higher believes a torn export.
   */
  readonly maxShrink?: number
}

export class Follower {
  readonly #options: FollowerOptions
  #applied: { readonly head: Head; readonly snapshot: Snapshot } | undefined
  /** The head that was refused last, so that one bad publication is built and reported once. */
  #refused: string | undefined
  #polling: Promise<PollResult> | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  get applied(): Head | undefined {
    return this.#applied?.head
  }

  /** Looks at the store once. Polls never overlap: a second call gets the first one's result. Never rejects. */
  poll(): Promise<PollResult> {
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined
    })
    return this.#polling
  }

  async #poll(): Promise<PollResult> {
    let head: Head | undefined
    try {
      head = await this.#options.store.head()
      if (head === undefined) return { outcome: 'empty' }
      const order = this.#applied === undefined ? 1 : compareHeads(head, this.#applied.head)
      if (order === 0 && head.sha256 === this.#applied?.head.sha256) return { outcome: 'same' }
      if (this.#refused === identity(head)) return { outcome: 'same' }
      if (order <= 0) return this.#refuse(head, 'regress')
      if (head.bytes > (this.#options.maxBytes ?? 64 * 1024 * 1024)) return this.#refuse(head, 'oversize')
      const bytes = await this.#options.store.read(head)
      if (bytes === undefined) return { outcome: 'refused', reason: 'missing', head, problems: [] }
      return this.#take(head, bytes)
    } catch {
      // A store that cannot be read says nothing about what runs. It is asked again at the next poll.
      return { outcome: 'refused', reason: 'unreadable', head, problems: [] }
    }
  }

  #take(head: Head, bytes: Uint8Array): PollResult {
    // Not remembered as refused: a torn read may be whole the next time.
    if (bytes.length !== head.bytes || digest(bytes) !== head.sha256) return { outcome: 'refused', reason: 'torn', head, problems: [] }
    let bundle: Bundle
    try {
      bundle = decodeBundle(bytes)
    } catch {
      return this.#refuse(head, 'format')
    }
    const { snapshot, problems } = this.#options.build(bundle, { epoch: head.epoch, number: head.version, digest: head.sha256 })
    if (snapshot === undefined) return this.#refuse(head, 'invalid', problems)
    if (this.#shrinks(snapshot)) return this.#refuse(head, 'shrunk', problems)
    this.#options.apply(snapshot)
    this.#applied = { head, snapshot }
    this.#refused = undefined
    return { outcome: 'applied', snapshot, head, problems }
  }

  #shrinks(next: Snapshot): boolean {
    const now = this.#applied?.snapshot
    if (now === undefined) return false
    const keep = 1 - (this.#options.maxShrink ?? 0.5)
    return next.services.length < now.services.length * keep || next.targets.length < now.targets.length * keep
  }

  #refuse(head: Head, reason: Refusal, problems: readonly Problem[] = []): PollResult {
    this.#refused = identity(head)
    return { outcome: 'refused', reason, head, problems }
  }
}

function identity(head: Head): string {
  return `${head.epoch}.${head.version}.${head.sha256}`
}
