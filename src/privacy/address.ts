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
    // Nearly always there is nothing around it.
    return ClientAddress.#read(text) ?? ClientAddress.#read(unwrap(text))
  }

  static #read(bare: string): ClientAddress | undefined {
    const v4 = parse4(bare)
    if (v4 !== undefined) return new ClientAddress(4, [v4, 0, 0, 0])
    const words = parse6(bare)
    if (words === undefined) return undefined
    const [w0, w1, w2, w3] = words
    const mapped = w0 === 0 && w1 === 0 && w2 === 0xffff
    const nat64 = w0 === 0x0064ff9b && w1 === 0 && w2 === 0
    return mapped || nat64 ? new ClientAddress(4, [w3, 0, 0, 0]) : new ClientAddress(6, words)
  }

  /** The address whose bits another thread has sent, for a message can hold no object of this class. */
  static of(family: 4 | 6, words: readonly [number, number, number, number]): ClientAddress {
    return new ClientAddress(family, words)
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
  const groups = [0, 0, 0, 0, 0, 0, 0, 0]
  let count = 0
  let gap = text.startsWith('::') ? 0 : -1
  let i = gap === 0 ? 2 : 0
  while (i < text.length) {
    if (count === 8) return undefined
    const start = i
    let group = 0
    for (let digit = hexDigit(text, i); digit !== -1; digit = hexDigit(text, ++i)) group = group * 16 + digit
    if (text.charCodeAt(i) === DOT) {
      const v4 = parse4(text.slice(start))
      if (v4 === undefined || count > 6) return undefined
      groups[count++] = Math.floor(v4 / 0x10000)
      groups[count++] = v4 % 0x10000
      break
    }
    if (i === start || i - start > 4) return undefined
    groups[count++] = group
    if (i === text.length) break
    if (text.charCodeAt(i++) !== COLON || i === text.length) return undefined
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return undefined
      gap = count
      i++
    }
  }
  if (gap === -1 ? count < 8 : count === 8) return undefined
  if (gap !== -1) {
    const shift = 8 - count
    for (let at = 7; at >= gap; at--) groups[at] = at >= gap + shift ? (groups[at - shift] ?? 0) : 0
  }
  const word = (at: number) => ((groups[at] ?? 0) * 0x10000 + (groups[at + 1] ?? 0)) >>> 0
  return [word(0), word(2), word(4), word(6)]
}

const DOT = 46
const COLON = 58

/** -1 for what is none, as the end of the text. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 48 && code <= 57) return code - 48
  const small = code | 0x20
  return small >= 97 && small <= 102 ? small - 87 : -1
}
