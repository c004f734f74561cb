/**
 * A service as a thread has it that did not build it: bytes, read when a request first asks for more than the service's name. Of
 * ten thousand services most are asked for seldom; objects for all of them would have to be made, and moved by the collection of
 * garbage, between the requests of those who are watching.
 */
import { deserialize } from 'node:v8'
import type { Service } from '../routing/model.ts'

/** What is known of it without reading it. */
export interface ServiceName {
  readonly id: string
  readonly prefix: string | undefined
  readonly delivery: Service['delivery']
}

type Whole = { readonly [K in keyof Required<Service>]: Service[K] | undefined }

export class SentService implements Service, Whole {
  readonly index: number
  readonly id: string
  readonly prefix: string | undefined
  readonly delivery: Service['delivery']
  #bytes: Uint8Array | undefined
  readonly #from: number
  readonly #to: number
  readonly #resolve: (value: object) => void
  #whole: Service | undefined

  /**
   * @param bytes services as `v8.serialize` writes them, with references in them; this one from `from` to `to`
   * @param resolve puts objects in the place of references
   */
  constructor(index: number, { id, prefix, delivery }: ServiceName, bytes: Uint8Array, from: number, to: number, resolve: (value: object) => void) {
    this.index = index
    this.id = id
    this.prefix = prefix
    this.delivery = delivery
    this.#bytes = bytes
    this.#from = from
    this.#to = to
    this.#resolve = resolve
  }

  get policy(): Service['policy'] { return this.#read().policy }
  get fence(): Service['fence'] { return this.#read().fence }
  get steps(): Service['steps'] { return this.#read().steps }
  get bypass(): Service['bypass'] { return this.#read().bypass }
  get status(): Service['status'] { return this.#read().status }
  get query(): Service['query'] { return this.#read().query }
  get segments(): Service['segments'] { return this.#read().segments }
  get panicThreshold(): Service['panicThreshold'] { return this.#read().panicThreshold }
  get steeringTtl(): Service['steeringTtl'] { return this.#read().steeringTtl }
  get content(): Service['content'] { return this.#read().content }
  get referrers(): Service['referrers'] { return this.#read().referrers }

  #read(): Service {
    return this.#whole ?? this.#first()
  }

  #first(): Service {
    const whole = deserialize((this.#bytes ?? new Uint8Array()).subarray(this.#from, this.#to)) as Service
    this.#resolve(whole)
    this.#whole = whole
    this.#bytes = undefined
    return whole
  }
}
