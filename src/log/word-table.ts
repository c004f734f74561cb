/** Numbers for keys of a few 32-bit words: a hash table in flat memory, which costs a look-up one or two misses of the caches. */

const FIRST_SIZE = 256

export class WordTable {
  /** To be filled in before `find`, which `add` may follow. */
  readonly key: Int32Array
  /** Keys so far. */
  size = 0
  #words: Int32Array
  /** Open addressing: a key's number and 1, or 0. At most half of them are taken. */
  #slots = new Int32Array(2 * FIRST_SIZE)
  /** Where the key that was looked for last is, or would be. */
  #slot = 0

  /** @param width words of a key */
  constructor(width: number) {
    this.key = new Int32Array(width)
    this.#words = new Int32Array(width * FIRST_SIZE)
  }

  /** The key's number; -1 where it has none. */
  find(): number {
    const { key } = this
    const mask = this.#slots.length - 1
    for (let slot = hashOf(key, 0, key.length) & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] ?? 0) - 1
      if (number === -1 || this.#has(number)) {
        this.#slot = slot
        return number
      }
    }
  }

  /** Gives the key that was looked for last, and not found, the next number. */
  add(): number {
    const { key } = this
    const number = this.size++
    this.#words.set(key, number * key.length)
    this.#slots[this.#slot] = number + 1
    if (this.size * 2 === this.#slots.length) this.#grow()
    return number
  }

  /** A word of the key that has a number. */
  word(number: number, position: number): number {
    return this.#words[number * this.key.length + position] ?? 0
  }

  clear(): void {
    if (this.size > 0) this.#slots.fill(0)
    this.size = 0
  }

  #has(number: number): boolean {
    const { key } = this
    const from = number * key.length
    for (let i = 0; i < key.length; i++) if (this.#words[from + i] !== key[i]) return false
    return true
  }

  #grow(): void {
    const { length } = this.key
    const words = new Int32Array(this.#words.length * 2)
    words.set(this.#words)
    this.#words = words
    this.#slots = new Int32Array(this.#slots.length * 2)
    const mask = this.#slots.length - 1
    for (let number = 0; number < this.size; number++) {
      let slot = hashOf(words, number * length, length) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = number + 1
    }
  }
}

/** Steps of MurmurHash3, 32 bits (public domain, A. Appleby). */
function hashOf(words: Int32Array, from: number, length: number): number {
  let h = 0
  for (let i = 0; i < length; i++) {
    const k = Math.imul(words[from + i] ?? 0, 0xcc9e2d51)
    h ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
