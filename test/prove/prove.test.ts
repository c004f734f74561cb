/** The proof in a shorter form, as far as one process shows it; `npm run prove` is the whole of it. */
import t from 'tap'
import { ADDRESSES, PORTS, TEXTS, canaryForms, search } from './canaries.ts'
import { judgeFleets } from './fleets.ts'
import { formsOfAddress, formsOfText } from './forms.ts'
import { interference } from './interference.ts'
import { MUTANTS } from './mutants.ts'
import { mutate, planted } from './mutate.ts'

t.test('the same trace from different people gives the same output, byte for byte', async (t) => {
  const seed = Math.floor(Math.random() * 0x7fffffff)
  const { difference, requests } = await interference(120, seed)
  t.equal(difference, undefined, `seed ${seed}`)
  t.ok(requests >= 120)
})

t.test('a canary is found in every form that it is planted in', async (t) => {
  const [v4 = '', , , v6 = ''] = ADDRESSES
  const forms = canaryForms()
  const planted = [
    v4, '145.97.201.0/24', '83.201.97.145', '2439104851', '9161c953', '::ffff:9161:c953', '145-97-201-83', Buffer.from(v4).toString('base64'), Buffer.from(`xx${v4}yy`).toString('base64url'), Buffer.from(v4, 'utf16le').toString('latin1'),
    `:${PORTS[0]}"`, `port ${PORTS[0]}`, Buffer.from(`x:${PORTS[0]}y`).toString('hex'), Buffer.from(`xx:${PORTS[0]}`).toString('base64'), v6.toUpperCase(), '2a02:a45f:9d3b:71c6:', '2a02a45f9d3b71c68e5a33d177f29b04', TEXTS.token, encodeURIComponent(TEXTS.session), [...TEXTS.cookie].reverse().join(''), Buffer.from(TEXTS.path).toString('hex'),
  ]
  for (const text of planted) t.ok(search(new Map([['place', `before ${text} after`]]), forms).length > 0, text)
  for (const address of ADDRESSES) for (const form of formsOfAddress(address)) t.ok(form.length >= 6)
  t.ok(formsOfText(TEXTS.token).length > 40)
  t.same(search(new Map([['place', `nothing of the kind 192.0.2.1 1${PORTS[0]} ${PORTS[0]}2 0.${PORTS[0]}`]]), forms), [])
})

t.test('no random fleet sends anybody to a target that the policy forbids', async (t) => {
  const seed = Math.floor(Math.random() * 0x7fffffff)
  const { violations, sent, byOutcome } = judgeFleets(20_000, seed)
  t.same(violations, [], `seed ${seed}`)
  t.ok(sent > 10_000)
  for (const outcome of ['redirect', 'panic', 'last_resort', 'bypass', 'fence', 'refuse']) t.ok((byOutcome[outcome] ?? 0) > 0, outcome)
})

t.test('at least twenty leaks can be planted for the full proof to find', async (t) => {
  t.ok(MUTANTS.length >= 20)
  t.equal(new Set(MUTANTS.map(({ leak }) => leak)).size, MUTANTS.length)
  for (const mutant of MUTANTS) t.doesNotThrow(() => planted(mutant), mutant.leak)
})

t.test('a leak that is planted is found, so the proof can fail', async (t) => {
  const found = await mutate(() => undefined, 2, MUTANTS.slice(0, 2))
  for (const { leak, by, said } of found) t.equal(by, 'non-interference', `${leak}: ${said}`)
  t.equal(found.length, 2)
})
