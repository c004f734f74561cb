/**
 * Writes small MaxMind DB files, good ones and, by what it lets a caller override, bad ones. IPv4 networks of an IPv6
 * tree go under `::/96`.
 */
import { parsePrefix } from '../../src/geo/prefix.ts'
import type { Prefix } from '../../src/geo/prefix.ts'

/** Integers are written as uint32, other numbers as doubles, `Raw` as it is. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value } | Raw

export class Raw {
  readonly bytes: Buffer
  constructor(...bytes: number[]) {
    this.bytes = Buffer.from(bytes)
  }
}

export interface MmdbOptions {
  /** Later ones win where they are as long, longer ones always. */
  readonly networks: readonly (readonly [network: string, record: Value])[]
  readonly recordSize?: 24 | 28 | 32
  readonly ipVersion?: 4 | 6
  /** Networks of the IPv6 tree, as its first bits, under which the IPv4 tree is found a second time. */
  readonly aliases?: readonly string[]
  /** Replaces metadata; `undefined` leaves the key out. */
  readonly metadata?: Readonly<Record<string, Value | undefined>>
  /** Writes every text after its first occurrence as a pointer. */
  readonly pointers?: boolean
}

interface Node {
  sides: [Side, Side]
}
/** A node, an offset in the data section, or nothing. */
type Side = Node | number | undefined

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
export const BUILT_AT = 1_700_000_000_000

/** One node whose two records are given as they are, over the given data. For files that no writer would write. */
export function writeRaw(tree: Buffer, data: Buffer, metadata: Readonly<Record<string, Value>>): Buffer {
  return Buffer.concat([tree, Buffer.alloc(16), data, MARKER, encode(metadata)])
}

export function writeMmdb(options: MmdbOptions): Buffer {
  const { networks, recordSize = 24, ipVersion = 6, aliases = [] } = options
  const root: Node = { sides: [undefined, undefined] }
  const seen = options.pointers === true ? new Map<string, number>() : undefined
  const data: Buffer[] = []
  let size = 0
  const add = (value: Value): number => {
    const bytes = encode(value, seen, size)
    data.push(bytes)
    size += bytes.length
    return size - bytes.length
  }
  const parsed = networks.map(([network, record]) => ({ bits: bitsOf(network, ipVersion), record }))
  for (const { bits, record } of parsed.sort((a, b) => a.bits.length - b.bits.length)) put(root, bits, add(record))
  if (aliases.length > 0) {
    const v4 = at(root, '0'.repeat(96))
    for (const bits of aliases) put(root, bits, v4)
  }

  const nodes = number(root)
  const index = new Map(nodes.map((node, i) => [node, i]))
  const recordOf = (side: Side): number => {
    if (side === undefined) return nodes.length
    return typeof side === 'number' ? side + nodes.length + 16 : index.get(side) ?? 0
  }
  const tree = Buffer.concat(nodes.map(({ sides: [left, right] }) => pair(recordOf(left), recordOf(right), recordSize)))
  const metadata: Record<string, Value | undefined> = {
    node_count: nodes.length, record_size: recordSize, ip_version: ipVersion, database_type: 'Test', languages: ['en'],
    binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: BUILT_AT / 1000, description: { en: 'test' },
    ...options.metadata,
  }
  const kept = Object.entries(metadata).filter((entry): entry is [string, Value] => entry[1] !== undefined)
  return writeRaw(tree, Buffer.concat(data), Object.fromEntries(kept))
}

/** The two records of a node. */
export function pair(left: number, right: number, recordSize: 24 | 28 | 32): Buffer {
  const bytes = Buffer.alloc(recordSize / 4)
  if (recordSize === 32) {
    bytes.writeUInt32BE(left, 0)
    bytes.writeUInt32BE(right, 4)
  } else {
    const half = recordSize === 24 ? 3 : 4
    bytes.writeUIntBE(left & 0xffffff, 0, 3)
    bytes.writeUIntBE(right & 0xffffff, half, 3)
    if (half === 4) bytes[3] = ((left >>> 20) & 0xf0) | (right >>> 24)
  }
  return bytes
}

export function encode(value: Value, seen?: Map<string, number>, offset = 0): Buffer {
  if (value instanceof Raw) return value.bytes
  if (typeof value === 'boolean') return control(14, value ? 1 : 0)
  if (typeof value === 'number') return encodeNumber(value)
  if (typeof value === 'string') {
    const known = seen?.get(value)
    if (known !== undefined) return pointer(known)
    seen?.set(value, offset)
    const text = Buffer.from(value)
    return Buffer.concat([control(2, text.length), text])
  }
  const items = Array.isArray(value) ? value : Object.entries(value).flat()
  const parts = [Array.isArray(value) ? control(11, value.length) : control(7, items.length / 2)]
  let at = offset + (parts[0]?.length ?? 0)
  for (const item of items) {
    const bytes = encode(item, seen, at)
    parts.push(bytes)
    at += bytes.length
  }
  return Buffer.concat(parts)
}

/** A pointer of 2 to 5 bytes. The longest, which every offset fits, is the default. */
export function pointer(offset: number, bytes: 2 | 3 | 4 | 5 = 5): Buffer {
  const value = offset - (bytes === 3 ? 2048 : bytes === 4 ? 526_336 : 0)
  const parts = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].slice(5 - bytes)
  const high = bytes === 5 ? 0 : Math.floor(value / 2 ** (8 * (bytes - 1)))
  return Buffer.from([0x20 | ((bytes - 2) << 3) | high, ...parts])
}

/** Control bytes of a type and size. */
export function control(type: number, size: number): Buffer {
  const first = type > 7 ? 0 : type << 5
  const more = type > 7 ? [type - 7] : []
  if (size < 29) return Buffer.from([first | size, ...more])
  if (size < 285) return Buffer.from([first | 29, ...more, size - 29])
  if (size < 65_821) return Buffer.from([first | 30, ...more, (size - 285) >>> 8, (size - 285) & 255])
  const rest = size - 65_821
  return Buffer.from([first | 31, ...more, rest >>> 16, (rest >>> 8) & 255, rest & 255])
}

function encodeNumber(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([control(6, 4), bytes])
  }
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return Buffer.concat([control(3, 8), bytes])
}

function put(root: Node, bits: string, what: Node | number): void {
  const parent = at(root, bits.slice(0, -1))
  parent.sides[bits.endsWith('1') ? 1 : 0] = what
}

/** The node at the end of these bits; leaves on the way are split. */
function at(root: Node, bits: string): Node {
  let node = root
  for (const bit of bits) {
    const side = bit === '1' ? 1 : 0
    const next = node.sides[side]
    const inner: Node = typeof next === 'object' ? next : { sides: [next, next] }
    node.sides[side] = inner
    node = inner
  }
  return node
}

/** Every node once, the root first. */
function number(root: Node): Node[] {
  const nodes = new Set([root])
  for (const { sides } of nodes) for (const side of sides) if (typeof side === 'object') nodes.add(side)
  return [...nodes]
}

function bitsOf(network: string, ipVersion: 4 | 6): string {
  const prefix = parsePrefix(network)
  if (prefix === undefined) throw new Error(`${network} is not a network`)
  const bits = binary(prefix)
  return prefix.family === 4 && ipVersion === 6 ? '0'.repeat(96) + bits : bits
}

export function binary({ words, length }: Prefix): string {
  return words.map((word) => word.toString(2).padStart(32, '0')).join('').slice(0, length)
}
