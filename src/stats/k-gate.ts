/**
 * Proof that a counted cell stands for at least k people, with nothing kept of anyone.
 *
 * Each cell has 256 bits. A viewer sets the one that a keyed hash of address and device class gives; the key is drawn for
 * the day and exists in memory only. Different viewers may share a bit, and one viewer sets one bit, so k bits that are
 * set are at least k different pairs of address and class. Then the bits are thrown away and only "open" is kept.
 * 24 of the hash's 32 bits are dropped, so even with the key a bit fits one address in 256.
 */
import type { ClientAddress } from '../privacy/address.ts'
import { siphash } from '../privacy/draw.ts'
import type { DrawKey } from '../privacy/draw.ts'

export const BITS = 256

/**
 * The bit of a viewer, 0 to 255. An IPv6 viewer counts by its /64, as devices change the rest. Everybody whose address is
 * unknown shares a bit.
 *
 * @param device position in `DEVICES`
 */
export function bitOf(address: ClientAddress | undefined, device: number, key: DrawKey): number {
  const tag = device * 8 + (address?.family ?? 0)
  if (address === undefined) return siphash(0, 0, tag, key) % BITS
  const hash = address.family === 4 ? siphash(address.word(0), 0, tag, key) : siphash(address.word(1), address.word(0), tag, key)
  return hash % BITS
}

/** A count that may be told once enough people are behind it. */
export class Cell {
  n = 0
  #bits: Uint32Array | undefined = new Uint32Array(BITS / 32)

  get open(): boolean {
    return this.#bits === undefined
  }

  /** @param k bits that open the cell, 1 to 256 */
  add(bit: number, k: number): void {
    this.n++
    const bits = this.#bits
    if (bits === undefined) return
    const before = bits[bit >>> 5] ?? 0
    const after = before | (1 << (bit & 31))
    if (after === before) return
    bits[bit >>> 5] = after
    this.#openFrom(bits, k)
  }

  /** Takes over what another cell counted. Two cells' people may be the same, and then they share bits too. */
  merge(other: Cell, k: number): void {
    this.n += other.n
    const theirs = other.#bits
    const bits = this.#bits
    if (theirs === undefined || bits === undefined) {
      this.#bits = undefined
      return
    }
    for (const [i, word] of theirs.entries()) bits[i] = (bits[i] ?? 0) | word
    this.#openFrom(bits, k)
  }

  #openFrom(bits: Uint32Array, k: number): void {
    let set = 0
    for (const word of bits) set += popcount(word)
    if (set >= k) this.#bits = undefined
  }
}

/** Bits that are set in a 32-bit word (Warren, Hacker's Delight, 5-1). */
function popcount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555)
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333)
  return Math.imul((w + (w >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/**
 * What may be told of sibling cells: those that are open, and the others together as `_other`. Where that is not open
 * either, the smallest open sibling joins it, because its number could be worked out from the total.
 *
 * Consumes the cells.
 */
export function suppress(cells: ReadonlyMap<string, Cell>, k: number, other: string): [string, number][] {
  const rest = new Cell()
  for (const [name, cell] of cells) if (name === other || !cell.open) rest.merge(cell, k)
  const open = [...cells].filter(([name, cell]) => name !== other && cell.open).sort(([a, x], [b, y]) => x.n - y.n || (a < b ? -1 : 1))
  if (rest.n > 0 && !rest.open) {
    const smallest = open.shift()
    if (smallest !== undefined) rest.merge(smallest[1], k)
  }
  const told = open.map(([name, cell]): [string, number] => [name, cell.n])
  if (rest.open) told.push([other, rest.n])
  return told.sort(([a], [b]) => (a < b ? -1 : 1))
}
