/** A client that sends bytes as they are and reads answers without mercy. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Limits } from '../../src/http/limits.ts'
import { createPublicServer } from '../../src/http/public-server.ts'
import type { PublicServer, PublicServerOptions } from '../../src/http/public-server.ts'
import { tinyRouter } from './tiny-router.ts'

export interface RawAnswer {
  readonly status: number
  /** Everything up to and including the empty line. */
  readonly head: string
  readonly body: string
}

export class RawClient {
  readonly socket: Socket
  readonly closed: Promise<void>
  #received = ''
  #ended = false
  #wake: () => void = () => undefined

  /** @param stays whether it keeps its own half open when the server has ended */
  constructor(port: number, host = '127.0.0.1', stays = false) {
    this.socket = connect({ port, host, noDelay: true, allowHalfOpen: stays })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (chunk: string) => {
      this.#received += chunk
      this.#wake()
    })
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      const end = () => {
        this.#ended = true
        this.#wake()
        resolve()
      }
      this.socket.once('end', end)
      this.socket.once('close', end)
    })
  }

  send(bytes: string | Buffer): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    return new Promise((resolve) => void this.socket.write(data, () => resolve()))
  }

  /** The next answer; undefined where the server closed without one. */
  async answer(head = false): Promise<RawAnswer | undefined> {
    for (;;) {
      const answer = this.#take(head)
      if (answer !== undefined || this.#ended) return answer
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What was received and is not part of an answer taken. */
  get rest(): string {
    return this.#received
  }

  destroy(): void {
    this.socket.destroy()
  }

  #take(bodyless: boolean): RawAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const head = this.#received.slice(0, end + 4)
    const length = bodyless ? 0 : Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0)
    if (this.#received.length < end + 4 + length) return undefined
    const body = this.#received.slice(end + 4, end + 4 + length)
    this.#received = this.#received.slice(end + 4 + length)
    return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0), head, body }
  }
}

/** Values of a header, in order. */
export function headerOf(answer: RawAnswer, name: string): string[] {
  return [...answer.head.matchAll(new RegExp(`^${name}: (.*)\\r$`, 'gim'))].map((match) => match[1] ?? '')
}

/** Every promise of the public listener holds with and without the fast lane. */
export const LANES = [['with the fast lane', true], ['with node:http alone', false]] as const

export interface Started {
  readonly server: PublicServer
  readonly port: number
  readonly rejected: string[]
  readonly errors: string[]
}

/** Limits that a client of a test never reaches, however long its machine stands still in between: a test of one sets it. */
const PATIENT: Partial<Limits> = {
  headersTimeout: 60_000, requestTimeout: 60_000, keepAliveTimeout: 60_000, idleTimeout: 60_000, answerTimeout: 600_000, linger: 20_000,
  proxyHeaderTimeout: 60_000, drainDeadline: 60_000,
}

/** The server over the tiny router on a free port, with a clock that stands still. Limits in milliseconds, `PATIENT` where none are given. */
export async function start(options: Partial<PublicServerOptions> = {}): Promise<Started> {
  const rejected: string[] = []
  const errors: string[] = []
  const server = createPublicServer({
    respond: tinyRouter(['127.0.0.9']),
    onRejected: (reason) => rejected.push(reason),
    onError: (name) => errors.push(name),
    now: () => 0,
    ...options,
    limits: { ...PATIENT, ...options.limits },
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, port, rejected, errors }
}
