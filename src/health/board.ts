/**
 * The health of all targets: own checks, other probers' opinions, load reports and operators' commands, brought together
 * and written into the health table that decisions read. What is learned is in the table before the call returns.
 */
import type { HealthTable } from '../routing/health-table.ts'
import type { AdminState, Family, HealthState, Snapshot, Target } from '../routing/model.ts'
import { AwakeClock } from './awake-clock.ts'
import { HealthChecker } from './checker.ts'
import type { CheckerOptions, FamilyState } from './checker.ts'
import { Reports } from './exchange.ts'
import type { HealthExchange, ProberReport } from './exchange.ts'
import { LiveTarget } from './live-target.ts'
import type { LoadReport } from './load.ts'
import { LoadRelay } from './load-relay.ts'
import { merge } from './merge.ts'
import { Commands } from './overrides.ts'
import type { Override, OverrideStore } from './overrides.ts'
import type { ProbeWhy } from './probe.ts'
import { Repeating } from './repeating.ts'

export interface BoardOptions extends Pick<CheckerOptions, 'probe' | 'setTimer' | 'monotonic' | 'random' | 'concurrency' | 'onProbe' | 'onQuarantine'> {
  /** The router's id, under which others see its opinions. */
  readonly prober: string
  /** Different at each start of the router. */
  readonly epoch: string
  /** Milliseconds since the epoch, for commands that end at a time. */
  readonly now: () => number
  /** Absent: this router is the only prober. */
  readonly exchange?: HealthExchange
  /** Absent: nobody gives commands. */
  readonly overrides?: OverrideStore
  /** A target's merged state changed. `why` is what this router's own check found, `peers` where it was others'. */
  readonly onChange?: (target: Target, state: HealthState, why: ProbeWhy | 'peers') => void
  /** A command came, ended, or was taken back. */
  readonly onOverride?: (command: Override, inForce: boolean) => void
  /** Reports or commands cannot be read or written, or can again. What was known holds on. `why` is the error of what began to fail. */
  readonly onTrouble?: (what: 'exchange' | 'overrides', failed: boolean, why?: unknown) => void
}

export interface TargetStatus {
  readonly id: string
  /** As measured by all probers together. */
  readonly state: HealthState
  /** What this router's own checks say. */
  readonly own: HealthState
  readonly families: Readonly<Partial<Record<Family, FamilyState>>>
  /** Other routers' opinions. */
  readonly peers: { readonly up: number; readonly down: number }
  /** What decisions obey: the operator's command, otherwise the configuration. */
  readonly adminState: AdminState
  /** The latest command, also when it is over. */
  readonly override: (Override & { readonly inForce: boolean }) | undefined
  /** Shares of viewers that are turned away: all together, by load, and of the rest by slow start. */
  readonly shed: { readonly share: number; readonly load: number; readonly slowStart: number }
  /** Absent where no report counts. */
  readonly load: (LoadReport & { readonly ageSeconds: number; readonly sentSince: number; readonly utilisation: number | undefined }) | undefined
}

const TICK_MS = 1000
const EXCHANGE_MS = 2000
const OVERRIDES_MS = 1000
/** An own change is told to the others after this long, so that one message tells of many. */
const TELL_MS = 50

export class HealthBoard {
  readonly #options: BoardOptions
  readonly #checker: HealthChecker
  readonly #reports: Reports
  readonly #clock: AwakeClock
  readonly #loops: readonly Repeating[]
  readonly #exchanging: Repeating | undefined
  readonly #reading: Repeating | undefined
  #live = new Map<string, LiveTarget>()
  #byIndex: readonly LiveTarget[] = []
  #table: HealthTable | undefined
  readonly #commands = new Commands()
  readonly #relay = new LoadRelay()
  #seq = 0

  constructor(options: BoardOptions) {
    const { probe, setTimer, monotonic, random, concurrency, onProbe, exchange, overrides } = options
    this.#options = options
    this.#clock = new AwakeClock(monotonic)
    this.#reports = new Reports(options.prober)
    this.#checker = new HealthChecker({
      probe, setTimer, monotonic, random,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(onProbe === undefined ? {} : { onProbe }),
      onOpinion: (target, _state, why) => {
        this.#refresh(target.id, why)
        this.#exchanging?.soon(TELL_MS)
      },
      onQuarantine: (quarantined, failed, total) => {
        options.onQuarantine?.(quarantined, failed, total)
        this.#refreshAll()
        this.#exchanging?.soon(TELL_MS)
      },
    })
    const repeat = (run: () => Promise<void>, everyMs: number, onState?: (failed: boolean, why: unknown) => void) => new Repeating({ run, everyMs, setTimer, random, ...(onState === undefined ? {} : { onState }) })
    this.#exchanging = exchange && repeat(() => this.#exchange(exchange), EXCHANGE_MS, (failed, why) => options.onTrouble?.('exchange', failed, why))
    this.#reading = overrides && repeat(() => this.#readOverrides(overrides), OVERRIDES_MS, (failed, why) => options.onTrouble?.('overrides', failed, why))
    this.#loops = [repeat(async () => this.#tick(), TICK_MS), this.#exchanging, this.#reading].filter((loop) => loop !== undefined)
  }

  /** Goes over to a new snapshot. All that is known of its targets is in the table when this returns. */
  watch(snapshot: Snapshot, table: HealthTable): void {
    const former = this.#live
    this.#table = table
    this.#byIndex = snapshot.targets.map((target) => {
      const live = former.get(target.id) ?? new LiveTarget(target)
      live.target = target
      return live
    })
    this.#live = new Map(this.#byIndex.map((live) => [live.target.id, live]))
    this.#checker.watch(snapshot.targets)
    this.#refreshAll()
  }

  /** Resolves once operators' commands were read, or could not be, or after a second; never rejects. */
  async start(): Promise<void> {
    const first = this.#reading?.now()
    for (const loop of this.#loops) loop.start()
    this.#checker.start()
    if (first === undefined) return
    const { setTimer } = this.#options
    await new Promise<void>((resolve) => {
      const cancel = setTimer(resolve, 1000)
      void first.then(() => {
        cancel()
        resolve()
      })
    })
  }

  close(): void {
    for (const loop of this.#loops) loop.stop()
    this.#checker.stop()
  }

  /** Viewers were sent to a target. Costs an addition; every hundredth of the target's capacity its share is worked out anew. */
  onDecision(target: Target, viewers = 1): void {
    const live = this.#byIndex[target.index]
    if (live?.target === target && this.#table !== undefined) live.count(viewers, this.#table, () => this.#clock.now())
  }

  /** SHA-256, hexadecimal, of the token that authorises a target's load reports; `undefined`: the target takes none. */
  loadTokenHash(id: string): string | undefined {
    return this.#live.get(id)?.target.health?.loadTokenHash
  }

  /** Takes a load report that was authorised. `undefined`: there is no such target. */
  report(id: string, report: LoadReport): { readonly accepted: boolean; readonly utilisation: number | undefined; readonly shed: number } | undefined {
    const live = this.#live.get(id)
    const table = this.#table
    if (live === undefined || table === undefined) return undefined
    const now = this.#clock.now()
    const accepted = live.take(report, now)
    if (accepted) {
      this.#relay.took(id, report)
      live.share(table, now)
    }
    return { accepted, utilisation: live.utilisation(now), shed: table.shed(live.target) }
  }

  /** By target, in the snapshot's order. */
  states(): TargetStatus[] {
    const now = this.#clock.now()
    const peers = this.#reports.fresh(now)
    return this.#byIndex.map((live) => this.#statusOf(live, peers.map(({ states }) => states.get(live.target.id)), now))
  }

  status() {
    const now = this.#clock.now()
    return { prober: this.#options.prober, quarantined: this.#checker.quarantined, peers: this.#reports.ages(now), checksRunning: this.#checker.running }
  }

  #statusOf(live: LiveTarget, opinions: readonly (HealthState | undefined)[], now: number): TargetStatus {
    const { target, load } = live
    const command = this.#commands.latest(target.id)
    return {
      id: target.id,
      state: live.measured,
      own: this.#checker.opinion(target.id),
      families: this.#checker.families(target.id),
      peers: { up: opinions.filter((state) => state === 'up').length, down: opinions.filter((state) => state === 'down').length },
      adminState: live.admin,
      override: command && { ...command, inForce: this.#commands.inForce(target.id) !== undefined },
      shed: { share: this.#table?.shed(target) ?? 0, ...(this.#table?.shares(target) ?? { load: 0, slowStart: 0 }) },
      load: load && { ...load.report, ageSeconds: Math.round((now - load.at) / 1000), sentSince: live.sent, utilisation: live.utilisation(now) },
    }
  }

  /** Time passes: ramps rise, reports grow old, commands end. */
  #tick(): void {
    const now = this.#clock.now()
    for (const live of this.#byIndex) live.forgetStale(now)
    this.#relay.keep((id) => this.#live.get(id)?.load !== undefined)
    this.#obey()
  }

  #refreshAll(): void {
    const now = this.#clock.now()
    const peers = this.#reports.fresh(now)
    for (const live of this.#byIndex) this.#judge(live, peers, 'peers', now)
  }

  #refresh(id: string, why: ProbeWhy): void {
    const live = this.#live.get(id)
    const now = this.#clock.now()
    if (live !== undefined) this.#judge(live, this.#reports.fresh(now), why, now)
  }

  #judge(live: LiveTarget, peers: ReturnType<Reports['fresh']>, why: ProbeWhy | 'peers', now: number): void {
    const { target, measured: before } = live
    const own = this.#checker.opinion(target.id)
    const others = peers.map(({ states }) => states.get(target.id) ?? 'unknown')
    const together = merge(this.#checker.quarantined ? others : [own, ...others])
    // Who doubts itself and hears of nobody else stays with what it knew.
    const state = this.#checker.quarantined && together === 'unknown' ? own : together
    if (this.#table === undefined) return
    live.set(this.#table, state, this.#commands.inForce(target.id)?.state ?? target.adminState, now)
    if (state !== before) this.#options.onChange?.(target, state, why)
  }

  async #exchange(exchange: HealthExchange): Promise<void> {
    // A store that takes nothing, full or read-only, may still have something to tell.
    const [told, heard] = await Promise.allSettled([exchange.publish(this.#ownReport()), exchange.read()])
    if (heard.status === 'fulfilled') {
      const now = this.#clock.now()
      this.#reports.take(heard.value, now)
      this.#relay.heard(this.#reports.heard(now), (id, load) => this.#live.get(id)?.take(load, now))
      this.#refreshAll()
    }
    for (const result of [told, heard]) if (result.status === 'rejected') throw result.reason
  }

  #ownReport(): ProberReport {
    const { prober, epoch } = this.#options
    const up: string[] = []
    const down: string[] = []
    for (const id of this.#live.keys()) {
      const state = this.#checker.opinion(id)
      if (state !== 'unknown') (state === 'up' ? up : down).push(id)
    }
    return { prober, epoch, seq: ++this.#seq, intervalMs: EXCHANGE_MS, withheld: this.#checker.quarantined, up, down, loads: this.#relay.told() }
  }

  async #readOverrides(store: OverrideStore): Promise<void> {
    this.#commands.replace(await store.read())
    this.#obey()
  }

  /** All targets as they are now. Commands are told of when they are obeyed: whoever reads it may ask a thread at once. */
  #obey(): void {
    const changes = this.#commands.update(this.#options.now())
    this.#refreshAll()
    for (const { command, inForce } of changes) this.#options.onOverride?.(command, inForce)
  }
}
