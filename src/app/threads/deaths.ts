/** What the deaths of threads mean: how long to wait before the next is started, and whether a snapshot is to blame. Pure. */

/** Milliseconds after it was applied in which a snapshot is blamed for threads that die. */
const BLAMED_MS = 60_000
/** Deaths that are no coincidence. */
const ENOUGH = 2
const FIRST_MS = 100
const LONGEST_MS = 10_000
/** Milliseconds of life after which a death is the first again. */
const LONG_LIFE_MS = 60_000

export class Deaths {
  #inARow = 0
  #blamed: object | undefined
  #count = 0

  /**
   * @param world what the thread decided by or was being told of
   * @param appliedAt since when there is that, on the clock of `now`
   * @param bornAt when the thread was started
   * @returns milliseconds until another should be started, and whether what it decided by should be taken back
   */
  died(world: object | undefined, appliedAt: number, bornAt: number, now: number): { readonly waitMs: number, readonly takeBack: boolean } {
    this.#inARow = now - bornAt >= LONG_LIFE_MS ? 1 : this.#inARow + 1
    if (world !== this.#blamed) this.#count = 0
    this.#blamed = world
    if (world !== undefined && now - appliedAt < BLAMED_MS) this.#count++
    const takeBack = this.#count >= ENOUGH
    // What comes next has done nothing yet.
    if (takeBack) this.#count = this.#inARow = 0
    return { waitMs: takeBack ? FIRST_MS : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(30, this.#inARow - 1)), takeBack }
  }
}
