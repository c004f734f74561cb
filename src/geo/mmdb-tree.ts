/**
 * Checks the search tree of a MaxMind DB file and lays it out anew as a `Trie`.
 *
 * Every node that can be reached is visited once, depth first. Files share subtrees on purpose (MaxMind hangs the IPv4
 * tree under `::ffff:0:0/96`, 6to4 and Teredo too), so a node may be met again; it must not be met below itself, and no
 * path may be longer than an address.
 */
import { SEPARATOR } from './mmdb-metadata.ts'
import type { Metadata } from './mmdb-metadata.ts'
import { corrupt } from './mmdb-section.ts'
import { NOTHING, jumpTable } from './trie.ts'
import type { TrieArrays } from './trie.ts'
import { TrieBuilder } from './trie-builder.ts'

const UNSEEN = -0x80000000
const OPEN = UNSEEN + 1
const LEFT = 0
const RIGHT = 1
const DONE = 2

/**
 * @param leafAt the number of the leaf for the record at this offset in the data section; called once per offset
 * @throws GeoDatabaseError, also from `leafAt`
 */
export function compileTree(file: Uint8Array, metadata: Metadata, leafAt: (offset: number) => number): TrieArrays {
  const { nodeCount, ipVersion, dataStart, dataEnd } = metadata
  const read = reader(file, metadata.recordSize)
  const maxDepth = ipVersion === 4 ? 32 : 128
  const leaves = new Map<number, number>()
  /** Per node: the entry that it became. */
  const entries = new Int32Array(nodeCount).fill(UNSEEN)
  /** Per node: the longest way down from it, in bits. */
  const heights = new Uint8Array(nodeCount)
  const builder = new TrieBuilder(nodeCount)

  function leaf(record: number): number {
    if (record === nodeCount) return ~NOTHING
    const offset = record - nodeCount - SEPARATOR
    if (offset < 0 || offset >= dataEnd - dataStart) throw corrupt('its tree points outside of the data section')
    let number = leaves.get(offset)
    if (number === undefined) {
      number = leafAt(offset)
      leaves.set(offset, number)
    }
    return ~number
  }

  const path = new Int32Array(maxDepth)
  const stages = new Uint8Array(maxDepth)
  const sides = new Int32Array(maxDepth * 2)
  let depth = 0
  entries[0] = OPEN
  while (depth >= 0) {
    const node = path[depth] ?? 0
    const stage = stages[depth] ?? DONE
    if (stage === DONE) {
      const entry = builder.node(sides[2 * depth] ?? 0, sides[2 * depth + 1] ?? 0)
      entries[node] = entry
      depth--
      if (depth >= 0) settle(depth, entry, heights[node] ?? 0)
      continue
    }
    const record = read(node, stage)
    if (record >= nodeCount) {
      settle(depth, leaf(record), 0)
      continue
    }
    const known = entries[record] ?? UNSEEN
    if (known === OPEN) throw corrupt('its tree has a loop')
    const height = known === UNSEEN ? 1 : heights[record] ?? 0
    if (depth + 1 + height > maxDepth) throw corrupt(`its tree is deeper than ${maxDepth} bits`)
    if (known !== UNSEEN) {
      settle(depth, known, height)
      continue
    }
    entries[record] = OPEN
    depth++
    path[depth] = record
    stages[depth] = LEFT
  }

  /** One side of the node at `level` is known: notes it and goes on to the next. */
  function settle(level: number, entry: number, height: number): void {
    const stage = stages[level] ?? LEFT
    const node = path[level] ?? 0
    sides[2 * level + stage] = entry
    heights[node] = Math.max(heights[node] ?? 0, height + 1)
    stages[level] = stage === LEFT ? RIGHT : DONE
  }

  if ((heights[0] ?? 0) > maxDepth) throw corrupt(`its tree is deeper than ${maxDepth} bits`)
  const root = entries[0] ?? ~NOTHING
  const tree = builder.finish()
  return {
    tree,
    jump4: jumpTable(tree, ipVersion === 4 ? root : root4()),
    jump6: jumpTable(tree, ipVersion === 4 ? ~NOTHING : root),
  }

  /** IPv4 lives under `::/96`. */
  function root4(): number {
    let entry = root
    for (let bit = 0; entry >= 0 && bit < 96; bit++) entry = tree[2 * entry] ?? ~NOTHING
    return entry
  }
}

type Read = (node: number, side: number) => number

function reader(b: Uint8Array, recordSize: 24 | 28 | 32): Read {
  const at = (i: number): number => b[i] ?? 0
  const three = (i: number): number => (at(i) << 16) | (at(i + 1) << 8) | at(i + 2)
  if (recordSize === 24) return (node, side) => three(node * 6 + side * 3)
  if (recordSize === 32) return (node, side) => at(node * 8 + side * 4) * 0x1000000 + three(node * 8 + side * 4 + 1)
  return (node, side) => {
    const middle = at(node * 7 + 3)
    return side === LEFT ? ((middle & 0xf0) << 20) | three(node * 7) : ((middle & 0x0f) << 24) | three(node * 7 + 4)
  }
}
