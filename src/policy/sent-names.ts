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
}

/** @param owners names that differ */
export function nameTable(owners: ServiceNames): NameTable {
  const entries = [...owners]
  const slots = numbers(2 * 2 ** Math.ceil(Math.log2(2 * entries.length + 1)))
  const rows = numbers(2 * entries.length)
  const units = new Uint16Array(new SharedArrayBuffer(2 * entries.reduce((sum, [name]) => sum + name.length, 0)))
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
  return { slots, rows, units }
}

/** A table of names, read as a map. */
export class SentNames implements ServiceNames {
  readonly #table: NameTable
  readonly #services: ServiceList

  constructor(table: NameTable, services: ServiceList) {
    this.#table = table
    this.#services = services
  }

  get(name: string): Service | undefined {
    const index = find(this.#table, name)
    return index === undefined ? undefined : this.#services.at(index)
  }

  has(name: string): boolean {
    return find(this.#table, name) !== undefined
  }

  *[Symbol.iterator](): MapIterator<[string, Service]> {
    const { rows, units } = this.#table
    for (let row = 0; row < rows.length; row += 2) {
      const service = this.#services.at(rows[row + 1] ?? 0)
      if (service !== undefined) yield [String.fromCharCode(...units.subarray(rows[row - 2] ?? 0, rows[row])), service]
    }
  }
}

function find({ slots, rows, units }: NameTable, name: string): number | undefined {
  const hash = hashString(name)
  const mask = slots.length / 2 - 1
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const row = slots[2 * slot + 1] ?? 0
    if (row === 0) return undefined
    if (slots[2 * slot] === hash && isAt(units, row === 1 ? 0 : (rows[2 * row - 4] ?? 0), rows[2 * row - 2] ?? 0, name)) return rows[2 * row - 1]
  }
}

function isAt(units: Uint16Array, from: number, to: number, name: string): boolean {
  if (to - from !== name.length) return false
  for (let i = 0; i < name.length; i++) if (units[from + i] !== name.charCodeAt(i)) return false
  return true
}

function numbers(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(4 * length))
}
