/**
 * Checkpoints: what the router signs of each segment, so that nobody can change, cut, move, repeat or leave out one
 * without being seen. Pure.
 *
 * Each names the one before it by its hash and binds the segment's day, so that a segment of one day cannot stand for
 * another's (systemd's journal had that fault, CVE-2023-31439). That the newest are gone can be seen only from outside:
 * whoever keeps a copy of a checkpoint is the witness.
 */
import { createHash } from 'node:crypto'
import { isDay } from './day.ts'
import { signText, verifiedText } from './keys.ts'
import type { KeyObject } from './keys.ts'

export interface Checkpoint {
  /** Id of the router. */
  readonly router: string
  /** The UTC day whose keys the segment is sealed to. */
  readonly epoch: string
  /** One more than that of the checkpoint before. */
  readonly seq: number
  /** SHA-256 of the text of the checkpoint before; `GENESIS` for a router's first. */
  readonly prev: string
  /** SHA-256 of the ciphertext. */
  readonly segment: string
  /** Records in the segment. */
  readonly n: number
  /** UTC minutes of the first and the last record. */
  readonly from: string
  readonly to: string
}

export const GENESIS = '0'.repeat(64)

const KIND = 'wissel-archive-checkpoint/1'
const HASH = /^[0-9a-f]{64}$/
const MINUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/
const FIELDS: Readonly<Record<keyof Checkpoint, RegExp>> = {
  router: /^[a-z0-9][a-z0-9_.-]{0,63}$/,
  epoch: /^\d{4}-\d\d-\d\d$/,
  seq: /^[1-9]\d{0,14}$/,
  prev: HASH,
  segment: HASH,
  n: /^[1-9]\d{0,8}$/,
  from: MINUTE,
  to: MINUTE,
}
const NAMES = Object.keys(FIELDS) as (keyof Checkpoint)[]

/** Hexadecimal SHA-256. */
export function hashOf(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

export function textOf(checkpoint: Checkpoint): string {
  return `${KIND}\n${NAMES.map((name) => `${name} ${checkpoint[name]}\n`).join('')}`
}

/** What the next checkpoint names this one by. */
export function linkOf(checkpoint: Checkpoint): string {
  return hashOf(textOf(checkpoint))
}

export function signCheckpoint(checkpoint: Checkpoint, signingKey: KeyObject): string {
  return signText(textOf(checkpoint), signingKey)
}

/** Undefined where it is not signed by the key or not of the form. */
export function readCheckpoint(signed: string, publicKey: KeyObject): Checkpoint | undefined {
  const text = signed.length > 1024 ? undefined : verifiedText(signed, publicKey)
  if (text === undefined) return undefined
  const [kind, ...lines] = text.split('\n').slice(0, -1)
  if (kind !== KIND || lines.length !== NAMES.length) return undefined
  const value = (name: keyof Checkpoint): string => lines[NAMES.indexOf(name)]?.slice(name.length + 1) ?? ''
  if (!NAMES.every((name, i) => lines[i]?.startsWith(`${name} `) === true && FIELDS[name].test(value(name)))) return undefined
  return {
    router: value('router'), epoch: value('epoch'), seq: Number(value('seq')), prev: value('prev'), segment: value('segment'),
    n: Number(value('n')), from: value('from'), to: value('to'),
  }
}

/** Whether the epoch is a day and the records are of that day. */
export function isOfItsEpoch({ epoch, from, to }: Checkpoint): boolean {
  return isDay(epoch) && from.startsWith(`${epoch}T`) && to.startsWith(`${epoch}T`) && from <= to
}
