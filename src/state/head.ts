/** Heads as they are made, written and read, and which routers one is meant for. */
import { digest } from '../policy/bundle.ts'
import { fraction, hashString } from '../routing/hash.ts'
import type { Head, Position, Publication, Stage } from './store.ts'
import { compareHeads, StaleWriterError } from './store.ts'

/** Version of the blobs that this code writes and reads. */
export const SCHEMA = 1

/**
 * The head of a publication.
 * @throws StaleWriterError where its epoch is lower than what is there
 */
export function nextHead({ bytes, created, after, epoch, above, stage, force, note }: Publication): Head {
  const highest: Position | undefined = after !== undefined && above !== undefined ? (compareHeads(after, above) < 0 ? above : after) : (after ?? above)
  if (epoch !== undefined && epoch < (highest?.epoch ?? 1)) throw new StaleWriterError(after)
  const base = after === undefined ? undefined : after.stage === undefined ? plain(after) : after.base
  return {
    epoch: epoch ?? highest?.epoch ?? 1,
    version: (highest?.version ?? 0) + 1,
    sha256: digest(bytes),
    bytes: bytes.length,
    created,
    schema: SCHEMA,
    ...(stage === undefined ? {} : { stage, ...(base === undefined ? {} : { base }) }),
    ...(force === undefined ? {} : { force }),
    ...(note === undefined ? {} : { note }),
  }
}

/** Whether a router runs this head itself, and not its base. A share holds the same routers for each head, and grows with its size. */
export function isStagedFor(stage: Stage | undefined, router: string): boolean {
  if (stage === undefined) return true
  return 'percent' in stage ? fraction(hashString(router)) * 100 < stage.percent : stage.routers.includes(router)
}

/** What is where a head should be, and is none. */
export class UnreadableHeadError extends Error {
  override readonly name = 'UnreadableHeadError'
  /** What was read, byte by byte: who answers for it may replace it. Absent where nobody asked a store. */
  readonly found: Uint8Array | undefined

  constructor(message: string, found?: Uint8Array) {
    super(message)
    this.found = found
  }
}

/** It is the frozen version that cannot be read. */
export class UnreadablePinError extends UnreadableHeadError {}

export function formatHead(head: Head): string {
  return JSON.stringify(head)
}

/** @throws UnreadableHeadError */
export function parseHead(text: string): Head {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new UnreadableHeadError('the head is not JSON')
  }
  return headOf(value, true)
}

/** The place in the order of what is no head, as far as it can be read: what replaces it must be above. */
export function positionIn(found: Uint8Array): Position | undefined {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(found).toString('utf8'))
  } catch {
    return undefined
  }
  if (!isPlain(value)) return undefined
  const [epoch, version] = [floorOf(value['epoch']), floorOf(value['version'])]
  return epoch === undefined && version === undefined ? undefined : { epoch: epoch ?? 1, version: version ?? 0 }
}

/** `undefined` where nothing could be above it. */
function floorOf(value: unknown): number | undefined {
  const floor = typeof value === 'number' ? Math.floor(value) : undefined
  return isCount(floor, 1) && floor < Number.MAX_SAFE_INTEGER ? floor : undefined
}

function headOf(value: unknown, mayHaveBase: boolean): Head {
  if (!isPlain(value)) throw new UnreadableHeadError('the head is not an object')
  const { epoch, version, sha256, bytes, created, schema, stage, base, force, note } = value
  if (!isCount(epoch, 1) || !isCount(version, 1) || !isCount(bytes, 0) || !isCount(schema, 1) || typeof created !== 'number') throw new UnreadableHeadError('the head lacks a number')
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw new UnreadableHeadError('the head has no digest')
  if ((force !== undefined && typeof force !== 'string') || (note !== undefined && typeof note !== 'string')) throw new UnreadableHeadError('the head has a text that is none')
  if (base !== undefined && !mayHaveBase) throw new UnreadableHeadError('the base of the head has a base')
  return {
    epoch, version, sha256, bytes, created, schema,
    ...(stage === undefined ? {} : { stage: stageOf(stage) }),
    ...(base === undefined ? {} : { base: headOf(base, false) }),
    ...(force === undefined ? {} : { force }),
    ...(note === undefined ? {} : { note }),
  }
}

function stageOf(value: unknown): Stage {
  if (isPlain(value)) {
    const { percent, routers } = value
    if (typeof percent === 'number' && percent >= 0 && percent <= 100) return { percent }
    if (Array.isArray(routers) && routers.every((id) => typeof id === 'string')) return { routers }
  }
  // Read as "everybody", a stage that is not understood would reach everybody.
  throw new UnreadableHeadError('the stage of the head is neither a percentage nor a list of routers')
}

/** A head for every router. Who answers for it goes along: a router that was away meanwhile meets it as a base first. */
function plain({ stage: _stage, base: _base, ...head }: Head): Head {
  return head
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
