/**
 * What decisions read of the world's health, by target index. `health/` writes it; a change shows in the next decision,
 * in every thread that has a table over the same columns.
 *
 * Apart from the state it holds what can be derived from it and is worth keeping: the standing of each pool,
 * thrown away at every change, and the pass shares that bound a target's load.
 */
import type { AdminState, HealthState, Snapshot, Target } from './model.ts'
import { ADMIN_STATES, HEALTH_STATES } from './model.ts'
import { Memo } from './memo.ts'
import type { Standing } from './standing.ts'

/** The columns, by target index, in memory that threads share. One thread writes. */
export interface HealthColumns {
  /** One number, which rises with every change of a state; not with a share, which leaves standings as they are. */
  readonly version: Int32Array<SharedArrayBuffer>
  readonly state: Uint8Array<SharedArrayBuffer>
  readonly admin: Uint8Array<SharedArrayBuffer>
  readonly load: Float64Array<SharedArrayBuffer>
  readonly ramp: Float64Array<SharedArrayBuffer>
  /** Of both, as decisions read it. */
  readonly shed: Float64Array<SharedArrayBuffer>
}

export class HealthTable {
  readonly columns: HealthColumns
  readonly #version: Int32Array
  readonly #state: Uint8Array
  readonly #admin: Uint8Array
  readonly #load: Float64Array
  readonly #ramp: Float64Array
  readonly #shed: Float64Array
  /** By pool and scheme; see `standing.ts`. */
  readonly standings: (Standing | undefined)[]
  /** What selectors remember of long lists. */
  readonly memo: Memo
  /** By pool, then member: share of the viewers that may pass to that member; see `load.ts`. */
  readonly pass: (Float64Array | undefined)[]

  /**
   * @param columns of a table that another thread made for the same snapshot; absent: new ones, with the snapshot's word on every target
   * @param former of the snapshot before: what was worked out there and still holds is not worked out again
   */
  constructor(snapshot: Snapshot, columns?: HealthColumns, former?: HealthTable) {
    this.memo = new Memo(former?.memo.orders)
    this.columns = columns ?? columnsFor(snapshot)
    this.#version = this.columns.version
    this.#state = this.columns.state
    this.#admin = this.columns.admin
    this.#load = this.columns.load
    this.#ramp = this.columns.ramp
    this.#shed = this.columns.shed
    this.standings = new Array<Standing | undefined>(snapshot.pools.length * 2)
    this.pass = new Array<Float64Array | undefined>(snapshot.pools.length)
  }

  /** To be read before the states: then a change meanwhile is seen at the next look, if not at this one. */
  get version(): number {
    return Atomics.load(this.#version, 0)
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

  #set(column: Uint8Array, target: Target, value: number): void {
    if (column[target.index] === value) return
    column[target.index] = value
    Atomics.add(this.#version, 0, 1)
  }
}

function columnsFor({ targets }: Snapshot): HealthColumns {
  const bytes = () => new Uint8Array(new SharedArrayBuffer(targets.length))
  const shares = () => new Float64Array(new SharedArrayBuffer(targets.length * Float64Array.BYTES_PER_ELEMENT))
  const columns = { version: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), state: bytes(), admin: bytes(), load: shares(), ramp: shares(), shed: shares() }
  for (const { index, adminState } of targets) columns.admin[index] = ADMIN_STATES.indexOf(adminState)
  return columns
}

/** A report that holds no number must not turn a target off. */
function share(value: number): number {
  return value > 0 ? Math.min(1, value) : 0
}
