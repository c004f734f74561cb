/**
 * The threads that answer players, from the control thread's side. Each listens on the port itself, so no request passes
 * here; snapshots, places, keys and shares go to them, records and counts come back. One that dies costs its own
 * connections and is replaced; a snapshot that makes threads die is taken back.
 */
import type { SharedAsn, SharedGeo } from '../../geo/geo-index.ts'
import type { ListenOptions } from '../../http/public-server.ts'
import type { RecordHub } from '../../log/relay.ts'
import { ClientAddress } from '../../privacy/address.ts'
import type { DrawKey } from '../../privacy/draw.ts'
import type { Seen, World } from '../../router.ts'
import type { Target } from '../../routing/model.ts'
import type { Endpoint } from '../../settings.ts'
import type { SetTimer } from '../../state/timing.ts'
import { NO_REQUESTS, sumOf, within } from '../../stats/request-counts.ts'
import type { RequestTotals } from '../../stats/request-counts.ts'
import type { PlaneSettings } from '../data-plane.ts'
import { Deaths } from './deaths.ts'
import { ThreadHandle } from './handle.ts'
import type { StartThread } from './handle.ts'
import type { FromThread, RawMessage } from './messages.ts'

export interface ThreadsOptions {
  /** At least 1. */
  readonly count: number
  readonly settings: PlaneSettings
  readonly start: StartThread
  readonly hub: RecordHub
  readonly setTimer: SetTimer
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number
  drawKey(): DrawKey
  /** Viewers of a thread were sent to a target. */
  onSent(target: Target, viewers: number): void
  onDropped(count: number, why: 'too_many' | 'invalid' | 'closed'): void
  onError(name: string): void
  /** For the side counters, and the sealed archive, where they are on. */
  readonly onViewer?: (seen: Seen) => void
  readonly onRaw?: (raw: RawMessage) => void
  /** A thread died; another is started `waitMs` later. */
  onDied(thread: number, why: string, waitMs: number): void
  /** Threads die of what decides. True where something else decides from now on, which `apply` was told of. */
  takeBack(world: World): boolean
}

/** Milliseconds between two looks at how many viewers were sent where: a load that is reserved shows to the next decision soon. */
const SENT_MS = 50
const TICK_MS = 1000
/** Milliseconds that a scrape waits for a thread. */
const TOTALS_MS = 1000
/** Milliseconds that a thread may take to finish what is in flight: more than the listener allows itself, less than supervisors wait. */
const CLOSE_MS = 8000
/** Milliseconds after which a thread that is asked and says nothing hangs, and is ended: nothing that it does takes a tenth of that. */
const HANGS_MS = 10_000
const ASK_MS = 2000

interface Slot {
  readonly number: number
  thread: ThreadHandle
  bornAt: number
  /** Of a thread that took another's place: resolves when it decides, if there is something to decide by, or is gone. */
  ready: Promise<void> | undefined
  /** Called when it has another thread, or will never have. */
  onReplaced: () => void
  /** Since when it owes an answer. */
  askedAt: number | undefined
}

export class Threads {
  readonly #options: ThreadsOptions
  readonly #slots: Slot[] = []
  readonly #deaths = new Deaths()
  readonly #places = new Map<string, SharedGeo | SharedAsn>()
  /** Counts of threads that are gone. */
  #past: RequestTotals = NO_REQUESTS
  #world: World | undefined
  #appliedAt = 0
  #endpoint: Endpoint | undefined
  #asked = 0
  #closing = false
  #cancels: (() => void)[] = []
  /** Of slots without a thread: what calls their next one off. */
  readonly #restarts = new Map<Slot, () => void>()

  /** Starts them: they load their code while the state is read. */
  constructor(options: ThreadsOptions) {
    this.#options = options
    for (let number = 0; number < options.count; number++) this.#slots.push({ number, thread: this.#born(number), bornAt: options.monotonic(), ready: undefined, onReplaced: () => undefined, askedAt: undefined })
    this.#every(SENT_MS, () => this.#takeSent())
    this.#every(TICK_MS, () => this.#tick())
    this.#every(ASK_MS, () => this.#watch())
  }

  /** Threads that answer players. */
  get alive(): number {
    return this.#slots.filter(({ thread }) => thread.serving).length
  }

  /** All of them decide by it soon. Resolves when they do. */
  async apply(world: World): Promise<void> {
    this.#world = world
    this.#appliedAt = this.#options.monotonic()
    this.#past = within(this.#past, world.snapshot)
    await Promise.all(this.#slots.map(({ thread }) => this.#give(thread, world)))
  }

  place(shared: SharedGeo | SharedAsn): void {
    this.#places.set(shared.kind, shared)
    for (const { thread } of this.#slots) thread.place(shared)
  }

  /** Rejects where the system does not let one of them listen. @param endpoint whose port may be 0 */
  async listen(endpoint: Endpoint): Promise<Endpoint> {
    const [first, ...others] = this.#slots
    if (first === undefined) throw new RangeError('there is no thread')
    this.#endpoint = await this.#listenIn(first, { ...endpoint, reusePort: false })
    for (const slot of others) await this.#listenIn(slot, { ...this.#endpoint, reusePort: true })
    return this.#endpoint
  }

  /** A thread that dies before it listens says nothing of the address: its successor is told to. */
  async #listenIn(slot: Slot, options: ListenOptions): Promise<Endpoint> {
    for (;;) {
      if (slot.ready !== undefined) await slot.ready
      const { thread } = slot
      try {
        return await thread.listen(options)
      } catch (error) {
        if (thread.deaf !== undefined || !thread.gone || this.#closing) throw error
      }
      if (slot.thread === thread) await new Promise<void>((resolve) => (slot.onReplaced = resolve))
    }
  }

  /** Of all threads that ever were. One that does not answer counts as it was when it did. */
  async totals(): Promise<RequestTotals> {
    const id = ++this.#asked
    await Promise.all(this.#slots.map(({ thread }) => (thread.gone ? undefined : this.#within(TOTALS_MS, thread.ask(id)).then(() => thread.forget(id)))))
    return sumOf([this.#past, ...this.#slots.map(({ thread }) => thread.totals ?? NO_REQUESTS)])
  }

  async close(): Promise<void> {
    this.#closing = true
    for (const cancel of [...this.#cancels, ...this.#restarts.values()]) cancel()
    for (const { onReplaced } of this.#slots) onReplaced()
    await Promise.all(this.#slots.map(({ thread }) => this.#within(CLOSE_MS, thread.close())))
    // What one that had to be ended had decided is known once it is gone.
    await Promise.all(this.#slots.map(({ thread }) => this.#within(TOTALS_MS, thread.kill())))
  }

  #born(number: number): ThreadHandle {
    const { settings, start, hub, onViewer, onRaw } = this.#options
    const records = hub.thread()
    const thread: ThreadHandle = new ThreadHandle(
      { settings, records: hub.sinks.length > 0, viewers: onViewer !== undefined, raw: onRaw !== undefined },
      start,
      (message) => (message.kind === 'records' ? records.take(message.batch) : this.#take(message, thread)),
      (why) => {
        records.end(thread.decided[0] ?? 0)
        this.#gone(number, thread, why)
      },
    )
    for (const shared of this.#places.values()) thread.place(shared)
    return thread
  }

  #gone(number: number, thread: ThreadHandle, why: string): void {
    if (thread.totals !== undefined) this.#past = sumOf([this.#past, thread.totals])
    thread.totals = undefined
    if (this.#closing) return
    const { monotonic, onDied, takeBack } = this.#options
    const slot = this.#slots[number]
    const now = monotonic()
    // A port that is taken says nothing of the snapshot.
    const blamed = thread.deaf === undefined ? thread.loading ?? thread.world : undefined
    const verdict = this.#deaths.died(blamed, this.#appliedAt, slot?.bornAt ?? now, now)
    onDied(number, thread.deaf ?? why, verdict.waitMs)
    const takenBack = verdict.takeBack && blamed !== undefined && blamed === this.#world && takeBack(blamed)
    // What the others died of is gone too.
    if (takenBack) for (const other of this.#restarts.keys()) this.#restart(other, verdict.waitMs)
    if (slot !== undefined) this.#restart(slot, verdict.waitMs)
  }

  #restart(slot: Slot, waitMs: number): void {
    this.#restarts.get(slot)?.()
    this.#restarts.set(slot, this.#options.setTimer(() => {
      this.#restarts.delete(slot)
      this.#replace(slot)
    }, waitMs))
  }

  /** Nobody decides before there is a key. */
  #give(thread: ThreadHandle, world: World): Promise<void> {
    thread.draw(this.#options.drawKey())
    return thread.apply(world)
  }

  /** It listens once it can decide: until then the others take its share of the connections. */
  #replace(slot: Slot): void {
    slot.bornAt = this.#options.monotonic()
    const thread = this.#born(slot.number)
    slot.thread = thread
    slot.askedAt = undefined
    // Before there is a first snapshot it listens as the others do, and refuses.
    slot.ready = this.#world === undefined ? Promise.resolve() : this.#give(thread, this.#world)
    slot.onReplaced()
    void slot.ready.then(async () => {
      if (this.#endpoint !== undefined && !thread.gone && !this.#closing) await thread.listen({ ...this.#endpoint, reusePort: this.#slots.length > 1 })
    }).catch(() => thread.kill())
  }

  /** One that hangs would keep its share of the connections for ever. */
  #watch(): void {
    const now = this.#options.monotonic()
    for (const slot of this.#slots) {
      const { thread } = slot
      if (thread.gone) continue
      if (slot.askedAt !== undefined) {
        if (now - slot.askedAt >= HANGS_MS) void thread.kill()
        continue
      }
      slot.askedAt = now
      thread.ping(() => {
        if (slot.thread === thread) slot.askedAt = undefined
      })
    }
  }

  #take(message: FromThread, thread: ThreadHandle): void {
    const { onDropped, onError, onRaw } = this.#options
    switch (message.kind) {
      case 'load': {
        const world = this.#world
        if (world?.snapshot.label === message.label) world.tally.absorb(message.counts, world.snapshot.pools)
        return
      }
      case 'dropped':
        return onDropped(message.count, message.why)
      case 'error':
        return onError(message.name)
      case 'seen':
        return this.#see(message, thread)
      case 'raw':
        for (const raw of message.lines) onRaw?.(raw)
    }
  }

  /** By the snapshot that the thread decided by, which may be the one before. */
  #see({ label, viewers }: Extract<FromThread, { kind: 'seen' }>, { world }: ThreadHandle): void {
    const snapshot = world?.snapshot
    if (snapshot?.label !== label) return
    for (const { service: index, family, words, ...rest } of viewers) {
      const service = snapshot.services.at(index)
      if (service !== undefined) this.#options.onViewer?.({ service, address: family === 0 ? undefined : ClientAddress.of(family, words), ...rest })
    }
  }

  #takeSent(): void {
    for (const { thread } of this.#slots) {
      thread.takeSent((world, index, viewers) => {
        const target = world === this.#world ? world.snapshot.targets[index] : undefined
        if (target !== undefined) this.#options.onSent(target, viewers)
      })
    }
  }

  #tick(): void {
    const world = this.#world
    if (world === undefined) return
    const key = this.#options.drawKey()
    for (const { thread } of this.#slots) thread.draw(key)
    const before = bounded(world)
    world.tally.tick(world.health)
    // Pools that hand nobody on, and did not, are not worth a message.
    const shares = [...bounded(world), ...before].map((pool) => [pool, world.health.pass[pool] ?? new Float64Array()] as const)
    const once = [...new Map(shares)]
    for (const { thread } of this.#slots) if (thread.world === world) thread.pass(world.snapshot.label, once)
  }

  #every(ms: number, run: () => void): void {
    const { setTimer } = this.#options
    let cancel = setTimer(again, ms)
    function again(): void {
      run()
      cancel = setTimer(again, ms)
    }
    this.#cancels.push(() => cancel())
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    let cancel: () => void = () => undefined
    await Promise.race([work.catch(() => undefined), new Promise<void>((resolve) => { cancel = this.#options.setTimer(resolve, ms) })])
    cancel()
  }
}

/** Pools some of whose members hand viewers on. */
function bounded({ health }: World): number[] {
  return health.pass.flatMap((shares, pool) => (shares?.some((share) => share < 1) === true ? [pool] : []))
}
