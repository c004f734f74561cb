/**
 * Requests as `node:http` reads them: every connection that is not plain beyond doubt. Its server never listens itself;
 * connections are given to it by its `connection` event.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { rejectionAnswer } from './answers.ts'
import type { Connection } from './connection.ts'
import { serialize } from './message.ts'
import type { Answer, WireRequest } from './message.ts'
import { hardenedServer, hasContent, hasUpgrade, rejectionOf } from './node-http.ts'
import type { HttpRejectionName } from './rejection.ts'
import type { Responder } from './responder.ts'

export class NodeReader {
  readonly #responder: Responder
  readonly #connections: ReadonlyMap<unknown, Connection>
  readonly #server: Server

  /** @param connections by socket */
  constructor(responder: Responder, connections: ReadonlyMap<unknown, Connection>) {
    this.#responder = responder
    this.#connections = connections
    this.#server = this.#create()
  }

  /** Its time limits are enforced between the two. */
  start(): void {
    this.#server.emit('listening')
  }

  /** Ends connections with no message begun and no answer owed. What was never asked on is not among them. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  stop(): void {
    this.#server.close(() => undefined)
  }

  /** @param rest what was read from the connection and belongs to no request so far */
  take({ socket }: Connection, rest: Buffer): void {
    // Its server asks for this only where it has accepted the connection itself.
    socket.setNoDelay()
    // What was read goes first: nothing flows until the server listens to it.
    socket.pause()
    if (rest.length > 0) socket.unshift(rest)
    this.#server.emit('connection', socket)
    socket.resume()
  }

  #create(): Server {
    const server = hardenedServer(this.#responder.limits)
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response)
    // `Expect` is judged like any other header. Without an `upgrade` listener a wish to upgrade is ignored (RFC 9110, 7.8),
    // and the connection ends with the answer.
    for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, handle)
    server.on('connect', (_request, socket) => this.#refuse(socket as Socket, 'method'))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuse(socket as Socket, rejectionOf(error.code)))
    return server
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket)
    // What was pipelined behind a last answer is not answered, and so may be sent again elsewhere.
    if (connection === undefined) return
    if (connection.closing) return connection.stopReading()
    connection.answer = response
    const full = this.#responder.begin(connection)
    const { rawHeaders } = request
    const supported = request.httpVersionMajor === 1
    const wire: WireRequest = {
      method: request.method ?? '',
      target: request.url ?? '',
      headers: rawHeaders,
      peer: connection.peer,
      port: connection.port,
      encrypted: connection.encrypted,
      http10: request.httpVersionMinor === 0,
    }
    const unread = hasUpgrade(rawHeaders) || (!request.readableEnded && hasContent(rawHeaders))
    const last = unread || wire.http10 || full
    if (unread) connection.closeSlowly(this.#responder.limits.linger)
    else if (last && response.shouldKeepAlive) connection.closeSlowly(this.#responder.limits.linger, false)
    // The client may have asked for the end itself. Behind a last answer nothing is taken, also while it is still being made.
    connection.closing = last || !response.shouldKeepAlive
    const answer = supported ? this.#responder.answer(wire) : rejectionAnswer('http_version')
    if (!(answer instanceof Promise)) return this.#finish(connection, response, wire, answer, last, supported)
    connection.making++
    void answer.then((made) => {
      connection.making--
      this.#finish(connection, response, wire, made, last, supported)
    })
  }

  /** Answers to pipelined requests are put in order by `node:http`. */
  #finish(connection: Connection, response: ServerResponse, wire: WireRequest, answer: Answer, known: boolean, supported: boolean): void {
    const { draining, limits } = this.#responder
    // A drain may have begun while the answer was made. One before others does not end the connection: they would be lost.
    const last = known || answer.close === true || (draining && connection.answer === response)
    connection.closing ||= last
    if (answer.close === true) connection.closeSlowly(limits.linger)
    else if (last && !known && response.shouldKeepAlive) connection.closeSlowly(limits.linger, false)
    this.#write(response, wire.method, answer, connection, last)
    if (supported) this.#responder.answered(wire, answer)
    else this.#responder.rejected('http_version')
  }

  #write(response: ServerResponse, method: string, answer: Answer, connection: Connection, last: boolean): void {
    try {
      writeHead(response, answer, last)
      if (answer.body === undefined || method === 'HEAD') response.end()
      else response.end(answer.body)
    } catch (error) {
      // A header that cannot be written. Nothing was sent yet, but the response may be half made.
      this.#responder.failed(error)
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
    // Also what comes behind a last answer that is still being made: nothing is refused that would not have been taken.
    if (connection.closing) return connection.stopReading()
    connection.closing = true
    // Without its parser a socket has no listener for errors.
    socket.on('error', () => socket.destroy())
    this.#responder.rejected(reason)
    // To a connection that was opened ahead of need, an answer could look like that of its first request.
    const silent = reason === 'timeout' && connection.silent
    const last = silent ? undefined : serialize(rejectionAnswer(reason), this.#responder.date(), true)
    connection.afterAnswers(() => connection.end(this.#responder.limits.linger, last))
  }
}

function writeHead(response: ServerResponse, answer: Answer, last: boolean): void {
  response.writeHead(answer.status, last ? [...answer.headers, 'Connection', 'close'] : (answer.headers as string[]))
}
