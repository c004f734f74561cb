/** Addresses as words and as text. */
import { ClientAddress } from '../../src/privacy/address.ts'

export type Words = readonly [number, number, number, number]

export function text4(word: number): string {
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')
}

export function text6(words: Words): string {
  return words.flatMap((word) => [word >>> 16, word & 0xffff]).map((group) => group.toString(16)).join(':')
}

export function wordsOf(text: string): Words {
  const address = ClientAddress.parse(text)
  if (address === undefined) throw new Error(`${text} is not an address`)
  return [address.word(0), address.word(1), address.word(2), address.word(3)]
}

/** Look-up by text, by the family that the text has. */
export function find<T>(index: { find4(word: number): T; find6(w0: number, w1: number, w2: number, w3: number): T }, text: string): T {
  const words = wordsOf(text)
  return text.includes(':') ? index.find6(...words) : index.find4(words[0])
}

/** Marsaglia's xorshift32: the same numbers in every run. */
export function xorshift(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
