import t from 'tap'
import { vector } from '../../src/routing/distance.ts'
import { localize, meets, prefers } from '../../src/routing/localize.ts'
import type { Degrees } from './situation.ts'
import { situation } from './situation.ts'

const { snapshot, request, target } = situation({
  groups: { eu: { at: [50, 10] }, west: { at: [52, 5], parent: 'eu' }, nowhere: {} },
  targets: { ams: { group: 'west', at: [52.4, 4.9] }, fra: { group: 'eu', at: [50.1, 8.7] }, cdn: {} },
  zones: {
    campus: { group: 'west', country: 'NL', continent: 'EU' },
    hotel: { target: 'fra' },
    ship: { group: 'nowhere' },
    isp: { group: 'eu', asns: [64500], country: 'DE' },
  },
  services: { tv: { steps: [] } },
})

const HERE: Degrees = [40, 20]
const cases: [name: string, ask: Parameters<typeof request>[0], localization: string, zone: string | undefined, country: string, origin: Degrees | undefined][] = [
  ['without anything the client is placed by default', { country: 'ZZ', continent: 'ZZ' }, 'default', undefined, 'ZZ', undefined],
  ['a country without coordinates is the default too', { country: 'FR' }, 'default', undefined, 'FR', undefined],
  ['coordinates of the geo database place the client', { country: 'FR', at: HERE }, 'geo', undefined, 'FR', HERE],
  ['a zone beats the geo database', { country: 'FR', at: HERE, zone: 'campus' }, 'zone', 'campus', 'NL', [52, 5]],
  ['a zone that names a target places the client at the target', { country: 'FR', at: HERE, zone: 'hotel' }, 'zone', 'hotel', 'FR', [50.1, 8.7]],
  ['a zone without coordinates leaves those of the geo database', { country: 'FR', at: HERE, zone: 'ship' }, 'zone', 'ship', 'FR', HERE],
  ['a zone without coordinates still localizes', { country: 'FR', zone: 'ship' }, 'zone', 'ship', 'FR', undefined],
  ['an autonomous system beats the geo database', { country: 'FR', at: HERE, asn: 64500 }, 'asn', 'isp', 'DE', [50, 10]],
  ['a zone by address beats the autonomous system', { country: 'FR', asn: 64500, zone: 'campus' }, 'zone', 'campus', 'NL', [52, 5]],
  ['an autonomous system that no zone names changes nothing', { country: 'FR', at: HERE, asn: 64501 }, 'geo', undefined, 'FR', HERE],
]
for (const [name, ask, localization, zone, country, origin] of cases) {
  t.test(name, async (t) => {
    const located = localize(request(ask).client, snapshot)
    t.same({ ...located, zone: located.zone?.id }, {
      localization, zone, country, continent: ask?.continent ?? 'EU', origin: origin === undefined ? undefined : vector(...origin),
    })
  })
}

t.test('number 0 is no autonomous system, even where a table names it', async (t) => {
  const { snapshot, request } = situation({ targets: { ams: {} }, zones: { odd: { target: 'ams', asns: [0] } }, services: { tv: { steps: [] } } })
  t.equal(localize(request({ asn: 0 }).client, snapshot).zone, undefined)
})

const preferred: [zone: string, targets: string[]][] = [['campus', ['ams']], ['isp', ['ams', 'fra']], ['hotel', ['fra']], ['ship', []]]
for (const [zone, targets] of preferred) {
  t.test(`zone ${zone} prefers ${targets.join(' and ') || 'nothing'}`, async (t) => {
    const { zone: found } = localize(request({ zone }).client, snapshot)
    t.same(['ams', 'fra', 'cdn'].filter((id) => found !== undefined && prefers(found, target(id))), targets)
  })
}

const NONE = { countries: undefined, continents: undefined, zones: undefined, asns: undefined }
const conditions: [name: string, when: Parameters<typeof meets>[0], ask: Parameters<typeof request>[0], met: boolean][] = [
  ['no condition is met by everybody', undefined, { country: 'ZZ', continent: 'ZZ' }, true],
  ['an empty condition is met by everybody', NONE, { country: 'ZZ', continent: 'ZZ' }, true],
  ['a country is met', { ...NONE, countries: new Set(['NL', 'BE']) }, { country: 'BE' }, true],
  ['another country is not met', { ...NONE, countries: new Set(['NL', 'BE']) }, { country: 'DE' }, false],
  ['an unknown country meets no list', { ...NONE, countries: new Set(['NL', 'BE']) }, { country: 'ZZ' }, false],
  ['a zone\'s country counts instead of the database\'s', { ...NONE, countries: new Set(['NL']) }, { country: 'FR', zone: 'campus' }, true],
  ['a continent is met', { ...NONE, continents: new Set(['EU']) }, { continent: 'EU' }, true],
  ['another continent is not met', { ...NONE, continents: new Set(['EU']) }, { continent: 'NA' }, false],
  ['a zone is met', { ...NONE, zones: new Set(['campus']) }, { zone: 'campus' }, true],
  ['a zone by autonomous system is met', { ...NONE, zones: new Set(['isp']) }, { asn: 64500 }, true],
  ['another zone is not met', { ...NONE, zones: new Set(['campus']) }, { zone: 'hotel' }, false],
  ['no zone is not met', { ...NONE, zones: new Set(['campus']) }, {}, false],
  ['an autonomous system is met', { ...NONE, asns: new Set([64501]) }, { asn: 64501 }, true],
  ['an unknown autonomous system is not met', { ...NONE, asns: new Set([64501]) }, { asn: 0 }, false],
  ['all lists must hold', { ...NONE, countries: new Set(['NL']), asns: new Set([64501]) }, { country: 'NL', asn: 1 }, false],
  ['an empty list is met by nobody', { ...NONE, countries: new Set<string>() }, { country: 'NL' }, false],
]
for (const [name, when, ask, met] of conditions) {
  t.test(name, async (t) => {
    const { client } = request(ask)
    t.equal(meets(when, localize(client, snapshot), client.asn), met)
  })
}
