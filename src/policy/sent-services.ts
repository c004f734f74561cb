/**
 * Services as a thread has them that did not build them: bytes, read when a request first asks for one. Of ten thousand services
 * most are asked for seldom; objects for all of them would have to be made, and moved by the collection of garbage, between the
 * requests of those who are watching.
 */
import { deserialize } from 'node:v8'
import type { Service, ServiceList } from '../routing/model.ts'

/** The next services, as `v8.serialize` writes each, with references in them. */
export interface ServiceBytes {
  /** In memory that threads share: no thread's collection of garbage counts it. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  /** Where each one's bytes end. */
  readonly ends: Uint32Array<SharedArrayBuffer>
}

/** Services of each `ServiceBytes` but the last. */
export const SERVICES = 100

export class SentServices implements ServiceList {
  readonly length: number
  readonly #parts: readonly ServiceBytes[]
  readonly #resolve: (value: object) => void
  readonly #read: (Service | undefined)[]

  /** @param resolve puts objects in the place of references */
  constructor(parts: readonly ServiceBytes[], resolve: (value: object) => void) {
    this.length = parts.reduce((sum, { ends }) => sum + ends.length, 0)
    this.#parts = parts
    this.#resolve = resolve
    this.#read = new Array<Service | undefined>(this.length).fill(undefined)
  }

  /** @param index from 0 */
  at(index: number): Service | undefined {
    return this.#read[index] ?? this.#first(index)
  }

  *[Symbol.iterator](): ArrayIterator<Service> {
    for (let index = 0; index < this.length; index++) yield this.at(index) as Service
  }

  #first(index: number): Service | undefined {
    const part = this.#parts[Math.floor(index / SERVICES)]
    const end = part?.ends[index % SERVICES]
    if (part === undefined || end === undefined) return undefined
    const service = deserialize(part.bytes.subarray(part.ends[index % SERVICES - 1] ?? 0, end)) as Service
    this.#resolve(service)
    this.#read[index] = service
    return service
  }
}
