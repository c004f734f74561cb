import fc from 'fast-check'
import { BlockList, isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { TrustedProxies, clientAddress, clientPort } from '../../src/http/client-address.ts'
import { fieldsIn } from '../../src/http/fields.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import { ClientPort } from '../../src/privacy/port.ts'

const NETWORKS = ['10.0.0.0/8', '192.0.2.10', '2001:db8:ffff::/48']
const trusted = TrustedProxies.parse(NETWORKS)

function words(address: ClientAddress | undefined): readonly number[] | undefined {
  return address && [address.family, address.word(0), address.word(1), address.word(2), address.word(3)]
}

/** @param headers names and values in turn */
function clientOf(peer: string, headers: readonly string[], proxies = trusted) {
  return clientAddress(peer, fieldsIn(headers).forwardedFor, proxies)
}

function client(peer: string, ...values: string[]) {
  return clientOf(peer, values.flatMap((value) => ['X-Forwarded-For', value]))
}

type Row = [title: string, peer: string, values: string[], expected: string | undefined, invalid: boolean]

/** 18 hops of ours, 1,017 bytes, behind a viewer's address. */
const FAR = Array.from({ length: 18 }, (_, i) => `,${'10.0.0.1'.padStart(i < 17 ? 55 : 64)}`).join('')

const CASES: readonly Row[] = [
  ['a peer that nobody vouches for is the client, whatever it claims', '203.0.113.1', ['10.1.1.1', '198.51.100.1'], '203.0.113.1', false],
  ['a proxy without a list is the client', '10.0.0.1', [], '10.0.0.1', false],
  ['a proxy with an empty list is the client', '10.0.0.1', [''], '10.0.0.1', false],
  ['the rightmost stranger is the client', '10.0.0.1', ['198.51.100.7, 203.0.113.5'], '203.0.113.5', false],
  ['proxies of ours are passed over', '10.0.0.1', ['1.1.1.1, 203.0.113.5, 10.9.9.9, 192.0.2.10'], '203.0.113.5', false],
  ['a list of proxies alone gives the first of them', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3', false],
  ['headers that are repeated are one list, in order', '10.0.0.1', ['203.0.113.5', '10.0.0.2'], '203.0.113.5', false],
  ['and the later header is the nearer hop', '10.0.0.1', ['198.51.100.1', '203.0.113.5'], '203.0.113.5', false],
  ['a word instead of an address ends the walk', '10.0.0.1', ['203.0.113.5, unknown, 10.0.0.2'], undefined, true],
  ['a word left of the client is never read', '10.0.0.1', ['unknown, 203.0.113.5'], '203.0.113.5', false],
  ['an empty place ends the walk', '10.0.0.1', ['203.0.113.5, '], undefined, true],
  ['ports and brackets are dropped', '10.0.0.1', ['203.0.113.5:4711, [2001:db8:ffff::1]:80'], '203.0.113.5', false],
  ['an IPv4 address written as IPv6 is that IPv4 address', '::ffff:10.0.0.1', ['::ffff:203.0.113.5'], '203.0.113.5', false],
  ['leading zeros are no address', '10.0.0.1', ['203.0.113.05'], undefined, true],
  ['a socket without an address is an unknown client', '', ['203.0.113.5'], undefined, false],
  ['20 hops are read', '10.0.0.1', [`203.0.113.5,${Array(19).fill('10.0.0.2').join()}`], '203.0.113.5', false],
  // What stands across the 1,024th byte from the right is no address, whatever its end looks like.
  ...['11.2.3.4', '111.2.3.4', '1.2.3.44'].map((first): Row => [`${first} beyond 1,024 bytes`, '10.0.0.1', [first + FAR], undefined, true]),
  ['an address within 1,024 bytes', '10.0.0.1', [`1.2.3.4${FAR}`], '1.2.3.4', false],
  ['an address within 1,024 bytes, and claims beyond them', '10.0.0.1', [`x,1.2.3.4${FAR}`], '1.2.3.4', false],
  ['21 hops are too many', '10.0.0.1', [`203.0.113.5,${Array(20).fill('10.0.0.2').join()}`], undefined, true],
  ['10,000 claims cost nothing and change nothing', '10.0.0.1', [`${'6.6.6.6,'.repeat(10_000)}203.0.113.5`], '203.0.113.5', false],
  ['what lies beyond 1 KB is not read', '10.0.0.1', [`203.0.113.5,${' '.repeat(1100)}10.0.0.2`], undefined, true],
]

for (const [title, peer, values, expected, invalid] of CASES) {
  t.test(title, (t) => {
    const result = client(peer, ...values)
    t.strictSame(words(result.address), words(expected === undefined ? undefined : ClientAddress.parse(expected)))
    t.equal(result.invalid, invalid)
    t.end()
  })
}

t.test('only the header of that very name counts', (t) => {
  for (const name of ['X_Forwarded_For', 'X-Forwarded_For', 'Forwarded', 'X-Real-IP', 'True-Client-IP', 'X-Forwarded-For ']) {
    t.strictSame(words(clientOf('10.0.0.1', [name, '203.0.113.5']).address), words(ClientAddress.parse('10.0.0.1')), name)
  }
  t.end()
})

t.test('nobody is trusted unless the operator says so', (t) => {
  const nobody = TrustedProxies.parse([])
  for (const peer of ['127.0.0.1', '10.0.0.1', '::1']) {
    const result = clientOf(peer, ['X-Forwarded-For', '203.0.113.5'], nobody)
    t.strictSame(words(result.address), words(ClientAddress.parse(peer)))
    t.equal(result.viaProxy, false)
  }
  t.end()
})

const PORTS: readonly [title: string, peer: string, values: string[], expected: number | undefined][] = [
  ['a peer that nobody vouches for has the port of its socket, whatever it claims', '203.0.113.1', ['198.51.100.1:51234'], 40_012],
  ['a proxy that names nobody speaks for itself', '10.1.1.1', [], 40_012],
  ['behind a proxy the socket\'s port is the proxy\'s, and no viewer\'s', '10.1.1.1', ['198.51.100.1'], undefined],
  ['a proxy may pass on the port', '10.1.1.1', ['198.51.100.1:51234'], 51_234],
  ['and that of IPv6, in brackets', '10.1.1.1', [' [2001:db8::1]:51234 '], 51_234],
  ['brackets without a port have none', '10.1.1.1', ['[2001:db8::1]'], undefined],
  ['the last group of IPv6 is no port', '10.1.1.1', ['2001:db8::1234'], undefined],
  ['the port is that of the hop which is the client, and no other\'s', '10.1.1.1', ['203.0.113.9:1111, 198.51.100.1:2222, 10.2.2.2:3333'], 2222],
  ['also over several headers', '10.1.1.1', ['198.51.100.1:2222', '10.2.2.2'], 2222],
  ['a client that is not known has no port', '10.1.1.1', ['unknown:2222'], undefined],
  ['65536 is no port', '10.1.1.1', ['198.51.100.1:65536'], undefined],
  ['0 is no port', '10.1.1.1', ['198.51.100.1:0'], undefined],
]

t.test('the port is that of the client, or it is not known', (t) => {
  for (const [title, peer, values, expected] of PORTS) {
    const headers = values.flatMap((value) => ['X-Forwarded-For', value])
    t.equal(clientPort({ peer, port: ClientPort.of(40_012), headers }, trusted)?.portNumber(), expected, title)
  }
  t.end()
})

t.test('a network that is none is refused by name', (t) => {
  for (const wrong of ['10.0.0.0/33', '10.0.0/8', 'proxy.example', '', '10.0.0.0/', '10.0.0.0/-1', '::/129', '::ffff:10.0.0.0/8',
    '10.0.0.0/8/8']) {
    t.throws(() => TrustedProxies.parse([wrong]), { name: 'RangeError' }, wrong)
  }
  t.end()
})

const v4 = fc.oneof(fc.ipV4(), fc.nat(255).map((last) => `10.0.0.${last}`), fc.constant('192.0.2.10'))
const v6 = fc.oneof(fc.ipV6().filter((text) => !/\./.test(text)), fc.nat(0xffff).map((last) => `2001:db8:ffff::${last.toString(16)}`))
const address = fc.oneof(v4, v6)

t.test('networks match as the platform\'s own block list does', (t) => {
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.nat(32), fc.constant('ipv4' as const)),
    fc.tuple(fc.ipV6().filter((text) => !/\./.test(text)), fc.nat(128), fc.constant('ipv6' as const)),
  )
  fc.assert(
    fc.property(fc.array(network, { maxLength: 4 }), address, fc.boolean(), (networks, text, near) => {
      const spelt = near ? (networks[0]?.[0] ?? text) : text
      const subject = ClientAddress.parse(spelt)
      // Mapped and NAT64 spellings are IPv4 to us on purpose, and an IPv6 network never holds them.
      const mixed = networks.some(([base]) => isIP(base) === 6 && ClientAddress.parse(base)?.family === 4)
      if (subject === undefined || mixed || subject.family !== isIP(spelt)) return true
      const reference = new BlockList()
      for (const [base, bits, family] of networks) if (family === `ipv${subject.family}`) reference.addSubnet(base, bits, family)
      const ours = TrustedProxies.parse(networks.map(([base, bits]) => `${base}/${bits}`))
      return ours.has(subject) === reference.check(spelt, `ipv${subject.family}`)
    }),
    { numRuns: 2000 },
  )
  t.end()
})

t.test('the client is the rightmost hop that no proxy vouches for, by the plainest reading', (t) => {
  const token = fc.oneof({ weight: 6, arbitrary: address }, { weight: 1, arbitrary: fc.constantFrom('unknown', '', '_hidden', '1.2.3',
    '256.1.1.1') })
  fc.assert(
    fc.property(address, fc.array(fc.array(token, { minLength: 1, maxLength: 5 }), { maxLength: 4 }), (peer, lists) => {
      const headers = lists.flatMap((list) => ['x-forwarded-FOR', list.join(', ')])
      const result = clientOf(peer, headers)
      return isDeepStrictEqual(words(result.address), plainest(peer, lists.flat()))
    }),
    { numRuns: 3000 },
  )
  t.end()
})

function plainest(peer: string, list: readonly string[]): readonly number[] | undefined {
  let hops = [peer, ...[...list].reverse()]
  if (list.join('').trim() === '' && list.length <= 1) hops = [peer]
  for (const [position, hop] of hops.entries()) {
    const parsed = ClientAddress.parse(hop)
    if (parsed === undefined) return undefined
    if (position === hops.length - 1 || !trusted.has(parsed)) return words(parsed)
  }
  return undefined
}
