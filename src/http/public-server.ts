/**
 * The public listener: it turns what arrives into wire requests, has them answered at once, and keeps any one client from
 * costing more than its share. It never reads content, and never says what a client sent.
 */
import type { Socket } from 'node:net'
import { Acceptors } from './acceptors.ts'
import type { ListenOptions } from './acceptors.ts'
import type { TrustedProxies } from './client-address.ts'
import { Connection } from './connection.ts'
import { FastLane } from './fast-lane.ts'
import { Front } from './front.ts'
import { KEEP_ALIVE_BUFFER, LIMITS } from './limits.ts'
import type { Limits } from './limits.ts'
import { NodeReader } from './node-reader.ts'
import { Responder } from './responder.ts'
import type { ResponderOptions } from './responder.ts'

export interface PublicServerOptions extends ResponderOptions {
  readonly limits?: Partial<Limits>
  /** Whether the plainest requests are read and answered without `node:http`. True by default. */
  readonly fastLane?: boolean
  /** Where given, every connection must come from one of these and begin with a PROXY header, version 1 or 2. */
  readonly proxyProtocol?: TrustedProxies | undefined
}

export type { ListenOptions }

export interface PublicServer {
  listen(options: ListenOptions): Promise<{ host: string; port: number }>
  /** Stops without failing a request: for `ms` every answer says that its connection ends, then nothing new is accepted. */
  drain(ms?: number): Promise<void>
  /** Stops at once. */
  close(): Promise<void>
  readonly connections: number
}

export function createPublicServer(options: PublicServerOptions): PublicServer {
  return new Listener(options)
}

/** A turn is some microseconds when idle, and a busy listener must come to an end too. */
const QUIET_TURNS = 1000

class Listener implements PublicServer {
  readonly #limits: Limits
  readonly #responder: Responder
  readonly #nodeReader: NodeReader
  readonly #front: Front
  readonly #acceptors: Acceptors
  readonly #connections = new Map<Socket, Connection>()
  #checks: NodeJS.Timeout | undefined

  constructor(options: PublicServerOptions) {
    this.#limits = { ...LIMITS, ...options.limits }
    const responder = new Responder(options, this.#limits)
    this.#responder = responder
    this.#nodeReader = new NodeReader(responder, this.#connections)
    const lane = options.fastLane === false ? undefined : new FastLane(responder)
    this.#front = new Front({ responder, nodeReader: this.#nodeReader, lane, proxies: options.proxyProtocol })
    this.#acceptors = new Acceptors((socket) => this.#accept(socket), (error) => responder.failed(error))
  }

  get connections(): number {
    return this.#connections.size
  }

  async listen(options: ListenOptions): Promise<{ host: string; port: number }> {
    const { address, port } = await this.#acceptors.listen(options)
    this.#nodeReader.start()
    this.#checks = setInterval(() => this.#check(), this.#limits.checkingInterval).unref()
    return { host: address, port }
  }

  #accept(socket: Socket): void {
    this.#responder.activity++
    if (this.#connections.size >= this.#limits.maxConnections) {
      this.#responder.rejected('connection_limit')
      socket.destroy()
      return
    }
    const connection = new Connection(socket)
    this.#connections.set(socket, connection)
    socket.on('close', () => this.#connections.delete(socket))
    this.#front.accept(connection)
  }

  #check(): void {
    const { checkingInterval, answerTimeout, keepAliveTimeout, headersTimeout } = this.#limits
    // A request that is begun as late as may be is answered by then, if only by 408. Both ends of the time lie between checks.
    const idle = 2 + (keepAliveTimeout + KEEP_ALIVE_BUFFER + headersTimeout) / checkingInterval
    for (const connection of this.#connections.values()) {
      const owing = connection.check()
      // The timer of `node:http` is set anew by each byte, also by line ends that begin no request.
      const abandoned = connection.idle > idle && !connection.fronted && !connection.closing
      if (abandoned || owing > answerTimeout / checkingInterval) connection.socket.destroy()
      else this.#front.check(connection, checkingInterval)
    }
  }

  async drain(ms = 300): Promise<void> {
    this.#responder.draining = true
    const read = new Map(Array.from(this.#connections.values(), (connection) => [connection, connection.socket.bytesRead]))
    await new Promise((resolve) => setTimeout(resolve, ms))
    await this.#quiet()
    const closed = this.#stopListening()
    // Timers come before what has arrived meanwhile, and who has just asked is not idle.
    const idle = setInterval(() => void this.#quiet().then(() => this.#destroyIdle(read)), this.#limits.linger)
    const deadline = setTimeout(() => this.#destroyAll(), this.#limits.drainDeadline)
    await closed
    clearInterval(idle)
    clearTimeout(deadline)
  }

  /**
   * Ends connections that were silent all through a drain. Who connected meanwhile is still waited for, and so is the rest of a
   * request that was half sent before: only `node:http` knows of those, and what the front has of its own has begun no request.
   */
  #destroyIdle(read: ReadonlyMap<Connection, number>): void {
    for (const [connection, bytes] of read) {
      const { socket, unwritten, silent, fronted, preface } = connection
      if (!unwritten && socket.bytesRead === bytes && (fronted ? preface === undefined || preface.length === 0 : silent)) socket.destroy()
    }
    // It takes an answer that is made for one that was fetched, so it has to wait, as the drain has to.
    for (const { fronted, unwritten, closing } of this.#connections.values()) if (!fronted && (unwritten || closing)) return
    this.#nodeReader.closeIdle()
  }

  /**
   * Waits for a turn of the event loop in which nothing came in. Connections that the system took on and that were not
   * accepted yet are reset when the listener closes; right after such a turn there are none, or nearly so.
   */
  async #quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      const before = this.#responder.activity
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#responder.activity === before) return
    }
  }

  async close(): Promise<void> {
    const closed = this.#stopListening()
    this.#destroyAll()
    await closed
  }

  #destroyAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  /** Lets go of the port at once and resolves when the last connection is gone. */
  async #stopListening(): Promise<void> {
    await this.#acceptors.close()
    clearInterval(this.#checks)
    this.#nodeReader.stop()
  }
}
