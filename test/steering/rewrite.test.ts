// What a rewriter must keep, and what it must not touch at all.
import fc from 'fast-check'
import t from 'tap'
import { rewriteDash } from '../../src/steering/dash.ts'
import { rewriteHls } from '../../src/steering/hls.ts'
import type { Place } from '../../src/steering/place.ts'
import { readReference } from '../../src/steering/place.ts'
import type { RewriteReason } from '../../src/steering/rewrite.ts'
import { readTags } from '../../src/steering/xml.ts'

const path = '/vod/t1/master.m3u8'
const A: Place = { id: 'cdn-a', base: 'https://a.example/pre', path }
const B: Place = { id: 'cdn-b', base: 'https://b.example', path }
const STEERING = 'https://router.example/-/steering/hls/tv'
const URLS = { steering: STEERING, location: 'https://router.example/m.mpd' }
const hls = (text: string) => rewriteHls(text, A, [A, B], STEERING)
const dash = (text: string) => rewriteDash(text, A, [A, B], URLS)

const VARIANT = '#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n'
const REFUSED: readonly (readonly [what: string, text: string, reason: RewriteReason])[] = [
  ['an error page', '<html>', 'not_a_manifest'],
  ['nothing', '', 'not_a_manifest'],
  ['a list without variants', '#EXTM3U\n#EXT-X-VERSION:3\n', 'not_a_manifest'],
  ['a longer first line', '#EXTM3U8\n', 'not_a_manifest'],
  ['a media playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n', 'media_playlist'],
  ['a packager\'s own steering', `#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI="/s"\n${VARIANT}`, 'already_steered'],
  ['a packager\'s own pathways', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID="x"\nv.m3u8\n', 'already_steered'],
  ['a variant without address', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n', 'malformed'],
  ['a variant followed by a tag', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\nv.m3u8\n', 'malformed'],
  ['an address without variant', `#EXTM3U\n${VARIANT}w.m3u8\n`, 'malformed'],
  ['an open quote', '#EXTM3U\n#EXT-X-STREAM-INF:CODECS="avc1\nv.m3u8\n', 'malformed'],
  ['an attribute twice', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,BANDWIDTH=2\nv.m3u8\n', 'malformed'],
  ['a tag with an address that nobody knows', `#EXTM3U\n#EXT-X-IMAGE-STREAM-INF:URI="i.m3u8"\n${VARIANT}`, 'unknown_tag'],
  ['a variable in place of a host', '#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM="h"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{$h}/v.m3u8\n', 'reference'],
  ['another host', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttps://c.example/v.m3u8\n', 'elsewhere'],
  ['another host without scheme', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n//c.example/v.m3u8\n', 'elsewhere'],
  ['a host that begins like the target\'s', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttps://a.example.evil/pre/v.m3u8\n', 'elsewhere'],
  ['the root of a host, which a prefix does not reach', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/v.m3u8\n', 'elsewhere'],
  ['dots that lead out of the prefix', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../../../v.m3u8\n', 'elsewhere'],
  ['a rendition elsewhere', `#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="https://c.example/a.m3u8"\n${VARIANT}`, 'elsewhere'],
]

t.test('a playlist that is not understood is left alone, with its reason', async (t) => {
  for (const [what, text, reason] of REFUSED) t.same(hls(text), { reason }, what)
})

const PERIOD = '<Period><AdaptationSet><SegmentTemplate media="$Number$.m4s"/></AdaptationSet></Period>'
const REFUSED_DASH: readonly (readonly [what: string, text: string, reason: RewriteReason])[] = [
  ['an error page', '<html></html>', 'not_a_manifest'],
  ['a cut document', '<MPD><Period>', 'not_a_manifest'],
  ['crossed elements', '<MPD><a><b></a></b></MPD>', 'not_a_manifest'],
  ['a document type', '<!DOCTYPE MPD><MPD></MPD>', 'not_a_manifest'],
  ['entities', '<!DOCTYPE MPD [<!ENTITY x "y">]><MPD></MPD>', 'not_a_manifest'],
  ['text after the end', '<MPD></MPD>x', 'not_a_manifest'],
  ['a packager\'s own steering', `<MPD><ContentSteering>x</ContentSteering>${PERIOD}</MPD>`, 'already_steered'],
  ['a packager\'s own locations', `<MPD><BaseURL serviceLocation="x">a/</BaseURL>${PERIOD}</MPD>`, 'already_steered'],
  ['two bases', `<MPD><BaseURL>a/</BaseURL><BaseURL>b/</BaseURL>${PERIOD}</MPD>`, 'already_steered'],
  ['remote parts', '<MPD><Period xlink:href="p.xml"/></MPD>', 'unknown_tag'],
  ['patches', `<MPD><PatchLocation>p</PatchLocation>${PERIOD}</MPD>`, 'unknown_tag'],
  ['another host', `<MPD><BaseURL>https://c.example/</BaseURL>${PERIOD}</MPD>`, 'elsewhere'],
  ['another host further down', '<MPD><Period><BaseURL>https://c.example/</BaseURL></Period></MPD>', 'elsewhere'],
  ['absolute segments', '<MPD><Period><SegmentTemplate media="https://c.example/$Number$.m4s"/></Period></MPD>', 'elsewhere'],
  ['a clock without host', `<MPD>${PERIOD}<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-head:2014" value="time"/></MPD>`, 'reference'],
  ['an empty base', `<MPD><BaseURL> </BaseURL>${PERIOD}</MPD>`, 'malformed'],
]

t.test('an MPD that is not understood is left alone, with its reason', async (t) => {
  for (const [what, text, reason] of REFUSED_DASH) t.same(dash(text), { reason }, what)
})

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
const relative = fc.oneof(
  fc.tuple(word, word).map(([a, b]) => `${a}/${b}.m3u8`),
  fc.tuple(word, word).map(([a, b]) => `${a}.m3u8?t=~${b}/=+%2F`),
  word.map((a) => `/pre/${a}.m3u8`),
  word.map((a) => `https://a.example/pre/${a}/v.m3u8`),
  word.map((a) => `../${a}.m3u8`),
)
const playlist = fc.record({
  end: fc.constantFrom('\n', '\r\n'),
  extra: fc.subarray(['#EXT-X-VERSION:6', '# comment', '', '#EXT-X-INDEPENDENT-SEGMENTS', '#EXT-X-DEFINE:NAME="x",VALUE="y"']),
  audio: fc.array(fc.tuple(fc.constantFrom('aac', 'ac3'), relative), { maxLength: 3 }),
  variants: fc.array(fc.tuple(relative, fc.constantFrom(',AUDIO="aac"', ',AUDIO="ac3"', '')), { minLength: 1, maxLength: 5 }),
}).map(({ end, extra, audio, variants }) => ({
  variants: variants.length,
  text: ['#EXTM3U', ...extra, ...audio.map(([group, uri], i) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${group}",NAME="n${i}",URI="${uri}"`), ...variants.flatMap(([uri, group], i) => [`#EXT-X-STREAM-INF:BANDWIDTH=${i + 1}${group}`, uri]), ''].join(end),
}))

t.test('every pathway has every variant, at the place where a player would have found it', async () => {
  fc.assert(
    fc.property(playlist, ({ text, variants }) => {
      const steered = hls(text).text ?? ''
      for (const place of [A, B]) {
        const own = [...steered.matchAll(/^#EXT-X-STREAM-INF:([^\r\n]*)\r?\n([^\r\n]*)/gm)].filter(([, attributes]) => attributes?.includes(`PATHWAY-ID="${place.id}"`))
        if (own.length !== variants) return false
        const originals = [...text.matchAll(/^#EXT-X-STREAM-INF:[^\r\n]*\r?\n([^\r\n]*)/gm)].map(([, uri = '']) => new URL(uri, `${A.base}${path}`).href)
        const there = own.map(([, , uri = '']) => new URL(uri).href)
        if (there.some((url, i) => url !== originals[i]?.replace('https://a.example/pre', place.base))) return false
        const stable = own.map(([, attributes = '']) => /STABLE-VARIANT-ID="([^"]+)"/.exec(attributes)?.[1])
        if (new Set(stable).size !== variants) return false
      }
      return true
    }),
  )
})

t.test('a variant that is listed twice, as for two kinds of sound, has two stable ids', async (t) => {
  const { text } = hls('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="aac"\nv.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="ac3"\nv.m3u8\n')
  const ids = [...(text ?? '').matchAll(/PATHWAY-ID="cdn-a",STABLE-VARIANT-ID="([^"]+)"/g)].map(([, id]) => id)
  t.equal(new Set(ids).size, 2)
})

t.test('taking the steering out again leaves what the packager wrote, byte for byte', async () => {
  const unsteer = (steered: string, original: string) => {
    const lines = original.split(/\r?\n/).length - 1
    return steered
      .split('\n')
      .filter((line) => !line.startsWith('#EXT-X-CONTENT-STEERING'))
      .slice(0, lines)
      .map((line) => line.replace(/,PATHWAY-ID="[^"]*",STABLE-VARIANT-ID="[^"]*"|,STABLE-RENDITION-ID="[^"]*"/g, ''))
  }
  const withoutPlaces = (line: string) => line.replace(/(?:https:\/\/a\.example\/pre)?(?:\/pre|\/vod\/t1)?\/?(?=[^/"]*\.m3u8|[a-z0-9]+\/[a-z0-9]+\.m3u8|\.\.\/)/g, '')
  fc.assert(
    fc.property(playlist, ({ text }) => {
      const back = unsteer(hls(text).text ?? '', text).map(withoutPlaces)
      const original = text.split('\n').slice(0, -1).map(withoutPlaces)
      return JSON.stringify(back) === JSON.stringify(original)
    }),
  )
})

const junk = fc.array(fc.oneof(fc.constantFrom('#EXTM3U\n', VARIANT, '#EXT-X-MEDIA:', 'URI="', '"', ',', '\n', '\r\n', '#EXT-X-DEFINE:NAME="a",VALUE="b"\n', '{$a}', '<MPD>', '</MPD>', '<BaseURL>', '</BaseURL>', '&amp;', '<!--', '-->'), fc.string()), { maxLength: 30 })

t.test('whatever a target serves, rewriting neither throws nor sends anybody to a host that is not a pathway\'s', async () => {
  fc.assert(
    fc.property(junk.map((pieces) => pieces.join('')), (text) => {
      const steered = hls(`#EXTM3U\n${VARIANT}${text}`).text ?? ''
      dash(text)
      const addresses = [...steered.matchAll(/^(?!#)\S.*$/gm)].map(([line]) => line)
      return addresses.every((line) => line.startsWith(`${A.base}/`) || line.startsWith(`${B.base}/`))
    }),
    { numRuns: 1000 },
  )
})

t.test('an MPD keeps every byte but for bases and locations', async (t) => {
  const text = `<?xml version="1.0"?>\n<MPD type="static">\n <!-- a > b -->\n ${PERIOD}\n</MPD>\n`
  const steered = dash(text).text ?? ''
  t.equal(steered.replace(/<BaseURL serviceLocation=[^]*<\/ContentSteering>/, ''), text)
  t.ok(readTags(steered))
  t.notMatch(steered, '<Location>', 'what is not live is not fetched again')
})

t.test('a reference is where a player would find it', async () => {
  fc.assert(
    fc.property(relative, (text) => {
      const reference = readReference(text, A)
      if (reference === undefined || reference.kind === 'elsewhere') return false
      const here = reference.kind === 'based' ? A.base + reference.text : `${A.base}/vod/t1/${reference.text}`
      return new URL(here).href === new URL(text, A.base + path).href
    }),
  )
})
