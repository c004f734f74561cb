/** A steady load of a few hundred requests a second on kept connections: who was answered what, and how quickly. */
import { Agent, request } from 'node:http'

export interface Figures {
  readonly requests: number
  /** Anything but a 302: another status, a connection that failed, an answer later than was asked for. */
  readonly errors: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const TICK_MS = 10
/** Requests that may wait for an answer at once; more would measure this client. */
const MAX_OPEN = 200
/** Milliseconds after which a server may end a kept connection that is idle, by its own `Keep-Alive`, less some for the way. */
const KEPT_MS = 4000
/** Addresses of the documentation network, one viewer each. */
const VIEWERS = Array.from({ length: 250 }, (_, i) => `198.51.100.${i + 1}`)

export class Load {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16, scheduling: 'fifo' })
  readonly #perTick: number
  readonly #lateMs: number
  #timer: NodeJS.Timeout | undefined
  #url = ''
  #sent = 0
  #open = new Set<Promise<void>>()
  #times: number[] = []
  #errors = 0
  /** By `host:port`: when a viewer was last sent there. */
  readonly #last = new Map<string, number>()
  #causes = new Map<string, number>()
  /** When a connection was last answered on. */
  readonly #used = new WeakMap<object, number>()

  /** @param lateMs milliseconds after which an answer counts as none */
  constructor(lateMs: number, perSecond = 300) {
    this.#lateMs = lateMs
    this.#perTick = Math.max(1, Math.round((perSecond * TICK_MS) / 1000))
  }

  start(router: string): void {
    this.#url = `${router}/chaos/live/master.m3u8`
    this.#timer = setInterval(() => {
      for (let i = 0; i < this.#perTick && this.#open.size < MAX_OPEN; i++) this.#send()
    }, TICK_MS)
  }

  /** Resolves once every request is answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    while (this.#open.size > 0) await Promise.all(this.#open)
  }

  /** What there was since the last call. */
  take(): Figures {
    const times = this.#times.sort((a, b) => a - b)
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
    const figures = { requests: times.length + this.#errors, errors: this.#errors, p50: at(0.5), p99: at(0.99) }
    this.#times = []
    this.#errors = 0
    return figures
  }

  /** What went wrong, by kind and number, from the start. */
  get causes(): string {
    return [...this.#causes].map(([cause, count]) => `${count} × ${cause}`).join(', ')
  }

  /** Milliseconds on the monotonic clock when a viewer was last sent to a target; -Infinity: never. */
  lastAt(authority: string): number {
    return this.#last.get(authority) ?? -Infinity
  }

  async close(): Promise<void> {
    await this.stop()
    this.#agent.destroy()
  }

  #send(viewer = VIEWERS[this.#sent++ % VIEWERS.length] ?? ''): void {
    const start = performance.now()
    const done = new Promise<void>((resolve) => {
      const fail = (cause: string) => {
        this.#errors++
        this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1)
        resolve()
      }
      const outgoing = request(this.#url, { agent: this.#agent, headers: { 'x-forwarded-for': viewer }, timeout: this.#lateMs }, (response) => {
        response.resume()
        this.#used.set(response.socket, performance.now())
        const { statusCode = 0, headers: { location = '' } } = response
        if (statusCode !== 302) return fail(String(statusCode))
        this.#times.push(performance.now() - start)
        this.#last.set(URL.parse(location)?.host ?? '', performance.now())
        resolve()
      })
      outgoing.once('timeout', () => outgoing.destroy(new Error('late')))
      let idleMs = 0
      outgoing.once('socket', (socket) => (idleMs = performance.now() - (this.#used.get(socket) ?? Infinity)))
      outgoing.once('error', (error) => {
        const cause = 'code' in error ? String(error.code) : error.message
        if (!outgoing.reusedSocket || cause !== 'ECONNRESET' || idleMs < KEPT_MS) return fail(cause)
        // A client that was held up so long asks again on a new connection, as browsers do.
        this.#send(viewer)
        resolve()
      })
      outgoing.end()
    })
    this.#open.add(done)
    void done.then(() => this.#open.delete(done))
  }
}
