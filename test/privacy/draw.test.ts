import fc from 'fast-check'
import t from 'tap'
import { ClientAddress } from '../../src/privacy/address.ts'
import { draw, drawKey, siphash } from '../../src/privacy/draw.ts'

const MASK = (1n << 64n) - 1n

/** SipHash-2-4 as its authors define it, over 64-bit words, for messages of any length. Slow, and plain to see. */
function reference(key: Uint8Array, message: Uint8Array): bigint {
  const word = (bytes: Uint8Array, at: number) => bytes.slice(at, at + 8).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK
  const [k0, k1] = [word(key, 0), word(key, 8)]
  let [v0, v1, v2, v3] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n]
  const round = () => {
    v0 = (v0 + v1) & MASK
    v1 = rotate(v1, 13n) ^ v0
    v0 = rotate(v0, 32n)
    v2 = (v2 + v3) & MASK
    v3 = rotate(v3, 16n) ^ v2
    v0 = (v0 + v3) & MASK
    v3 = rotate(v3, 21n) ^ v0
    v2 = (v2 + v1) & MASK
    v1 = rotate(v1, 17n) ^ v2
    v2 = rotate(v2, 32n)
  }
  const padded = new Uint8Array(Math.floor(message.length / 8) * 8 + 8)
  padded.set(message)
  padded[padded.length - 1] = message.length & 255
  for (let at = 0; at < padded.length; at += 8) {
    const m = word(padded, at)
    v3 ^= m
    round()
    round()
    v0 ^= m
  }
  v2 ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return v0 ^ v1 ^ v2 ^ v3
}

const ascending = (length: number) => Uint8Array.from({ length }, (_, i) => i)
const KEY = drawKey(() => ascending(16))

t.test('the reference gives the result that the authors of SipHash publish', async (t) => {
  t.equal(reference(ascending(16), ascending(15)).toString(16), 'a129ca6149be45e5')
  t.equal(reference(ascending(16), ascending(0)).toString(16), '726fdb47dd0e0e31')
})

t.test('the hash in 32-bit halves is the reference\'s, for every key and word', async () => {
  const u32 = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }))
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), u32, u32, fc.nat(255), (key, low, high, tag) => {
    const message = new Uint8Array(9)
    const view = new DataView(message.buffer)
    view.setUint32(0, low, true)
    view.setUint32(4, high, true)
    message[8] = tag
    return siphash(low, high, tag, drawKey(() => key)) === Number(reference(key, message) & 0xffffffffn)
  }), { numRuns: 1000 })
})

function drawn(text: string, key = KEY): number {
  return draw(ClientAddress.parse(text), key)
}

t.test('a draw is known for ever: the same key and address give the same number', async (t) => {
  t.equal(drawn('192.0.2.1'), drawn('192.0.2.1'))
  t.equal(drawn('::ffff:192.0.2.1'), drawn('192.0.2.1'))
})

t.test('an IPv6 viewer keeps the draw while the lower half of the address changes, and only then', async (t) => {
  t.equal(drawn('2001:db8:1:2::1'), drawn('2001:db8:1:2:dead:beef:1:2'))
  t.not(drawn('2001:db8:1:2::1'), drawn('2001:db8:1:3::1'))
  t.not(drawn('2001:db8:1:2::1'), drawn('2001:db9:1:2::1'))
})

t.test('an IPv4 address and the IPv6 network with the same bits draw apart', async (t) => {
  t.not(drawn('192.0.2.1'), drawn('0:0:c000:201::'))
})

t.test('everybody whose address is unknown shares one draw, and another key changes every draw', async (t) => {
  t.equal(draw(undefined, KEY), draw(undefined, KEY))
  const tomorrow = drawKey(() => ascending(32).slice(16))
  t.not(draw(undefined, KEY), draw(undefined, tomorrow))
  t.not(drawn('192.0.2.1'), drawn('192.0.2.1', tomorrow))
})

t.test('neighbours do not draw alike: each bit of the address changes about half of the bits', async (t) => {
  let changed = 0
  for (let i = 0; i < 2000; i++) {
    const flips = siphash(i, 0, 4, KEY) ^ siphash(i ^ (1 << (i % 32)), 0, 4, KEY)
    for (let bit = 0; bit < 32; bit++) changed += (flips >>> bit) & 1
  }
  t.ok(changed > 2000 * 15.5 && changed < 2000 * 16.5, `${changed / 2000} of 32`)
})

t.test('a key takes all 16 bytes that chance gives, wherever they lie in a larger buffer', async (t) => {
  const inside = ascending(20).subarray(3, 19)
  t.same([...drawKey(() => inside)], [0x06050403, 0x0a090807, 0x0e0d0c0b, 0x1211100f])
})
