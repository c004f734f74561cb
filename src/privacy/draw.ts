/**
 * The viewer's draw: which of several equally good targets a viewer gets, the same one all day, with nothing stored.
 *
 * It is SipHash-2-4 (Aumasson and Bernstein 2012) of the address under a key that exists in memory only and changes
 * daily; 32 bits of it. Without the key the draw says nothing of the address, and it never leaves the process.
 */
import type { ClientAddress } from './address.ts'

/** Four unsigned 32-bit words: two halves of the two 64-bit key words, low half first. */
export type DrawKey = Uint32Array

export function drawKey(random: (bytes: number) => Uint8Array): DrawKey {
  const bytes = random(16)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
  return Uint32Array.from([0, 4, 8, 12], (offset) => view.getUint32(offset, true))
}

/**
 * The draw, an unsigned 32-bit number. An IPv6 viewer counts by its /64, because devices change the rest of their
 * address while they play. Everybody whose address is unknown shares one draw.
 */
export function draw(address: ClientAddress | undefined, key: DrawKey): number {
  if (address === undefined) return siphash(0, 0, 0, key)
  if (address.family === 4) return siphash(address.word(0), 0, 4, key)
  return siphash(address.word(1), address.word(0), 6, key)
}

/**
 * SipHash-2-4 of nine bytes: the 64-bit word `high:low`, then `tag`. 64-bit words are kept as two 32-bit halves because
 * BigInt costs ten times as much. Returns the low half. It takes the same steps whatever the address is.
 */
export function siphash(low: number, high: number, tag: number, key: DrawKey): number {
  const [k0l = 0, k0h = 0, k1l = 0, k1h = 0] = key
  let v0l = k0l ^ 0x70736575, v0h = k0h ^ 0x736f6d65
  let v1l = k1l ^ 0x6e646f6d, v1h = k1h ^ 0x646f7261
  let v2l = k0l ^ 0x6e657261, v2h = k0h ^ 0x6c796765
  let v3l = k1l ^ 0x79746573, v3h = k1h ^ 0x74656462
  // Two blocks: the word itself, and the last block of tag byte and length (9) in the top byte.
  for (let block = 0; block < 3; block++) {
    const ml = block === 0 ? low | 0 : block === 1 ? tag : 0
    const mh = block === 0 ? high | 0 : block === 1 ? 9 << 24 : 0
    if (block === 2) v2l ^= 0xff
    else {
      v3l ^= ml
      v3h ^= mh
    }
    for (let round = block === 2 ? 4 : 2; round > 0; round--) {
      let t: number
      // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
      t = (v0l + v1l) | 0
      v0h = (v0h + v1h + carry(v0l, v1l, t)) | 0
      v0l = t
      t = (v1l << 13) | (v1h >>> 19)
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h
      v1l = t ^ v0l
      t = v0l
      v0l = v0h
      v0h = t
      // v2 += v3; v3 = rotl(v3, 16) ^ v2
      t = (v2l + v3l) | 0
      v2h = (v2h + v3h + carry(v2l, v3l, t)) | 0
      v2l = t
      t = (v3l << 16) | (v3h >>> 16)
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h
      v3l = t ^ v2l
      // v0 += v3; v3 = rotl(v3, 21) ^ v0
      t = (v0l + v3l) | 0
      v0h = (v0h + v3h + carry(v0l, v3l, t)) | 0
      v0l = t
      t = (v3l << 21) | (v3h >>> 11)
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h
      v3l = t ^ v0l
      // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
      t = (v2l + v1l) | 0
      v2h = (v2h + v1h + carry(v2l, v1l, t)) | 0
      v2l = t
      t = (v1l << 17) | (v1h >>> 15)
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h
      v1l = t ^ v2l
      t = v2l
      v2l = v2h
      v2h = t
    }
    if (block < 2) {
      v0l ^= ml
      v0h ^= mh
    }
  }
  return (v0l ^ v1l ^ v2l ^ v3l) >>> 0
}

/** Of the sum of two unsigned 32-bit words, 0 or 1, without a branch: a processor guesses those wrong half of the time. */
function carry(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31
}
