/**
 * What decisions read of the world's health, by target index. `health/` writes it; a change shows in the next decision.
 *
 * Apart from the state it holds what can be derived from it and is worth keeping: the standing of each pool,
 * thrown away at every change, and the pass shares that bound a target's load.
 */
import type { AdminState, HealthState, Snapshot, Target } from './model.ts'
import { ADMIN_STATES, HEALTH_STATES } from './model.ts'
import type { Standing } from './standing.ts'

export class HealthTable {
  /** Rises with every change of a state; not with a share, which leaves standings as they are. */
  version = 1
  readonly #targets: readonly Target[]
  readonly #state: Uint8Array
  readonly #admin: Uint8Array
  readonly #load: Float64Array
  readonly #ramp: Float64Array
  /** Of both, as decisions read it. */
  readonly #shed: Float64Array
  /** By pool and scheme; see `standing.ts`. */
  readonly standings: (Standing | undefined)[]
  /** By pool, then member: share of the viewers that may pass to that member; see `load.ts`. */
  readonly pass: (Float64Array | undefined)[]

  constructor(snapshot: Snapshot) {
    const count = snapshot.targets.length
    this.#targets = snapshot.targets
    this.#state = new Uint8Array(count)
    this.#admin = new Uint8Array(count)
    this.#load = new Float64Array(count)
    this.#ramp = new Float64Array(count)
    this.#shed = new Float64Array(count)
    this.standings = new Array<Standing | undefined>(snapshot.pools.length * 2)
    this.pass = new Array<Float64Array | undefined>(snapshot.pools.length)
    for (const target of snapshot.targets) this.#admin[target.index] = ADMIN_STATES.indexOf(target.adminState)
  }

  /** As measured. `unknown` counts as up: what nobody has looked at is not broken. */
  state(target: Target): HealthState {
    return HEALTH_STATES[this.#state[target.index] ?? 0] ?? 'unknown'
  }

  setState(target: Target, state: HealthState): void {
    this.#set(this.#state, target, HEALTH_STATES.indexOf(state))
  }

  /** What an operator said, which wins over what was measured. */
  admin(target: Target): AdminState {
    return ADMIN_STATES[this.#admin[target.index] ?? 0] ?? 'auto'
  }

  setAdmin(target: Target, state: AdminState): void {
    this.#set(this.#admin, target, ADMIN_STATES.indexOf(state))
  }

  /** Share of viewers that the target turns away, 0 to 1. */
  shed(target: Target): number {
    return this.#shed[target.index] ?? 0
  }

  /** Why it turns viewers away: its load, and, of those whom the load leaves, that it has just come back. */
  shares({ index }: Target): { readonly load: number; readonly slowStart: number } {
    return { load: this.#load[index] ?? 0, slowStart: this.#ramp[index] ?? 0 }
  }

  setShed({ index }: Target, load: number, slowStart = 0): void {
    const both = share(load) + (1 - share(load)) * share(slowStart)
    this.#load[index] = share(load)
    this.#ramp[index] = share(slowStart)
    this.#shed[index] = both
  }

  /**
   * Takes over what was measured of targets that are in both snapshots. Their `adminState` is the new snapshot's, unless
   * an operator's command differs from what the former snapshot said.
   */
  inherit(from: HealthTable, of: Snapshot): void {
    const here = new Map(this.#targets.map((target) => [target.id, target]))
    for (const former of of.targets) {
      const target = here.get(former.id)
      if (target === undefined) continue
      this.setState(target, from.state(former))
      const { load, slowStart } = from.shares(former)
      this.setShed(target, load, slowStart)
      if (from.admin(former) !== former.adminState) this.setAdmin(target, from.admin(former))
    }
  }

  #set(column: Uint8Array, target: Target, value: number): void {
    if (column[target.index] === value) return
    column[target.index] = value
    this.version++
  }
}

/** A report that holds no number must not turn a target off. */
function share(value: number): number {
  return value > 0 ? Math.min(1, value) : 0
}
