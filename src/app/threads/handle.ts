/** The control thread's end of one thread: what it has been told, what it has told, and whether it lives. */
import type { SharedAsn, SharedGeo } from '../../geo/geo-index.ts'
import type { ListenOptions } from '../../http/public-server.ts'
import { parcelsOf } from '../../policy/pieces.ts'
import type { Piece } from '../../policy/pieces.ts'
import type { DrawKey } from '../../privacy/draw.ts'
import type { World } from '../../router.ts'
import type { Endpoint } from '../../settings.ts'
import type { RequestTotals } from '../../stats/request-counts.ts'
import { sharedNumbers } from './messages.ts'
import type { FromThread, SharedNumbers, ThreadInit, ToThread } from './messages.ts'

/** A thread as it is started; a test starts something else. */
export interface ThreadPort {
  post(message: ToThread): void
  /** Ends it at once. */
  kill(): void
}

export interface ThreadEvents {
  onMessage(message: FromThread): void
  /** It is gone. @param why a word such as `ERR_WORKER_OUT_OF_MEMORY`, never a message, which may hold what a viewer sent */
  onGone(why: string): void
}

export type StartThread = (init: ThreadInit, events: ThreadEvents) => ThreadPort

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** Viewers that a thread has sent to targets of one snapshot, and how many of them were taken note of. */
interface Sent {
  readonly world: World
  readonly counts: SharedNumbers
  readonly noted: Float64Array
}

export class ThreadHandle {
  /** What it decides by, and what it is being told of. */
  world: World | undefined
  loading: World | undefined
  /** As it told them last. */
  totals: RequestTotals | undefined
  gone = false
  /** Whether it listens. */
  serving = false
  /** The system's code, where it could not listen. */
  deaf: string | undefined
  readonly decided = sharedNumbers(1)
  readonly #port: ThreadPort
  readonly #onMessage: (message: FromThread) => void
  #wanted: World | undefined
  #parcels: Iterator<readonly Piece[], void> | undefined
  #sent: Sent | undefined
  #key: DrawKey | undefined
  #listening: Waiting<Endpoint> | undefined
  #endpoint: Promise<Endpoint> | undefined
  readonly #applied: (() => void)[] = []
  readonly #pings: (() => void)[] = []
  readonly #asked = new Map<number, Waiting<RequestTotals>>()
  #closing: (() => void) | undefined
  readonly #ended: Promise<void>

  /** @param onMessage is told of what is not for the handle itself */
  constructor(init: Omit<ThreadInit, 'decided'>, start: StartThread, onMessage: (message: FromThread) => void, onGone: (why: string) => void) {
    this.#onMessage = onMessage
    const { promise, resolve: ended } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#port = start({ ...init, decided: this.decided }, {
      onMessage: (message) => this.#take(message),
      onGone: (why) => {
        if (this.gone) return
        this.gone = true
        this.serving = false
        const error = goneBy(why)
        this.#listening?.reject(error)
        for (const resolve of this.#applied.splice(0)) resolve()
        for (const { reject } of this.#asked.values()) reject(error)
        this.#asked.clear()
        this.#closing?.()
        onGone(why)
        ended()
      },
    })
  }

  /** Sends a snapshot, some pieces whenever the former ones were taken. What comes meanwhile takes its place. Resolves when it decides, or the thread is gone. */
  apply(world: World): Promise<void> {
    this.#wanted = world
    if (this.#parcels === undefined) this.#begin()
    return this.gone ? Promise.resolve() : new Promise((resolve) => this.#applied.push(resolve))
  }

  place(shared: SharedGeo | SharedAsn): void {
    this.#port.post({ kind: 'place', shared })
  }

  /** The key of the day's draws, where it is another than before. */
  draw(key: DrawKey): void {
    if (key === this.#key) return
    this.#key = key
    this.#port.post({ kind: 'draw', key })
  }

  /** Shares for the snapshot that it decides by. */
  pass(label: string, shares: readonly (readonly [number, Float64Array])[]): void {
    if (shares.length > 0) this.#port.post({ kind: 'pass', label, shares })
  }

  /** Once, however often it is asked to. Rejects with the system's code where it cannot listen. */
  listen(options: ListenOptions): Promise<Endpoint> {
    if (this.gone) return Promise.reject(goneBy('ended'))
    return (this.#endpoint ??= new Promise((resolve, reject) => {
      this.#listening = { resolve, reject }
      this.#port.post({ kind: 'listen', options })
    }))
  }

  ask(id: number): Promise<RequestTotals> {
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject })
      this.#port.post({ kind: 'totals', id })
    })
  }

  /** @param answered called when it has read what it was told so far */
  ping(answered: () => void): void {
    this.#pings.push(answered)
    this.#port.post({ kind: 'ping' })
  }

  /** Viewers that were sent to targets since the last call. */
  takeSent(take: (world: World, target: number, viewers: number) => void): void {
    const sent = this.#sent
    if (sent === undefined) return
    for (const [target, noted] of sent.noted.entries()) {
      const count = sent.counts[target] ?? 0
      if (count === noted) continue
      sent.noted[target] = count
      take(sent.world, target, count - noted)
    }
  }

  /** Lets it finish what is in flight. Resolves when it has, or is gone. */
  async close(): Promise<void> {
    if (this.gone) return
    const closed = new Promise<void>((resolve) => { this.#closing = resolve })
    this.#port.post({ kind: 'close' })
    await closed
  }

  /** Ends it. Resolves when it is gone, and what it had decided is known. */
  async kill(): Promise<void> {
    if (this.gone) return
    this.#port.kill()
    await this.#ended
  }

  /** No answer is waited for any longer. */
  forget(id: number): void {
    this.#asked.delete(id)
  }

  #begin(): void {
    this.loading = this.#wanted
    this.#parcels = this.loading && parcelsOf(this.loading.snapshot)
    this.#next(true)
  }

  #next(first = false): void {
    // A newer one has come: the rest of this one would only delay it.
    if (this.loading !== this.#wanted) return this.#begin()
    const { loading } = this
    const next = this.#parcels?.next()
    if (loading === undefined || next === undefined) return
    if (next.done !== true) return this.#port.post({ kind: 'pieces', first, pieces: next.value })
    const length = loading.snapshot.targets.length
    this.#sent = { world: loading, counts: sharedNumbers(length), noted: new Float64Array(length) }
    this.#port.post({ kind: 'world', columns: loading.health.columns, sent: this.#sent.counts })
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case 'taken':
        return this.#next()
      case 'pong':
        return this.#pings.shift()?.()
      case 'applied':
        this.world = this.loading
        this.loading = undefined
        this.#parcels = undefined
        if (this.world !== this.#wanted) return this.#begin()
        for (const resolve of this.#applied.splice(0)) resolve()
        return
      case 'listening':
        this.serving = true
        return this.#listening?.resolve(message)
      case 'deaf':
        this.deaf = message.code
        return this.#listening?.reject(Object.assign(new Error('cannot listen'), { code: message.code }))
      case 'totals':
        this.totals = message.totals
        this.#asked.get(message.id)?.resolve(message.totals)
        this.#asked.delete(message.id)
        return
      case 'closed':
        return this.#closing?.()
      default:
        this.#onMessage(message)
    }
  }
}

function goneBy(code: string): Error {
  return Object.assign(new Error('the thread is gone'), { code })
}
