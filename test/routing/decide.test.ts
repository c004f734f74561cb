import t from 'tap'
import type { Ask, Sketch } from './situation.ts'
import { NOW, situation, told, viewers } from './situation.ts'

const EU = { eu: { operator: ['NL', 'DE'] } }
const AMERICAN = { jurisdiction: { operator: 'US' } }

// Each row: what there is, what is asked, what is said, why, and what was rejected.
const cases: [name: string, sketch: Sketch, ask: Ask, said: string, why: string[], rejected: Record<string, number>][] = [
  ['a healthy target gets the viewer', { targets: { a: {} }, services: { tv: { steps: [{ targets: ['a'] }] } } }, {}, 'redirect a', ['weighted'], {}],
  [
    'a failed target is passed over',
    { targets: { a: { state: 'down' }, b: {} }, services: { tv: { steps: [{ targets: ['a', 'b'], select: 'failover' }] } } },
    {}, 'redirect b', ['failover'], { down: 1 },
  ],
  [
    'a host that no service has is refused',
    { targets: { a: {} }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    { host: 'other.example' }, 'refuse unknown_service 404', ['unknown_service'], {},
  ],
  [
    'a media segment is refused where the service says so',
    { targets: { a: {} }, services: { tv: { segments: 'refuse', steps: [{ targets: ['a'] }] } } },
    { path: '/live/1.m4s' }, 'refuse segment 404', ['segment'], {},
  ],
  [
    'a manifest is redirected where segments are refused',
    { targets: { a: {} }, services: { tv: { segments: 'refuse', steps: [{ targets: ['a'] }] } } },
    { path: '/live/main.mpd' }, 'redirect a', ['weighted'], {},
  ],
  [
    'a prefix that looks like a segment does not make one of a manifest',
    { targets: { a: {} }, services: { tv: { prefix: '/tv.ts', segments: 'refuse', steps: [{ targets: ['a'] }] } } },
    { path: '/tv.ts/live.mpd' }, 'redirect a', ['weighted'], {},
  ],
  [
    'below the panic threshold health is ignored',
    { targets: { a: { state: 'down' } }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    {}, 'panic a', ['weighted', 'panic'], { down: 1 },
  ],
  [
    'with a panic threshold of 0 the last healthy target gets everybody',
    { targets: { a: {}, b: { state: 'down' }, c: { state: 'down' } }, services: { tv: { panic: 0, steps: [{ targets: ['a', 'b', 'c'] }] } } },
    {}, 'redirect a', ['weighted'], { down: 2 },
  ],
  [
    'half of a step healthy is enough not to panic',
    { targets: { a: {}, b: { state: 'down' } }, services: { tv: { steps: [{ targets: { b: 1_000_000, a: 1 } }] } } },
    {}, 'redirect a', ['weighted'], { down: 1 },
  ],
  [
    'the next step takes the viewers of a failed one',
    { targets: { a: { state: 'down' }, b: {} }, services: { tv: { steps: [{ targets: ['a'] }, { targets: ['b'] }] } } },
    {}, 'redirect b', ['weighted', 'spill'], { down: 1 },
  ],
  [
    'the next step takes the viewers that the first turns away because of load',
    { targets: { a: { shed: 1 }, b: {} }, services: { tv: { steps: [{ targets: ['a'] }, { targets: ['b'] }] } } },
    {}, 'redirect b', ['weighted', 'spill'], { overload: 1 },
  ],
  [
    'load is ignored before anything worse happens',
    { targets: { a: { shed: 1 } }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    {}, 'panic a', ['weighted', 'panic'], { overload: 1 },
  ],
  [
    'a loaded target comes before one that failed its checks',
    { targets: { a: { state: 'down' }, b: { shed: 1 } }, services: { tv: { steps: [{ targets: { a: 1_000_000, b: 1 } }] } } },
    {}, 'panic b', ['weighted', 'panic'], { overload: 1, down: 1 },
  ],
  [
    'also one of another step',
    { targets: { a: { state: 'down' }, b: { shed: 1 } }, services: { tv: { steps: [{ targets: ['a'] }, { targets: ['b'] }] } } },
    {}, 'panic b', ['weighted', 'panic'], { overload: 1, down: 1 },
  ],
  [
    'but below the panic threshold those that failed take their share all the same',
    { targets: { a: { state: 'down' }, b: { shed: 1 }, c: { state: 'down' }, d: { state: 'down' } }, services: { tv: { steps: [{ targets: { a: 1_000_000, b: 1, c: 1, d: 1 } }] } } },
    {}, 'panic a', ['weighted', 'panic'], { down: 3 },
  ],
  [
    'a draining target gets nobody while another is left, even a failed one',
    { targets: { a: { admin: 'drain' }, b: { state: 'down' } }, services: { tv: { steps: [{ targets: ['a', 'b'] }] } } },
    {}, 'panic b', ['weighted', 'panic'], { drain: 1, down: 1 },
  ],
  [
    'a draining target is the last resort',
    { targets: { a: { admin: 'drain' } }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    {}, 'last_resort a', ['weighted', 'last_resort'], { drain: 1 },
  ],
  [
    'a draining target comes before the bypass',
    { targets: { a: { admin: 'drain' }, o: {} }, services: { tv: { steps: [{ targets: ['a'] }], bypass: { target: 'o' } } } },
    {}, 'last_resort a', ['weighted', 'last_resort'], { drain: 1 },
  ],
  [
    'the last resort follows the order of the steps',
    {
      targets: { a: { admin: 'down' }, b: { admin: 'drain' }, c: { admin: 'drain' } },
      services: { tv: { steps: [{ targets: ['a'] }, { targets: ['b'] }, { targets: ['c'] }] } },
    },
    {}, 'last_resort b', ['weighted', 'last_resort'], { forced_down: 1, drain: 2 },
  ],
  [
    'an operator\'s down is obeyed when nothing is left',
    { targets: { a: { admin: 'down', state: 'up' } }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    {}, 'refuse no_target 503', ['no_target'], { forced_down: 1 },
  ],
  [
    'an operator\'s down is obeyed in panic',
    { targets: { a: { admin: 'down', state: 'up' }, b: { state: 'down' } }, services: { tv: { steps: [{ targets: { a: 1_000_000, b: 0 } }] } } },
    {}, 'panic b', ['weighted', 'panic'], { forced_down: 1, down: 1 },
  ],
  [
    'an operator\'s down is obeyed in the last resort',
    { targets: { a: { admin: 'down' }, b: { admin: 'drain' } }, services: { tv: { steps: [{ targets: ['a', 'b'], select: 'failover' }] } } },
    {}, 'last_resort b', ['failover', 'last_resort'], { forced_down: 1, drain: 1 },
  ],
  [
    'an operator\'s down is obeyed for a bypass',
    { targets: { a: { admin: 'down' } }, services: { tv: { steps: [], bypass: { target: 'a' } } } },
    {}, 'refuse no_target 503', ['no_target'], {},
  ],
  [
    'an operator\'s up beats failed checks',
    { targets: { a: { admin: 'up', state: 'down' } }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    {}, 'redirect a', ['weighted'], {},
  ],
  [
    'the bypass is used when no step has a target',
    { targets: { a: { admin: 'down' }, o: {} }, services: { tv: { steps: [{ targets: ['a'] }], bypass: { target: 'o' } } } },
    {}, 'bypass o', ['bypass'], { forced_down: 1 },
  ],
  [
    'the bypass is used when no step is meant for the client',
    { targets: { a: {}, o: {} }, services: { tv: { steps: [{ targets: ['a'], when: { countries: ['DE'] } }], bypass: { target: 'o' } } } },
    {}, 'bypass o', ['bypass'], {},
  ],
  [
    'a bypass that fails or drains is better than an error',
    { targets: { o: { state: 'down', admin: 'drain' } }, services: { tv: { steps: [], bypass: { target: 'o' } } } },
    {}, 'bypass o', ['bypass'], {},
  ],
  ['without steps and bypass there is no target', { targets: {}, services: { tv: { steps: [] } } }, {}, 'refuse no_target 503', ['no_target'], {}],
  [
    'a forbidden jurisdiction is rejected however healthy the target is',
    { targets: { a: AMERICAN, b: { state: 'down' } }, policies: EU, services: { tv: { policy: 'eu', steps: [{ targets: ['a', 'b'] }] } } },
    {}, 'panic b', ['weighted', 'panic'], { jurisdiction: 1, down: 1 },
  ],
  [
    'panic does not go around jurisdiction',
    { targets: { a: { ...AMERICAN, state: 'down' } }, policies: EU, services: { tv: { policy: 'eu', steps: [{ targets: ['a'] }] } } },
    {}, 'refuse jurisdiction 451', ['jurisdiction'], { jurisdiction: 1 },
  ],
  [
    'the last resort does not go around jurisdiction',
    { targets: { a: { ...AMERICAN, admin: 'drain' } }, policies: EU, services: { tv: { policy: 'eu', steps: [{ targets: ['a'] }] } } },
    {}, 'refuse jurisdiction 451', ['jurisdiction'], { jurisdiction: 1 },
  ],
  [
    'a bypass does not go around jurisdiction',
    { targets: { o: AMERICAN }, policies: EU, services: { tv: { policy: 'eu', steps: [], bypass: { target: 'o' } } } },
    {}, 'refuse no_target 503', ['no_target'], {},
  ],
  [
    'the next step does not go around jurisdiction',
    {
      targets: { a: { state: 'down' }, b: AMERICAN }, policies: EU,
      services: { tv: { policy: 'eu', steps: [{ targets: ['a'] }, { targets: ['b'] }] } },
    },
    {}, 'panic a', ['weighted', 'panic'], { jurisdiction: 1, down: 1 },
  ],
  [
    'a fence\'s redirect does not go around jurisdiction',
    {
      targets: { o: AMERICAN }, policies: EU,
      services: { tv: { policy: 'eu', fence: { mode: 'deny', countries: ['NL'], redirect: { target: 'o' } }, steps: [] } },
    },
    {}, 'refuse country 451', ['country'], {},
  ],
  [
    'a target of which nothing is known is not eligible under a policy',
    { targets: { a: { jurisdiction: { operator: undefined } } }, policies: EU, services: { tv: { policy: 'eu', steps: [{ targets: ['a'] }] } } },
    {}, 'refuse jurisdiction 451', ['jurisdiction'], { jurisdiction: 1 },
  ],
  [
    'jurisdiction is the reason for a refusal only where it is the only one',
    { targets: { a: AMERICAN, b: { admin: 'down' } }, policies: EU, services: { tv: { policy: 'eu', steps: [{ targets: ['a', 'b'] }] } } },
    {}, 'refuse no_target 503', ['no_target'], { jurisdiction: 1, forced_down: 1 },
  ],
  [
    'a service without a policy may use anybody',
    { targets: { a: AMERICAN }, services: { tv: { steps: [{ targets: ['a'] }] } } },
    {}, 'redirect a', ['weighted'], {},
  ],
  [
    'the scheme is never changed to find a target',
    { targets: { a: { schemes: ['http'] } }, services: { tv: { steps: [{ targets: ['a'] }], bypass: { target: 'a' } } } },
    { scheme: 'https' }, 'refuse no_target 503', ['no_target'], { scheme: 1 },
  ],
  [
    'a request over http goes to a target that has http',
    { targets: { a: { schemes: ['https'] }, b: { schemes: ['http'] } }, services: { tv: { steps: [{ targets: ['a', 'b'] }] } } },
    { scheme: 'http' }, 'redirect b', ['weighted'], { scheme: 1 },
  ],
  [
    'a country on the list of an allow fence comes in',
    { targets: { a: {} }, services: { tv: { fence: { mode: 'allow', countries: ['NL'] }, steps: [{ targets: ['a'] }] } } },
    { country: 'NL' }, 'redirect a', ['weighted'], {},
  ],
  [
    'a country that is not on it is refused with the fence\'s status',
    { targets: { a: {} }, services: { tv: { fence: { mode: 'allow', countries: ['NL'], status: 403 }, steps: [{ targets: ['a'] }] } } },
    { country: 'US' }, 'refuse country 403', ['country'], {},
  ],
  [
    'a country on the list of a deny fence is refused',
    { targets: { a: {} }, services: { tv: { fence: { mode: 'deny', countries: ['US'], unknown: 'allow' }, steps: [{ targets: ['a'] }] } } },
    { country: 'US' }, 'refuse country 451', ['country'], {},
  ],
  [
    'a country that is not on it comes in',
    { targets: { a: {} }, services: { tv: { fence: { mode: 'deny', countries: ['US'] }, steps: [{ targets: ['a'] }] } } },
    { country: 'NL' }, 'redirect a', ['weighted'], {},
  ],
  ...(['allow', 'deny'] as const).flatMap((mode) => (['allow', 'deny'] as const).map((unknown): (typeof cases)[number] => [
    `an unknown country meets ${mode === 'allow' ? 'an allow' : 'a deny'} fence that says ${unknown} to the unknown`,
    { targets: { a: {} }, services: { tv: { fence: { mode, countries: ['NL'], unknown }, steps: [{ targets: ['a'] }] } } },
    { country: 'ZZ' }, unknown === 'allow' ? 'redirect a' : 'refuse country 451', [unknown === 'allow' ? 'weighted' : 'country'], {},
  ])),
  [
    'a fence may send those outside elsewhere',
    {
      targets: { a: {}, o: {} },
      services: { tv: { fence: { mode: 'allow', countries: ['NL'], redirect: { target: 'o', path: '/sorry.m3u8' } }, steps: [{ targets: ['a'] }] } },
    },
    { country: 'US' }, 'fence o', ['country'], {},
  ],
  [
    'a fence\'s redirect without the scheme is a refusal',
    {
      targets: { o: { schemes: ['http'] } },
      services: { tv: { fence: { mode: 'allow', countries: ['NL'], redirect: { target: 'o' } }, steps: [] } },
    },
    { country: 'US' }, 'refuse country 451', ['country'], {},
  ],
  [
    'a zone\'s country counts at the fence',
    {
      targets: { a: {} }, zones: { campus: { target: 'a', country: 'NL' } },
      services: { tv: { fence: { mode: 'allow', countries: ['NL'] }, steps: [{ targets: ['a'] }] } },
    },
    { country: 'US', zone: 'campus' }, 'redirect a', ['weighted'], {},
  ],
  [
    'a refused segment is refused before the fence is looked at',
    { targets: {}, services: { tv: { segments: 'refuse', fence: { mode: 'allow', countries: [] }, steps: [] } } },
    { path: '/1.ts' }, 'refuse segment 404', ['segment'], {},
  ],
  [
    'a step that is not meant for the client is not counted',
    { targets: { a: { state: 'down' }, b: {} }, services: { tv: { steps: [{ targets: ['a'], when: { countries: ['DE'] } }, { targets: ['b'] }] } } },
    { country: 'NL' }, 'redirect b', ['weighted'], {},
  ],
  [
    'a step is for the clients that its condition names',
    { targets: { a: {}, b: {} }, services: { tv: { steps: [{ targets: ['a'], when: { continents: ['EU'], asns: [64500] } }, { targets: ['b'] }] } } },
    { continent: 'EU', asn: 64500 }, 'redirect a', ['weighted'], {},
  ],
  [
    'failover takes the first in the configured order',
    { targets: { a: {}, b: {}, c: {} }, services: { tv: { steps: [{ targets: ['c', 'a', 'b'], select: 'failover' }] } } },
    {}, 'redirect c', ['failover'], {},
  ],
  [
    'failover needs one healthy target of ten to keep everybody',
    {
      targets: Object.fromEntries([...'abcdefghij'].map((id) => [id, { state: id === 'j' ? 'up' : 'down' }])),
      services: { tv: { steps: [{ targets: [...'abcdefghij'], select: 'failover' }, { targets: ['a'] }] } },
    },
    {}, 'redirect j', ['failover'], { down: 9 },
  ],
  [
    'failover takes a weight of 0 last',
    { targets: { a: {}, b: {} }, services: { tv: { steps: [{ targets: { a: 0, b: 1 }, select: 'failover' }] } } },
    {}, 'redirect b', ['failover'], {},
  ],
  ...(['nearest', 'weighted', 'rendezvous', 'failover'] as const).flatMap((select): (typeof cases)[number][] => [
    [
      `${select} serves a weight of 0 when nothing else is left`,
      { targets: { a: { at: [1, 1] }, b: { at: [52, 5], state: 'down' } }, services: { tv: { steps: [{ targets: { a: 0, b: 1 }, select }] } } },
      { at: [52, 5] }, 'redirect a', [select], { down: 1 },
    ],
    [
      `${select} serves somebody when all weights are 0`,
      { targets: { a: { at: [1, 1] } }, services: { tv: { steps: [{ targets: { a: 0 }, select }] } } },
      { at: [52, 5] }, 'redirect a', [select], {},
    ],
    [
      `${select} does not serve a weight of 0 that is nearest, first and preferred`,
      { targets: { a: { at: [52, 5] }, b: { at: [1, 1] } }, zones: { campus: { target: 'a' } }, services: { tv: { steps: [{ targets: { a: 0, b: 1 }, select }] } } },
      { at: [52, 5], zone: 'campus' }, 'redirect b', [select], {},
    ],
  ]),
  [
    'the nearest target is chosen',
    {
      targets: { ams: { at: [52.4, 4.9] }, mad: { at: [40.4, -3.7] } },
      services: { tv: { steps: [{ targets: ['mad', 'ams'], select: 'nearest' }] } },
    },
    { at: [50.8, 4.4] }, 'redirect ams', ['nearest'], {},
  ],
  [
    'a failed nearest target is passed over for the next nearest',
    {
      targets: { ams: { at: [52.4, 4.9], state: 'down' }, fra: { at: [50.1, 8.7] }, mad: { at: [40.4, -3.7] } },
      services: { tv: { steps: [{ targets: ['mad', 'fra', 'ams'], select: 'nearest' }] } },
    },
    { at: [50.8, 4.4] }, 'redirect fra', ['nearest'], { down: 1 },
  ],
  [
    'a nearest target that turns the viewer away is passed over, and counted once',
    {
      targets: { ams: { at: [52.4, 4.9], shed: 1 }, mad: { at: [40.4, -3.7] } },
      services: { tv: { steps: [{ targets: ['ams', 'mad'], select: 'nearest' }] } },
    },
    { at: [50.8, 4.4] }, 'redirect mad', ['nearest'], { overload: 1 },
  ],
  [
    'weighted counts a target that turns the viewer away once',
    { targets: { a: { shed: 1 }, b: {} }, services: { tv: { steps: [{ targets: { a: 1_000_000, b: 1 } }] } } },
    {}, 'redirect b', ['weighted'], { overload: 1 },
  ],
  [
    'a zone\'s group beats distance',
    {
      groups: { south: { at: [40.4, -3.7] } }, targets: { ams: { at: [52.4, 4.9] }, mad: { group: 'south' } }, zones: { campus: { group: 'south' } },
      services: { tv: { steps: [{ targets: ['ams', 'mad'], select: 'nearest' }] } },
    },
    { at: [52, 5], zone: 'campus' }, 'redirect mad', ['nearest'], {},
  ],
  [
    'a zone\'s target beats the others of its group',
    {
      groups: { south: { at: [40.4, -3.7] } }, targets: { mad: { group: 'south' }, bcn: { group: 'south' } }, zones: { campus: { target: 'bcn' } },
      services: { tv: { steps: [{ targets: ['mad', 'bcn'], select: 'nearest' }] } },
    },
    { zone: 'campus' }, 'redirect bcn', ['nearest'], {},
  ],
  [
    'a zone\'s target that failed leaves the nearest to it',
    {
      targets: { mad: { at: [40.4, -3.7], state: 'down' }, bcn: { at: [41.4, 2.2] }, ams: { at: [52.4, 4.9] } }, zones: { campus: { target: 'mad' } },
      services: { tv: { steps: [{ targets: ['ams', 'mad', 'bcn'], select: 'nearest' }] } },
    },
    { at: [52.4, 4.9], zone: 'campus' }, 'redirect bcn', ['nearest'], { down: 1 },
  ],
  [
    'an autonomous system is localized as a zone is',
    {
      targets: { ams: { at: [52.4, 4.9] }, mad: { at: [40.4, -3.7] } }, zones: { isp: { target: 'mad', asns: [64500] } },
      services: { tv: { steps: [{ targets: ['ams', 'mad'], select: 'nearest' }] } },
    },
    { at: [52, 5], asn: 64500 }, 'redirect mad', ['nearest'], {},
  ],
  [
    'the first step that has a target is enough, whatever the later ones have',
    { targets: { a: {}, b: {} }, services: { tv: { steps: [{ targets: ['a'] }, { targets: ['b'], select: 'failover' }] } } },
    {}, 'redirect a', ['weighted'], {},
  ],
]
for (const [name, sketch, ask, said, why, rejected] of cases) {
  t.test(name, async (t) => {
    const decision = situation(sketch).decide(ask)
    t.equal(told(decision), said)
    t.same(decision.why, why)
    t.same(decision.rejected, rejected)
  })
}

t.test('a decision says how and where the client was placed', async (t) => {
  const { decide } = situation({
    targets: { a: {} }, zones: { isp: { target: 'a', asns: [64500], country: 'BE' } },
    services: { tv: { steps: [{ targets: ['a'] }] } },
  })
  const said = (ask: Ask) => {
    const { localization, country } = decide(ask)
    return `${localization} ${country}`
  }
  t.equal(said({ country: 'NL' }), 'default NL')
  t.equal(said({ country: 'NL', at: [52, 5] }), 'geo NL')
  t.equal(said({ country: 'NL', zone: 'isp' }), 'zone BE')
  t.equal(said({ country: 'NL', asn: 64500 }), 'asn BE')
  t.equal(said({ country: 'NL', asn: 64500, host: 'other.example' }), 'asn BE', 'refusals too')
})

t.test('the status of a redirect is the service\'s, of a bypass and a fence too', async (t) => {
  for (const status of [302, 307] as const) {
    const { decide } = situation({
      targets: { a: {} },
      services: {
        tv: { status, steps: [{ targets: ['a'] }] },
        by: { status, steps: [], bypass: { target: 'a' } },
        fen: { status, steps: [], fence: { mode: 'allow', countries: [], redirect: { target: 'a' } } },
      },
    })
    for (const host of ['tv.example', 'by.example', 'fen.example']) t.equal(decide({ host }).status, status, host)
  }
})

t.test('evidence that ends between two requests ends with the second', async (t) => {
  const { decide } = situation({
    targets: { a: { jurisdiction: { evidenceUntil: NOW + 1 } }, b: {} },
    policies: { dated: { evidence: true } },
    services: { tv: { policy: 'dated', steps: [{ targets: ['a', 'b'] }] } },
  })
  t.equal(told(decide({ now: NOW })), 'redirect a')
  t.equal(told(decide({ now: NOW + 1 })), 'refuse jurisdiction 451')
})

t.test('the operator\'s command shows in the next decision', async (t) => {
  const { decide, health, target } = situation({
    targets: { a: {}, b: {} },
    services: { tv: { steps: [{ targets: ['a', 'b'], select: 'failover' }] } },
  })
  t.equal(told(decide()), 'redirect a')
  health.setAdmin(target('a'), 'drain')
  t.equal(told(decide()), 'redirect b')
  health.setAdmin(target('b'), 'down')
  t.equal(told(decide()), 'last_resort a')
  health.setAdmin(target('a'), 'down')
  t.equal(told(decide()), 'refuse no_target 503')
})

t.test('a target that passed the filter and fails the assertion is not sent', async (t) => {
  const { decide, snapshot, health } = situation({
    targets: { a: AMERICAN }, policies: EU,
    services: { tv: { policy: 'eu', steps: [{ targets: ['a'] }] } },
  })
  const [pool] = snapshot.pools
  if (pool === undefined) return t.fail('no pool')
  decide()
  const known = health.standings[1]
  if (known === undefined) return t.fail('no standing')
  // As a mistake in the filter would leave it.
  health.standings[1] = { ...known, eligible: pool.members, unproven: pool.members, lastResort: pool.members, healthy: 100, mask: Uint8Array.of(1) }
  t.equal(told(decide()), 'refuse assertion 503')
})

t.test('one target turns away other viewers than the next', async (t) => {
  const { decide } = situation({
    targets: { a: { shed: 0.5 }, b: { shed: 0.5 } },
    services: { tv: { steps: [{ targets: ['a', 'b'], select: 'failover' }] } },
  })
  const draws = viewers(20_000)
  const both = draws.filter((random) => decide({}, random).outcome === 'panic')
  t.ok(Math.abs(both.length / draws.length - 0.25) < 0.01, `${both.length} of ${draws.length}`)
})

t.test('a share of the viewers is turned away because of load, the same ones each time', async (t) => {
  const { decide } = situation({ targets: { a: { shed: 0.3 }, b: {} }, services: { tv: { steps: [{ targets: ['a', 'b'], select: 'failover' }] } } })
  const draws = viewers(20_000)
  const moved = draws.filter((random) => told(decide({}, random)) === 'redirect b')
  t.ok(Math.abs(moved.length / draws.length - 0.3) < 0.01, `${moved.length} of ${draws.length}`)
  t.ok(moved.every((random) => told(decide({}, random)) === 'redirect b'))
  t.same(decide({}, moved[0]).rejected, { overload: 1 })
  t.equal(decide({}, moved[0]).rejected, decide({}, moved[1]).rejected, 'one object for all of them, by which the log knows them')
})
