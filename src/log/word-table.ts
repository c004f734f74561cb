/**
 * Numbers and counts for keys of a few 32-bit words: a hash table in flat memory. A slot holds all there is of a key, so that
 * a look-up costs one miss of the caches, where the table is larger than they are.
 */

const FIRST_SLOTS = 256

export class WordTable {
  /** Keys so far. */
  size = 0
  /** Of use to nobody: what is read for nothing would not be read at all. */
  touched = 0
  readonly #width: number
  /** Words of a slot, a power of two: the key, its number and 1 (0: the slot is free), its count. Three of four slots are taken at most. */
  readonly #stride: number
  readonly #shift: number
  #slots: Int32Array
  /** Where the key that was looked for last is, or would be. */
  #at = 0

  /** @param width words of a key */
  constructor(width: number) {
    this.#width = width
    this.#shift = Math.ceil(Math.log2(width + 2))
    this.#stride = 2 ** this.#shift
    this.#slots = new Int32Array(this.#stride * FIRST_SLOTS)
  }

  /**
   * Fetches the memory where keys are looked for first. Fetches that do not wait for one another take hardly longer than
   * one does, and `find` has no miss then.
   */
  touch(hashes: Int32Array, count: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let sum = 0
    for (let i = 0; i < count; i++) sum = (sum + (slots[((hashes[i] ?? 0) << this.#shift) & mask] ?? 0)) | 0
    this.touched = sum
  }

  /**
   * The number of the key that stands in `words` from `from` on; -1 where it has none.
   *
   * @param hash of the key
   */
  find(words: Int32Array, from: number, hash = hashOf(words, from, this.#width)): number {
    const slots = this.#slots
    const stride = this.#stride
    const width = this.#width
    const mask = slots.length - 1
    for (let at = (hash << this.#shift) & mask; ; at = (at + stride) & mask) {
      const number = (slots[at + width] ?? 0) - 1
      if (number === -1 || isAt(slots, at, words, from, width)) {
        this.#at = at
        return number
      }
    }
  }

  /** Gives the key that was looked for last, and not found, the next number. */
  add(words: Int32Array, from: number): number {
    const number = this.size++
    for (let i = 0; i < this.#width; i++) this.#slots[this.#at + i] = words[from + i] ?? 0
    this.#slots[this.#at + this.#width] = number + 1
    if (this.size * this.#stride * 4 > this.#slots.length * 3) {
      this.#grow()
      this.find(words, from)
    }
    return number
  }

  /** The count of the key that was looked for last, or added. */
  get count(): number {
    return this.#slots[this.#at + this.#width + 1] ?? 0
  }

  set count(value: number) {
    this.#slots[this.#at + this.#width + 1] = value
  }

  /** All counts, by number, which are 0 from now on. */
  takeCounts(): Int32Array {
    const counts = new Int32Array(this.size)
    const slots = this.#slots
    const length = this.#width
    for (let at = 0; at < slots.length; at += this.#stride) {
      const number = (slots[at + length] ?? 0) - 1
      if (number === -1) continue
      counts[number] = slots[at + length + 1] ?? 0
      slots[at + length + 1] = 0
    }
    return counts
  }

  clear(): void {
    if (this.size > 0) this.#slots.fill(0)
    this.size = 0
  }

  #grow(): void {
    const former = this.#slots
    const stride = this.#stride
    this.#slots = new Int32Array(former.length * 2)
    const mask = this.#slots.length - 1
    const length = this.#width
    for (let from = 0; from < former.length; from += stride) {
      if (former[from + length] === 0) continue
      let at = (hashOf(former, from, length) << this.#shift) & mask
      while (this.#slots[at + length] !== 0) at = (at + stride) & mask
      this.#slots.set(former.subarray(from, from + stride), at)
    }
  }
}

function isAt(slots: Int32Array, at: number, words: Int32Array, from: number, width: number): boolean {
  for (let i = 0; i < width; i++) if (slots[at + i] !== words[from + i]) return false
  return true
}

/** Of so many words from one on. Steps of MurmurHash3, 32 bits (public domain, A. Appleby). */
export function hashOf(words: Int32Array, from: number, count: number): number {
  let h = 0
  for (let i = from; i < from + count; i++) {
    const k = Math.imul(words[i] ?? 0, 0xcc9e2d51)
    h ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    // Cut to 32 bits in each step: beyond them V8 counts in floating point until it has compiled this for the second time.
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
