/**
 * The bound on a target's load: no member takes more than `loadFactor` times its fair share of a pool's decisions.
 *
 * The classic bounded-load hash (Mirrokni, Thorup and Zadimoghaddam 2016) asks at every request whether a member is full,
 * so a viewer who reloads hops whenever its load wavers around the bound. Here a member has a pass share between 0 and 1,
 * corrected once per tick from what it was offered and what was fair; a viewer passes by the viewer's own draw. What a member sheds for
 * its load is nobody's: the others take it, which is no reason to pass viewers on.
 * So only the viewers at the margin move, and the bound is met within a few ticks instead of at once.
 */
import { combine, fraction } from './hash.ts'
import type { HealthTable } from './health-table.ts'
import type { Member, Pool } from './model.ts'
import type { Observer } from './observer.ts'
import type { Draw } from './select/selector.ts'

const PASS_SALT = 0x2545f491
/** Share of the past that a tick keeps. With a tick of 1 s, what was measured 5 s ago still weighs a third. */
const MEMORY = 0.8

/** Whether this viewer is in the share that the member still takes. */
export function mayPass(draw: Draw, member: Member): boolean {
  const shares = draw.health.pass[draw.step.pool.index]
  if (shares === undefined) return true
  const share = shares[member.position ?? draw.step.pool.members.indexOf(member)] ?? 1
  return share >= 1 || fraction(combine(draw.random ^ PASS_SALT, member.target.seed)) < share
}

/** Lists that are counted before their members are: they are few, unless viewers turn them into as many as there are of them. */
const MAX_LISTS = 1000

/** What one thread counted since it was asked last, by position in `Pool.members`. */
export interface PoolCounts {
  /** Of the pool. */
  readonly index: number
  readonly offered: Float64Array
  readonly fair: Float64Array
}

/**
 * Counts what members were offered and what would have been fair, and turns both into pass shares. Where several threads
 * decide, each counts for itself, and the shares are worked out from all counts together: a viewer's answer must not depend
 * on the thread that a connection came to.
 */
export class LoadTally implements Observer {
  readonly #pools = new Map<Pool, Counts>()
  /** Decisions by the list that they were made among, since they were last told to the members. */
  readonly #lists = new Map<readonly Member[], { readonly pool: Pool; count: number }>()
  /** Whose sheds count for lists that are too many to wait for the next tick. */
  #health: HealthTable | undefined

  fair(pool: Pool, list: readonly Member[]): void {
    const known = this.#lists.get(list)
    if (known !== undefined) known.count++
    else if (pool.loadFactor !== undefined) {
      this.#lists.set(list, { pool, count: 1 })
      if (this.#lists.size > MAX_LISTS) this.#share()
    }
  }

  offered(pool: Pool, member: Member): void {
    const counts = this.#counts(pool)
    if (counts !== undefined) add(counts.offered, counts.positions.get(member), 1)
  }

  /** Writes the pass shares for the next tick and forgets a part of the past. */
  tick(health: HealthTable): void {
    this.#health = health
    this.#share()
    for (const [pool, { offered, fair }] of this.#pools) {
      const factor = pool.loadFactor ?? Infinity
      const shares = (health.pass[pool.index] ??= new Float64Array(pool.members.length).fill(1))
      for (const position of pool.members.keys()) {
        const wanted = offered[position] ?? 0
        shares[position] = wanted === 0 ? 1 : Math.min(1, (factor * (fair[position] ?? 0)) / wanted)
        offered[position] = wanted * MEMORY
        fair[position] = (fair[position] ?? 0) * MEMORY
      }
    }
  }

  /** The counts so far, which begin anew. @param health that they were decided by */
  take(health: HealthTable): PoolCounts[] {
    this.#health = health
    this.#share()
    const taken = [...this.#pools].map(([{ index }, { offered, fair }]) => ({ index, offered, fair }))
    this.#pools.clear()
    return taken
  }

  /** Adds what another tally took. @param pools of the snapshot that both are for */
  absorb(taken: readonly PoolCounts[], pools: readonly Pool[]): void {
    for (const { index, offered, fair } of taken) {
      const pool = pools[index]
      const counts = pool === undefined ? undefined : this.#counts(pool)
      if (counts === undefined) continue
      for (const position of counts.offered.keys()) {
        add(counts.offered, position, offered[position] ?? 0)
        add(counts.fair, position, fair[position] ?? 0)
      }
    }
  }

  /** Tells members what the lists that they were in have gathered. */
  #share(): void {
    for (const [list, { pool, count }] of this.#lists) {
      const counts = this.#counts(pool)
      const sum = list.reduce((total, member) => total + this.#part(member), 0)
      if (counts === undefined || sum === 0) continue
      for (const member of list) add(counts.fair, counts.positions.get(member), (count * this.#part(member)) / sum)
    }
    this.#lists.clear()
  }

  #part({ weight, target }: Member): number {
    return weight * (1 - (this.#health?.shed(target) ?? 0))
  }

  #counts(pool: Pool): Counts | undefined {
    const known = this.#pools.get(pool)
    if (known !== undefined || pool.loadFactor === undefined) return known
    const { members } = pool
    const counts: Counts = {
      positions: new Map(members.map((member, position) => [member, position])),
      offered: new Float64Array(members.length),
      fair: new Float64Array(members.length),
    }
    this.#pools.set(pool, counts)
    return counts
  }
}

/** By position of the member in its pool. */
interface Counts {
  readonly positions: ReadonlyMap<Member, number>
  readonly offered: Float64Array
  readonly fair: Float64Array
}

function add(column: Float64Array, position: number | undefined, amount: number): void {
  if (position !== undefined) column[position] = (column[position] ?? 0) + amount
}
