import fc from 'fast-check'
import t from 'tap'
import { filterQuery, locationOf } from '../../src/routing/location.ts'
import type { QueryRule } from '../../src/routing/model.ts'
import { situation } from './situation.ts'

const ALL: QueryRule = { mode: 'all', names: new Set() }
const KEEP: QueryRule = { mode: 'keep', names: new Set(['token', 'b c']) }
const DROP: QueryRule = { mode: 'drop', names: new Set(['utm', 'b c']) }

const CMCD: QueryRule = { mode: 'all', names: new Set(), cmcd: new Set(['br', 'ot', 'su', 'sf']) }

const cases: [name: string, query: string, rule: QueryRule, kept: string][] = [
  ['a query without anything to drop is the same byte for byte', 'token=a~b=/+%2F%7e&x', ALL, 'token=a~b=/+%2F%7e&x'],
  ['a signed token keeps its spelling beside a CMCD that goes', 'hdnts=exp=1~acl=/*~hmac=0aF&CMCD=br%3D1&e=%2f', ALL, 'hdnts=exp=1~acl=/*~hmac=0aF&e=%2f'],
  ['the order is kept', 'z=1&c=2&a=3&c=1', ALL, 'z=1&c=2&a=3&c=1'],
  ['pairs without a value or a name are kept', 'c&=&&=c&', ALL, 'c&=&&=c&'],
  ['CMCD alone leaves nothing', 'CMCD=sid%3D%22x%22', ALL, ''],
  ['CMCD without a value goes', 'a=c&CMCD&b=2', ALL, 'a=c&b=2'],
  ['CMCD goes in lower case', 'a=1&cmcd=x', ALL, 'a=1'],
  ['CMCD goes in mixed case', 'CmCd=x&a=1', ALL, 'a=1'],
  ['CMCD goes with a letter escaped', '%43MCD=x&a=1', ALL, 'a=1'],
  ['CMCD goes with all letters escaped', '%43%4d%43%44=x&a=1', ALL, 'a=1'],
  ['CMCD goes with small letters escaped', '%63%6D%63%64=x&a=1', ALL, 'a=1'],
  ['CMCD goes every time', 'CMCD=1&a=1&cmcd=2&%43mcd=3', ALL, 'a=1'],
  ['a longer name is not CMCD', 'CMCDx=1&xCMCD=2&CMCD-Object=3', ALL, 'CMCDx=1&xCMCD=2&CMCD-Object=3'],
  ['CMCD as a value is kept', 'a=CMCD', ALL, 'a=CMCD'],
  ['an escape within an escape is another name', '%2543MCD=1', ALL, '%2543MCD=1'],
  ['a name that cannot be decoded is compared as it stands', '%C3=1&%=2&%zz=3&c=4', ALL, '%C3=1&%=2&%zz=3&c=4'],
  ['a list of names keeps only those', 'a=1&token=x%2Fy&b=2', KEEP, 'token=x%2Fy'],
  ['a listed name is found in its escaped spelling', '%74oken=1&b%20c=2', KEEP, '%74oken=1&b%20c=2'],
  ['names are case-sensitive but for CMCD', 'Token=1', KEEP, ''],
  ['a listed CMCD goes all the same', 'CMCD=1&token=2', { mode: 'keep', names: new Set(['CMCD', 'token']) }, 'token=2'],
  ['a list of names drops only those', 'a=1&utm=x&b=2', DROP, 'a=1&b=2'],
  ['a dropped name is found in its escaped spelling', 'a=1&%75tm=x&b%20c=2', DROP, 'a=1'],
  ['dropping drops CMCD as well', 'a=1&CMCD=2', DROP, 'a=1'],
  ['allowed keys of CMCD stay, in their order and place', 'a=1&CMCD=br%3D3200%2Csid%3D%22x%22%2Cot%3Dm%2Csu&b=%2f', CMCD, 'a=1&CMCD=br%3D3200%2Cot%3Dm%2Csu&b=%2f'],
  ['a CMCD without an allowed key goes', 'a=1&CMCD=sid%3D%22x%22%2Ccid%3D%22y%22', CMCD, 'a=1'],
  ['what stands in quotes is no key', 'CMCD=cid%3D%22x%2Cbr%3D77%2Csu%2C%22%2Cot%3Dm', CMCD, 'CMCD=ot%3Dm'],
  ['a quote that does not end leaves nothing', 'CMCD=ot%3Dm%2Ccid%3D%22x%2Cbr%3D77', CMCD, ''],
  ['a value too long for a measurement goes', 'CMCD=br%3D123456789%2Cot%3Dmanifest%2Csf%3D%22h%22', CMCD, ''],
  ['a CMCD that cannot be decoded goes', 'CMCD=br%3D1%zz&a=1', CMCD, 'a=1'],
  ['CMCD may be spelled as one likes', '%63mcd=su', CMCD, 'CMCD=su'],
  ['a list of names to keep is apart from the keys of CMCD', 'a=1&CMCD=su', { ...CMCD, mode: 'keep', names: new Set(['b']) }, 'CMCD=su'],
  ['an empty list to keep keeps nothing', 'a=1&b=2', { mode: 'keep', names: new Set() }, ''],
]
for (const [name, query, rule, kept] of cases) {
  t.test(name, async (t) => {
    t.equal(filterQuery(query, rule), kept)
  })
}

const bytes = fc.string({ unit: fc.constantFrom(...'aZ09~=/+%.-_*!&:;,@$\'()?'), maxLength: 30 })

t.test('what is kept is the pairs that came, unchanged and in their order', async (t) => {
  const spellings = fc.constantFrom('CMCD=1', 'cmcd', '%43MCD=x', '%63%6d%63%64=')
  fc.assert(fc.property(fc.array(fc.oneof(bytes, spellings), { maxLength: 6 }), (parts) => {
    const query = parts.join('&')
    const wanted = query.split('&').filter((pair) => !/^(c|%[46]3)(m|%[46]d)(c|%[46]3)(d|%[46]4)(=|$)/i.test(pair)).join('&')
    return filterQuery(query, ALL) === wanted
  }), { numRuns: 5000 })
  t.pass('for random bytes')
})

t.test('of a CMCD nothing passes but allowed keys with short numbers and tokens, whatever it holds', async (t) => {
  const piece = fc.constantFrom('br', 'sid', 'cid', 'su', '=', ',', '"', '\\', '1', 'abc', 'm', '(', ';', ' ', 'é', '%')
  fc.assert(fc.property(fc.array(piece, { maxLength: 16 }), (parts) => {
    const kept = filterQuery(`CMCD=${encodeURIComponent(parts.join(''))}`, CMCD)
    return kept === '' || /^CMCD=(?:(?:br|ot|su|sf)(?:=(?:\d{1,7}(?:\.\d{1,2})?|[a-z]{1,2}))?(?:,|$))+$/.test(decodeURIComponent(kept))
  }), { numRuns: 5000 })
  t.pass('for random pieces')
})

const { decide, request } = situation({
  targets: { ams: {}, far: {} },
  services: {
    tv: { hosts: ['tv.example'], prefix: '/tv', steps: [{ targets: ['ams'] }] },
    fenced: { hosts: ['fenced.example'], fence: { mode: 'allow', countries: ['NL'], redirect: { target: 'far', path: '/sorry.m3u8?from=fence' } }, steps: [] },
    broken: { hosts: ['broken.example'], steps: [], bypass: { target: 'far' } },
  },
})

const locations: [name: string, ask: Parameters<typeof request>[0], location: string][] = [
  ['host, path and query of a plain request', { path: '/a/b.m3u8', query: 't=1' }, 'https://ams.example/a/b.m3u8?t=1'],
  ['no question mark without a query', { path: '/a/b.m3u8' }, 'https://ams.example/a/b.m3u8'],
  ['no question mark when all of the query was dropped', { path: '/a/b.m3u8', query: 'CMCD=1' }, 'https://ams.example/a/b.m3u8'],
  ['the scheme of the request', { scheme: 'http', path: '/a' }, 'http://ams.example/a'],
  ['the path without the service\'s prefix', { host: 'other.example', path: '/tv/a/b.m3u8' }, 'https://ams.example/a/b.m3u8'],
  ['escapes in a path as they came', { path: '/a%2Fb/%7Ec;x=1/d.m3u8' }, 'https://ams.example/a%2Fb/%7Ec;x=1/d.m3u8'],
  ['a fixed path without the request\'s query', { host: 'fenced.example', country: 'US', path: '/a', query: 't=1' }, 'https://far.example/sorry.m3u8?from=fence'],
  ['the request\'s own path and query for a bypass without a path', { host: 'broken.example', path: '/a', query: 't=1' }, 'https://far.example/a?t=1'],
]
for (const [name, ask, location] of locations) {
  t.test(`a location has ${name}`, async (t) => {
    const decision = decide(ask)
    t.not(decision.outcome, 'refuse')
    if (decision.outcome !== 'refuse') t.equal(locationOf(decision, request(ask)), location)
  })
}

t.test('whatever the path and query are, the host of a location is the target\'s', async (t) => {
  fc.assert(fc.property(bytes, bytes, (path, query) => {
    const ask = { path: `/a${path}`, query }
    const decision = decide(ask)
    if (decision.outcome === 'refuse') return false
    const url = new URL(locationOf(decision, request(ask)))
    return url.host === 'ams.example' && url.username === '' && url.protocol === 'https:'
  }), { numRuns: 2000 })
  t.pass('for random bytes')
})
