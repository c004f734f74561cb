/** Whether a router's part of an archive is whole: every fault that can be seen, each by name. Pure. */
import { GENESIS, isOfItsEpoch, linkOf, readCheckpoint } from './chain.ts'
import type { Checkpoint } from './chain.ts'
import type { KeyObject } from './keys.ts'

export const CHAIN_FAULTS = {
  unsigned: 'has no checkpoint',
  signature: 'has a checkpoint that was altered, or was signed by another key',
  router: 'has a checkpoint of another router',
  place: 'has a checkpoint of another segment',
  epoch: 'is not of the day that it stands under, or goes back to an earlier day',
  altered: 'was altered or cut',
  missing: 'is missing, and its retention is not over',
  replay: 'stands there twice',
  gap: 'does not follow from the one before it: some are missing, or the router lost its place',
  truncated: 'is where the chain ends, but a later checkpoint was witnessed',
  beheaded: 'is where the chain begins, but an earlier checkpoint was witnessed: what was before is gone',
  fork: 'is not what was witnessed: the chain was written anew',
  empty: 'no checkpoint of it is there; check the path and the name of the router',
  witness: 'is witnessed by a checkpoint that this key did not sign for this router',
} as const
export type ChainFault = keyof typeof CHAIN_FAULTS

export interface ChainProblem {
  /** `2026-03-01/000001772323200000` */
  readonly segment: string
  readonly fault: ChainFault
  /** UTC minutes of the first and the last record that it can concern. */
  readonly from: string
  readonly to: string
}

/** For a segment that is there and was not read. */
export const UNREAD = 'unread'

/** What stands under one name in a router's directory. */
export interface ChainEntry {
  readonly day: string
  /** The name without its ending: the sequence number with leading zeros. */
  readonly name: string
  readonly checkpoint: string | undefined
  /** Of the segment's bytes; `UNREAD`; undefined where there is none. */
  readonly sha256: string | undefined
}

export interface ChainReport {
  readonly problems: readonly ChainProblem[]
  /** Segments that are there and are what was signed. */
  readonly segments: number
  /** Records in them. */
  readonly records: number
  /** Segments that are gone because their retention is over. */
  readonly expired: number
  /** The oldest checkpoint. */
  readonly first: Checkpoint | undefined
  /** The newest checkpoint: what a witness keeps. */
  readonly head: Checkpoint | undefined
}

export interface VerifyOptions {
  readonly router: string
  readonly publicKey: KeyObject
  /** Segments of days before this one may be gone. */
  readonly keptFrom: string
  /** The signed texts of checkpoints that were kept elsewhere. One tells of what was before it, back to where its chain began. */
  readonly witnesses?: readonly string[]
}

export function nameOf(seq: number): string {
  return String(seq).padStart(15, '0')
}

export function verifyChain(entries: readonly ChainEntry[], options: VerifyOptions): ChainReport {
  const problems: ChainProblem[] = []
  const chain: { readonly checkpoint: Checkpoint, readonly segment: string }[] = []
  let segments = 0
  let records = 0
  let expired = 0
  const hashes = new Set<string>()
  for (const entry of entries) {
    const segment = `${entry.day}/${entry.name}`
    const checkpoint = entry.checkpoint === undefined ? undefined : readCheckpoint(entry.checkpoint, options.publicKey)
    const faults = faultsOf(entry, checkpoint, options)
    if (checkpoint !== undefined && checkpoint.router === options.router) chain.push({ checkpoint, segment })
    if (entry.sha256 !== undefined && entry.sha256 !== UNREAD) {
      if (hashes.has(entry.sha256)) faults.push('replay')
      hashes.add(entry.sha256)
    }
    if (faults.length > 0) problems.push(...faults.map((fault) => ({ segment, fault, ...spanOf(entry, checkpoint) })))
    else if (entry.sha256 === undefined) expired++
    else {
      segments++
      records += checkpoint?.n ?? 0
    }
  }
  chain.sort((a, b) => a.checkpoint.seq - b.checkpoint.seq)
  let previous: Checkpoint | undefined
  for (const { checkpoint, segment } of chain) {
    // What is missing lies between the two, or before the first.
    const span = spanning(previous ?? { from: EVER, to: EVER }, checkpoint)
    if (previous?.seq === checkpoint.seq) problems.push({ segment, fault: 'replay', ...span })
    else if (!follows(checkpoint, previous)) problems.push({ segment, fault: 'gap', ...span })
    if (previous !== undefined && checkpoint.epoch < previous.epoch) problems.push({ segment, fault: 'epoch', ...span })
    previous = checkpoint
  }
  const checkpoints = chain.map(({ checkpoint }) => checkpoint)
  for (const witness of options.witnesses ?? []) problems.push(...witnessed(witness, checkpoints, options))
  return { problems, segments, records, expired, first: chain[0]?.checkpoint, head: previous }
}

function faultsOf({ day, name, checkpoint: text, sha256 }: ChainEntry, checkpoint: Checkpoint | undefined, { router, keptFrom }: VerifyOptions): ChainFault[] {
  if (text === undefined) return ['unsigned']
  if (checkpoint === undefined) return ['signature']
  const faults: ChainFault[] = []
  if (checkpoint.router !== router) faults.push('router')
  if (nameOf(checkpoint.seq) !== name) faults.push('place')
  if (checkpoint.epoch !== day || !isOfItsEpoch(checkpoint)) faults.push('epoch')
  if (sha256 === undefined ? day >= keptFrom : sha256 !== UNREAD && sha256 !== checkpoint.segment) faults.push(sha256 === undefined ? 'missing' : 'altered')
  return faults
}

type Span = Pick<ChainProblem, 'from' | 'to'>

const EVER = '0000-01-01T00:00Z'

/** What is not where its checkpoint says may be of any time of the day that it stands under, too. */
function spanOf({ day, name }: ChainEntry, checkpoint: Checkpoint | undefined): Span {
  const whole = { from: `${day}T00:00Z`, to: `${day}T23:59Z` }
  if (checkpoint === undefined) return whole
  return checkpoint.epoch === day && nameOf(checkpoint.seq) === name ? spanning(checkpoint, checkpoint) : spanning(whole, checkpoint)
}

function spanning(a: Span, b: Span): Span {
  return { from: a.from < b.from ? a.from : b.from, to: a.to > b.to ? a.to : b.to }
}

function follows(checkpoint: Checkpoint, previous: Checkpoint | undefined): boolean {
  if (previous === undefined) return checkpoint.prev === GENESIS
  return checkpoint.seq === previous.seq + 1 && checkpoint.prev === linkOf(previous)
}

function witnessed(signed: string, chain: readonly Checkpoint[], { router, publicKey }: VerifyOptions): ChainProblem[] {
  const witness = readCheckpoint(signed, publicKey)
  const last = chain.at(-1)
  if (witness === undefined || witness.router !== router) return [{ segment: last === undefined ? '-' : at(last), fault: 'witness', from: EVER, to: EVER }]
  const [first] = chain
  const same = chain.find(({ seq }) => seq === witness.seq)
  if (same !== undefined) return linkOf(same) === linkOf(witness) ? [] : [{ segment: at(same), fault: 'fork', ...spanning(same, witness) }]
  if (first !== undefined && witness.seq < first.seq) return [{ segment: at(first), fault: 'beheaded', ...spanning(witness, first) }]
  return [{ segment: at(last ?? witness), fault: last === undefined || last.seq < witness.seq ? 'truncated' : 'fork', ...spanning(last ?? witness, witness) }]
}

function at({ epoch, seq }: Checkpoint): string {
  return `${epoch}/${nameOf(seq)}`
}
