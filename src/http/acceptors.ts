/**
 * Several listeners on one port. A turn of the event loop takes one new connection from each, so with one alone a busy
 * router deals with one new connection, one request and one answer a turn, and finds its caches cold for each of them.
 */
import { once } from 'node:events'
import { Server } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface ListenOptions {
  readonly host: string
  /** 0 is chosen by the system. */
  readonly port: number
  /** Joins listeners that are there already, which must have said the same or be ours. Otherwise the port must be free. */
  readonly reusePort?: boolean
}

/** More of them gained nothing more in `npm run bench:race`. */
const LISTENERS = 8

export class Acceptors {
  readonly #servers: Server[] = []
  readonly #onSocket: (socket: Socket) => void
  readonly #onError: (error: unknown) => void
  readonly #open: typeof listening
  #closed = false

  /**
   * @param onError for connections that could not be accepted, for want of memory say
   * @param open resolves once a server listens; default: as the system does it
   */
  constructor(onSocket: (socket: Socket) => void, onError: (error: unknown) => void, open = listening) {
    this.#onSocket = onSocket
    this.#onError = onError
    this.#open = open
  }

  /** Rejects as the system does, and where it is closed meanwhile. */
  async listen({ host, port, reusePort = false }: ListenOptions): Promise<AddressInfo> {
    if (!reusePort && port !== 0) await this.#expectFree(host, port)
    let first: AddressInfo
    try {
      first = await this.#add({ host, port, reusePort: true })
    } catch (error) {
      // Some systems, as macOS, cannot.
      if (reusePort || !(error instanceof Error && 'code' in error && error.code === 'ENOTSUP')) throw error
      return this.#add({ host, port, reusePort: false })
    }
    for (let i = 1; i < LISTENERS; i++) await this.#add({ host, port: first.port, reusePort: true })
    return first
  }

  /** Lets go of the port at once, and resolves when the last connection is gone. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))))
  }

  async #add(options: Required<ListenOptions>): Promise<AddressInfo> {
    const server = await this.#open(options)
    if (this.#closed) {
      server.close()
      throw new Error('the listener was closed before it listened')
    }
    server.on('connection', this.#onSocket)
    // Must not end the process.
    server.on('error', this.#onError)
    this.#servers.push(server)
    return server.address() as AddressInfo
  }

  /** Whoever shares a port shares it with everybody who asks for that, another router too, which would take half of the viewers. */
  async #expectFree(host: string, port: number): Promise<void> {
    const server = await this.#open({ host, port, reusePort: false })
    server.close()
    await once(server, 'close')
  }
}

export async function listening(options: Required<ListenOptions>): Promise<Server> {
  // As `node:http` accepts: a client that has said all may still be answered.
  const server = new Server({ allowHalfOpen: true })
  server.listen({ ...options, backlog: 4096 })
  await once(server, 'listening')
  return server
}
