/** Network prefixes in CIDR text, such as `192.0.2.0/24` or `2001:db8::/32`. */
import { ClientAddress } from '../privacy/address.ts'

export interface Prefix {
  readonly family: 4 | 6
  /** The network's bits in unsigned 32-bit words, most significant first. IPv4 is the first word alone. */
  readonly words: readonly [number, number, number, number]
  readonly length: number
}

/**
 * Strict: the length must be there, host bits must be zero, numbers have no leading zeros. IPv4 written inside IPv6
 * (`::ffff:192.0.2.0/120`, NAT64) is `undefined` like other mistakes: such clients are looked up as IPv4.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const parts = /^([\da-f:.]{2,45})\/(0|[1-9]\d{0,2})$/i.exec(text)
  if (parts === null) return undefined
  const [, network = '', digits = ''] = parts
  const family = network.includes(':') ? 6 : 4
  const address = ClientAddress.parse(network)
  const length = Number(digits)
  if (address?.family !== family || length > (family === 4 ? 32 : 128)) return undefined
  const words = [address.word(0), address.word(1), address.word(2), address.word(3)] as const
  return words.every((word, i) => (word & hostMask(length - 32 * i)) === 0) ? { family, words, length } : undefined
}

export function formatPrefix({ family, words, length }: Prefix): string {
  if (family === 4) return `${[24, 16, 8, 0].map((shift) => (words[0] >>> shift) & 255).join('.')}/${length}`
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]).map((group) => group.toString(16))
  const zeros = /(?:^|:)0(?::0)+(?:$|:)/g
  const runs = [...groups.join(':').matchAll(zeros)].sort((a, b) => b[0].length - a[0].length)
  const text = groups.join(':')
  const longest = runs[0]
  const short = longest === undefined ? text : `${text.slice(0, longest.index)}::${text.slice(longest.index + longest[0].length)}`
  return `${short}/${length}`
}

/** The bits of a word that are free when its first `length` bits are fixed. */
export function hostMask(length: number): number {
  if (length <= 0) return 0xffffffff
  return length >= 32 ? 0 : 0xffffffff >>> length
}
