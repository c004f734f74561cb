import fc from 'fast-check'
import t from 'tap'
import { INTERNAL_V4, isInternal } from '../../src/health/internal-ranges.ts'

t.test('internal addresses are internal, in every form in which they can arrive', async (t) => {
  const internal = [
    '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.0.1', '169.254.169.254', '172.16.0.1', '172.31.255.255',
    '192.0.0.8', '192.0.2.1', '192.168.0.1', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.7', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
    '::', '::1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b:1::a00:1', '100::1', '2001:0:1::1',
    '2001:db8::1', '2002:7f00:1::', '3fff::1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff02::1', 'ff00::',
  ]
  for (const address of internal) t.equal(isInternal(address), true, address)
})

t.test('public addresses are not, right up to the edges', async (t) => {
  const open = [
    '1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0',
    '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '::ffff:1.1.1.1', '64:ff9b::1.1.1.1', '2606:4700::1', '2a00::1', '2001:200::1', '2001:4860::8888', '2003::1',
  ]
  for (const address of open) t.equal(isInternal(address), false, address)
})

t.test('what is not an address is internal', async (t) => {
  for (const odd of ['', 'localhost', '127.1', '0x7f.0.0.1', '2130706433', '10.0.0.1:80', '[::1]', '1.1.1.1/8', '%', 'fe80::1%25']) t.equal(isInternal(odd), odd !== '1.1.1.1', odd)
})

t.test('the list agrees with the arithmetic of prefixes, for every IPv4 address and its forms in IPv6', async () => {
  const number = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  const near = fc.constantFrom(...INTERNAL_V4).chain(([network, prefix]) => fc.constantFrom(-1, 0, 2 ** (32 - prefix) - 1, 2 ** (32 - prefix)).map((offset) => number(network) + offset))
  const addresses = fc.oneof(near, fc.integer({ min: 0, max: 0xffffffff })).filter((value) => value >= 0 && value <= 0xffffffff)
  fc.assert(fc.property(addresses, (value) => {
    const text = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
    const expected = INTERNAL_V4.some(([network, prefix]) => Math.floor(value / 2 ** (32 - prefix)) === Math.floor(number(network) / 2 ** (32 - prefix)))
    return isInternal(text) === expected && isInternal(`::ffff:${text}`) === expected && isInternal(`64:ff9b::${text}`) === expected
  }), { numRuns: 2000 })
})
