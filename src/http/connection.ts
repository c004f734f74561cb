/** One client's connection: what was asked on it, and how it ends. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Host } from './host.ts'
import { ClientPort } from '../privacy/port.ts'

export class Connection {
  readonly socket: Socket
  /** Address of the other end as text, or what a trusted proxy said it is; empty where the socket was gone at once. */
  peer: string
  /** The port at that address. */
  port: ClientPort
  /** Whether a trusted proxy said that the client speaks TLS. */
  encrypted = false
  requests = 0
  /** What the second request asked for, which is nearly always what the next ones do. Most connections have no second one. */
  host: Host | undefined
  /** No request is answered any more: the last answer, or the refusal of what could not be read, is on its way. */
  closing = false
  /** Whether it is the front's own; else `node:http` has it, with its timers. */
  fronted = true
  /** Begun PROXY header; undefined where none is expected, or no more. */
  preface: Buffer | undefined
  /** Bytes in front of the first request. */
  prefaced = 0
  /** What comes next has to wait: a request of it is read and will be answered when the turn ends, or its answer is still being made. */
  asked = false
  /** Checks since it was opened, and since something was read from it. Counted while it is the front's. */
  age = 0
  quiet = 0
  /** The latest answer of `node:http`; while it is unwritten the client owes us reading. */
  answer: ServerResponse | undefined
  /** Checks in a row that found answers unwritten. */
  owing = 0
  /** Requests so far, when it was last checked. */
  checked = 0
  /** Checks in a row that found nothing unwritten and no new request. */
  idle = 0
  /** An answer is still being made; nothing is answered meanwhile. */
  waiting = false
  /** Answers of `node:http` that are still being made. */
  making = 0
  /** The client has said all; what it asked for is still owed. */
  ended = false
  /** Called when it was made and written. */
  onAnswered: (() => void) | undefined
  #deaf = false

  constructor(socket: Socket) {
    this.socket = socket
    this.peer = socket.remoteAddress ?? ''
    this.port = ClientPort.of(socket.remotePort)
  }

  get unwritten(): boolean {
    return this.waiting || this.socket.writableLength > 0 || (this.answer !== undefined && !this.answer.writableFinished)
  }

  /**
   * Counts a check. Where the router owes an answer, and the client has fetched all others and has got on since the last check,
   * the count begins anew: sixteen answers that take a second each are not one that takes sixteen.
   *
   * @returns checks in a row that found answers unwritten
   */
  check(): number {
    const { unwritten } = this
    const moved = this.requests !== this.checked
    const anew = moved && (this.waiting || this.making > 0) && this.socket.writableLength === 0
    this.checked = this.requests
    this.owing = unwritten && !anew ? this.owing + 1 : 0
    this.idle = unwritten || moved ? 0 : this.idle + 1
    return this.owing
  }

  /** Whether no byte of a request has come yet. */
  get silent(): boolean {
    return this.socket.bytesRead <= this.prefaced
  }

  /** Calls back when every answer so far is written, which keeps what follows in order. */
  afterAnswers(done: () => void): void {
    if (this.answer === undefined || this.answer.writableFinished) done()
    else this.answer.once('finish', done)
  }

  /** Makes the HTTP library's own closing, after the last answer, a lingering one. @param deaf whether nothing more is read at once */
  closeSlowly(linger: number, deaf = true): void {
    this.socket.destroySoon = () => (deaf ? this.end(linger) : this.part(linger))
  }

  /**
   * Ends the connection without losing the last answer: closing a socket with unread bytes resets it, and a reset
   * takes the answer from a client that is still sending (RFC 9112, 9.6). So it stays half open for a moment, and
   * nothing more is read from it.
   *
   * @param last one character a byte
   */
  end(linger: number, last?: string): void {
    this.stopReading()
    this.#endWith(last)
    this.#destroyIn(linger)
  }

  /**
   * The same for a client that may have done nothing wrong: the moment begins when it has fetched all, and until more comes, for
   * which `closing` is to be looked at, it is read on. So one that goes when it is told, as most do, is let go at once.
   */
  part(linger: number, last?: string): void {
    const { socket } = this
    if (socket.writableFinished) this.#destroyIn(linger)
    else socket.once('finish', () => this.#destroyIn(linger))
    this.#endWith(last)
  }

  #endWith(last: string | undefined): void {
    this.closing = true
    if (last === undefined) this.socket.end()
    else this.socket.end(last, 'latin1')
  }

  #destroyIn(ms: number): void {
    const timer = setTimeout(() => this.socket.destroy(), ms)
    this.socket.once('close', () => clearTimeout(timer))
  }

  /** For good: what a client still sends stays with the system, which soon makes it wait. */
  stopReading(): void {
    if (this.#deaf) return
    this.#deaf = true
    this.socket.pause()
    // The HTTP library resumes a socket to get rid of unread content, and when answers were fetched.
    this.socket.on('resume', () => this.socket.pause())
  }
}
