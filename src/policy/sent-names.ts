/**
 * Names that stand for services, in memory that threads share: a table is made once, and a thread that gets a new snapshot makes no
 * object for any of its ten thousand hosts. What it would make, its collection of garbage would have to move and, one snapshot
 * later, to find again, between the requests of those who are watching.
 */
import { hashString } from '../routing/hash.ts'
import type { Service, ServiceList, ServiceNames } from '../routing/model.ts'

/** Open addressing, at most half full. */
export interface NameTable {
  /** Two numbers a slot: the name's hash, and its row + 1; 0: free. A power of two of slots. */
  readonly slots: Uint32Array<SharedArrayBuffer>
  /** Two numbers a name: where its text ends, and the service's index. */
  readonly rows: Uint32Array<SharedArrayBuffer>
  /** The names, one after the other, in UTF-16 code units. */
  readonly units: Uint16Array<SharedArrayBuffer>
  /** Units of the longest name. */
  readonly longest: number
}

/** @param owners names that differ */
export function nameTable(owners: ServiceNames): NameTable {
  const entries = [...owners]
  const slots = numbers(2 * 2 ** Math.ceil(Math.log2(2 * entries.length + 1)))
  const rows = numbers(2 * entries.length)
  const lengths = entries.map(([name]) => name.length)
  const units = new Uint16Array(new SharedArrayBuffer(2 * lengths.reduce((sum, length) => sum + length, 0)))
  const mask = slots.length / 2 - 1
  let end = 0
  for (const [row, [name, { index }]] of entries.entries()) {
    for (let i = 0; i < name.length; i++) units[end++] = name.charCodeAt(i)
    rows[2 * row] = end
    rows[2 * row + 1] = index
    const hash = hashString(name)
    let slot = hash & mask
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask
    slots[2 * slot] = hash
    slots[2 * slot + 1] = row + 1
  }
  return { slots, rows, units, longest: lengths.reduce((most, length) => Math.max(most, length), 0) }
}

/** A table of names, read as a map. */
export class SentNames implements ServiceNames {
  readonly #table: NameTable
  readonly #services: ServiceList
  /** Those that were asked for. Names in it are the table's: a request's would keep all of its text. */
  readonly #known = new Map<string, Service>()

  constructor(table: NameTable, services: ServiceList) {
    this.#table = table
    this.#services = services
  }

  get(name: string): Service | undefined {
    return this.#known.get(name) ?? this.#first(name)
  }

  has(name: string): boolean {
    return find(this.#table, name) !== undefined
  }

  *[Symbol.iterator](): MapIterator<[string, Service]> {
    for (let row = 0; row < this.#table.rows.length / 2; row++) {
      const service = this.#serviceAt(row)
      if (service !== undefined) yield [textAt(this.#table, row), service]
    }
  }

  #first(name: string): Service | undefined {
    const row = find(this.#table, name)
    const service = row === undefined ? undefined : this.#serviceAt(row)
    if (row !== undefined && service !== undefined) this.#known.set(textAt(this.#table, row), service)
    return service
  }

  #serviceAt(row: number): Service | undefined {
    return this.#services.at(this.#table.rows[2 * row + 1] ?? 0)
  }
}

/** The name's row. */
function find(table: NameTable, name: string): number | undefined {
  const { slots, longest } = table
  // Paths are as long as whoever asks wants them to be.
  if (name.length > longest) return undefined
  const hash = hashString(name)
  const mask = slots.length / 2 - 1
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const row = (slots[2 * slot + 1] ?? 0) - 1
    if (row === -1) return undefined
    if (slots[2 * slot] === hash && textAt(table, row) === name) return row
  }
}

function textAt({ rows, units }: NameTable, row: number): string {
  return String.fromCharCode(...units.subarray(row === 0 ? 0 : rows[2 * row - 2], rows[2 * row]))
}

function numbers(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(4 * length))
}
