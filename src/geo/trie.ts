/**
 * A binary tree over address bits in flat arrays that threads can share.
 *
 * `tree` holds two entries per node: where to go for bit 0 and bit 1. An entry ≥ 0 is a node; a negative one is a leaf,
 * the complement (`~`) of its number. Leaf 0 stands for "nothing known". `jump4` and `jump6` hold the entry that is
 * reached after the first 16 bits.
 */
export interface TrieArrays {
  readonly tree: Int32Array<SharedArrayBuffer>
  readonly jump4: Int32Array<SharedArrayBuffer>
  readonly jump6: Int32Array<SharedArrayBuffer>
}

export const JUMP_BITS = 16
export const NOTHING = 0

/** Look-ups neither allocate nor throw. They give the number of a leaf. */
export class Trie {
  readonly arrays: TrieArrays
  readonly #tree: Int32Array
  readonly #jump4: Int32Array
  readonly #jump6: Int32Array

  constructor(arrays: TrieArrays) {
    this.arrays = arrays
    this.#tree = arrays.tree
    this.#jump4 = arrays.jump4
    this.#jump6 = arrays.jump6
  }

  /** @param word an unsigned 32-bit number */
  find4(word: number): number {
    const entry = this.#walk(this.#jump4[word >>> 16] ?? -1, word << 16, 16)
    return entry < 0 ? ~entry : NOTHING
  }

  /** @param w0 the first of four unsigned 32-bit words, most significant first */
  find6(w0: number, w1: number, w2: number, w3: number): number {
    let entry = this.#walk(this.#jump6[w0 >>> 16] ?? -1, w0 << 16, 16)
    if (entry >= 0) entry = this.#walk(entry, w1, 32)
    if (entry >= 0) entry = this.#walk(entry, w2, 32)
    if (entry >= 0) entry = this.#walk(entry, w3, 32)
    return entry < 0 ? ~entry : NOTHING
  }

  #walk(entry: number, word: number, bits: number): number {
    const tree = this.#tree
    let rest = word
    for (let left = bits; entry >= 0 && left > 0; left--) {
      entry = tree[2 * entry + (rest >>> 31)] ?? -1
      rest <<= 1
    }
    return entry
  }
}

/** Fills a jump table for the tree under `root`. */
export function jumpTable(tree: Int32Array, root: number): Int32Array<SharedArrayBuffer> {
  const table = new Int32Array(new SharedArrayBuffer(4 << JUMP_BITS))
  for (let prefix = 0; prefix < table.length; prefix++) {
    let entry = root
    for (let bit = JUMP_BITS - 1; entry >= 0 && bit >= 0; bit--) entry = tree[2 * entry + ((prefix >>> bit) & 1)] ?? -1
    table[prefix] = entry
  }
  return table
}
