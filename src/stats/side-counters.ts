/**
 * What is counted beside the decision record and never joined with it: device class and IP version per hour, autonomous
 * system and referring site per day, each for itself alone, and told only where at least k people are behind a number.
 *
 * Memory is bounded by the configuration: so many services, and at most `maxValues` values of a dimension; what is more
 * is `_other` at once. The key of the bits is drawn for each day and service and never leaves.
 */
import { linesOf } from '../log/sinks/sink.ts'
import type { Sink } from '../log/sinks/sink.ts'
import type { ClientAddress } from '../privacy/address.ts'
import { DEVICES, deviceClass } from '../privacy/device.ts'
import type { Device } from '../privacy/device.ts'
import { drawKey } from '../privacy/draw.ts'
import type { DrawKey } from '../privacy/draw.ts'
import { referrerOf } from '../privacy/referrer.ts'
import { OTHER } from '../privacy/values.ts'
import { Cell, bitOf, suppress } from './k-gate.ts'
import { DIMENSIONS, isSideRecord, serialiseSide } from './side-record.ts'
import type { Dimension } from './side-record.ts'

export interface SideCountersOptions {
  readonly sinks: readonly Sink[]
  /** Chance of the operating system's, for the keys. */
  readonly random: (bytes: number) => Uint8Array
  /** People that a number must stand for; default 10. */
  readonly k?: number
  /** Default all. */
  readonly dimensions?: readonly Dimension[]
  /** Values of one dimension of one service at most; default 2000. */
  readonly maxValues?: number
  /** Services that are counted at most; default 10,000. */
  readonly maxServices?: number
}

/** One request, as far as it is counted. Nothing of it is kept. */
export interface Viewer {
  /** Id of the service. */
  readonly service: string
  /** Host names of the sites that the service lists. */
  readonly referrers: ReadonlySet<string>
  readonly address: ClientAddress | undefined
  /** 0 where not known. */
  readonly asn: number
  readonly userAgent: string | undefined
  readonly referer: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

interface Counted {
  readonly key: DrawKey
  readonly cells: Record<Dimension, Map<string, Cell>>
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const HOURLY: readonly Dimension[] = ['device', 'ip']
const DAILY: readonly Dimension[] = ['asn', 'ref']
const POSITION: ReadonlyMap<Device, number> = new Map(DEVICES.map((device, i) => [device, i]))

export class SideCounters {
  /** Requests of services beyond the bound, which are not counted. */
  uncounted = 0
  readonly sinks: readonly Sink[]
  readonly #random: SideCountersOptions['random']
  readonly #k: number
  readonly #dimensions: ReadonlySet<Dimension>
  readonly #maxValues: number
  readonly #maxServices: number
  #services = new Map<string, Counted>()
  #hour: number | undefined

  constructor({ sinks, random, k = 10, dimensions = DIMENSIONS, maxValues = 2000, maxServices = 10_000 }: SideCountersOptions) {
    this.sinks = sinks
    this.#random = random
    this.#k = k
    this.#dimensions = new Set(dimensions)
    this.#maxValues = maxValues
    this.#maxServices = maxServices
  }

  count(viewer: Viewer): void {
    this.#goOn(viewer.now)
    const counted = this.#services.get(viewer.service) ?? this.#begin(viewer.service)
    if (counted === undefined) return
    const device = deviceClass(viewer.userAgent)
    const bit = bitOf(viewer.address, POSITION.get(device) ?? 0, counted.key)
    this.#add(counted, 'device', device, bit)
    this.#add(counted, 'ip', viewer.address === undefined ? 'unknown' : String(viewer.address.family), bit)
    this.#add(counted, 'asn', String(viewer.asn), bit)
    this.#add(counted, 'ref', referrerOf(viewer.referer, viewer.referrers), bit)
  }

  /**
   * Writes what the hour and the day hold that ended before `now`; to be called every minute or so. Where `now` is more
   * than an hour before the hour that is counted, the clock was ahead, or is behind now: hour, day and keys begin anew as
   * after a restart, for otherwise both would last until that hour comes, and the keys with them.
   */
  tick(now: number): void {
    if (this.#hour !== undefined && now < (this.#hour - 1) * HOUR_MS) {
      // What is told is counted no more: parts of an hour have nobody's request in common, and none can be subtracted from another.
      this.#write(this.#hour, Infinity)
      this.#hour = undefined
    }
    this.#goOn(now)
  }

  /** Writes what is there of the hour and the day; closes the sinks. The rest of both is counted by the next process, under a key of its own. */
  async close(): Promise<void> {
    if (this.#hour !== undefined) this.#write(this.#hour, Infinity)
    await Promise.all(this.sinks.map((sink) => sink.close()))
  }

  /** A request that came from before the hour, or by a clock that was set back, is counted in it: only `tick` goes back. */
  #goOn(now: number): void {
    const hour = Math.floor(now / HOUR_MS)
    if (this.#hour !== undefined && hour > this.#hour) this.#write(this.#hour, hour)
    if (this.#hour === undefined || hour > this.#hour) this.#hour = hour
  }

  #begin(service: string): Counted | undefined {
    if (this.#services.size >= this.#maxServices) {
      this.uncounted++
      return undefined
    }
    const counted: Counted = { key: drawKey(this.#random), cells: { device: new Map(), ip: new Map(), asn: new Map(), ref: new Map() } }
    this.#services.set(service, counted)
    return counted
  }

  #add({ cells }: Counted, dimension: Dimension, value: string, bit: number): void {
    if (!this.#dimensions.has(dimension)) return
    const of = cells[dimension]
    let cell = of.get(value)
    if (cell === undefined) {
      const name = of.size < this.#maxValues ? value : OTHER
      cell = of.get(name) ?? new Cell()
      of.set(name, cell)
    }
    cell.add(bit, this.#k)
  }

  #write(hour: number, next: number): void {
    const start = hour * HOUR_MS
    const time = new Date(start).toISOString()
    const dayIsOver = Math.floor((next * HOUR_MS) / DAY_MS) > Math.floor(start / DAY_MS)
    for (const [service, { cells }] of [...this.#services].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const dim of HOURLY) this.#tell(cells, dim, service, `${time.slice(0, 13)}Z`)
      if (dayIsOver) for (const dim of DAILY) this.#tell(cells, dim, service, time.slice(0, 10))
    }
    // The keys go with the day, and so does what could be told by them.
    if (dayIsOver) this.#services = new Map()
  }

  #tell(cells: Counted['cells'], dim: Dimension, service: string, t: string): void {
    for (const [value, n] of suppress(cells[dim], this.#k, OTHER)) {
      const record = { v: 1, t, service, dim, value, n, k: this.#k } as const
      if (isSideRecord(record)) for (const sink of this.sinks) sink.write(linesOf(`${serialiseSide(record)}\n`, [n]))
    }
    cells[dim] = new Map()
  }
}
