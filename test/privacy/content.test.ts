import fc from 'fast-check'
import t from 'tap'
import { compileContent, contentOf } from '../../src/privacy/content.ts'
import type { ContentPattern } from '../../src/privacy/content.ts'
import { isContentId } from '../../src/privacy/values.ts'

function rule(pattern: string, id?: string): ContentPattern {
  const compiled = compileContent(pattern)
  if ('problem' in compiled) throw new Error(compiled.problem)
  return { id, segments: compiled.segments }
}

t.test('a rule matches whole segments, from the first to the last', async (t) => {
  const rows: [pattern: string, path: string, expected: string][] = [
    ['/live/{content}/**', '/live/channel-1/master.m3u8', 'channel-1'],
    ['/live/{content}/**', '/live/channel-1', 'channel-1'],
    ['/live/{content}/**', '/live/channel-1/', 'channel-1'],
    ['/live/{content}/**', '/live/Channel-1/a/b/c', 'channel-1'],
    ['/live/{content}/**', '/vod/channel-1/master.m3u8', '_other'],
    ['/live/{content}/**', '/live', '_other'],
    ['/live/{content}/**', '/live/', '_other'],
    ['/live/{content}/**', '/live//x', '_other'],
    ['/live/{content}/**', '/livex/channel-1/x', '_other'],
    ['/live/{content}/**', '/liv/channel-1/x', '_other'],
    ['/{content}/master.m3u8', '/news/master.m3u8', 'news'],
    ['/{content}/master.m3u8', '/news/master.m3u8x', '_other'],
    ['/{content}/master.m3u8', '/news/master.m3u8/', '_other'],
    ['/{content}/master.m3u8', '/news/x/master.m3u8', '_other'],
    ['/*/{content}/*', '/s/news/a', 'news'],
    ['/*/{content}/*', '//news/a', '_other'],
    ['/*/{content}/*', '/s/news/', '_other'],
    ['/{content}', '/news', 'news'],
    ['/{content}', '/', '_other'],
    ['/{content}', '', '_other'],
  ]
  for (const [pattern, path, expected] of rows) t.equal(contentOf(path, [rule(pattern)]), expected, `${path} by ${pattern}`)
})

t.test('the first rule that matches decides, even when its capture is refused', async (t) => {
  const rules = [rule('/live/**', 'live'), rule('/s/{content}/x'), rule('/**', 'rest')]
  t.equal(contentOf('/live/1/x', rules), 'live')
  t.equal(contentOf('/s/news/x', rules), 'news')
  t.equal(contentOf('/s/192-0-2-1/x', rules), '_other')
  t.equal(contentOf('/else', rules), 'rest')
  t.equal(contentOf('/else', []), '_other')
  t.equal(contentOf('/live/x', [{ id: 'No Id', segments: ['**'] }]), '_other', 'a name that no configuration check has seen')
})

const names = [
  'news', 'channel-1', 'npo1', 'de-avondshow-met-arjen', 'kamerdebat_2026-03-01', 's01e02', 'season1-episode2', 'a', '1', '2026', '123456', 'thelordoftherings', 'ward-7b',
  'fifa-world-cup-2026-final-nl-de', 'THE-NEWS', 'h264-1080p', 'cafe', 'deadbee', 'facade',
  'eredivisie-2026-2027', 'f1-2026-03-01', 'abc_2026-03-01_2', 'the--news', 'S01E02Finale', 'top-40-2026-03', 'cafe-facade-decade', 'nos-20-15',
]
t.test('a name that somebody gave a title gets through, in small letters', async (t) => {
  for (const name of names) t.equal(contentOf(`/x/${name}/m`, [rule('/x/{content}/m')]), name.toLowerCase())
})

const secrets = [
  // addresses, however they are written
  '192.0.2.1', '192-0-2-1', '192_0_2_1', 'ip-10-1-2-3-x', '3221225985', '0xc0000201', 'c0000201', 'C0000201', '2001-db8-0-0-0-0-0-1', '2001-db8--1', '20010db8000000000000000000000001',
  '2001%3Adb8%3A%3A1', 'ip3221225985', '00-1b-63-84-45-e6-00-01', '001b638445e6',
  'ip192-0-2-1', 'v192_0_2_1', '192-0-2-1x', 'client192_0_2_17', 'ip-2001-db8--1', '2001-db8-1-2', 'net-2a02-a450-1-0', 'fd00_1_2_a', 'a4-5e-60-c2-11-9f', 'box_A4-5E-60-C2-11-9F', 'a45e-60c2-119f', '00-11-22-33-44-55',
  // numbers of people
  '06-1234-5678', '0612345-67', '31-6-1234-5678', '3161_2345_678', 'c0000-0201', 'order-1234-5678', '2026-03-01-06-1234-5678',
  // tokens and identifiers
  '550e8400-e29b-41d4-a716-446655440000', 'd41d8cd98f00b204e9800998ecf8427e', 'abcdefabcdefabcd', 'dGhpcyBpcyBhIHNlY3JldA', 'eyJhbGciOiJIUzI1NiIsInR5cCI', 'a1b2c3d4e5f6g7h8i9', 'Xk-9dQ_z2Lm-7Yp_q4Rt',
  'mzxw6ytboi4tsmrsgi3a', 'a8Kd93jQz7XbT2m', 'kq7x2m9zt4wp3vr', 'u-a8Kd93jQz7-x', 'exp=1772397060~acl', '1772397060', '1772397060123', '0612345678', 'jan@example', 'hdnts=x',
  // what an id cannot be
  '-news', '_news', '.news', 'n%65ws', 'naïve', 'a b', 'a"b', 'a'.repeat(49), '', '..', '*', '{content}',
]
t.test('an address, a token, a number of a person and anything odd is _other', async (t) => {
  for (const secret of secrets) t.equal(contentOf(`/x/${secret}/m`, [rule('/x/{content}/m')]), '_other', secret)
})

t.test('whatever the path is, an id comes out that holds no 16 hexadecimal digits and no 8 digits in a row', async () => {
  const rules = [rule('/live/{content}/**'), rule('/{content}/*')]
  const segment = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9a-f]{1,40}$/), fc.ipV4(), fc.ipV6(), fc.uuid(), fc.base64String(), fc.constant('live'))
  fc.assert(fc.property(fc.array(segment, { maxLength: 5 }), (segments) => {
    const content = contentOf(`/${segments.join('/')}`, rules)
    return isContentId(content) && !/[0-9a-f]{16}|\d{8}/.test(content)
  }), { numRuns: 2000 })
})

t.test('an IPv4 address gets through in none of its spellings', async () => {
  const rules = [rule('/{content}/m')]
  fc.assert(fc.property(fc.integer({ min: 0x01000000, max: 0xffffffff }), (word) => {
    const octets = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]
    const hex = word.toString(16).padStart(8, '0')
    const spellings = [octets.join('.'), octets.join('-'), octets.join('_'), `v-${octets.join('-')}-x`, `ip${octets.join('-')}`, `${octets.join('_')}x`, String(word), `0x${hex}`, hex]
    return spellings.every((text) => contentOf(`/${text}/m`, rules) === '_other')
  }), { numRuns: 1000 })
})

t.test('a hardware address gets through in none of its spellings', async () => {
  const rules = [rule('/{content}/m')]
  fc.assert(fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
    if (!/[0-9]/.test(hex.join(''))) return true
    const fours = [hex.slice(0, 2), hex.slice(2, 4), hex.slice(4)].map((pair) => pair.join(''))
    const spellings = [hex.join(':'), hex.join('-'), hex.join('_'), hex.join(''), fours.join('.'), fours.join('-'), `stb-${hex.join('-')}-2`].flatMap((text) => [text, text.toUpperCase()])
    return spellings.every((text) => contentOf(`/${text}/m`, rules) === '_other')
  }), { numRuns: 1000 })
})

t.test('a pattern that could not mean what it says is refused with what would be right', async (t) => {
  const rows: [string, RegExp][] = [
    ['live', /start with \//], ['/{content}/{content}', /at most once/], ['/**/x', /at the end/], ['/a*', /whole segments/], ['/a{content}', /whole segments/], ['/{title}', /whole segments/],
    ['/a//b', /empty segment/], ['/a?b', /without \?/], ['/a b', /printable/], ['/ä', /printable/], [`/${'a/'.repeat(32)}`, /at most 32/],
  ]
  for (const [pattern, expected] of rows) {
    const compiled = compileContent(pattern)
    t.match('problem' in compiled ? compiled.problem : 'none', expected, pattern)
  }
  t.same(compileContent('/live/*/{content}/**'), { segments: ['live', '*', '{content}', '**'] })
})
