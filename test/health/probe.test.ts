import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import t from 'tap'
import { PROBE_RESULTS, probe } from '../../src/health/probe.ts'
import type { Resolve } from '../../src/health/lookup.ts'
import type { CheckSpec, ProbeResult } from '../../src/health/probe.ts'
import { targetNamed } from '../log/decisions.ts'

const target = targetNamed(0, 'edge-fra-2')
const sockets = new Set<Socket>()

async function listening(server: Server): Promise<number> {
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

/** A server that does as it likes with each connection, once a request has come. */
function hostile(act: (socket: Socket, request: string) => void): Promise<number> {
  return listening(createTcpServer((socket) => void socket.once('data', (data) => act(socket, String(data)))))
}

function spec(port: number, rest: Partial<CheckSpec> = {}): CheckSpec {
  return { target, url: `http://127.0.0.1:${port}/health`, allowInternal: true, deadlineMs: 60_000, ...rest }
}

/** The result of a check that connects and then ends at its deadline: the shortest in which this machine manages to connect. */
async function atDeadline(port: number, rest: Partial<CheckSpec> = {}): Promise<ProbeResult> {
  for (let deadlineMs = 100; ; deadlineMs *= 2) {
    const result = await probe(spec(port, { deadlineMs, ...rest }))
    if (result.why !== 'connect_timeout' || deadlineMs > 10_000) return result
  }
}

const answer = (body: string, head = '') => `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`

t.test('a healthy target is healthy, and is asked for what was configured', async (t) => {
  const seen: string[] = []
  const port = await listening(createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`)
    response.end('all is well')
  }))
  t.same(await probe(spec(port)), { ok: true, why: 'ok' })
  t.same(await probe(spec(port, { method: 'HEAD', host: 'live.example', contains: 'never in a HEAD' })), { ok: true, why: 'ok' })
  t.same(await probe(spec(port, { url: `http://127.0.0.1:${port}/a/b?c=d`, contains: 'is well' })), { ok: true, why: 'ok' })
  t.same(seen, [`GET /health 127.0.0.1:${port}`, 'HEAD /health live.example', `GET /a/b?c=d 127.0.0.1:${port}`])
})

t.test('only the expected statuses and text are healthy', async (t) => {
  const port = await listening(createServer((request, response) => {
    response.statusCode = Number(request.url?.slice(1))
    response.end('degraded')
  }))
  const at = (status: number, rest: Partial<CheckSpec> = {}) => probe(spec(port, { url: `http://127.0.0.1:${port}/${status}`, ...rest }))
  t.same(await at(204), { ok: true, why: 'ok' })
  for (const status of [300, 404, 500, 503]) t.same(await at(status), { ok: false, why: 'status' }, String(status))
  t.same(await at(404, { statuses: new Set([404]) }), { ok: true, why: 'ok' })
  t.same(await at(200, { statuses: new Set([404]) }), { ok: false, why: 'status' })
  t.same(await at(200, { contains: 'all is well' }), { ok: false, why: 'body' })
})

t.test('text is found across the pieces in which a body arrives', async (t) => {
  const port = await hostile((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const pieces = ['all i', 's', ' wel', 'l', ', as ever']
    const next = () => {
      const piece = pieces.shift()
      if (piece === undefined) return void socket.write('0\r\n\r\n')
      socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
      setImmediate(next)
    }
    next()
  })
  t.same(await probe(spec(port, { contains: 'all is well' })), { ok: true, why: 'ok' })
})

t.test('a redirect is not followed, neither inwards nor anywhere', async (t) => {
  let followed = 0
  const inner = await listening(createServer((_request, response) => {
    followed++
    response.end()
  }))
  const port = await hostile((socket) => socket.end(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${inner}/\r\nContent-Length: 0\r\n\r\n`))
  t.same(await probe(spec(port)), { ok: false, why: 'status' })
  t.equal(followed, 0)
})

t.test('nothing listens: refused', async (t) => {
  const server = createTcpServer()
  const port = await listening(server)
  server.close()
  await once(server, 'close')
  t.same(await probe(spec(port)), { ok: false, why: 'refused' })
})

t.test('a connection that is reset, or closed without an answer', async (t) => {
  for (const act of [(socket: Socket) => void socket.resetAndDestroy(), (socket: Socket) => void socket.end()]) {
    t.same(await probe(spec(await hostile(act))), { ok: false, why: 'reset' })
  }
})

t.test('a target that never answers ends at the deadline', async (t) => {
  const port = await hostile(() => undefined)
  t.same(await atDeadline(port), { ok: false, why: 'timeout' })
})

t.test('headers that drip for ever end at the deadline', async (t) => {
  const port = await hostile((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    const drip = setInterval(() => socket.write('X-A: b\r\n'), 10)
    socket.on('close', () => clearInterval(drip))
  })
  t.same(await atDeadline(port), { ok: false, why: 'timeout' })
})

t.test('a body that drips for ever ends at the deadline, whatever it holds', async (t) => {
  const port = await hostile((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nall is well')
    const drip = setInterval(() => socket.write('x'), 10)
    socket.on('close', () => clearInterval(drip))
  })
  for (const rest of [{ contains: 'never' }, { contains: 'all is well' }, {}]) t.same(await atDeadline(port, rest), { ok: false, why: 'timeout' }, JSON.stringify(rest))
})

t.test('a body without end is cut off at its size, not at the deadline, whatever it holds', async (t) => {
  let sent = 0
  const port = await hostile((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const more = () => {
      while (socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`) && !socket.destroyed) sent += 4096
    }
    socket.on('drain', more)
    more()
  })
  for (const rest of [{ contains: 'never' }, { contains: 'xxx' }, {}]) {
    sent = 0
    t.same(await probe(spec(port, { deadlineMs: 60_000, maxBytes: 10_000, ...rest })), { ok: false, why: 'body_too_large' }, JSON.stringify(rest))
    t.ok(sent < 50_000_000)
  }
  t.same(await probe(spec(port, { deadlineMs: 60_000 })), { ok: false, why: 'body_too_large' }, 'of its own accord')
})

t.test('headers without end are cut off at their size', async (t) => {
  const port = await hostile((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n`)
  })
  t.same(await probe(spec(port, { deadlineMs: 60_000 })), { ok: false, why: 'headers_too_large' })
})

t.test('what is not HTTP is a fault of the protocol', async (t) => {
  for (const text of ['SSH-2.0-OpenSSH_9.6\r\n\r\n', 'HTTP/1.1 abc\r\n\r\n', '\0\0\0\0\0\0\0\0\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n']) {
    t.same(await probe(spec(await hostile((socket) => void socket.write(text)))), { ok: false, why: 'protocol' }, JSON.stringify(text))
  }
})

t.test('a body shorter than announced does not pass for a whole one', async (t) => {
  const port = await hostile((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'))
  for (const contains of ['never', 'short']) t.equal((await probe(spec(port, { contains }))).ok, false, contains)
})

t.test('a plain server behind an https address is a fault of TLS', async (t) => {
  const port = await hostile((socket) => void socket.end(answer('')))
  t.same(await probe(spec(port, { url: `https://127.0.0.1:${port}/` })), { ok: false, why: 'tls' })
})

t.test('an internal address is not reached without permission, however it is spelled', async (t) => {
  let reached = 0
  const port = await listening(createServer((_request, response) => {
    reached++
    response.end()
  }))
  for (const host of ['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '[::ffff:127.0.0.1]', '[::1]', '[64:ff9b::7f00:1]', '１２７.0.0.1', '0']) {
    t.same(await probe(spec(port, { url: `http://${host}:${port}/`, allowInternal: false })), { ok: false, why: 'internal_address' }, host)
  }
  t.equal(reached, 0)
})

/** Every name has these addresses. */
function resolvesTo(...addresses: string[]): Resolve {
  return (_hostname, _options, callback) => setImmediate(callback, null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))
}

t.test('a name that resolves inwards is not reached without permission, not even by one of several addresses', async (t) => {
  let reached = 0
  const port = await listening(createServer((_request, response) => {
    reached++
    response.end()
  }))
  const url = `http://edge.example:${port}/`
  for (const addresses of [['127.0.0.1'], ['::ffff:127.0.0.1'], ['1.1.1.1', '127.0.0.1'], ['not an address']]) {
    t.same(await probe(spec(port, { url, allowInternal: false }), undefined, resolvesTo(...addresses)), { ok: false, why: 'internal_address' }, addresses.join())
  }
  t.equal(reached, 0)
  t.same(await probe(spec(port, { url, allowInternal: true }), undefined, resolvesTo('127.0.0.1')), { ok: true, why: 'ok' })
  t.equal(reached, 1)
})

t.test('a name is looked up anew for every check, so one that turns inwards later is caught', async (t) => {
  const port = await listening(createServer((_request, response) => void response.end()))
  const url = `http://edge.example:${port}/`
  t.same(await probe(spec(port, { url }), undefined, resolvesTo('127.0.0.1')), { ok: true, why: 'ok' })
  t.same(await probe(spec(port, { url, allowInternal: false }), undefined, resolvesTo('127.0.0.1')), { ok: false, why: 'internal_address' })
})

t.test('a name without an address, and a look-up that never ends', async (t) => {
  const url = 'http://edge.example:1/'
  const missing: Resolve = (_hostname, _options, callback) => setImmediate(callback, Object.assign(new Error('x'), { code: 'ENOTFOUND' }), [])
  t.same(await probe(spec(1, { url }), undefined, missing), { ok: false, why: 'dns' })
  t.same(await probe(spec(1, { url }), undefined, resolvesTo()), { ok: false, why: 'dns' })
  const { ok, why } = await probe(spec(1, { url, deadlineMs: 100 }), undefined, () => undefined)
  t.equal(ok, false)
  t.match(why, /timeout/)
})

t.test('an address that is no address to check is refused before anything is sent', async (t) => {
  for (const url of ['', 'edge.example', 'ftp://edge.example/', 'file:///etc/passwd', 'http://user:pass@edge.example/', 'http://', 'javascript:1']) {
    t.same(await probe(spec(1, { url })), { ok: false, why: 'url' }, url)
  }
})

t.test('a check that is called off ends at once', async (t) => {
  const port = await hostile(() => cancel.abort())
  const cancel = new AbortController()
  t.same(await probe(spec(port, { deadlineMs: 60_000 }), cancel.signal), { ok: false, why: 'cancelled' })
  t.same(await probe(spec(port), cancel.signal), { ok: false, why: 'cancelled' })
})

t.test('a header that cannot be sent is a failed check, not an exception', async (t) => {
  const port = await hostile((socket) => void socket.end(answer('')))
  const result = await probe(spec(port, { host: 'a\r\nX-Injected: 1' }))
  t.equal(result.ok, false)
  t.ok(PROBE_RESULTS.includes(result.why))
})
