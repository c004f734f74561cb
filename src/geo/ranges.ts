/** Flat ranges of addresses in typed columns that threads share, looked up by binary search. */
import { hostMask } from './prefix.ts'
import type { Prefix } from './prefix.ts'

const NO_ROW = -1
const NONE = new Uint32Array(0)

export interface Network {
  readonly prefix: Prefix
  /** Whose it is: a number ≥ 0. */
  readonly row: number
}

/** Columns of words shorter than this are searched without an index. */
const SMALL = 256

type SharedWords = Uint32Array<SharedArrayBuffer>

export interface SharedRanges {
  /** One for IPv4, four for IPv6. */
  readonly words: readonly SharedWords[]
  readonly rows: Int32Array<SharedArrayBuffer>
  /** How many changes start below each value of the first 16 bits. */
  readonly index: SharedWords | undefined
}

/**
 * Where the answer changes, as columns of words (IPv4 has one), and the row that answers from there on, or -1.
 * Look-ups neither allocate nor throw.
 */
export class Ranges {
  readonly shared: SharedRanges
  readonly #c0: Uint32Array
  readonly #c1: Uint32Array
  readonly #c2: Uint32Array
  readonly #c3: Uint32Array
  readonly #rows: Int32Array
  readonly #index: Uint32Array | undefined

  constructor(shared: SharedRanges) {
    const [c0 = NONE, c1 = NONE, c2 = NONE, c3 = NONE] = shared.words
    this.shared = shared
    this.#c0 = c0
    this.#c1 = c1
    this.#c2 = c2
    this.#c3 = c3
    this.#rows = shared.rows
    this.#index = shared.index
  }

  /** The row of the last change that is not after the address. */
  find4(word: number): number {
    const row = after(this.#c0, this.#low(word), this.#high(word), word) - 1
    return row < 0 ? NO_ROW : this.#rows[row] ?? NO_ROW
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    const row = this.#last6(w0, w1, w2, w3)
    return row < 0 ? NO_ROW : this.#rows[row] ?? NO_ROW
  }

  /** Among the changes that begin with the same words the next word decides; where none do, the one before answers. */
  #last6(w0: number, w1: number, w2: number, w3: number): number {
    let low = this.#low(w0)
    let high = after(this.#c0, low, this.#high(w0), w0)
    if (high === low || this.#c0[high - 1] !== w0) return high - 1
    low = before(this.#c0, low, high, w0)
    high = after(this.#c1, low, high, w1)
    if (high === low || this.#c1[high - 1] !== w1) return high - 1
    low = before(this.#c1, low, high, w1)
    high = after(this.#c2, low, high, w2)
    if (high === low || this.#c2[high - 1] !== w2) return high - 1
    low = before(this.#c2, low, high, w2)
    return after(this.#c3, low, high, w3) - 1
  }

  #low(word: number): number {
    return this.#index === undefined ? 0 : this.#index[word >>> 16] ?? 0
  }

  #high(word: number): number {
    return this.#index === undefined ? this.#c0.length : this.#index[(word >>> 16) + 1] ?? 0
  }
}

/**
 * Flattens nested networks of one family: the longest prefix wins, and of two alike the first.
 * Cost: a sort, then one pass with a stack of the networks that are open.
 */
export function flatten(family: 4 | 6, networks: readonly Network[]): Ranges {
  const width = family === 4 ? 1 : 4
  const columns = Array.from({ length: width }, (_, i) => Uint32Array.from(networks, ({ prefix }) => prefix.words[i] ?? 0))
  const lengths = Uint8Array.from(networks, ({ prefix }) => prefix.length)
  const order = Uint32Array.from(networks, (_, i) => i).sort((a, b) => {
    for (const column of columns) {
      const difference = (column[a] ?? 0) - (column[b] ?? 0)
      if (difference !== 0) return difference
    }
    return (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b
  })

  const changes = new Changes(width, networks.length * 2)
  const here = new Uint32Array(width)
  const open: number[] = []
  const rowOf = (i: number | undefined): number => (i === undefined ? NO_ROW : networks[i]?.row ?? NO_ROW)
  for (const i of order) {
    while (open.length > 0 && !contains(open.at(-1) ?? i, i)) close()
    const outer = open.at(-1)
    if (outer !== undefined && lengths[outer] === lengths[i]) continue
    for (const [word, column] of columns.entries()) here[word] = column[i] ?? 0
    changes.add(here, rowOf(i))
    open.push(i)
  }
  while (open.length > 0) close()
  return changes.ranges()

  function contains(outer: number, inner: number): boolean {
    const length = lengths[outer] ?? 0
    return columns.every((column, word) => (((column[outer] ?? 0) ^ (column[inner] ?? 0)) & ~hostMask(length - 32 * word)) === 0)
  }

  /** After the innermost network's last address the network around it answers again. */
  function close(): void {
    const i = open.pop() ?? 0
    let carry = 1
    for (let word = width - 1; word >= 0; word--) {
      const last = ((columns[word]?.[i] ?? 0) | hostMask((lengths[i] ?? 0) - 32 * word)) >>> 0
      here[word] = last + carry
      carry = carry === 1 && last === 0xffffffff ? 1 : 0
    }
    if (carry === 0) changes.add(here, rowOf(open.at(-1)))
  }
}

/** Collects changes in ascending order; a later one at the same place replaces the earlier. */
class Changes {
  readonly #starts: readonly Uint32Array[]
  readonly #rows: Int32Array
  #size = 0

  constructor(width: number, capacity: number) {
    this.#starts = Array.from({ length: width }, () => new Uint32Array(capacity))
    this.#rows = new Int32Array(capacity)
  }

  add(start: Uint32Array, row: number): void {
    const last = this.#size - 1
    if (last >= 0 && this.#starts.every((column, word) => column[last] === start[word])) this.#size--
    if ((this.#rows[this.#size - 1] ?? NO_ROW) === row) return
    for (const [word, column] of this.#starts.entries()) column[this.#size] = start[word] ?? 0
    this.#rows[this.#size++] = row
  }

  ranges(): Ranges {
    const words = this.#starts.map((column) => sharedWords(column.subarray(0, this.#size)))
    const rows = new Int32Array(new SharedArrayBuffer(this.#size * Int32Array.BYTES_PER_ELEMENT))
    rows.set(this.#rows.subarray(0, this.#size))
    return new Ranges({ words, rows, index: words[0] === undefined ? undefined : indexOf(words[0]) })
  }
}

function sharedWords(words: Uint32Array): SharedWords {
  const shared = new Uint32Array(new SharedArrayBuffer(words.byteLength))
  shared.set(words)
  return shared
}

/** One pass over the column, which is in ascending order. */
function indexOf(column: Uint32Array): SharedWords | undefined {
  if (column.length < SMALL) return undefined
  const index = new Uint32Array(new SharedArrayBuffer(0x10001 * Uint32Array.BYTES_PER_ELEMENT))
  let position = 0
  for (let high = 0; high < index.length; high++) {
    while (position < column.length && (column[position] ?? 0) >>> 16 < high) position++
    index[high] = position
  }
  return index
}

/** The first index in `[low, high)` whose word is greater, or `high`. */
function after(column: Uint32Array, low: number, high: number, word: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((column[middle] ?? 0) <= word) low = middle + 1
    else high = middle
  }
  return low
}

/** The first index from `floor` on whose word is `word`, as the one below `high` is. Looks nearby first: runs are mostly short. */
function before(column: Uint32Array, floor: number, high: number, word: number): number {
  let step = 1
  let low = high
  while (low > floor && column[low - 1] === word) {
    high = low
    low = Math.max(floor, low - step)
    step *= 2
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((column[middle] ?? 0) < word) low = middle + 1
    else high = middle
  }
  return low
}
