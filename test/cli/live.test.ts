// What a live check says of targets that would break players, each wrong in one way.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { checkLive, formatFindings } from '../../src/cli/live.ts'
import type { Ask, Family, Reply } from '../../src/cli/live.ts'
import { build } from '../policy/base.ts'

function snapshotOf(target: string) {
  const { snapshot } = build({
    'targets/all.yaml': `targets:\n  - { id: edge, ${target} }\n`,
    'zones/all.yaml': undefined,
    'policies/eu-only.yaml': undefined,
    'services/tv.yaml': 'service: tv\nsteps:\n  - { name: own, targets: [edge], select: failover }\n',
  })
  if (snapshot === undefined) throw new Error('the configuration is wrong')
  return snapshot
}

const CORS = { 'access-control-allow-origin': '*' }
const good: Reply = { status: 200, headers: CORS }

async function told(reply: (url: URL, family: Family) => Reply | string, path = '/a.m3u8'): Promise<string> {
  const ask: Ask = async (url, family) => {
    const answer = reply(url, family)
    if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer })
    return answer
  }
  return formatFindings(await checkLive(snapshotOf('host: edge.example'), { path, ask }))
}

t.test('a good target is asked over both schemes and families, and nothing is said of it', async (t) => {
  const asked: string[] = []
  t.equal(await told((url, family) => (asked.push(`${url.href} ${family}`), good)), 'no target would break players\n')
  t.same(asked.sort(), ['http://edge.example/a.m3u8 4', 'http://edge.example/a.m3u8 6', 'https://edge.example/a.m3u8 4', 'https://edge.example/a.m3u8 6'])
})

t.test('what breaks players is an error', async (t) => {
  const cases: readonly (readonly [what: string, reply: (url: URL, family: Family) => Reply | string, says: RegExp])[] = [
    ['no CORS', () => ({ status: 200, headers: {} }), /error: edge at http:\/\/edge\.example: no Access-Control-Allow-Origin/],
    ['CORS for one page', () => ({ status: 200, headers: { 'access-control-allow-origin': 'https://page.example' } }), /error.*Origin: null, so use \*/],
    ['CORS twice', () => ({ status: 200, headers: { 'access-control-allow-origin': '*, *' } }), /error.*more than one/],
    ['another scheme', (url) => (url.protocol === 'http:' ? { status: 301, headers: { ...CORS, location: 'https://edge.example/a.m3u8' } } : good), /error.*redirects from http to https/],
    ['two redirects', (url) => ({ status: 302, headers: { ...CORS, location: `${url.origin}/x` } }), /error.*redirects more than once/],
    ['a redirect without CORS behind it', (url) => (url.pathname === '/x' ? { status: 200, headers: {} } : { status: 302, headers: { ...CORS, location: '/x' } }), /error.*behind its redirect/],
    ['a missing manifest', () => ({ status: 404, headers: CORS }), /error.*answers 404 to \/a\.m3u8/],
    ['a broken server', () => ({ status: 503, headers: CORS }), /error.*answers 503/],
    ['nobody over IPv6', (_, family) => (family === 6 ? 'ECONNREFUSED' : good), /error: edge at http:\/\/edge\.example over IPv6: no answer \(ECONNREFUSED\)/],
    ['no address', () => 'NO_ADDRESS', /error.*no address at all/],
  ]
  for (const [what, reply, says] of cases) {
    const report = await told(reply)
    t.match(report, says, what)
    t.match(report, '1 target would break players', what)
  }
})

t.test('of an answer that is an error nothing else is said', async (t) => {
  t.equal(await told((url) => (url.protocol === 'http:' ? { status: 404, headers: {} } : good)), 'error: edge at http://edge.example: answers 404 to /a.m3u8\n1 target would break players\n')
})

t.test('what may be harmless is a warning', async (t) => {
  t.match(await told((_, family) => (family === 6 ? 'NO_ADDRESS' : good)), /warning.*over IPv6: the name has no address of this family[^]*no target would break players/)
  t.match(await told((url) => (url.pathname === '/x' ? good : { status: 302, headers: { ...CORS, location: '/x' } })), /warning.*one more round trip[^]*no target would break players/)
  t.match(await told(() => ({ status: 404, headers: {} }), '/'), /warning.*give --path/)
})

t.test('over the network it asks as a browser does after a redirect', async (t) => {
  let origin: string | undefined
  const server = createServer((request, response) => {
    origin = request.headers.origin
    response.writeHead(200, CORS).end('#EXTM3U')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const snapshot = snapshotOf(`host: 127.0.0.1, port: ${port}, scheme: http`)
  t.same(await checkLive(snapshot, { path: '/a.m3u8' }), [])
  t.equal(origin, 'null')
  server.closeAllConnections()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  t.match(formatFindings(await checkLive(snapshot, { path: '/a.m3u8' })), /no answer \(ECONNREFUSED\)/)
})
