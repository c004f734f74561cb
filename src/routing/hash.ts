/**
 * Small hashes for choosing, not for secrets: a title's place among targets, a viewer's draw.
 * The viewer's draw itself is keyed and made in `privacy/draw.ts`; here it is only mixed further.
 */

export const FNV_START = 0x811c9dc5

/** FNV-1a over UTF-16 code units, 32 bits, finished with `mix` because FNV's high bits are weak on short strings. @param end where the part that counts ends */
export function hashString(text: string, start = FNV_START, end = text.length): number {
  let h = start
  for (let i = 0; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return mix(h)
}

/** MurmurHash3's 32-bit finaliser (public domain, A. Appleby): every input bit changes every output bit half the time. */
export function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Joins two hashes into one that depends on their order. */
export function combine(a: number, b: number): number {
  return mix((Math.imul(a, 0x9e3779b1) + b) | 0)
}

/** An unsigned 32-bit hash as a number in (0, 1): never 0, so that its logarithm exists. */
export function fraction(hash: number): number {
  return (hash + 0.5) / 4294967296
}
