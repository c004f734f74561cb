/**
 * The public listener, on `node:http`: it turns what arrives into a wire request, has it answered at once, and keeps any
 * one client from costing more than its share. It never reads content, and never says what a client sent.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { failureAnswer, rejectionAnswer } from './answers.ts'
import { Connection } from './connection.ts'
import { LIMITS } from './limits.ts'
import type { Limits } from './limits.ts'
import { serialize } from './message.ts'
import type { Answer, WireRequest } from './message.ts'
import { hardenedServer, hasContent, rejectionOf } from './node-http.ts'
import type { HttpRejectionName } from './rejection.ts'

export interface PublicServerOptions {
  /** Must answer at once. One that throws costs its own request a 503. */
  respond(wire: WireRequest): Answer
  /** Called once per call of `respond`, after the answer was handed over. */
  after?(wire: WireRequest, answer: Answer): void
  /** A request that was refused before it could be handed to `respond`. */
  onRejected(reason: HttpRejectionName): void
  /** A bug in `respond` or `after`: the error's name, never its message, which may hold what the client sent. */
  onError(name: string): void
  /** Milliseconds since the epoch, for `Date` where the HTTP library does not write it. */
  now(): number
  readonly limits?: Partial<Limits>
}

export interface ListenOptions {
  readonly host: string
  /** 0 is chosen by the system. */
  readonly port: number
  /** Lets several listeners share the port (SO_REUSEPORT). */
  readonly reusePort?: boolean
}

export interface PublicServer {
  listen(options: ListenOptions): Promise<{ host: string; port: number }>
  /** Stops without failing a request: for `ms` every answer says that its connection ends, then nothing new is accepted. */
  drain(ms?: number): Promise<void>
  /** Stops at once. */
  close(): Promise<void>
  readonly connections: number
}

export function createPublicServer(options: PublicServerOptions): PublicServer {
  return new NodeServer(options)
}

/** A turn is some microseconds when idle, and a busy listener must come to an end too. */
const QUIET_TURNS = 1000

class NodeServer implements PublicServer {
  readonly #options: PublicServerOptions
  readonly #limits: Limits
  readonly #server: Server
  readonly #connections = new Map<Socket, Connection>()
  #draining = false
  /** Connections and requests so far. */
  #activity = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(options: PublicServerOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#server = this.#create()
  }

  get connections(): number {
    return this.#connections.size
  }

  listen({ host, port, reusePort = false }: ListenOptions): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, reusePort, backlog: 4096 }, () => {
        this.#server.removeListener('error', reject)
        // A connection that could not be accepted, for want of memory say, must not end the process.
        this.#server.on('error', (error) => this.#options.onError(nameOf(error)))
        this.#sweep = setInterval(() => this.#dropSlowReaders(), this.#limits.checkingInterval).unref()
        const { address, port: chosen } = this.#server.address() as AddressInfo
        resolve({ host: address, port: chosen })
      })
    })
  }

  async drain(ms = 300): Promise<void> {
    this.#draining = true
    const read = new Map(Array.from(this.#connections.values(), (connection) => [connection, connection.socket.bytesRead]))
    await new Promise((resolve) => setTimeout(resolve, ms))
    await this.#quiet()
    const closed = this.#stopListening()
    const idle = setTimeout(() => this.#destroyIdle(read), this.#limits.linger)
    const deadline = setTimeout(() => this.#destroyAll(), this.#limits.drainDeadline)
    await closed
    clearTimeout(idle)
    clearTimeout(deadline)
  }

  /** Ends connections that were silent all through a drain. Who connected meanwhile is still waited for. */
  #destroyIdle(read: ReadonlyMap<Connection, number>): void {
    for (const [{ socket, unwritten }, bytes] of read) if (!unwritten && socket.bytesRead === bytes) socket.destroy()
  }

  /**
   * Waits for a turn of the event loop in which nothing came in. Connections that the system took on and that were not
   * accepted yet are reset when the listener closes; right after such a turn there are none, or nearly so.
   */
  async #quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      const before = this.#activity
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#activity === before) return
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
    // The HTTP library's own `close` first ends connections that have not asked yet.
    await new Promise<void>((resolve) => void NetServer.prototype.close.call(this.#server, () => resolve()))
    clearInterval(this.#sweep)
    // Ends its timers; there is nothing left to close.
    this.#server.close(() => undefined)
  }

  #create(): Server {
    const server = hardenedServer(this.#limits)
    server.on('connection', (socket: Socket) => this.#accept(socket))
    server.on('drop', () => this.#options.onRejected('connection_limit'))
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response)
    // `Expect` is judged like any other header. Without an `upgrade` listener a wish to upgrade is ignored (RFC 9110, 7.8).
    for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, handle)
    server.on('connect', (_request, socket) => this.#refuse(socket as Socket, 'method'))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuse(socket as Socket, rejectionOf(error.code)))
    return server
  }

  #accept(socket: Socket): void {
    this.#activity++
    this.#connections.set(socket, new Connection(socket))
    socket.once('close', () => this.#connections.delete(socket))
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    this.#activity++
    const connection = this.#connections.get(request.socket)
    // What was pipelined behind a last answer is not answered, and so may be sent again elsewhere.
    if (connection === undefined) return
    if (connection.closing) return connection.stopReading()
    connection.answer = response
    connection.requests++
    const { rawHeaders } = request
    const supported = request.httpVersionMajor === 1
    const wire: WireRequest = {
      method: request.method ?? '',
      target: request.url ?? '',
      headers: rawHeaders,
      peer: connection.peer,
      encrypted: false,
      http10: request.httpVersionMinor === 0,
    }
    const answer = supported ? this.#answer(wire) : rejectionAnswer('http_version')
    const unread = !request.readableEnded && hasContent(rawHeaders)
    if (unread || answer.close === true) connection.closeSlowly(this.#limits.linger)
    connection.closing = unread || answer.close === true || wire.http10 || this.#draining || this.#isLast(connection)
    this.#write(response, wire.method, answer, connection)
    // The client may have asked for the end itself.
    connection.closing ||= !response.shouldKeepAlive
    try {
      if (supported) this.#options.after?.(wire, answer)
      else this.#options.onRejected('http_version')
    } catch (error) {
      this.#options.onError(nameOf(error))
    }
  }

  #isLast(connection: Connection): boolean {
    return connection.requests >= this.#limits.maxRequestsPerConnection
  }

  #answer(wire: WireRequest): Answer {
    try {
      return this.#options.respond(wire)
    } catch (error) {
      this.#options.onError(nameOf(error))
      return failureAnswer()
    }
  }

  #write(response: ServerResponse, method: string, answer: Answer, connection: Connection): void {
    try {
      writeHead(response, answer, connection.closing)
      if (answer.body === undefined || method === 'HEAD') response.end()
      else response.end(answer.body)
    } catch (error) {
      // A header that cannot be written. Nothing was sent yet, but the response may be half made.
      this.#options.onError(nameOf(error))
      connection.closing = true
      connection.socket.destroy()
    }
  }

  /** Answers what the parser could not read, or what must not be read, and ends the connection. */
  #refuse(socket: Socket, reason: HttpRejectionName | undefined): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || reason === undefined || !socket.writable) {
      socket.destroy()
      return
    }
    if (connection.closing) return
    connection.closing = true
    // Without its parser a socket has no listener for errors.
    socket.on('error', () => socket.destroy())
    this.#options.onRejected(reason)
    // To a connection that was opened ahead of need, an answer could look like that of its first request.
    const silent = reason === 'timeout' && socket.bytesRead === 0
    const last = silent ? undefined : serialize(rejectionAnswer(reason), new Date(this.#options.now()).toUTCString(), true)
    connection.afterAnswers(() => connection.end(this.#limits.linger, last))
  }

  #dropSlowReaders(): void {
    const patience = this.#limits.answerTimeout / this.#limits.checkingInterval
    for (const connection of this.#connections.values()) {
      connection.owing = connection.unwritten ? connection.owing + 1 : 0
      if (connection.owing > patience) connection.socket.destroy()
    }
  }
}

function writeHead(response: ServerResponse, answer: Answer, last: boolean): void {
  response.writeHead(answer.status, last ? [...answer.headers, 'Connection', 'close'] : (answer.headers as string[]))
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
