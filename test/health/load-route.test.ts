import { createHash } from 'node:crypto'
import { request } from 'node:http'
import t from 'tap'
import type { Test } from 'tap'
import { ownRoutes } from '../../src/admin.ts'
import { HealthBoard } from '../../src/health/board.ts'
import { createAdminServer } from '../../src/http/admin-server.ts'
import { World, chance, edges, tableOf } from './fleet.ts'

const TOKEN = 'edge-0-says-so-and-nobody-else'
const ADMIN = 'the-token-of-the-admin-listener'

async function launch(t: Test, token?: string) {
  const world = new World()
  const [first, second] = edges(2, { health: { capacityMbps: 1000 } })
  if (first?.health === undefined || second === undefined) throw new Error('no targets')
  const targets = [{ ...first, health: { ...first.health, loadTokenHash: createHash('sha256').update(TOKEN).digest('hex') } }, second]
  const { snapshot, table } = tableOf(targets)
  const board = new HealthBoard({ prober: 'r', epoch: 'e', probe: world.probe, setTimer: world.clock.setTimer, monotonic: () => world.clock.now, now: () => 0, random: chance() })
  board.watch(snapshot, table)
  const errors: string[] = []
  const server = createAdminServer({ routes: new Map(), ownRoutes: ownRoutes(board), token, onError: (name) => errors.push(name) })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const post = (path: string, body: string, { method = 'POST', ...headers }: Record<string, string> = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', path, method, agent: false, headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers } }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      })
      asked.once('error', reject)
      asked.end(body)
    })
  return { post, board, table, first: targets[0] ?? first, errors }
}

const FULL = JSON.stringify({ bandwidthMbps: 990, connections: 7, sequence: 1 })

t.test('a target that says it is full gets no more viewers, before the answer is sent', async (t) => {
  const { post, table, first } = await launch(t)
  const { status, body } = await post('/targets/edge-0/load', FULL)
  t.equal(status, 200)
  t.same(JSON.parse(body), { accepted: true, utilisation: 0.99, shed: 1 })
  t.equal(table.shed(first), 1)
  t.match(JSON.parse((await post('/targets/edge-0/load', FULL)).body), { accepted: false })
})

const HEX = createHash('sha256').update(TOKEN).digest('hex')
const rows: [title: string, path: string, body: string, headers: Record<string, string>, status: number][] = [
  ['no token', '/targets/edge-0/load', FULL, { authorization: '' }, 401],
  ['a wrong token', '/targets/edge-0/load', FULL, { authorization: 'Bearer x' }, 401],
  ['the hash instead of the token', '/targets/edge-0/load', FULL, { authorization: `Bearer ${HEX}` }, 401],
  ['the admin token', '/targets/edge-0/load', FULL, { authorization: `Bearer ${ADMIN}` }, 401],
  ['a target that takes no reports', '/targets/edge-1/load', FULL, {}, 404],
  ['a target that there is not', '/targets/edge-9/load', FULL, {}, 404],
  ['a path that is nearly right', '/targets/edge-0/load/', FULL, {}, 404],
  ['a path with a deeper id', '/targets/a/edge-0/load', FULL, {}, 404],
  ['an id with an escape', '/targets/edge%2d0/load', FULL, {}, 404],
  ['no id', '/targets//load', FULL, {}, 404],
  ['no number', '/targets/edge-0/load', '{"bandwidthMbps":"<script>"}', {}, 400],
  ['no JSON', '/targets/edge-0/load', '<script>', {}, 400],
  ['an unknown field', '/targets/edge-0/load', '{"bandwidthMbps":1,"<script>":1}', {}, 400],
  ['too much', '/targets/edge-0/load', JSON.stringify({ bandwidthMbps: 1, pad: 'x'.repeat(5000) }), {}, 413],
  ['a form', '/targets/edge-0/load', FULL, { 'content-type': 'text/plain' }, 415],
  ['GET', '/targets/edge-0/load', '', { method: 'GET' }, 405],
]
for (const token of [undefined, ADMIN]) {
  t.test(token === undefined ? 'on a listener without a token of its own' : 'on a listener with a token of its own', async (t) => {
    const { post, table, first, errors } = await launch(t, token)
    for (const [title, path, body, headers, expected] of rows) {
      const got = await post(path, body, headers)
      // Where the listener has a token, a path that is no target's is a stranger's.
      const status = token !== undefined && expected === 404 && !/^\/targets\/edge-\d\/load$/.test(path) ? 401 : expected
      t.equal(got.status, status, title)
      t.ok(got.body.length < 200 && !got.body.includes('script') && !got.body.includes(HEX), `${title}: nothing is repeated`)
    }
    t.equal(table.shed(first), 0)
    t.equal((await post('/targets/edge-0/load', FULL)).status, 200, 'the target\'s own token suffices')
    t.same(errors, [])
  })
}

t.test('a page whose name was made to resolve here cannot even try', async (t) => {
  const { post } = await launch(t)
  t.equal((await post('/targets/edge-0/load', FULL, { host: 'evil.example' })).status, 403)
  t.equal((await post('/targets/edge-0/load', FULL, { 'sec-fetch-site': 'cross-site' })).status, 403)
})
