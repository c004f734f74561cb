/**
 * Pairs of people that the router may not tell apart: other addresses, same country and IP version.
 *
 * Which target a viewer gets may depend on the viewer's draw, so a pair has equal draws: among a quarter of a million addresses of a
 * country some eight pairs collide in the 32 bits, under the key that the test gives to the router.
 */
import { ClientAddress } from '../../src/privacy/address.ts'
import { draw, siphash } from '../../src/privacy/draw.ts'

/** The key of the day in these tests. */
export const DRAW_KEY = Uint32Array.from([0x01234567, 0x89abcdef, 0x0fedcba9, 0x87654321])

export interface Pair {
  readonly country: string
  readonly family: 4 | 6
  readonly addresses: readonly [string, string]
}

/** What the addresses of these tests belong to: the first eight bits of IPv4, the first sixteen of IPv6. */
export const PLACES: readonly { readonly country: string, readonly continent: string, readonly v4: number, readonly v6: number }[] = [
  { country: 'NL', continent: 'EU', v4: 145, v6: 0x2a02 },
  { country: 'DE', continent: 'EU', v4: 193, v6: 0x2a01 },
  { country: 'US', continent: 'NA', v4: 8, v6: 0x2600 },
]

const COUNT = 1 << 18

export function pairs(): Pair[] {
  return PLACES.flatMap(({ country, v4, v6 }) => [
    ...collisions((i) => siphash(v4Word(v4, i), 0, 4, DRAW_KEY), (i) => v4Text(v4, i)).map((addresses) => ({ country, family: 4 as const, addresses })),
    ...collisions((i) => siphash(v6Words(v6, i)[1], v6Words(v6, i)[0], 6, DRAW_KEY), (i) => v6Text(v6, i)).map((addresses) => ({ country, family: 6 as const, addresses })),
  ])
}

/** Any two people of a country, whose draws differ. */
export function strangers(i: number, family: 4 | 6): Pair {
  const { country, v4, v6 } = PLACES[i % PLACES.length] ?? { country: 'ZZ', v4: 1, v6: 1 }
  const text = (k: number) => (family === 4 ? v4Text(v4, k) : v6Text(v6, k))
  return { country, family, addresses: [text(2 * i + 1), text(2 * i + 2)] }
}

/** The numbers are worked out as the router does, without text, for speed; what was found is checked with the router's own function. */
function collisions(drawn: (i: number) => number, text: (i: number) => string): (readonly [string, string])[] {
  // The draw in the upper bits, the position in the lower ones: one sort brings equal draws together.
  const sorted = Float64Array.from({ length: COUNT }, (_, i) => drawn(i) * COUNT + i).sort()
  const found: (readonly [string, string])[] = []
  for (let i = 1; i < COUNT; i++) {
    const [a = 0, b = 0] = [sorted[i - 1], sorted[i]]
    if (Math.floor(a / COUNT) === Math.floor(b / COUNT)) found.push([text(a % COUNT), text(b % COUNT)])
  }
  const draws = (address: string) => draw(ClientAddress.parse(address), DRAW_KEY)
  if (found.some(([a, b]) => draws(a) !== draws(b))) throw new Error('the draw is worked out in another way than the router does')
  return found
}

/** Distinct for distinct positions: multiplying by an odd number permutes the 24 bits. */
function v4Word(first: number, i: number): number {
  return first * 0x1000000 + (Math.imul(i + 1, 0x9e3779b1) & 0xffffff)
}

function v4Text(first: number, i: number): string {
  const word = v4Word(first, i)
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')
}

/** The first 64 bits; the rest changes while a device plays. */
function v6Words(first: number, i: number): [number, number] {
  const low = Math.imul(i + 1, 0x9e3779b1) >>> 0
  return [first * 0x10000 + (low >>> 16), (((low & 0xffff) << 16) >>> 0) + 1]
}

function v6Text(first: number, i: number): string {
  const [w0, w1] = v6Words(first, i)
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, (i * 7) & 0xffff]
  return `${groups.map((group) => group.toString(16)).join(':')}::${(i & 0xfff).toString(16)}`
}
