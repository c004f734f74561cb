/**
 * Where the published routing state lives: a head that names one immutable blob. The contract of every store;
 * `test/state/contract.ts` holds all of them to it.
 */

/** A place in the order of publications. */
export interface Position {
  readonly epoch: number
  readonly version: number
}

/** Which routers a head is meant for: a share of them, 0 to 100, or those with these ids. */
export type Stage = { readonly percent: number } | { readonly routers: readonly string[] }

/** Names the blob that routers should run. It only goes up: by version, or by epoch where an operator starts anew. */
export interface Head extends Position {
  /** SHA-256 of the blob, hexadecimal. */
  readonly sha256: string
  readonly bytes: number
  /** Milliseconds since the epoch, by the publisher's clock. For people; no router decides by it. */
  readonly created: number
  /** Version of the blob's format. A router refuses one that it does not know. */
  readonly schema: number
  /** Absent: for every router. */
  readonly stage?: Stage
  /** With `stage`: what the other routers run. */
  readonly base?: Head
  /** Who wants it although it is suspiciously small. */
  readonly force?: string
  /** For people: why it was published. */
  readonly note?: string
}

/** Someone published in between: the caller's view of the head is not the head any more. */
export class StaleWriterError extends Error {
  override readonly name = 'StaleWriterError'
  readonly head: Head | undefined

  constructor(head: Head | undefined) {
    super(`the head is at ${head === undefined ? 'nothing' : `${head.epoch}.${head.version}`} by now; read it and publish again`)
    this.head = head
  }
}

export interface Publication {
  readonly bytes: Uint8Array
  readonly created: number
  /** The head that the publisher saw; publishing fails with `StaleWriterError` where it has moved. */
  readonly after: Head | undefined
  /** What is there instead of a head, as it was read; publishing fails with `StaleWriterError` where it is something else by now. With `after: undefined`. */
  readonly instead?: Uint8Array | undefined
  /** A higher epoch than the head's. Default: the head's own, or 1. */
  readonly epoch?: number | undefined
  /** The new head is also higher than this: what routers run may be newer than a store that forgot. */
  readonly above?: Position | undefined
  readonly stage?: Stage | undefined
  readonly force?: string | undefined
  readonly note?: string | undefined
}

export interface StateStore {
  /** The newest head; `undefined` where nothing was ever published. Rejects where what is there is not a head. */
  head(): Promise<Head | undefined>
  /** The blob of a head; `undefined` where it is gone. The caller verifies length and digest. */
  read(head: Head): Promise<Uint8Array | undefined>
  publish(publication: Publication): Promise<Head>
  /** The head that routers do not go past, where an operator froze it. */
  pin?(): Promise<Head | undefined>
  /** Calls back soon after something was published. A hint may be lost: a reader polls as well. Returns the way to stop. */
  onHint(listener: () => void): () => void
  close(): Promise<void>
}

/** Below, at or above zero as `a` is older than, the same as or newer than `b`. */
export function compareHeads(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.version - b.version
}

export function formatPosition({ epoch, version }: Position): string {
  return `${epoch}.${version}`
}
