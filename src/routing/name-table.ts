/**
 * Names and their numbers. A `Map` would do, but each text that is looked for in one becomes one of V8's own names first,
 * which costs more than the look-up when the text was just cut out of a request.
 */
import { hashString } from './hash.ts'

const FIRST_SIZE = 64

export class NameTable {
  /** By number. */
  readonly names: string[] = []
  readonly #hashes: number[] = []
  /** Open addressing: a name's number and 1, or 0. At most half of them are taken. */
  #slots = new Int32Array(FIRST_SIZE)
  readonly #seed: number | undefined

  /** @param seed 32 bits that nobody knows, where strangers choose the names: they must not choose that many of them meet */
  constructor(seed?: number) {
    this.#seed = seed
  }

  /** The name's number; -1 where it has none. */
  find(name: string): number {
    return this.#find(name, hashString(name, this.#seed))
  }

  /** The name's number, which is the next one where it is new. */
  add(name: string): number {
    const hash = hashString(name, this.#seed)
    const known = this.#find(name, hash)
    if (known !== -1) return known
    const number = this.names.push(name) - 1
    this.#hashes.push(hash)
    if (this.names.length * 2 > this.#slots.length) this.#grow()
    else this.#place(number, hash)
    return number
  }

  clear(): void {
    if (this.names.length === 0) return
    this.names.length = 0
    this.#hashes.length = 0
    this.#slots.fill(0)
  }

  #find(name: string, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] ?? 0) - 1
      if (number === -1) return -1
      if (this.#hashes[number] === hash && this.names[number] === name) return number
    }
  }

  #place(number: number, hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = number + 1
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (const [number, hash] of this.#hashes.entries()) this.#place(number, hash)
  }
}

/** A `Map` by name, to which names are only added, and whose look-ups make none. */
export class NameMap<T> extends Map<string, T> {
  readonly #table = new NameTable()
  readonly #values: T[] = []

  constructor() {
    super()
  }

  override get(name: string): T | undefined {
    return this.#values[this.#table.find(name)]
  }

  override set(name: string, value: T): this {
    this.#values[this.#table.add(name)] = value
    return super.set(name, value)
  }

  override delete(): never {
    throw new TypeError('names are only added')
  }

  override clear(): never {
    throw new TypeError('names are only added')
  }
}
