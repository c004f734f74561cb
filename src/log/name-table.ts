/**
 * Names and their numbers. A `Map` would do, but each text that is looked for in one becomes one of V8's own names first,
 * which costs more than the look-up when the text was just cut out of a request.
 */
import { hashString } from '../routing/hash.ts'

const FIRST_SIZE = 64

export class NameTable {
  /** By number. */
  readonly names: string[] = []
  /** Open addressing: two words a slot, a name's hash and its number and 1, or 0. At most half of them are taken. */
  #slots = new Int32Array(2 * FIRST_SIZE)
  readonly #seed: number | undefined

  /** @param seed 32 bits that nobody knows, where strangers choose the names: they must not choose that many of them meet */
  constructor(seed?: number) {
    this.#seed = seed
  }

  /** The name's number; -1 where it has none. */
  find(name: string): number {
    return this.#find(name, hashString(name, this.#seed) | 0)
  }

  /** The name's number, which is the next one where it is new. */
  add(name: string): number {
    const hash = hashString(name, this.#seed) | 0
    const known = this.#find(name, hash)
    if (known !== -1) return known
    const number = this.names.push(name) - 1
    this.#place(hash, number)
    if (this.names.length * 4 > this.#slots.length) this.#grow()
    return number
  }

  clear(): void {
    if (this.names.length === 0) return
    this.names.length = 0
    this.#slots.fill(0)
  }

  #find(name: string, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 2
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const number = (slots[slot + 1] ?? 0) - 1
      if (number === -1 || (slots[slot] === hash && this.names[number] === name)) return number
    }
  }

  #place(hash: number, number: number): void {
    const mask = this.#slots.length - 2
    let slot = (hash << 1) & mask
    while (this.#slots[slot + 1] !== 0) slot = (slot + 2) & mask
    this.#slots[slot] = hash
    this.#slots[slot + 1] = number + 1
  }

  #grow(): void {
    const former = this.#slots
    this.#slots = new Int32Array(former.length * 2)
    for (let slot = 0; slot < former.length; slot += 2) {
      const number = (former[slot + 1] ?? 0) - 1
      if (number !== -1) this.#place(former[slot] ?? 0, number)
    }
  }
}
