import fc from 'fast-check'
import t from 'tap'
import { buildIsolated } from '../../src/state/quarantine.ts'
import { buildAt, bundleOfServices, serviceText, servicesOf } from './bundles.ts'

const version = { epoch: 1, number: 1, digest: '0123456789abcdef' }
let builds = 0
const build = async (bundle: Parameters<typeof buildAt>[0]) => {
  builds++
  return buildAt(bundle, version)
}

t.test('what is sound is built once and nothing is held back', async (t) => {
  builds = 0
  t.match(await buildIsolated(bundleOfServices({ a: undefined }), undefined, build), { quarantined: [] })
  t.equal(builds, 1)
})

t.test('a broken service that never worked is left out', async (t) => {
  const { built, quarantined } = await buildIsolated(bundleOfServices({ a: undefined, b: 'service: b\nsteps: [' }), undefined, build)
  t.same([servicesOf(built.snapshot), quarantined], [['a'], ['b']])
  t.ok(built.problems.length > 0, 'its problems are still told')
})

t.test('a service that takes another one\'s host is the one that is held back', async (t) => {
  const before = bundleOfServices({ m: undefined, z: undefined })
  const thief = serviceText('a').replace('[a.example]', '[m.example]')
  const { built, quarantined } = await buildIsolated(bundleOfServices({ a: thief, m: undefined, z: serviceText('z', 'panic: 10\n') }), before, build)
  t.same([servicesOf(built.snapshot), quarantined], [['m', 'z'], ['a']])
  t.equal([...(built.snapshot?.services ?? [])].find(({ id }) => id === 'z')?.panicThreshold, 10, 'a change that is sound is in')
})

t.test('a fault in what belongs to everybody is nobody\'s quarantine', async (t) => {
  const before = bundleOfServices({ a: undefined })
  const { built, quarantined } = await buildIsolated(bundleOfServices({ a: serviceText('a', 'panic: 10\n') }, { 'targets/all.yaml': 'targets: []' }), before, build)
  t.same([built.snapshot, quarantined], [undefined, []])
})

t.test('a service whose file makes the build throw is found', async (t) => {
  const before = bundleOfServices(Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((id) => [id, undefined])))
  const next = bundleOfServices(Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((id) => [id, serviceText(id, id === 'd' ? '# boom\n' : 'panic: 20\n')])))
  const { built, quarantined } = await buildIsolated(next, before, async (bundle) => {
    if (bundle.files.some(({ text }) => text.includes('# boom'))) throw new RangeError('boom')
    return buildAt(bundle, version)
  })
  t.same(quarantined, ['d'])
  t.same(Array.from(built.snapshot?.services ?? [], ({ panicThreshold }) => panicThreshold), [20, 20, 20, 50, 20])
})

t.test('whichever services are broken, exactly they are held back', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  const before = bundleOfServices(Object.fromEntries(ids.map((id) => [id, undefined])))
  await fc.assert(
    fc.asyncProperty(fc.subarray(ids), async (broken) => {
      const next = bundleOfServices(Object.fromEntries(ids.map((id) => [id, broken.includes(id) ? `service: ${id}\nsteps: 7\n` : serviceText(id, 'panic: 20\n')])))
      const { built, quarantined } = await buildIsolated(next, before, build)
      return quarantined.join() === broken.join() && built.snapshot !== undefined && [...built.snapshot.services].every(({ id, panicThreshold }) => panicThreshold === (broken.includes(id) ? 50 : 20))
    }),
    { numRuns: 30 },
  )
})
