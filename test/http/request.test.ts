import fc from 'fast-check'
import t from 'tap'
import { TrustedProxies } from '../../src/http/client-address.ts'
import type { WireRequest } from '../../src/http/message.ts'
import { HTTP_REJECTION_NAMES } from '../../src/http/rejection.ts'
import type { HttpRejectionName } from '../../src/http/rejection.ts'
import { readRequest } from '../../src/http/request.ts'
import type { ResolvedRequest } from '../../src/http/request.ts'
import { prefersJson } from '../../src/http/accept.ts'
import { Host, readHost } from '../../src/http/host.ts'
import { heapUsed } from '../heap.ts'

const config = { trusted: TrustedProxies.parse(['192.0.2.0/24']) }

function wire(change: Partial<WireRequest> = {}): WireRequest {
  return { method: 'GET', target: '/x.m3u8', headers: ['Host', 'play.example'], peer: '203.0.113.1', encrypted: false, http10: false,
    ...change }
}

function resolved(change: Partial<WireRequest> = {}): ResolvedRequest {
  const request = readRequest(wire(change), config)
  if (request.rejected !== undefined) throw new Error(`rejected: ${request.rejected}`)
  return request
}

t.test('a plain request is taken as it stands', (t) => {
  const { rejected, address, userAgent, ...rest } = resolved({ target: '/a/x.m3u8?t=a~b+c%2F&d', headers: ['hOST', 'Play.Example.:80', 'User-Agent',
    'one', 'user-agent', 'two'] })
  t.strictSame(rest, {
    method: 'GET',
    scheme: 'http',
    host: 'play.example',
    authority: 'Play.Example.:80',
    path: '/a/x.m3u8',
    query: 't=a~b+c%2F&d',
    forwardedInvalid: false,
    wants: 'redirect',
  })
  t.equal(userAgent?.text, 'one')
  t.equal(rejected, undefined)
  t.equal(address?.word(0), 0xcb007101)
  t.end()
})

const REJECTED: readonly [HttpRejectionName, Partial<WireRequest>][] = [
  ['method', { method: 'POST' }],
  ['method', { method: 'POST', headers: ['Host', 'a', 'Content-Length', '3'] }],
  ['method', { method: 'get' }],
  ['method', { method: '' }],
  ['too_long', { target: `/${'a'.repeat(8192)}` }],
  ['host', { headers: [] }],
  ['host', { headers: ['Host', 'a', 'host', 'a'] }],
  ['host', { headers: ['Host', ''], http10: true }],
  ['body', { headers: ['Host', 'a', 'content-length', '1'] }],
  ['body', { headers: ['Host', 'a', 'Content-Length', '00'] }],
  ['body', { headers: ['Host', 'a', 'TRANSFER-ENCODING', 'chunked'] }],
  ['expectation', { headers: ['Host', 'a', 'Expect', 'payment'] }],
  ['target', { target: '' }],
  ['target', { target: '*' }],
  ['target', { target: 'x' }],
  ['target', { target: '?x' }],
  ['target', { method: 'OPTIONS', target: '*x' }],
  ['target', { target: '/x?a b' }],
  ['target', { target: '/x?a\x7f' }],
  ['target', { target: '//..' }],
  ['target', { target: '/..?x' }],
  ['target', { target: '/%2e%2e%2fx' }],
  ['target', { target: '/a%2F.' }],
  ['target', { target: '/a/%2e;b' }],
  ['target', { target: '/%' }],
  ['target', { target: '/%1' }],
  ['target', { target: '/%1f' }],
  ['target', { target: '/\u560d' }],
]

t.test('a request that does not hold to the rules is refused under its own name', (t) => {
  for (const [name, change] of REJECTED) t.strictSame(readRequest(wire(change), config), { rejected: name },
    JSON.stringify(change).slice(0, 80))
  t.end()
})

t.test('slashes in front count once, and what looks like a host behind them is a path', (t) => {
  for (const [target, path, query] of [
    ['//evil.example/x', '/evil.example/x', ''],
    ['////', '/', ''],
    ['//?//x', '/', '//x'],
    ['/a//b', '/a//b', ''],
    ['/?', '/', ''],
    ['/x??y', '/x', '?y'],
    ['/%2fevil', '/%2fevil', ''],
  ] as const) {
    const request = resolved({ target })
    t.strictSame([request.path, request.query], [path, query], target)
  }
  t.end()
})

t.test('only a proxy that is trusted, saying exactly https, makes a plain connection https', (t) => {
  const said = (peer: string, ...values: string[]) =>
    resolved({ peer, headers: ['Host', 'a', ...values.flatMap((value) => ['X-Forwarded-Proto', value])] }).scheme
  t.equal(said('192.0.2.7', 'https'), 'https')
  t.equal(said('192.0.2.7', 'HTTPS'), 'https')
  t.equal(said('::ffff:192.0.2.7', 'https'), 'https')
  for (const values of [[], ['http'], ['https, http'], ['https,https'], ['https', 'https'], ['wss'], ['']]) t.equal(said('192.0.2.7',
    ...values), 'http', String(values))
  t.equal(said('203.0.113.1', 'https'), 'http', 'a stranger')
  t.equal(resolved({ encrypted: true }).scheme, 'https')
  t.equal(resolved({ encrypted: true, peer: '192.0.2.7', headers: ['Host', 'a', 'X-Forwarded-Proto', 'http'] }).scheme, 'https',
    'the socket itself knows')
  t.end()
})

t.test('a list of hops that cannot be read makes the client unknown and is reported', (t) => {
  const request = resolved({ peer: '192.0.2.7', headers: ['Host', 'a', 'X-Forwarded-For', 'unknown'] })
  t.equal(request.address, undefined)
  t.equal(request.forwardedInvalid, true)
  t.end()
})

t.test('hosts are hosts, or nothing', (t) => {
  for (const [value, host] of [
    ['Example.COM', 'example.com'], ['example.com.', 'example.com'], ['example.com.:1', 'example.com'], ['a_b.example:65535',
    'a_b.example'], ['192.0.2.1:80', '192.0.2.1'],
    ['[2001:DB8::1]', '[2001:db8::1]'], ['[::ffff:192.0.2.1]:80', '[::ffff:192.0.2.1]'], ['xn--bcher-kva.example',
    'xn--bcher-kva.example'], ['a'.repeat(253), 'a'.repeat(253)],
  ] as const) t.equal(readHost(value), host, value)
  for (const value of [
    '', '.', '..', 'a..b', '.a', 'a..', 'a:', 'a:0', 'a:080', 'a:65536', 'a:+1', 'a:1:2', ':80', 'a b', 'a/b', 'a@b', 'a%41', 'a,b',
    'a\tb', 'b\u00fccher', '\uff41', '[', '[]', '[::1', '::1', '2001:db8::1',
    '[::1]x', '[::1]:', '[::1%25lo]', '[192.0.2.1]', '[v1.x]', '[::1]]', 'a]:80', 'a'.repeat(254), `${'a'.repeat(300)}`,
  ]) t.equal(readHost(value), undefined, JSON.stringify(value))
  t.end()
})

t.test('JSON is for clients that name it and like nothing better', (t) => {
  for (const [accept, json] of [
    ['application/json', true], ['Application/JSON; charset=utf-8', true], ['application/json, text/plain, */*', true],
    ['*/*;q=0.1, application/json;q=0.5', true], ['application/json;q=0.001', true],
    ['*/*', false], ['', false], ['application/*', false], ['text/html, application/json;q=0.9', false], ['application/json;q=0', false],
    ['application/json;q=0.0', false], ['application/json;q=nan', false],
    ['application/json;q=2', false], ['application/jsonp', false], ['application/dns+json', false],
    [`application/json,${'a/b,'.repeat(400)}`, false],
  ] as const) t.equal(prefersJson(accept), json, accept.slice(0, 60))
  t.end()
})

t.test('whatever the request, there is a request or a name from the closed list, and never an error', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 60 })
  const name = fc.oneof(fc.constantFrom('Host', 'host', 'Accept', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Content-Length', 'Expect',
    'User-Agent', '__proto__'), text)
  const requests = fc.record({
    method: fc.oneof(fc.constantFrom('GET', 'HEAD', 'OPTIONS'), text),
    target: fc.oneof(text, text.map((rest) => `/${rest}`), fc.webPath()),
    headers: fc.array(fc.tuple(name, text), { maxLength: 6 }).map((pairs) => pairs.flat()),
    peer: fc.oneof(text, fc.ipV4(), fc.ipV6()),
    encrypted: fc.boolean(),
    http10: fc.boolean(),
  })
  fc.assert(
    fc.property(requests, (request) => {
      const result = readRequest(request, config)
      if (result.rejected !== undefined) return HTTP_REJECTION_NAMES.includes(result.rejected)
      return result.path === '*' || (/^\/(?!\/)[\x21-\x7e]*$/.test(result.path) && /^[\x21-\x7e]*$/.test(result.query))
    }),
    { numRuns: 20_000 },
  )
  t.end()
})

t.test('a host that a connection remembers keeps nothing of the request that it came with', async (t) => {
  const before = heapUsed()
  const hosts = Array.from({ length: 1000 }, (_, i) => Host.copyOf(new Host(`${'x'.repeat(20_000)} a-long-name-${i}.play.example`.slice(20_001))))
  const kept = heapUsed() - before
  t.ok(kept < 5, `1,000 hosts of requests of 20 KB: ${kept.toFixed(1)} MiB`)
  t.same(hosts.at(-1), new Host('a-long-name-999.play.example'))
})
