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
  const base = 'https://edge.example'
  const wrong = [
    'https://edge.example', 'https://edge.example.evil/x', 'https://edge.example@evil/x', 'https://edge.example:1/x',
    'http://edge.example/x', '//edge.example/x', '/x', '',
    'https://edge.example/a b', 'https://edge.example/\r\nX: y', 'https://edge.example/\0', 'https://edge.example/\u00e9',
    'https://edge.example/\u560a',
  ]
  for (const location of wrong) {
    const answer = redirectAnswer(location, 302, base)
    t.equal(answer.status, 503, JSON.stringify(location))
    t.notOk(answer.headers.includes('Location'))
    t.equal(answer.body, 'assertion\n')
  }
  t.equal(redirectAnswer('/x', 302, '').status, 503, 'an empty base is none')
  t.equal(redirectAnswer('ftp://edge.example/x', 302, 'ftp://edge.example').status, 503, 'nor is one with another scheme')
  t.equal(redirectAnswer('https://@evil/x', 302, 'https://@evil').status, 503, 'a base with userinfo is none')
  t.equal(redirectAnswer('https://edge.example/x?y#', 302, base).status, 302)
  t.end()
})
