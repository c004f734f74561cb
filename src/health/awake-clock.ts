/** A clock that stands still while the process sleeps, so that waking up makes nothing old at once. */
export class AwakeClock {
  readonly #monotonic: () => number
  readonly #most: number
  #last: number
  #awake = 0

  /**
   * @param monotonic milliseconds on a clock that never jumps
   * @param most milliseconds between two looks at the clock that are believed; keep it above the time between two ticks
   */
  constructor(monotonic: () => number, most = 5000) {
    this.#monotonic = monotonic
    this.#most = most
    this.#last = monotonic()
  }

  now(): number {
    const now = this.#monotonic()
    this.#awake += Math.min(this.#most, Math.max(0, now - this.#last))
    this.#last = now
    return this.#awake
  }
}
