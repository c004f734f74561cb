import fc from 'fast-check'
import t from 'tap'
import { compileContent } from '../../src/privacy/content.ts'
import { addressText, rawLine, rawRecordOf, readRawLine } from '../../src/archive/raw-record.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import { facts } from './archive.ts'

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9'

t.test('an address has one text, whatever way it was written', async (t) => {
  for (const [given, text] of [
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['[2001:db8::5]:443', '2001:db8::5'],
  ] as const) {
    const address = ClientAddress.parse(given)
    t.equal(address && addressText(address), text, given)
  }
})

t.test('the text of an address reads back as the same address', async () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (given) => {
    const address = ClientAddress.parse(given)
    if (address === undefined) return
    const again = ClientAddress.parse(addressText(address))
    for (const position of [0, 1, 2, 3] as const) if (again?.word(position) !== address.word(position)) throw new Error('another address')
  }))
})

t.test('words stay in a request and whatever may be a token, an address or a value is cut', async (t) => {
  for (const [path, query, text] of [
    ['/live/main/master.m3u8', '', '/live/main/master.m3u8'],
    ['/', '', '/'],
    ['/live/', '', '/live/'],
    ['/vod/film-2024/index_1280x720.m3u8', '', '/vod/_/_.m3u8'],
    ['/live/a8Kd93jQz7XbT2m/u-7391842/x.m3u8', '', '/live/_/_/x.m3u8'],
    ['/live/kqxmzwtpvrjd/Master.M3U8', '', '/live/_/Master.M3U8'],
    ['/live/aKdjQzXbT/INDEX.mpd', '', '/live/_/INDEX.mpd'],
    ['/Film.ism/Manifest', '', '/_/Manifest'],
    ['/live/203.0.113.7', '', '/live/_'],
    ['/live/master.a8Kd', '', '/live/_'],
    ['/live/.m3u8', '', '/live/_'],
    [`/s/${TOKEN}/master.m3u8`, '', '/s/_/master.m3u8'],
    [`/s/${TOKEN}.${TOKEN}.${TOKEN}/master.m3u8`, '', '/s/_/master.m3u8'],
    ['/hdnts=exp=1772397060~acl=*~hmac=9f2c/master.m3u8', '', '/_/master.m3u8'],
    ['/203.0.113.7/master.m3u8', '', '/_/master.m3u8'],
    ['/d41d8cd98f00b204e9800998ecf8427e/master.m3u8', '', '/_/master.m3u8'],
    ['/live;jsessionid=1/master.m3u8', '', '/_/master.m3u8'],
    ['/live/master.m3u8', 'token=abc&x=1', '/live/master.m3u8?token=&x='],
    ['/live/master.m3u8', 'CMCD=sid%3D%22a%22', '/live/master.m3u8?CMCD='],
    ['/live/master.m3u8', 'abc', '/live/master.m3u8?_'],
    ['/live/master.m3u8', `${TOKEN}=1`, '/live/master.m3u8?_='],
    ['/live/master.m3u8', '203.0.113.7', '/live/master.m3u8?_'],
    ['/live/master.m3u8', 'Key-Pair-Id=1&hdnts=2&_HLS_msn=3&Signature=4', '/live/master.m3u8?Key-Pair-Id=&hdnts=&_HLS_msn=&Signature='],
    ['/live/master.m3u8', 'a8Kd93jQz7XbT2m=1&u7391842=2&a-b-c-d-e-f-g=3', '/live/master.m3u8?_=&_=&_='],
    ['/live/master.m3u8', '&&=', '/live/master.m3u8?_&_&_='],
  ] as const) {
    t.equal(rawRecordOf(facts({ path, query })).request, `GET https://play.omroep.example${text}`, `${path}?${query}`)
  }
})

t.test('what the service\'s rules name stays, where they name it: literal parts, and a title that passes for one', async (t) => {
  const rules = ['/live/{content}/**', '/vod/2024/serie-1/*/master-hd.m3u8', '/demo-1/{content}', '/{content}/x-1/**'].map((pattern) => {
    const compiled = compileContent(pattern)
    if ('problem' in compiled) throw new Error(compiled.problem)
    return { id: pattern.includes('{content}') ? undefined : 'serie', segments: compiled.segments }
  })
  for (const [path, text, prefix] of [
    ['/live/nieuws-24/hd-1/master.m3u8', '/live/nieuws-24/_/master.m3u8'],
    ['/live/Nieuws-24/master.m3u8', '/live/nieuws-24/master.m3u8'],
    [`/live/${TOKEN}/master.m3u8`, '/live/_/master.m3u8'],
    ['/live/203-0-113-7/master.m3u8', '/live/_/master.m3u8'],
    ['/live/nieuws-24', '/live/nieuws-24'],
    ['/live/', '/live/'],
    ['/vod/2024/serie-1/s01e02/master-hd.m3u8', '/vod/2024/serie-1/_/master-hd.m3u8'],
    ['/vod/2024/serie-1/s01e02/master-sd.m3u8', '/vod/_/_/_/_.m3u8'],
    ['/vod/2024/serie-1/s01e02/u-1/master-hd.m3u8', '/vod/_/_/_/_/_.m3u8'],
    ['/demo-1/film-7', '/demo-1/film-7'],
    ['/film-7/x-1/y-1', '/film-7/x-1/_'],
    ['/klant-7/live/nieuws-24/u-7391842/master.m3u8', '/klant-7/live/nieuws-24/_/master.m3u8', '/klant-7'],
    ['/klant-7/u-7391842', '/klant-7/_', '/klant-7'],
    ['/klant-7', '/klant-7', '/klant-7'],
  ] as const) {
    const named = { host: prefix === undefined, prefix: prefix ?? '', rules }
    t.equal(rawRecordOf(facts({ path, named })).request, `GET https://play.omroep.example${text}`, path)
  }
})

t.test('a host of the service\'s own stays, and of any other its words do', async (t) => {
  for (const [host, own, text] of [
    ['edge-1.play24.omroep.example', true, 'edge-1.play24.omroep.example'],
    ['a8Kd93jQz7XbT2m.u-7391842.omroep.example', false, '_._.omroep.example'],
    ['203.0.113.7', false, '_._._._'],
    ['[2001:db8::1]', false, '[2001:db8::1]'],
  ] as const) {
    t.equal(rawRecordOf(facts({ host, path: '/', named: { host: own, prefix: '', rules: [] } })).request, `GET https://${text}/`, host)
    if (!own) t.equal(rawRecordOf(facts({ host, path: '/' })).request, `GET https://${text}/`, `${host}, no service`)
  }
})

t.test('nothing with a digit in it stays of a path that no rule names, but for its extension', async () => {
  const segment = fc.stringMatching(/^[!-.0-~]{0,20}$/)
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), (segments) => {
    const { request } = rawRecordOf(facts({ path: `/${segments.join('/')}` }))
    const kept = request.slice('GET https://play.omroep.example'.length)
    if (!/^(?:\/(?:[A-Za-z]{0,10}|_))*(?:\.[a-z0-9]{2,6})?$/i.test(kept)) throw new Error(kept)
  }))
})

t.test('a token at the end of a path that is too long goes whole', async (t) => {
  const { request } = rawRecordOf(facts({ path: `/${'part-of-it/'.repeat(92)}${TOKEN}/master.m3u8` }))
  t.notMatch(request, /eyJ/)
  t.match(request, /\/_$/)
  t.ok(request.length < 1100)
})

t.test('no value of a query is in a record, whatever it is', async () => {
  fc.assert(fc.property(fc.stringMatching(/^[!-%'-~]{1,30}$/), fc.stringMatching(/^[a-z]{1,8}$/), (value, name) => {
    const { request } = rawRecordOf(facts({ query: `${name}=canary${value}` }))
    if (request.includes('canary')) throw new Error(request)
  }))
})

t.test('a record has these fields and no other, so nothing joins it to the decision stream', async (t) => {
  const record = rawRecordOf(facts({ userAgent: 'u'.repeat(1000), port: undefined }))
  t.same(Object.keys(record), ['time', 'address', 'port', 'request', 'agent', 'service', 'outcome', 'target', 'status'])
  t.equal(record.agent?.length, 512)
  t.equal(record.port, null)
  t.equal(rawRecordOf(facts()).port, 40_012)
  t.same(rawRecordOf({ ...facts(), address: undefined }).address, null)
})

t.test('a record is one line, whatever the user agent holds, and is read back', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 4e12 }), (userAgent, time) => {
    const line = rawLine(rawRecordOf(facts({ userAgent, time })))
    if (line.indexOf('\n') !== line.length - 1) throw new Error('more than a line')
    const read = readRawLine(line)
    if (read?.time !== time || read.address !== '203.0.113.7') throw new Error('not read back')
  }))
})

t.test('no control of a user agent reaches whoever prints a line, and the text is the same when it is read', async (t) => {
  for (let code = 0; code < 256; code++) {
    const userAgent = `a${String.fromCharCode(code)}31mb`
    const line = rawLine(rawRecordOf(facts({ userAgent })))
    t.notMatch(line.slice(0, -1), /[\x00-\x1f\x7f-\x9f]/, `character ${code}`)
    t.equal((JSON.parse(line) as { agent: string }).agent, userAgent, `character ${code}`)
  }
})

t.test('what is no record is not read', async (t) => {
  for (const line of ['', '{', 'null', '[]', '{"time":1}', '{"time":"1","address":null}', '{"time":1,"address":2}']) t.equal(readRawLine(line), undefined, line)
})
