/** What the control thread and the threads that answer players tell each other. All of it can be copied or is shared memory. */
import type { SharedAsn, SharedGeo } from '../../geo/geo-index.ts'
import type { ListenOptions } from '../../http/public-server.ts'
import type { RecordBatch } from '../../log/relay.ts'
import type { Piece } from '../../policy/pieces.ts'
import type { HealthColumns } from '../../routing/health-table.ts'
import type { PoolCounts } from '../../routing/load.ts'
import type { RequestTotals } from '../../stats/request-counts.ts'
import type { PlaneSettings } from '../data-plane.ts'

/** Numbers that one thread writes and the other reads. */
export type SharedNumbers = Float64Array<SharedArrayBuffer>

export function sharedNumbers(length: number): SharedNumbers {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT))
}

/** What a thread starts with. */
export interface ThreadInit {
  readonly settings: PlaneSettings
  /** One number: decisions of the thread so far, so that those of a thread that died can be told from those on record. */
  readonly decided: SharedNumbers
  /** Whether the control thread wants records, viewers for the side counters, and raw requests for the archive. */
  readonly records: boolean
  readonly viewers: boolean
  readonly raw: boolean
}

export type ToThread =
  /** Some pieces of a snapshot; the next ones are sent when these were taken. @property first whether a snapshot begins */
  | { readonly kind: 'pieces'; readonly first: boolean; readonly pieces: readonly Piece[] }
  /** The snapshot that has just come decides from now on. @property sent viewers that the thread sends to each target */
  | { readonly kind: 'world'; readonly columns: HealthColumns; readonly sent: SharedNumbers }
  /** Shares of viewers that may pass to the members of pools. */
  | { readonly kind: 'pass'; readonly label: string; readonly shares: readonly (readonly [pool: number, shares: Float64Array])[] }
  | { readonly kind: 'place'; readonly shared: SharedGeo | SharedAsn }
  | { readonly kind: 'draw'; readonly key: Uint32Array }
  | { readonly kind: 'listen'; readonly options: ListenOptions }
  | { readonly kind: 'totals'; readonly id: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close' }

/** A viewer as the side counters see them, with the address as the bits that it is: held in memory until it is counted. */
export interface SeenMessage {
  readonly service: number
  readonly family: 4 | 6 | 0
  readonly words: readonly [number, number, number, number]
  readonly asn: number
  readonly userAgent: string | undefined
  readonly referer: string | undefined
  readonly now: number
}

/** A line for the sealed archive; undefined where none could be made. */
export interface RawMessage {
  readonly line: string | undefined
  readonly time: number
}

export type FromThread =
  | { readonly kind: 'pong' }
  /** Pieces were taken. */
  | { readonly kind: 'taken' }
  /** The newest snapshot decides. */
  | { readonly kind: 'applied' }
  | { readonly kind: 'listening'; readonly host: string; readonly port: number }
  | { readonly kind: 'deaf'; readonly code: string }
  | { readonly kind: 'records'; readonly batch: RecordBatch }
  | { readonly kind: 'load'; readonly label: string; readonly counts: readonly PoolCounts[] }
  | { readonly kind: 'totals'; readonly id: number; readonly totals: RequestTotals }
  | { readonly kind: 'dropped'; readonly count: number; readonly why: 'too_many' | 'invalid' | 'closed' }
  | { readonly kind: 'error'; readonly name: string }
  | { readonly kind: 'seen'; readonly label: string; readonly viewers: readonly SeenMessage[] }
  | { readonly kind: 'raw'; readonly lines: readonly RawMessage[] }
  | { readonly kind: 'closed' }
