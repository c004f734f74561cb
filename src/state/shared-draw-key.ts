/**
 * How the routers of a deployment come to use one key for the day's draws, so that a viewer gets the same answer from
 * each of them. No input and no output, no clock: reports of the others come in, a report goes out.
 *
 * The rule: the key that most routers carry wins, at a tie the one that the router with the smallest id carries. A router
 * that has just started carries none: it takes the one that wins, and only where there is none does it carry its own. So
 * a start changes nobody else's key. Carriers of the winning key seal it for those who lack it; until then, and without
 * Redis, a router draws with a key of its own.
 */
import type { DrawReport } from './router-report.ts'

/** Seals keys so that one router alone can open them; see `sealed-key.ts`. */
export interface Sealer {
  readonly publicKey: string
  /** A short text that tells the key from others and from which it cannot be found. */
  mark(day: number, key: Uint8Array): string
  /** `undefined` where that is no public key. */
  seal(key: Uint8Array, day: number, publicKey: string): string | undefined
  /** `undefined` where the box is not for this router or not from that one. */
  open(box: string, day: number, publicKey: string): Uint8Array | undefined
}

export interface SharedDrawKeyOptions {
  /** Id of this router. */
  readonly router: string
  readonly sealer: Sealer
  /** So many bytes of chance. */
  readonly random: (bytes: number) => Uint8Array
}

export interface PeerReport {
  readonly router: string
  readonly draw: DrawReport
}

interface DayKey {
  readonly key: Uint8Array
  readonly mark: string
  /** Whether others are told of it; before that it is a stopgap. */
  readonly carried: boolean
}

const KEY_BYTES = 16
const DAY_MS = 86_400_000
/** From so long before midnight on the next day's key is agreed upon, so that the change of keys is one change. */
const AHEAD_MS = 3_600_000
/** Routers that seal the winning key; one would do if none ever failed. */
const SEALING = 2

export function dayOf(now: number): number {
  return Math.floor(now / DAY_MS)
}

export class SharedDrawKey {
  readonly #options: SharedDrawKeyOptions
  readonly #days = new Map<number, DayKey>()
  #sealed: DrawReport['sealed'] = []

  constructor(options: SharedDrawKeyOptions) {
    this.#options = options
  }

  /** 16 bytes; the same for a whole day unless the rule changes it. `day` as by `dayOf`. */
  key(day: number): Uint8Array {
    return (this.#days.get(day) ?? this.#own(day, false)).key
  }

  /** Whether today's key is one that others are told of. */
  isSettled(now: number): boolean {
    return this.#days.get(dayOf(now))?.carried === true
  }

  /** Takes the reports of all routers that are there; this one's own, if it is among them, is passed over. */
  observe(now: number, reports: readonly PeerReport[]): void {
    const peers = reports.filter(({ router }) => router !== this.#options.router)
    const today = dayOf(now)
    const days = now % DAY_MS >= DAY_MS - AHEAD_MS ? [today, today + 1] : [today]
    for (const day of this.#days.keys()) if (day < today || day > today + 1) this.#days.delete(day)
    this.#sealed = days.flatMap((day) => {
      this.#agree(day, peers)
      return this.#sealFor(day, peers)
    })
  }

  report(): DrawReport {
    const marks = [...this.#days].filter(([, { carried }]) => carried).map(([day, { mark }]) => ({ day, mark }))
    return { publicKey: this.#options.sealer.publicKey, marks, sealed: this.#sealed }
  }

  #agree(day: number, peers: readonly PeerReport[]): void {
    const winner = elect(this.#carriers(day, peers))
    const mine = this.#days.get(day)
    if (winner === undefined) this.#days.set(day, { ...(mine ?? this.#own(day, false)), carried: true })
    else if (winner !== mine?.mark) this.#adopt(day, winner, peers)
    else if (!mine.carried) this.#days.set(day, { ...mine, carried: true })
  }

  #adopt(day: number, winner: string, peers: readonly PeerReport[]): void {
    const { router, sealer } = this.#options
    for (const { draw } of peers) {
      for (const { to, day: of, box } of draw.sealed) {
        if (to !== router || of !== day) continue
        const key = sealer.open(box, day, draw.publicKey)
        if (key?.length !== KEY_BYTES || sealer.mark(day, key) !== winner) continue
        this.#days.set(day, { key, mark: winner, carried: true })
        return
      }
    }
  }

  #sealFor(day: number, peers: readonly PeerReport[]): DrawReport['sealed'] {
    const { router, sealer } = this.#options
    const mine = this.#days.get(day)
    const carriers = this.#carriers(day, peers)
    if (mine?.carried !== true || elect(carriers) !== mine.mark) return []
    const first = carriers.filter(({ mark }) => mark === mine.mark).map(({ router: id }) => id).sort().slice(0, SEALING)
    if (!first.includes(router)) return []
    const without = peers.filter(({ draw }) => draw.publicKey !== '' && !draw.marks.some((other) => other.day === day && other.mark === mine.mark))
    return without.flatMap(({ router: to, draw }) => {
      const box = sealer.seal(mine.key, day, draw.publicKey)
      return box === undefined ? [] : [{ to, day, box }]
    })
  }

  #carriers(day: number, peers: readonly PeerReport[]): Carrier[] {
    const mine = this.#days.get(day)
    const own = mine?.carried === true ? [{ router: this.#options.router, mark: mine.mark }] : []
    return [...own, ...peers.flatMap(({ router, draw }) => draw.marks.filter((other) => other.day === day).slice(0, 1).map(({ mark }) => ({ router, mark })))]
  }

  #own(day: number, carried: boolean): DayKey {
    const key = Uint8Array.from(this.#options.random(KEY_BYTES))
    const own = { key, mark: this.#options.sealer.mark(day, key), carried }
    // Without Redis nothing is observed, and yesterday's key must go all the same.
    for (const known of this.#days.keys()) if (known < day) this.#days.delete(known)
    this.#days.set(day, own)
    return own
  }
}

export interface Carrier {
  readonly router: string
  readonly mark: string
}

/** The mark that most routers carry, at a tie that of the smallest id; `undefined` where nobody carries any. */
export function elect(carriers: readonly Carrier[]): string | undefined {
  const counts = new Map<string, { count: number; smallest: string }>()
  for (const { router, mark } of carriers) {
    const known = counts.get(mark)
    counts.set(mark, { count: (known?.count ?? 0) + 1, smallest: known === undefined || router < known.smallest ? router : known.smallest })
  }
  const [first] = [...counts].sort(([, a], [, b]) => b.count - a.count || (a.smallest < b.smallest ? -1 : 1))
  return first?.[0]
}
