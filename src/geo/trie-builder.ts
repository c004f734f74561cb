/**
 * Collects the nodes of a `Trie` from the leaves up. A node that is there already, with the same two sides, is used
 * again: country databases shrink to a third by it, city databases to two thirds.
 */
const FREE = -1
/** A longer search would let a file made for it take quadratic time; the node is then kept twice. */
const MAX_PROBES = 64

export class TrieBuilder {
  readonly #tree: Int32Array
  /** Open addressing: hash of the two sides → node. */
  readonly #table: Int32Array
  readonly #mask: number
  #size = 0

  /** @param capacity how often `node` will be called at most */
  constructor(capacity: number) {
    this.#tree = new Int32Array(capacity * 2)
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 1.25 + 16))).fill(FREE)
    this.#mask = this.#table.length - 1
  }

  /** The entry of a node with these two entries as its sides; two equal leaves are one leaf. */
  node(left: number, right: number): number {
    if (left === right && left < 0) return left
    let slot = hash(left, right) & this.#mask
    for (let probes = MAX_PROBES; probes > 0; probes--) {
      const node = this.#table[slot] ?? FREE
      if (node === FREE) {
        this.#table[slot] = this.#size
        break
      }
      if (this.#tree[2 * node] === left && this.#tree[2 * node + 1] === right) return node
      slot = (slot + 1) & this.#mask
    }
    this.#tree[2 * this.#size] = left
    this.#tree[2 * this.#size + 1] = right
    return this.#size++
  }

  /** The tree in memory that threads can share. */
  finish(): Int32Array<SharedArrayBuffer> {
    const shared = new Int32Array(new SharedArrayBuffer(this.#size * 8))
    shared.set(this.#tree.subarray(0, this.#size * 2))
    return shared
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
