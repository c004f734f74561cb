/**
 * Answers the plainest requests straight on the socket, at half the cost of an HTTP library. What comes back is, but for
 * `Date`, byte for byte what `node:http` would write.
 */
import type { Connection } from './connection.ts'
import { Host } from './host.ts'
import { bodyOf, headOf } from './message.ts'
import type { Answer } from './message.ts'
import { readPlain } from './plain-request.ts'
import type { PlainRequest } from './plain-request.ts'
import type { Responder } from './responder.ts'

/** Characters of answers that are gathered for one write. More wait until the client reads. */
const GATHERED = 65536

export class FastLane {
  readonly #responder: Responder
  /** What follows an answer's own headers, for the current date. */
  #date = ''
  #stay = ''
  #last = ''
  #asked = ''

  constructor(responder: Responder) {
    this.#responder = responder
  }

  /** A request that is all of a chunk; undefined for every other chunk, which is for `answer`. */
  readWhole(connection: Connection, chunk: Buffer): PlainRequest | undefined {
    const request = readPlain(chunk, chunk.toString('latin1'), 0, this.#responder.limits, connection)
    return request?.end === chunk.length ? request : undefined
  }

  /** To be called in each turn before answers are made: they carry the date. */
  renewDate(): void {
    const date = this.#responder.date()
    if (date !== this.#date) this.#redate(date)
  }

  /** After `renewDate`. @returns the answer, for `send`; undefined where it is written, or will be when it is made */
  answerTo(connection: Connection, request: PlainRequest): string | undefined {
    return this.#one(connection, request, '')
  }

  send({ socket }: Connection, text: string): void {
    socket.write(text, 'latin1')
  }

  /**
   * Answers the requests that a chunk begins with, and stops at the first that is not plain or not complete, when the
   * client has to read first, or when the connection ends.
   *
   * @returns how many bytes were dealt with
   */
  answer(connection: Connection, chunk: Buffer): number {
    const { limits } = this.#responder
    this.renewDate()
    const text = chunk.toString('latin1')
    let at = 0
    let answers = ''
    while (at < chunk.length) {
      const request = readPlain(chunk, text, at, limits, connection)
      if (request === undefined) break
      at = request.end
      const answer = this.#one(connection, request, answers)
      // Written already, or to be written when it is made.
      if (answer === undefined) return at
      answers += answer
      if (answers.length < GATHERED) continue
      this.send(connection, answers)
      answers = ''
      if (connection.socket.writableNeedDrain) break
    }
    if (answers !== '') this.send(connection, answers)
    return at
  }

  /** @returns the answer; undefined where it is written, behind those `before` it, or will be */
  #one(connection: Connection, request: PlainRequest, before: string): string | undefined {
    const responder = this.#responder
    const full = responder.begin(connection)
    // A small answer must not wait until the one before it is acknowledged. Most connections have one answer, and need not ask for that.
    if (connection.requests === 2) {
      connection.socket.setNoDelay()
      const { host } = request.fields
      if (host?.name !== undefined) connection.host = Host.copyOf(host)
    }
    const answer = responder.answer(request)
    if (answer instanceof Promise) {
      connection.waiting = true
      if (before !== '') this.send(connection, before)
      void answer.then((made) => {
        connection.waiting = false
        this.renewDate()
        const text = this.#finish(connection, request, made, full, '')
        if (text !== undefined) this.send(connection, text)
        connection.onAnswered?.()
      })
      return undefined
    }
    return this.#finish(connection, request, answer, full, before)
  }

  #finish(connection: Connection, request: PlainRequest, answer: Answer, full: boolean, before: string): string | undefined {
    const responder = this.#responder
    const { close, method } = request
    // A drain may have begun while the answer was made.
    const last = full || responder.draining || answer.close === true
    let text: string
    try {
      text = this.#write(answer, last, close, method === 'HEAD')
    } catch (error) {
      // A header that cannot be written. Nothing of the answer was sent yet.
      responder.failed(error)
      this.#breakOff(connection, before)
      return undefined
    }
    if (last || close) this.#end(connection, answer, last, before + text)
    responder.answered(request, answer)
    return last || close ? undefined : text
  }

  #write(answer: Answer, last: boolean, asked: boolean, head: boolean): string {
    const text = headOf(answer) + (last ? this.#last : asked ? this.#asked : this.#stay)
    return head ? text : text + bodyOf(answer)
  }

  #redate(date: string): void {
    const { keepAliveTimeout } = this.#responder.limits
    const keepAlive = keepAliveTimeout > 0 ? `Keep-Alive: timeout=${Math.floor(keepAliveTimeout / 1000)}\r\n` : ''
    this.#date = date
    this.#stay = `Date: ${date}\r\nConnection: keep-alive\r\n${keepAlive}\r\n`
    this.#last = `Connection: close\r\nDate: ${date}\r\n\r\n`
    this.#asked = `Date: ${date}\r\nConnection: close\r\n\r\n`
  }

  #end(connection: Connection, answer: Answer, last: boolean, text: string): void {
    connection.closing = true
    const { linger } = this.#responder.limits
    if (answer.close === true) return connection.end(linger, text)
    // Its client may have sent more already.
    if (last) return connection.part(linger, text)
    this.send(connection, text)
    const { socket } = connection
    // What the system has taken needs no waiting for.
    if (socket.writableLength === 0) socket.destroy()
    else socket.destroySoon()
  }

  #breakOff(connection: Connection, before: string): void {
    connection.closing = true
    if (before !== '') this.send(connection, before)
    connection.socket.destroy()
  }
}
