import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import type { Test } from 'tap'
import { createAdminServer } from '../../src/http/admin-server.ts'
import type { AdminRoute, AdminServerOptions } from '../../src/http/admin-server.ts'
import { RawClient } from './raw-socket.ts'

const TOKEN = 'correct horse battery'.replaceAll(' ', '-')

const routes = new Map<string, AdminRoute>([
  ['/livez', () => ({ status: 200, contentType: 'text/plain', body: 'ok\n' })],
  ['/readyz', () => ({ status: 503, contentType: 'text/plain', body: 'no snapshot\n' })],
  ['/metrics', async ({ query }) => ({ status: 200, contentType: 'text/plain', body: `n ${query.get('n') ?? 0}\n` })],
  ['/broken', () => Promise.reject(new TypeError('secret'))],
  ['POST /reload', ({ body = '' }) => ({ status: 200, contentType: 'text/plain', body: String(body.length) })],
])

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function launch(t: Test, options: Partial<AdminServerOptions> = {}) {
  const errors: string[] = []
  const server = createAdminServer({ routes, token: undefined, onError: (name) => errors.push(name), ...options })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET', body?: string) =>
    new Promise<Got>((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
      })
      asked.once('error', reject)
      asked.end(body)
    })
  return { ask, port, errors }
}

t.test('a route is found by its exact path and gets the query', async (t) => {
  const { ask } = await launch(t)
  t.equal((await ask('/metrics?n=7')).body, 'n 7\n')
  for (const path of ['/metrics/', '/Metrics', '//metrics', '/', '/__proto__', '/toString', '/POST /reload']) {
    t.equal((await ask(path.replaceAll(' ', '%20'))).status, 404, path)
  }
})

t.test('every answer is stored nowhere, framed nowhere and readable by no page', async (t) => {
  const { ask } = await launch(t)
  for (const path of ['/livez', '/metrics', '/nothing', '/reload']) {
    const { headers } = await ask(path, { origin: 'https://page.example' })
    t.equal(headers['cache-control'], 'no-store')
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.match(headers['content-security-policy'], /frame-ancestors 'none'/)
    t.equal(headers['access-control-allow-origin'], undefined)
  }
})

t.test('nothing that was asked is repeated', async (t) => {
  const { ask } = await launch(t)
  for (const path of ['/<script>', '/nothing?<script>', '/broken?<script>', '/reload?<script>']) {
    const { body, headers } = await ask(path, { 'x-a': '<script>' })
    t.notMatch(body + JSON.stringify(headers), /script/)
  }
})

t.test('a route that fails is a 500 of which only the kind is told', async (t) => {
  const { ask, errors } = await launch(t)
  const { status, body } = await ask('/broken')
  t.equal(status, 500)
  t.equal(body, 'internal error\n')
  t.strictSame(errors, ['TypeError'])
})

t.test('HEAD is GET without the body', async (t) => {
  const { ask } = await launch(t)
  const [get, head] = [await ask('/metrics'), await ask('/metrics', {}, 'HEAD')]
  t.equal(head.status, 200)
  t.equal(head.body, '')
  t.equal(head.headers['content-length'], get.headers['content-length'])
})

t.test('without a token a page whose name was made to resolve here is refused, by its Host', async (t) => {
  const { ask, port } = await launch(t)
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example', 'a@127.0.0.1']) {
    t.equal((await ask('/metrics', { host })).status, 403, host)
  }
  for (const host of ['localhost', `localhost:${port}`, 'LOCALHOST.', '127.0.0.1', '[::1]:9090', '192.0.2.1']) {
    t.equal((await ask('/metrics', { host })).status, 200, host)
  }
  t.equal((await ask('/livez', { host: 'evil.example' })).status, 200, 'whether the process lives is no secret')
})

t.test('without a token a browser does not act for another site', async (t) => {
  const { ask } = await launch(t)
  for (const site of ['cross-site', 'same-site', 'x']) t.equal((await ask('/metrics', { 'sec-fetch-site': site })).status, 403, site)
  for (const site of ['none', 'same-origin']) t.equal((await ask('/metrics', { 'sec-fetch-site': site })).status, 200, site)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonx', '']) {
    t.equal((await ask('/reload', type === '' ? {} : { 'content-type': type }, 'POST', '{}')).status, 415, type)
  }
})

t.test('with a token everything but being alive and ready asks for it', async (t) => {
  const { ask } = await launch(t, { token: TOKEN })
  const wrong = ['', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(0, -1)}`, `Bearer x${TOKEN}`]
  for (const authorization of [...wrong, `Bearer ${'a'.repeat(8000)}`, `Bearer ${TOKEN} ${TOKEN}`]) {
    const { status, headers } = await ask('/metrics', authorization === '' ? {} : { authorization })
    t.equal(status, 401, authorization.slice(0, 40))
    t.equal(headers['www-authenticate'], 'Bearer')
  }
  t.equal((await ask('/nothing')).status, 401, 'not even which routes there are')
  t.equal((await ask('/metrics', { authorization: `bearer ${TOKEN}`, host: 'ops.example' })).status, 200)
  t.equal((await ask('/livez')).status, 200)
  t.equal((await ask('/readyz')).status, 503)
})

t.test('a listener that others can reach does not start without a token, and a short token never does', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'admin.example', '']) {
    const server = createAdminServer({ routes, token: undefined, onError: () => undefined })
    await t.rejects(server.listen({ host, port: 0 }), { name: 'RangeError' }, host)
  }
  const short = createAdminServer({ routes, token: 'a'.repeat(15), onError: () => undefined })
  await t.rejects(short.listen({ host: '127.0.0.1', port: 0 }), { name: 'RangeError' })
  const open = createAdminServer({ routes, token: 'a'.repeat(16), onError: () => undefined })
  t.ok((await open.listen({ host: '0.0.0.0', port: 0 })).port > 0)
  await open.close()
})

t.test('content goes to POST routes alone, and no more than the limit', async (t) => {
  const { ask, port } = await launch(t, { maxBody: 1000 })
  const json = { 'content-type': 'application/json' }
  t.equal((await ask('/reload', json, 'POST', 'x'.repeat(1000))).body, '1000')
  t.equal((await ask('/reload', json, 'POST', 'x'.repeat(1001))).status, 413)
  t.equal((await ask('/reload', { ...json, 'transfer-encoding': 'chunked' }, 'POST', 'x'.repeat(100_000))).status, 413)
  t.equal((await ask('/metrics', json, 'POST', '{}')).status, 405)
  t.equal((await ask('/reload')).status, 405)
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE']) t.equal((await ask('/reload', json, method)).status, 405, method)
  const client = new RawClient(port)
  await client.send('GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.equal((await client.answer())?.status, 200)
  await client.closed
  t.equal(client.rest, '', 'content is not read as another request')
  client.destroy()
})
