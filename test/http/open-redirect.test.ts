import t from 'tap'
import { redirectAnswer } from '../../src/http/answers.ts'
import { PROXY, fault, hostileRequest, seeded } from './open-redirect.ts'
import { tinyRouter } from './tiny-router.ts'

const COUNT = 200_000

t.test('no request, however it is spelt, is redirected anywhere but behind a configured base', (t) => {
  const route = tinyRouter([PROXY])
  const seed = Number(process.env['FUZZ_SEED'] ?? 20260301)
  const random = seeded(seed)
  const statuses = new Map<number, number>()
  for (let i = 0; i < COUNT; i++) {
    const wire = hostileRequest(random)
    const answer = route(wire)
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    const wrong = fault(wire, answer)
    if (wrong !== undefined) {
      t.fail(wrong, { seed, wire })
      break
    }
  }
  t.ok((statuses.get(302) ?? 0) > COUNT / 10, `${statuses.get(302)} of ${COUNT} were redirected, so the check had something to check`)
  t.end()
})

t.test('a Location that is not its base and a path becomes a 503 that does not show it', (t) => {
  const wrong: [base: string, path: string, query?: string][] = [
    ...[
      '', '.evil/x', '@evil/x', ':1/x', 'x', ' /x', '\\evil/x', 'evil', 'https://evil/x',
      '/a b', '/\r\nX: y', '/\r', '/\n', '/x\n', '/\t', '/\0', '/\x7f', '/\u00e9', '/\u560a',
    ].map((path): [string, string] => ['https://edge.example', path]),
    ...['a b', '\r\nX: y', '\r', 'x\n', '\t', '\0', '\x7f', '\u00e9', '\u560a'].map((query): [string, string, string] => ['https://edge.example', '/x', query]),
    ...[
      '', '/', '//edge.example', 'edge.example', 'ftp://edge.example', 'https:/edge.example', 'https://', 'https:///', 'https:///x', 'HTTPS://edge.example', 'x https://edge.example',
      'https://@evil', 'https://edge.example@evil', 'https://?x', 'https://#x', 'https://\\evil', 'https://edge.example\\evil', 'https://edge.example?x=', 'https://edge.example/a#', 'https://edge.example/a?',
      'https://edge.example\r\nX: y', 'https://edge.example\n', 'https://edge.example /', 'https://edge.ex\u00e9mple', 'https://edge.example/\u560a',
    ].map((base): [string, string] => [base, '/x']),
  ]
  // Twice, because what a base was judged is remembered.
  for (const [base, path, query = ''] of [...wrong, ...wrong]) {
    const answer = redirectAnswer(base, path, query, 302)
    t.equal(answer.status, 503, JSON.stringify([base, path, query]))
    t.notOk(answer.headers.includes('Location'))
    t.equal(answer.body, 'assertion\n')
  }
  for (const base of ['https://edge.example', 'http://edge.example', 'https://edge.example:8443', 'https://[2001:db8::1]', 'https://edge.example/a/b', 'https://edge.example/a@b']) {
    for (const path of ['/', '//evil/x', '/@evil', '/x?y']) {
      for (const query of ['', 'y', '?', '//evil', 'y#']) t.same(redirectAnswer(base, path, query, 302).headers.slice(0, 2), ['Location', base + path + (query && `?${query}`)])
    }
  }
  t.end()
})
