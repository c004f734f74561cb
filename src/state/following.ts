/**
 * When a follower polls: at a fixed rate whether or not anything happens, sooner on a hint, and first thing after each
 * connection. The rate is the promise; hints only make it quicker.
 */
import { jittered } from './timing.ts'
import type { SetTimer } from './timing.ts'

export interface FollowingOptions {
  /** Looks once; never rejects, and joins a look that is under way. */
  readonly poll: () => Promise<unknown>
  /** Each of them subscribes a listener and returns the way to stop: a store's hints, a connection that came up. */
  readonly hints: readonly ((listener: () => void) => () => void)[]
  readonly setTimer: SetTimer
  /** 0 to 1. */
  readonly random: () => number
  /** Milliseconds. Default 2000, give or take 20 %. */
  readonly intervalMs?: number
  readonly spread?: number
}

/** Polls at once and from then on. Returns the way to stop. */
export function follow({ poll, hints, setTimer, random, intervalMs = 2000, spread = 0.2 }: FollowingOptions): () => void {
  let stopped = false
  let looking = false
  let again = false
  let cancel: () => void = () => undefined
  const look = (): void => {
    if (stopped) return
    // What a look that is under way has already read may be older than the hint.
    again = looking
    if (looking) return
    looking = true
    void poll().finally(() => {
      looking = false
      if (again) look()
    })
  }
  const tick = (): void => {
    cancel = setTimer(tick, jittered(intervalMs, spread, random))
    if (!looking) look()
  }
  const stops = hints.map((subscribe) => subscribe(look))
  tick()
  return () => {
    stopped = true
    cancel()
    for (const stop of stops) stop()
  }
}
