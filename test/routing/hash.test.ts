import fc from 'fast-check'
import t from 'tap'
import { combine, fraction, hashString, mix } from '../../src/routing/hash.ts'

const word = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff))

t.test('every hash is an unsigned 32-bit whole number', async (t) => {
  const sound = (hash: number) => Number.isInteger(hash) && hash >= 0 && hash <= 0xffffffff
  fc.assert(fc.property(word, word, fc.string(), (a, b, text) => sound(mix(a)) && sound(combine(a, b)) && sound(hashString(text))))
  t.pass('at the edges too')
})

t.test('a fraction is above 0 and below 1, so that it has a logarithm that is not 0', async (t) => {
  fc.assert(fc.property(word, (hash) => {
    const value = fraction(hash)
    return value > 0 && value < 1 && Math.log(value) < 0 && Number.isFinite(Math.log(value))
  }))
  t.pass('for 0 and for 2^32 - 1 too')
})

t.test('a changed input bit changes half of the output bits', async (t) => {
  const rounds = 2000
  for (let bit = 0; bit < 32; bit++) {
    let changed = 0
    for (let i = 0; i < rounds; i++) changed += ones(mix(i * 2654435761) ^ mix((i * 2654435761) ^ (1 << bit)))
    const share = changed / (rounds * 32)
    t.ok(share > 0.45 && share < 0.55, `bit ${bit}: ${share}`)
  }
})

t.test('the order of what is combined counts', async (t) => {
  t.not(combine(1, 2), combine(2, 1))
})

t.test('paths that differ in one character are spread over ten boxes evenly', async (t) => {
  const boxes = new Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) {
    const box = Math.floor(fraction(hashString(`/live/channel-${i}.m3u8`)) * 10)
    boxes[box] = (boxes[box] ?? 0) + 1
  }
  for (const count of boxes) t.ok(count > 850 && count < 1150, `${count} of 1000`)
})

function ones(value: number): number {
  let count = 0
  for (let rest = value >>> 0; rest !== 0; rest >>>= 1) count += rest & 1
  return count
}
