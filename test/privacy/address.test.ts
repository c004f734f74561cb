import fc from 'fast-check'
import { inspect } from 'node:util'
import t from 'tap'
import { ClientAddress } from '../../src/privacy/address.ts'
import { ClientPort } from '../../src/privacy/port.ts'

function words(text: string): string | undefined {
  const address = ClientAddress.parse(text)
  if (address === undefined) return undefined
  const all = ([0, 1, 2, 3] as const).map((i) => address.word(i).toString(16))
  return address.family === 4 ? `4 ${all[0]}` : `6 ${all.join(' ')}`
}

const rows: [text: string, expected: string | undefined][] = [
  // IPv4
  ['0.0.0.0', '4 0'],
  ['1.2.3.4', '4 1020304'],
  ['192.0.2.1', '4 c0000201'],
  ['255.255.255.255', '4 ffffffff'],
  [' 192.0.2.1 ', '4 c0000201'],
  ['192.0.2.1:443', '4 c0000201'],
  ['192.0.2.1:65535', '4 c0000201'],
  ['[192.0.2.1]:443', '4 c0000201'],
  ['192.0.2.1:', undefined],
  ['192.0.2.1:123456', undefined],
  ['192.0.2.1:http', undefined],
  ['192.0.2.01', undefined],
  ['010.0.0.1', undefined],
  ['00.0.0.0', undefined],
  ['192.0.2.256', undefined],
  ['192.0.2.1000', undefined],
  ['192.0.2', undefined],
  ['192.0.2.', undefined],
  ['.192.0.2.1', undefined],
  ['192..2.1', undefined],
  ['192.0.2.1.', undefined],
  ['192.0.2.1.5', undefined],
  ['3221225985', undefined],
  ['0xc0000201', undefined],
  ['0xc0.0.2.1', undefined],
  ['-1.0.2.1', undefined],
  ['+1.0.2.1', undefined],
  ['1e0.0.2.1', undefined],
  ['192.0.2.1/24', undefined],
  ['192.0.2.1, 198.51.100.1', undefined],
  ['192 .0.2.1', undefined],
  ['１９２.0.2.1', undefined],
  ['١.0.2.1', undefined],
  // IPv6
  ['::', '6 0 0 0 0'],
  ['::1', '6 0 0 0 1'],
  ['1::', '6 10000 0 0 0'],
  ['2001:db8::1', '6 20010db8 0 0 1'],
  ['2001:DB8::A', '6 20010db8 0 0 a'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '6 20010db8 0 0 1'],
  ['1:2:3:4:5:6:7:8', '6 10002 30004 50006 70008'],
  ['1:2:3:4:5:6:7::', '6 10002 30004 50006 70000'],
  ['::2:3:4:5:6:7:8', '6 2 30004 50006 70008'],
  ['1::8', '6 10000 0 0 8'],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '6 ffffffff ffffffff ffffffff ffffffff'],
  ['[2001:db8::1]', '6 20010db8 0 0 1'],
  ['[2001:db8::1]:443', '6 20010db8 0 0 1'],
  ['fe80::1%eth0', '6 fe800000 0 0 1'],
  ['[fe80::1%25eth0]:443', '6 fe800000 0 0 1'],
  ['2001:db8::192.0.2.1', '6 20010db8 0 0 c0000201'],
  ['1:2:3:4:5:6:192.0.2.1', '6 10002 30004 50006 c0000201'],
  ['::192.0.2.1', '6 0 0 0 c0000201'],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1:2:3:4:5:6:7:8::', undefined],
  ['1:2:3:4::5:6:7:8', undefined],
  ['1::2::3', undefined],
  [':::', undefined],
  ['::::', undefined],
  [':1:2:3:4:5:6:7:8', undefined],
  ['1:2:3:4:5:6:7:8:', undefined],
  [':1', undefined],
  ['1:', undefined],
  ['12345::', undefined],
  ['g::', undefined],
  ['0x1::', undefined],
  ['192.0.2.1::', undefined],
  ['::192.0.2.1:1', undefined],
  ['::192.0.2', undefined],
  ['::192.0.2.01', undefined],
  ['1:2:3:4:5:6:7:192.0.2.1', undefined],
  ['[2001:db8::1', undefined],
  ['2001:db8::1]', undefined],
  ['[2001:db8::1]443', undefined],
  ['[2001:db8::1]:', undefined],
  ['[2001:db8::1]:123456', undefined],
  ['[[::1]]', undefined],
  ['%eth0', undefined],
  ['2001:db8::1/64', undefined],
  // IPv4 inside IPv6
  ['::ffff:192.0.2.1', '4 c0000201'],
  ['::ffff:c000:201', '4 c0000201'],
  ['0:0:0:0:0:ffff:192.0.2.1', '4 c0000201'],
  ['[::ffff:192.0.2.1]:443', '4 c0000201'],
  ['::ffff:0:192.0.2.1', '6 0 0 ffff0000 c0000201'],
  ['::fffe:192.0.2.1', '6 0 0 fffe c0000201'],
  ['64:ff9b::192.0.2.1', '4 c0000201'],
  ['64:ff9b::c000:201', '4 c0000201'],
  ['64:ff9b:0:0:1::c000:201', '6 64ff9b 0 10000 c0000201'],
  ['64:ff9b:1::192.0.2.1', '6 64ff9b 10000 0 c0000201'],
  // nothing, and too much
  ['', undefined],
  [' ', undefined],
  ['unknown', undefined],
  ['_hidden', undefined],
  ['localhost', undefined],
  ['null', undefined],
  ['192.0.2.1\0', undefined],
  ['192.0.2.1\n198.51.100.1', undefined],
  [`${'0'.repeat(60)}::1`, undefined],
  [`[${'0:'.repeat(40)}:1]`, undefined],
]

t.test('text is exactly one address, or none', async (t) => {
  for (const [text, expected] of rows) t.equal(words(text), expected, JSON.stringify(text.slice(0, 60)))
})

t.test('the words of an address are its bits', async () => {
  fc.assert(fc.property(fc.ipV4(), (text) => {
    const value = text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
    return words(text) === `4 ${value.toString(16)}` && words(`::ffff:${text}`) === words(text) && words(`64:ff9b::${text}`) === words(text) && words(`${text}:1`) === words(text)
  }))
  const group = fc.integer({ min: 1, max: 0xffff })
  fc.assert(fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), fc.nat(7), fc.nat(7), (groups, from, length) => {
    const zeroed = groups.map((value, i) => (i >= from && i < from + length ? 0 : value))
    const full = zeroed.map((value) => value.toString(16)).join(':')
    const hex = (list: number[]) => list.map((value) => value.toString(16)).join(':')
    const short = length === 0 || (zeroed[0] === 0x64 && zeroed[1] === 0xff9b) ? full : `${hex(zeroed.slice(0, from))}::${hex(zeroed.slice(from + length))}`
    const bits = [0, 2, 4, 6].map((i) => ((zeroed[i] ?? 0) * 0x10000 + (zeroed[i + 1] ?? 0)).toString(16))
    const [a, b, c, d] = bits
    const mapped = a === '0' && b === '0' && c === 'ffff'
    return mapped || (words(full) === `6 ${a} ${b} ${c} ${d}` && words(short) === words(full))
  }))
})

t.test('no text makes parsing fail in another way than giving nothing', async () => {
  const odd = fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.stringMatching(/^[0-9a-f:.[\]%]{0,70}$/), fc.ipV6())
  fc.assert(fc.property(odd, (text) => {
    const address = ClientAddress.parse(text)
    return address === undefined || ([0, 1, 2, 3] as const).every((i) => Number.isInteger(address.word(i)) && address.word(i) >= 0 && address.word(i) <= 0xffffffff)
  }), { numRuns: 3000 })
})

t.test('no way of printing an address shows it', async (t) => {
  const address = ClientAddress.parse('203.0.113.77')
  if (address === undefined) throw new Error('must parse')
  const prints = [
    String(address), `${address}`, JSON.stringify({ address }), inspect(address, { showHidden: true, depth: 9 }), inspect({ deep: [address] }), Object.entries(address).join(),
    JSON.stringify(structuredClone({ ...address })), JSON.stringify(Object.getOwnPropertyDescriptors(address)), new Error(`at ${address}`).message, inspect(address, { customInspect: false, showHidden: true }),
  ]
  for (const print of prints) t.notMatch(print, /203|113|77|cb00714d|3405803853/i)
  t.equal(JSON.stringify(address), '"[address]"')
})

t.test('no way of printing a port shows it', async (t) => {
  const port = ClientPort.of(51_234)
  const prints = [
    String(port), `${port}`, JSON.stringify({ port }), inspect(port, { showHidden: true, depth: 9 }), inspect({ deep: [port] }), Object.entries(port).join(), JSON.stringify(structuredClone({ ...port })),
    JSON.stringify(Object.getOwnPropertyDescriptors(port)), new Error(`at ${port}`).message, inspect(port, { customInspect: false, showHidden: true }),
  ]
  for (const print of prints) t.notMatch(print, /51234|c822/i)
  t.equal(JSON.stringify(port), '"[port]"')
})
