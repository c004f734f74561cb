/** What one client, and all of them together, may cost the public listener. */
import { MAX_TARGET } from './target.ts'

/** Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Request line and headers together. A longer target alone is 414, more of the rest 431. */
  readonly maxHeaderSize: number
  /** One more is 431. */
  readonly maxHeaders: number
  /** From the first byte, or from connecting, until the headers are complete; then 408. */
  readonly headersTimeout: number
  /** Until the whole request is there. No content is ever waited for, so this only backs up `headersTimeout`. */
  readonly requestTimeout: number
  /** How long a connection may idle between requests; a proxy in front should give up a second earlier. */
  readonly keepAliveTimeout: number
  /** How often these are enforced. With Node's default of 30 s a slow client would live that long. */
  readonly checkingInterval: number
  /** Without a byte in either direction. */
  readonly idleTimeout: number
  /** For a client that reads, but too slowly to be done with the answers that it asked for. */
  readonly answerTimeout: number
  /** After that many the connection is closed. Bounds also what is kept for a client that asks and never reads. */
  readonly maxRequestsPerConnection: number
  /** More are closed at once. Keep it under half of the process's file descriptors. */
  readonly maxConnections: number
  /** How long a client may take to fetch a refusal while what it still sends is not read, or to go when it has fetched a last answer. */
  readonly linger: number
  /** Until a PROXY header is complete, where one is asked for. */
  readonly proxyHeaderTimeout: number
  /** After a drain, for requests that are still being sent. */
  readonly drainDeadline: number
}

/** Milliseconds that a connection may idle beyond the time that its client was told; `node:http` has the same. */
export const KEEP_ALIVE_BUFFER = 1000

export const LIMITS: Limits = Object.freeze({
  maxHeaderSize: MAX_TARGET + 8192,
  maxHeaders: 64,
  headersTimeout: 5000,
  requestTimeout: 10000,
  keepAliveTimeout: 5000,
  checkingInterval: 1000,
  idleTimeout: 15000,
  answerTimeout: 15000,
  maxRequestsPerConnection: 1000,
  maxConnections: 20000,
  linger: 250,
  proxyHeaderTimeout: 2000,
  drainDeadline: 5000,
})
