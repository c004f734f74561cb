/**
 * The first to read what a connection sends: the PROXY header where one is asked for, then plain requests for the fast
 * lane. With the first byte that is for neither, the connection goes to `node:http`, together with that byte, for good.
 *
 * What comes in one turn of the event loop is dealt with together: all of it read, then all decided, then all written, but for
 * answers that end their connection, which are written when they are made. A processor that does one thing many times finds
 * code and data in its caches, and a client that waits is woken once.
 */
import type { Socket } from 'node:net'
import { ClientAddress } from '../privacy/address.ts'
import type { TrustedProxies } from './client-address.ts'
import type { Connection } from './connection.ts'
import type { FastLane } from './fast-lane.ts'
import { KEEP_ALIVE_BUFFER } from './limits.ts'
import type { NodeReader } from './node-reader.ts'
import type { PlainRequest } from './plain-request.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import type { Responder } from './responder.ts'

export interface FrontOptions {
  readonly responder: Responder
  readonly nodeReader: NodeReader
  /** Undefined: every request is for `node:http`. */
  readonly lane: FastLane | undefined
  /** Who may, and must, send a PROXY header; undefined: nobody. */
  readonly proxies: TrustedProxies | undefined
}

const NOTHING = Buffer.alloc(0)
/** Requests that are gathered in a turn. Fewer spare less; more let the first wait for the last. */
const TURN = 64

interface Asked {
  readonly connection: Connection
  readonly request: PlainRequest
}

export class Front {
  readonly #options: FrontOptions
  /** At most one of each connection. */
  #asked: Asked[] = []
  #planned = false

  constructor(options: FrontOptions) {
    this.#options = options
  }

  accept(connection: Connection): void {
    const { lane, proxies } = this.#options
    const { socket } = connection
    if (proxies === undefined && lane === undefined) return this.#handOver(connection, NOTHING)
    socket.on('error', ignore)
    socket.on('end', () => this.#end(connection))
    socket.on('data', (chunk: Buffer) => this.#read(connection, chunk))
    if (proxies === undefined) return
    connection.preface = NOTHING
    const peer = ClientAddress.parse(connection.peer)
    if (peer === undefined || !proxies.has(peer)) this.#refuse(connection)
  }

  /**
   * To be called `ms` apart: time limits of connections that no HTTP library looks after. A timer of each socket's own would
   * be set anew for every request.
   */
  check(connection: Connection, ms: number): void {
    if (!connection.fronted || connection.closing || connection.waiting) return
    const { limits } = this.#options.responder
    // Not counting the interval in which it began.
    const age = connection.age++ * ms
    const quiet = connection.quiet++ * ms
    if (connection.preface !== undefined) {
      if (age >= limits.proxyHeaderTimeout) this.#refuse(connection)
    } else if (connection.requests === 0) {
      if (quiet >= limits.headersTimeout) this.#endSilent(connection)
    } else if (quiet >= (connection.unwritten ? limits.idleTimeout : limits.keepAliveTimeout + KEEP_ALIVE_BUFFER)) connection.socket.destroy()
  }

  #read(connection: Connection, chunk: Buffer): void {
    connection.quiet = 0
    if (connection.asked) {
      this.#answerAll()
      const { socket, waiting } = connection
      if (waiting) socket.pause()
      // Its answer may have to wait, and so must this.
      if (socket.isPaused()) return void socket.unshift(chunk)
    }
    if (connection.closing) return connection.stopReading()
    const { preface } = connection
    if (preface === undefined) return this.#serve(connection, chunk)
    const bytes = preface.length === 0 ? chunk : Buffer.concat([preface, chunk])
    const header = readProxyHeader(bytes)
    if (header === 'invalid') return this.#refuse(connection)
    if (header === 'partial') {
      connection.preface = bytes
      return
    }
    connection.preface = undefined
    connection.prefaced = header.length
    connection.peer = header.source.address ?? connection.peer
    connection.port = header.source.port ?? connection.port
    connection.encrypted = header.source.encrypted
    this.#serve(connection, bytes.subarray(header.length))
  }

  #serve(connection: Connection, chunk: Buffer): void {
    const { lane } = this.#options
    if (lane === undefined) return this.#handOver(connection, chunk)
    const request = lane.readWhole(connection, chunk)
    if (request === undefined) return this.#settle(connection, chunk, lane.answer(connection, chunk))
    connection.asked = true
    this.#asked.push({ connection, request })
    if (this.#asked.length >= TURN) return this.#answerAll()
    if (this.#planned) return
    this.#planned = true
    setImmediate(() => {
      this.#planned = false
      this.#answerAll()
    })
  }

  #answerAll(): void {
    const { lane } = this.#options
    const asked = this.#asked
    if (lane === undefined || asked.length === 0) return
    this.#asked = []
    for (const { connection } of asked) connection.asked = false
    lane.renewDate()
    const answers: (string | undefined)[] = []
    for (const { connection, request } of asked) answers.push(lane.answerTo(connection, request))
    let i = 0
    for (const { connection } of asked) {
      const text = answers[i++]
      if (text !== undefined) lane.send(connection, text)
      this.#settle(connection, NOTHING, 0)
    }
  }

  /** After answers: whether and by whom more is read. @param taken bytes of the chunk that are dealt with */
  #settle(connection: Connection, chunk: Buffer, taken: number): void {
    if (connection.closing) return
    const { socket } = connection
    if (connection.waiting) {
      // Until more comes it is read on: a client that resets the connection is then noticed at once.
      connection.asked = true
      if (taken < chunk.length) {
        socket.pause()
        // With the stream, which then tells of the client's end after it.
        socket.unshift(chunk.subarray(taken))
      }
      connection.onAnswered = () => {
        connection.onAnswered = undefined
        connection.asked = false
        connection.quiet = 0
        if (connection.ended) socket.end()
        // What waits behind a last answer is not read.
        if (!connection.closing) socket.resume()
      }
    } else if (socket.writableNeedDrain) {
      // Nothing more is read, and so nothing more is answered, until the client has fetched what there is.
      socket.pause()
      if (taken < chunk.length) socket.unshift(chunk.subarray(taken))
      socket.once('drain', resume)
    } else if (taken < chunk.length) this.#handOver(connection, taken === 0 ? chunk : chunk.subarray(taken))
  }

  /** A client may say that it has said all before it is answered. */
  #end(connection: Connection): void {
    if (!connection.fronted) return
    if (connection.asked) this.#answerAll()
    connection.ended = true
    if (!connection.waiting) connection.socket.end()
  }

  #handOver(connection: Connection, rest: Buffer): void {
    const { socket } = connection
    connection.fronted = false
    socket.removeListener('error', ignore)
    socket.removeAllListeners('data')
    this.#options.nodeReader.take(connection, rest)
  }

  /** Without a word: who sends no header, or a wrong one, speaks another protocol. */
  #refuse(connection: Connection): void {
    connection.closing = true
    this.#options.responder.rejected('proxy_header')
    connection.socket.destroy()
  }

  /** Without a word too: an answer to no question could be taken for the first. */
  #endSilent(connection: Connection): void {
    this.#options.responder.rejected('timeout')
    connection.end(this.#options.responder.limits.linger)
  }
}

function resume(this: Socket): void {
  this.resume()
}

/** A broken connection closes by itself. */
function ignore(): void {
  return undefined
}
