/**
 * A viewer's full address: it may reach the geo look-up and the viewer's draw, and nothing else.
 *
 * It is a class of its own with private words, so a log record cannot hold it by accident: printing, inspecting or
 * serialising it gives `[address]`. Parsing fails closed: whatever is not exactly one address is `undefined`, which
 * the rest of the router treats as "unknown".
 */

const HIDDEN = '[address]'

export class ClientAddress {
  readonly family: 4 | 6
  readonly #words: readonly [number, number, number, number]

  private constructor(family: 4 | 6, words: readonly [number, number, number, number]) {
    this.family = family
    this.#words = words
  }

  /**
   * Reads dotted IPv4 or IPv6 text as a proxy or socket writes it. Strips brackets, a zone id and, after brackets or
   * IPv4, a port. IPv4 inside IPv6 (`::ffff:a.b.c.d`, NAT64 `64:ff9b::/96`) becomes the IPv4 address that it stands for.
   */
  static parse(text: string): ClientAddress | undefined {
    if (text.length > 64) return undefined
    const bare = unwrap(text)
    const v4 = parse4(bare)
    if (v4 !== undefined) return new ClientAddress(4, [v4, 0, 0, 0])
    const words = parse6(bare)
    if (words === undefined) return undefined
    const [w0, w1, w2, w3] = words
    const mapped = w0 === 0 && w1 === 0 && w2 === 0xffff
    const nat64 = w0 === 0x0064ff9b && w1 === 0 && w2 === 0
    return mapped || nat64 ? new ClientAddress(4, [w3, 0, 0, 0]) : new ClientAddress(6, words)
  }

  /** The address's bits in unsigned 32-bit words, most significant first. IPv4 is the first word alone. */
  word(position: 0 | 1 | 2 | 3): number {
    return this.#words[position]
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN
  }
}

function unwrap(text: string): string {
  let bare = text.trim()
  if (bare.startsWith('[')) {
    const end = bare.indexOf(']')
    if (end === -1 || !/^(:\d{1,5})?$/.test(bare.slice(end + 1))) return ''
    bare = bare.slice(1, end)
  } else if (/^[\d.]+:\d{1,5}$/.test(bare)) {
    bare = bare.slice(0, bare.indexOf(':'))
  }
  const zone = bare.indexOf('%')
  return zone === -1 ? bare : bare.slice(0, zone)
}

/** Four decimal numbers without leading zeros: other spellings mean different addresses to different programs. */
function parse4(text: string): number | undefined {
  let value = 0
  let octet = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (octet < 0 || ++dots > 3) return undefined
      value = value * 256 + octet
      octet = -1
    } else if (code >= 48 && code <= 57) {
      if (octet === 0) return undefined
      octet = (octet < 0 ? 0 : octet * 10) + code - 48
      if (octet > 255) return undefined
    } else return undefined
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined
}

/** RFC 4291 text: eight groups of hexadecimal digits, one `::` for a run of at least one group, IPv4 in the last two. */
function parse6(text: string): [number, number, number, number] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '')
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  if (halves.length === 2 && halves[0]?.includes('.') === true) return undefined
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const word = (i: number) => ((all[i] ?? 0) * 0x10000 + (all[i + 1] ?? 0)) >>> 0
  return [word(0), word(2), word(4), word(6)]
}

function groups(text: string): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const values: number[] = []
  for (const [position, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = position === parts.length - 1 ? parse4(part) : undefined
      if (v4 === undefined) return undefined
      values.push(Math.floor(v4 / 0x10000), v4 % 0x10000)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined
      values.push(Number.parseInt(part, 16))
    }
  }
  return values
}
