/**
 * Reads values of a MaxMind DB section in place (format 2.0, "Output Data Section"), only those that are asked for.
 *
 * Every read is checked against the section's end and counted against a budget, because a few hundred bytes of maps
 * that point at each other can otherwise stand for more values than there is time or memory for.
 */
import { GeoDatabaseError, REPLACE } from './geo-error.ts'

const POINTER = 1
const STRING = 2
const DOUBLE = 3
const BYTES = 4
const UINT16 = 5
const UINT32 = 6
const MAP = 7
const INT32 = 8
const UINT64 = 9
const UINT128 = 10
const ARRAY = 11
const CONTAINER = 12
const BOOLEAN = 14
const FLOAT = 15

/** What is added to a pointer's value, by the number of bytes that follow its first. */
const POINTER_BASE = [0, 2048, 526_336, 0] as const
/** libmaxminddb has the same limit. */
const MAX_DEPTH = 512

const UTF8 = new TextDecoder()
const DECIMAL = /^[+-]?\d+(\.\d*)?$/

/** Where a wanted key's value is, or -1. */
export type Positions = Int32Array

/** Map keys that are wanted, as bytes. */
export type Names = readonly Uint8Array[]

export function names(...keys: readonly string[]): Names {
  return keys.map((key) => new TextEncoder().encode(key))
}

export class Section {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #start: number
  readonly #end: number
  #budget: number
  // The value under the cursor: its type, its size or number of entries (a pointer's target), and where its content starts.
  #type = 0
  #size = 0
  #at = 0

  /**
   * @param start first byte of the section; pointers count from here
   * @param end first byte after it
   * @param budget how many values may be looked at, over the lifetime of this object
   */
  constructor(bytes: Uint8Array, start: number, end: number, budget: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#start = start
    this.#end = end
    this.#budget = budget
  }

  get length(): number {
    return this.#end - this.#start
  }

  /**
   * Finds the values of the wanted keys of the map at `position`, and checks the whole map on the way.
   * @returns whether there is a map at all; `found[i]` is the position of the value of `wanted[i]`, or -1
   */
  fields(position: number, wanted: Names, found: Positions): boolean {
    found.fill(-1)
    this.#open(position)
    if (this.#type !== MAP) return false
    let at = this.#at
    for (let left = this.#size; left > 0; left--) {
      const key = this.#key(at, wanted)
      at = this.#at
      if (key !== -1) found[key] = at
      at = this.#skip(at, 0)
    }
    return true
  }

  /** The text at `position`, or `undefined` where there is none or something else. */
  text(position: number): string | undefined {
    if (position < 0) return undefined
    this.#open(position)
    return this.#type === STRING ? UTF8.decode(this.#bytes.subarray(this.#at, this.#at + this.#size)) : undefined
  }

  /** The number at `position`, also where it is written as text; `undefined` where there is none. */
  number(position: number): number | undefined {
    if (position < 0) return undefined
    this.#open(position)
    const type = this.#type
    const size = this.#size
    const at = this.#at
    if (type === DOUBLE) return this.#view.getFloat64(at)
    if (type === FLOAT) return this.#view.getFloat32(at)
    if (type === UINT16 || type === UINT32 || type === UINT64) return this.#unsigned(at, size)
    if (type === INT32) return this.#unsigned(at, size) | 0
    if (type !== STRING || size > 32) return undefined
    const text = this.text(position) ?? ''
    return DECIMAL.test(text) ? Number(text) : undefined
  }

  /** Reads a map key; leaves the cursor behind it. */
  #key(position: number, wanted: Names): number {
    const after = this.#open(position)
    if (this.#type !== STRING) throw corrupt('a map key is not text')
    const from = this.#at
    const size = this.#size
    this.#at = after === -1 ? from + size : after
    for (let i = 0; i < wanted.length; i++) {
      const name = wanted[i]
      if (name !== undefined && name.length === size && this.#equals(name, from)) return i
    }
    return -1
  }

  #equals(name: Uint8Array, from: number): boolean {
    for (let i = 0; i < name.length; i++) if (name[i] !== this.#bytes[from + i]) return false
    return true
  }

  /** Where the value after the one at `position` starts. A pointer is stepped over, not followed. */
  #skip(position: number, depth: number): number {
    if (depth > MAX_DEPTH) throw corrupt('its values are nested too deeply')
    this.#head(position)
    const type = this.#type
    const at = this.#at
    const size = this.#size
    if (type === POINTER || type === BOOLEAN) return at
    if (type !== MAP && type !== ARRAY) return at + size
    let next = at
    for (let left = type === MAP ? size * 2 : size; left > 0; left--) next = this.#skip(next, depth + 1)
    return next
  }

  /** Reads the control bytes at `position`, following a pointer. Returns where a followed pointer ends, otherwise -1. */
  #open(position: number): number {
    this.#head(position)
    if (this.#type !== POINTER) return -1
    const after = this.#at
    this.#head(this.#start + this.#size)
    if (this.#type === POINTER) throw corrupt('a pointer leads to a pointer')
    return after
  }

  #head(position: number): void {
    if (--this.#budget < 0) throw corrupt('its records refer to each other without end')
    const control = this.#byte(position)
    let at = position + 1
    let type = control >> 5
    if (type === POINTER) {
      const extra = (control >> 3) & 3
      const value = extra === 3 ? 0 : control & 7
      this.#size = value * 2 ** (8 * (extra + 1)) + this.#unsigned(at, extra + 1) + (POINTER_BASE[extra] ?? 0)
      this.#type = POINTER
      this.#at = at + extra + 1
      return
    }
    if (type === 0) type = 7 + this.#byte(at++)
    let size = control & 31
    if (size > 28) {
      const extra = size - 28
      size = (extra === 1 ? 29 : extra === 2 ? 285 : 65_821) + this.#unsigned(at, extra)
      at += extra
    }
    this.#type = type
    this.#size = size
    this.#at = at
    this.#check()
  }

  /** The size must fit the type and the section; a map or array has at least a byte for each of its values. */
  #check(): void {
    const size = this.#size
    if (this.#type !== BOOLEAN && this.#at + size > this.#end) throw corrupt('a value runs past the end')
    if (size <= (LARGEST[this.#type] ?? -1) && size >= (SMALLEST[this.#type] ?? 0)) return
    throw corrupt('a value has an impossible type or size')
  }

  #byte(at: number): number {
    if (at < this.#start || at >= this.#end) throw corrupt('a value lies outside of its section')
    return this.#bytes[at] ?? 0
  }

  #unsigned(at: number, size: number): number {
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + this.#byte(at + i)
    return value
  }
}

const ANY = 0x2000000
const LARGEST: Readonly<Record<number, number>> = {
  [STRING]: ANY, [DOUBLE]: 8, [BYTES]: ANY, [UINT16]: 2, [UINT32]: 4, [MAP]: ANY, [INT32]: 4,
  [UINT64]: 8, [UINT128]: 16, [ARRAY]: ANY, [CONTAINER]: -1, [BOOLEAN]: 1, [FLOAT]: 4,
}
const SMALLEST: Readonly<Record<number, number>> = { [DOUBLE]: 8, [FLOAT]: 4 }

export function corrupt(what: string): GeoDatabaseError {
  return new GeoDatabaseError(`geo database is corrupt: ${what}; ${REPLACE}`)
}
