import t from 'tap'
import { situation, told } from './situation.ts'

t.test('a sketch gives a situation in which a plain request is redirected', async (t) => {
  const { decide } = situation({ targets: { ams: {} }, services: { tv: { steps: [{ targets: ['ams'] }] } } })
  t.equal(told(decide()), 'redirect ams')
})

t.test('a snapshot is frozen down to its sets and maps', async (t) => {
  const { snapshot } = situation({
    targets: { ams: { at: [52, 5] } },
    policies: { eu: { operator: ['NL'] } },
    services: { tv: { policy: 'eu', steps: [{ targets: ['ams'], when: { countries: ['NL'] } }] } },
  })
  const [service] = snapshot.services
  const [target] = snapshot.targets
  t.throws(() => Object.assign(snapshot, { label: 'other' }), TypeError)
  t.throws(() => Object.assign(target?.jurisdiction ?? {}, { operator: 'US' }), TypeError)
  t.throws(() => (snapshot.pools[0]?.members as unknown[]).push(1), TypeError)
  t.throws(() => (service?.policy?.operator as Set<string>).add('US'), TypeError)
  t.throws(() => (service?.steps[0]?.when?.countries as Set<string>).clear(), TypeError)
  t.throws(() => (snapshot.hosts as Map<string, unknown>).delete('tv.example'), TypeError)
})
