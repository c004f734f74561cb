/** Time as it is given to what waits. */

/** Calls `run` once after `ms` milliseconds; the result cancels it. */
export type SetTimer = (run: () => void, ms: number) => () => void

/** `ms`, give or take `spread` of it (0 to 1), so that many of the same do not keep in step. */
export function jittered(ms: number, spread: number, random: () => number): number {
  return Math.round(ms * (1 + spread * (2 * random() - 1)))
}

/** The time was up; what was waited for may still be going on. */
export class TimeUpError extends Error {
  override readonly name = 'TimeUpError'
}

/** What `run` comes to, unless that takes longer than `ms` (default 30,000): then it rejects with a `TimeUpError`. Without a timer there is no limit. */
export function within<T>(ms: number | undefined, setTimer: SetTimer | undefined, run: () => Promise<T>): Promise<T> {
  if (setTimer === undefined) return run()
  return new Promise((resolve, reject) => {
    const cancel = setTimer(() => reject(new TimeUpError('the time is up')), ms ?? 30_000)
    run().then(resolve, reject).finally(cancel)
  })
}
