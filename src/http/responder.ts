/** What all who read requests off a connection share: how one is answered, and when a connection has had its share. */
import { failureAnswer } from './answers.ts'
import type { Connection } from './connection.ts'
import type { Limits } from './limits.ts'
import type { Answer, WireRequest } from './message.ts'
import type { HttpRejectionName } from './rejection.ts'

export interface ResponderOptions {
  /** Should answer at once: until a promise is kept, nothing else on its connection is. One that throws or rejects costs its own request a 503. */
  respond(wire: WireRequest): Answer | Promise<Answer>
  /** Called once per call of `respond`, after the answer was handed over. */
  after?(wire: WireRequest, answer: Answer): void
  /** A request that was refused before it could be handed to `respond`. */
  onRejected(reason: HttpRejectionName): void
  /** A bug in `respond` or `after`: the error's name, never its message, which may hold what the client sent. */
  onError(name: string): void
  /** Milliseconds since the epoch, for `Date` where the HTTP library does not write it. */
  now(): number
}

export class Responder {
  readonly limits: Limits
  draining = false
  /** Connections and requests so far. */
  activity = 0
  readonly #options: ResponderOptions
  #second = Number.NaN
  #date = ''

  constructor(options: ResponderOptions, limits: Limits) {
    this.#options = options
    this.limits = limits
  }

  /** Counts a request; true where its answer must be the connection's last. */
  begin(connection: Connection): boolean {
    this.activity++
    return ++connection.requests >= this.limits.maxRequestsPerConnection || this.draining
  }

  /** Never throws and never rejects. */
  answer(wire: WireRequest): Answer | Promise<Answer> {
    try {
      const answer = this.#options.respond(wire)
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#failure(error)) : answer
    } catch (error) {
      return this.#failure(error)
    }
  }

  #failure(error: unknown): Answer {
    this.failed(error)
    return failureAnswer()
  }

  answered(wire: WireRequest, answer: Answer): void {
    try {
      this.#options.after?.(wire, answer)
    } catch (error) {
      this.failed(error)
    }
  }

  rejected(reason: HttpRejectionName): void {
    this.#options.onRejected(reason)
  }

  failed(error: unknown): void {
    this.#options.onError(error instanceof Error ? error.name : typeof error)
  }

  /** Value of `Date`, made once a second. */
  date(): string {
    const second = Math.floor(this.#options.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#date = new Date(second * 1000).toUTCString()
    }
    return this.#date
  }
}
