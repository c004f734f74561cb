/** The networks of a country database, for a program that cannot read the database itself. */
import { readFile } from 'node:fs/promises'
import { Reader } from 'maxmind'
import type { Response } from 'maxmind'

export interface Countries {
  /** As the database has it; `ZZ` where it has none. */
  of(address: string): string
  /** `NETWORK COUNTRY` for every network of IPv4 and of IPv6's global unicast, in order. */
  lines(): string[]
}

export async function readCountries(path: string): Promise<Countries> {
  const file = await readFile(path)
  const reader = new Reader<Response>(file)
  const of = (address: string) => {
    const record: unknown = reader.get(address)
    return typeof record === 'object' && record !== null && 'country_code' in record && typeof record.country_code === 'string' ? record.country_code : 'ZZ'
  }
  return { of, lines: () => [...lines(file, reader, of, 4), ...lines(file, reader, of, 6)] }
}

/** Where the walk begins: in a tree of IPv6 addresses, IPv4 lives under `::/96`, and global unicast is `2000::/3`. */
const WALKS = {
  4: { way: new Array<number>(96).fill(0), bytes: 4, first: 0 },
  6: { way: [0, 0, 1], bytes: 16, first: 3 },
} as const

function lines(file: Buffer, { metadata: { recordSize, ipVersion, nodeCount } }: Reader<Response>, countryOf: Countries['of'], family: 4 | 6): string[] {
  if (recordSize !== 24 || ipVersion !== 6) throw new Error('only databases of both families with records of 24 bits are read')
  const { way, bytes, first } = WALKS[family]
  const child = (node: number, side: number) => file.readUIntBE(node * 6 + side * 3, 3)
  const address = Buffer.alloc(bytes)
  if (family === 6) address[0] = 0x20
  /** By place in the file: a country has few. */
  const known = new Map<number, string>()
  const found: string[] = []

  function walk(node: number, depth: number): void {
    if (node === nodeCount) return
    if (node > nodeCount) {
      const text = family === 4 ? address.join('.') : colons(address)
      let country = known.get(node)
      if (country === undefined) known.set(node, (country = countryOf(text)))
      found.push(`${text}/${depth} ${country}`)
      return
    }
    walk(child(node, 0), depth + 1)
    const byte = depth >> 3
    const bit = 0x80 >> (depth & 7)
    address[byte] = (address[byte] ?? 0) | bit
    walk(child(node, 1), depth + 1)
    address[byte] = (address[byte] ?? 0) & ~bit
  }

  walk(way.reduce(child, 0), first)
  return found
}

function colons(address: Buffer): string {
  return address.toString('hex').replace(/(....)(?=.)/g, '$1:')
}
