import t from 'tap'
import { TrustedProxies } from '../../src/http/client-address.ts'
import type { WireRequest } from '../../src/http/message.ts'
import { MAX_PROXY_HEADER, checksum, readProxyHeader } from '../../src/http/proxy-protocol.ts'
import type { PublicServerOptions } from '../../src/http/public-server.ts'
import { seeded } from './open-redirect.ts'
import { LANES, RawClient, start } from './raw-socket.ts'
import { tinyRouter } from './tiny-router.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const V4 = '\xc0\0\x02\x01\xc6\x33\x64\x02\x12\x34\x01\xbb'
const V6 = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01\x20\x01\x0d\xb8${'\0'.repeat(11)}\x02\x12\x34\x01\xbb`
const UNIX = '/run/x'.padEnd(216, '\0')

function block(versionAndCommand: number, family: number, rest: string, length = rest.length): string {
  return SIGNATURE + String.fromCharCode(versionAndCommand, family, length >> 8, length & 255) + rest
}

function extension(type: number, value: string, length = value.length): string {
  return String.fromCharCode(type, length >> 8, length & 255) + value
}

/** A block with a right checksum behind its addresses. */
function checked(extensions: string): string {
  const text = block(0x21, 0x11, V4 + extension(3, '\0\0\0\0') + extensions)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(checksum(Buffer.from(text, 'latin1'), 31))
  return text.slice(0, 31) + sum.toString('latin1') + text.slice(35)
}

const tls = (flags: number, rest = '') => extension(0x20, `${String.fromCharCode(flags)}\0\0\0\0${rest}`)

/** Header, address and whether the client spoke TLS. */
const VALID: readonly [name: string, text: string, address: string | undefined, encrypted?: true][] = [
  ['TCP4', 'PROXY TCP4 192.0.2.1 198.51.100.2 4660 443\r\n', '192.0.2.1'],
  ['ports 0 and 65535', 'PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n', '255.255.255.255'],
  ['TCP6', 'PROXY TCP6 2001:db8::1 ::1 1 2\r\n', '2001:db8::1'],
  ['the longest TCP6', `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`, `${'ffff:'.repeat(7)}ffff`],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
  ['UNKNOWN of 107 bytes with anything in it', `PROXY UNKNOWN ${'x y'.padEnd(91, 'z')}\r\n`, undefined],
  ['2: TCP over IPv4', block(0x21, 0x11, V4), '192.0.2.1'],
  ['2: TCP over IPv6', block(0x21, 0x21, V6), '2001:db8:0:0:0:0:0:1'],
  ['2: LOCAL', block(0x20, 0x00, ''), undefined],
  ['2: LOCAL with any family and anything in it', block(0x20, 0x77, '\xff'.repeat(9)), undefined],
  ['2: PROXY for what is not known', block(0x21, 0x00, ''), undefined],
  ['2: UDP', block(0x21, 0x12, V4), undefined],
  ['2: UDP over IPv6', block(0x21, 0x22, V6), undefined],
  ['2: a UNIX socket', block(0x21, 0x31, UNIX), undefined],
  ['2: a UNIX datagram socket', block(0x21, 0x32, UNIX), undefined],
  ['2: with extensions', block(0x21, 0x11, V4 + extension(4, '\0\0\0') + extension(1, 'h2') + extension(0xee, '')), '192.0.2.1'],
  ['2: with the right checksum', checked(extension(4, 'x')), '192.0.2.1'],
  ['2: TLS', block(0x21, 0x11, V4 + tls(1, extension(0x21, 'TLSv1.3'))), '192.0.2.1', true],
  ['2: TLS extension that says no TLS', block(0x21, 0x11, V4 + tls(2)), '192.0.2.1'],
  ['2: as large as is taken', block(0x21, 0x11, V4 + extension(4, 'x'.repeat(MAX_PROXY_HEADER - 31))), '192.0.2.1'],
]

const INVALID: readonly [name: string, text: string][] = [
  ['a request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['lower case', 'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['108 bytes', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ['107 bytes without an end', `PROXY UNKNOWN ${'x'.repeat(93)}`],
  ['a lone LF', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n'],
  ['a lone LF in UNKNOWN', 'PROXY UNKNOWN x\ny\r\n'],
  ['a lone CR', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx\r\n'],
  ['two spaces', 'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n'],
  ['a tab', 'PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['a space at the end', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n'],
  ['too little', 'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n'],
  ['too much', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n'],
  ['nothing', 'PROXY \r\n'],
  ['leading zeros in an address', 'PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n'],
  ['leading zeros in a port', 'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n'],
  ['a signed port', 'PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n'],
  ['port 65536', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n'],
  ['an octet of 256', 'PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n'],
  ['an address of the other family', 'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n'],
  ['one of each family', 'PROXY TCP4 192.0.2.1 2001:db8::2 1 2\r\n'],
  ['IPv4 as TCP6', 'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n'],
  ['two gaps', 'PROXY TCP6 1::2::3 ::1 1 2\r\n'],
  ['UDP4', 'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['UNKNOWNS', 'PROXY UNKNOWNS\r\n'],
  ['a name', 'PROXY TCP4 localhost 192.0.2.2 1 2\r\n'],
  ['2: a wrong byte in the signature', block(0x21, 0x11, V4).replace('QUIT', 'QUIU')],
  ['2: version 1', block(0x11, 0x11, V4)],
  ['2: version 3', block(0x31, 0x11, V4)],
  ['2: command 2', block(0x22, 0x11, V4)],
  ['2: family 4', block(0x21, 0x41, V4)],
  ['2: protocol 3', block(0x21, 0x13, V4)],
  ['2: IPv4 without protocol', block(0x21, 0x10, V4)],
  ['2: protocol without family', block(0x21, 0x01, V4)],
  ['2: too short for IPv4', block(0x21, 0x11, V4.slice(1))],
  ['2: too short for IPv6', block(0x21, 0x21, V6.slice(1))],
  ['2: too short for UNIX', block(0x21, 0x31, UNIX.slice(1))],
  ['2: 65,535 bytes', block(0x21, 0x11, V4, 65535)],
  ['2: LOCAL of 65,535 bytes', block(0x20, 0x00, '', 65535)],
  ['2: one more than is taken', block(0x21, 0x11, V4, MAX_PROXY_HEADER - 15)],
  ['2: an extension cut short', block(0x21, 0x11, `${V4}\x04\0`)],
  ['2: an extension that overflows', block(0x21, 0x11, V4 + extension(4, 'x', 2))],
  ['2: an extension that overflows after another', block(0x21, 0x11, V4 + extension(4, 'x') + extension(4, '', 1))],
  ['2: a wrong checksum', block(0x21, 0x11, V4 + extension(3, '\0\0\0\0'))],
  ['2: a checksum of another block', checked(extension(4, 'x')).replace('\x12\x34', '\x12\x35')],
  ['2: a checksum of three bytes', block(0x21, 0x11, V4 + extension(3, '\0\0\0'))],
  ['2: two checksums', checked(extension(3, '\0\0\0\0'))],
  ['2: a TLS extension cut short', block(0x21, 0x11, V4 + extension(0x20, '\x01\0\0\0'))],
  ['2: an overflow within the TLS extension', block(0x21, 0x11, V4 + tls(1, extension(0x21, 'x', 2)))],
]

const read = (text: string) => readProxyHeader(Buffer.from(text, 'latin1'))

t.test('the checksum is CRC-32C', (t) => {
  // Test vectors of RFC 3720, appendix B.4.
  for (const [bytes, sum] of [[Buffer.alloc(32), 0x8a9136aa], [Buffer.alloc(32, 255), 0x62a8ab43], [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e]] as const) {
    t.equal(checksum(bytes, 64), sum)
  }
  t.end()
})

t.test('a valid header gives the address that it names, and says where the request begins', (t) => {
  for (const [name, text, address, encrypted = false] of VALID) {
    for (const [given, what] of [[text, name], [`${text}GET / HTTP/1.1\r\n`, `${name}, with a request behind it`]] as const) {
      t.match(read(given), { length: text.length, source: { address, encrypted } }, what)
    }
  }
  t.end()
})

t.test('a header that names an address names its port too', (t) => {
  const portIn = (text: string) => {
    const header = read(text)
    return typeof header === 'string' ? header : header.source.port?.portNumber()
  }
  for (const [name, port] of [['TCP4', 4660], ['TCP6', 1], ['the longest TCP6', 65_535], ['2: TCP over IPv4', 0x1234], ['2: TCP over IPv6', 0x1234], ['UNKNOWN', undefined], ['2: LOCAL', undefined], ['2: UDP', undefined]] as const) {
    t.equal(portIn(VALID.find(([title]) => title === name)?.[1] ?? ''), port, name)
  }
  t.equal(portIn('PROXY TCP4 192.0.2.1 192.0.2.2 0 2\r\n'), undefined, 'port 0 is none')
  t.end()
})

t.test('a valid header cut anywhere is the beginning of one', (t) => {
  for (const [name, text] of VALID) {
    const wrong = Array.from(text, (_, cut) => cut).filter((cut) => read(text.slice(0, cut)) !== 'partial')
    t.strictSame(wrong, [], name)
  }
  t.end()
})

t.test('an invalid header is known as one', (t) => {
  for (const [name, text] of INVALID) t.equal(read(text), 'invalid', name)
  t.end()
})

t.test('no mutant of a header is taken but a valid one', (t) => {
  const random = seeded(Number(process.env['FUZZ_SEED'] ?? 20260301))
  const below = (n: number) => Math.floor(random() * n)
  let taken = 0
  for (let i = 0; i < 100_000; i++) {
    let text = VALID[below(VALID.length - 1)]?.[1] ?? ''
    for (let changes = 1 + below(2); changes > 0; changes--) {
      const at = below(Math.min(text.length, 130))
      const kind = below(3)
      text = text.slice(0, at) + (kind === 0 ? '' : String.fromCharCode(random() < 0.3 ? (text.charCodeAt(at) ^ (1 << below(8))) : below(256))) + text.slice(kind === 1 ? at : at + 1)
    }
    const header = read(text)
    if (typeof header === 'string') continue
    taken++
    const whole = text.slice(0, header.length)
    if (!isValid(whole, header.source.address)) {
      t.fail('taken', { text: whole })
      break
    }
  }
  t.ok(taken > 1000, `${taken} of 100,000 were valid`)
  t.end()
})

/** The specification said once more, in another way. */
function isValid(text: string, address: string | undefined): boolean {
  if (!text.startsWith(SIGNATURE)) {
    if (text.length > 107 || text.indexOf('\r') !== text.length - 2 || text.indexOf('\n') !== text.length - 1) return false
    const words = text.slice(0, -2).split(' ')
    if (words[0] !== 'PROXY') return false
    if (words[1] === 'UNKNOWN') return address === undefined
    const octets = (word = '') => word.split('.').length === 4 && word.split('.').every((octet) => String(Number(octet) & 255) === octet)
    const groups = (word = '') => URL.canParse(`http://[${word}]/`)
    const fits = words[1] === 'TCP4' ? octets : words[1] === 'TCP6' ? groups : () => false
    return words.length === 6 && words[2] === address && fits(words[2]) && fits(words[3]) && words.slice(4).every((port) => String(Number(port) & 65535) === port)
  }
  const bytes = Buffer.from(text, 'latin1')
  const [command, family] = [bytes[12], bytes[13] ?? 0]
  if (bytes.length !== 16 + bytes.readUInt16BE(14) || (command !== 0x20 && command !== 0x21)) return false
  if (command === 0x20) return address === undefined
  const addresses = { 0x00: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216 }[family]
  if (addresses === undefined) return false
  let at = 16 + addresses
  while (at < bytes.length) at += at + 3 <= bytes.length ? 3 + bytes.readUInt16BE(at + 1) : 3
  return at === bytes.length && (address !== undefined) === (family === 0x11 || family === 0x21)
}

const GET = 'GET /demo/x.m3u8 HTTP/1.1\r\nHost: play.example\r\n\r\n'
const PROXIES = TrustedProxies.parse(['127.0.0.0/8'])

for (const [title, fastLane] of LANES) t.test(title, async (t) => {
  async function launch(options: Partial<PublicServerOptions> = {}) {
    const seen: WireRequest[] = []
    const route = tinyRouter()
    const started = await start({ fastLane, proxyProtocol: PROXIES, respond: (wire) => (seen.push(wire), route(wire)), ...options })
    t.teardown(() => started.server.close())
    return { ...started, seen }
  }

  t.test('the address of the header is the peer of every request on the connection, whoever reads them', async (t) => {
    const { port, seen } = await launch()
    for (const [name, text, address = '127.0.0.1', encrypted = false] of VALID) {
      const client = new RawClient(port)
      await client.send(text + GET)
      t.equal((await client.answer())?.status, 302, name)
      await client.send(GET + GET.replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n') + GET)
      for (let i = 0; i < 3; i++) t.equal((await client.answer())?.status, 302)
      client.destroy()
      t.strictSame(seen.splice(0).map((wire) => [wire.peer, wire.encrypted]), Array(4).fill([address, encrypted]))
    }
  })

  t.test('a header that comes in pieces is put together', async (t) => {
    const { port, seen } = await launch()
    for (const [, text, address = '127.0.0.1'] of VALID.filter(([, text]) => text.length < 60)) {
      const client = new RawClient(port)
      for (const byte of text + GET) {
        await client.send(byte)
        await new Promise((resolve) => setImmediate(resolve))
      }
      t.equal((await client.answer())?.status, 302)
      t.equal(seen.at(-1)?.peer, address)
      if (address === '127.0.0.1') t.equal(seen.at(-1)?.port?.portNumber(), client.socket.localPort, 'a proxy that names nobody speaks for its own end')
      else t.not(seen.at(-1)?.port?.portNumber(), client.socket.localPort, 'the port is that of the header')
      client.destroy()
    }
  })

  t.test('a connection without a valid header is closed without a word and counted', async (t) => {
    const { port, seen, rejected } = await launch()
    for (const [name, text] of INVALID) {
      const client = new RawClient(port)
      await client.send(text)
      await client.closed
      t.equal(client.rest, '', name)
      client.destroy()
    }
    t.strictSame(rejected, INVALID.map(() => 'proxy_header'))
    t.strictSame(seen, [])
  })

  t.test('a peer that is not trusted is closed, with a header or without', async (t) => {
    const { port, seen, rejected } = await launch({ proxyProtocol: TrustedProxies.parse(['192.0.2.0/24']) })
    for (const text of ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', '']) {
      const client = new RawClient(port)
      await client.send(text + GET)
      await client.closed
      t.equal(client.rest, '')
      client.destroy()
    }
    t.strictSame([seen, rejected], [[], ['proxy_header', 'proxy_header']])
  })

  t.test('a listener that asks for none takes none', async (t) => {
    const { port, seen } = await launch({ proxyProtocol: undefined })
    for (const [, text] of VALID) {
      const client = new RawClient(port)
      await client.send(text + GET)
      t.equal((await client.answer())?.status, 400)
      await client.closed
      client.destroy()
    }
    t.strictSame(seen, [])
  })

  t.test('a header that does not come, or not to its end, is not waited for', async (t) => {
    const { port, rejected } = await launch({ limits: { proxyHeaderTimeout: 100, checkingInterval: 20, headersTimeout: 60_000, requestTimeout: 60_000 } })
    const [silent, dripping] = [new RawClient(port), new RawClient(port)]
    const drip = setInterval(() => dripping.socket.write('P'), 10)
    await dripping.send('PROXY UNKNOWN ')
    await Promise.all([silent.closed, dripping.closed])
    clearInterval(drip)
    t.strictSame(rejected, ['proxy_header', 'proxy_header'])
    for (const client of [silent, dripping]) client.destroy()
  })

  t.test('a connection that is silent behind its header is closed without a word', async (t) => {
    const { port, rejected } = await launch({ limits: { headersTimeout: 100, requestTimeout: 200, checkingInterval: 20, linger: 20 } })
    const client = new RawClient(port)
    await client.send('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')
    await client.closed
    t.equal(client.rest, '')
    t.strictSame(rejected, ['timeout'])
    client.destroy()
  })
})
