// Targets' manifests: fetched once, kept as long as they say, and longer where the target fails.
import t from 'tap'
import { freshness } from '../../src/steering/freshness.ts'
import { Upstream, UpstreamError } from '../../src/steering/upstream.ts'
import type { UpstreamReply } from '../../src/steering/upstream.ts'
import { heapHolds } from '../heap.ts'

const URL_A = 'https://a.example/m.m3u8'

/** A target that answers when told to. */
function target() {
  const asked: string[] = []
  let reply: () => Promise<UpstreamReply> = async () => ok()
  let now = 0
  const upstream = new Upstream({ now: () => now, maxEntries: 3, maxSize: 100, maxFetches: 2, fetch: async (url) => {
    asked.push(url)
    return reply()
  } })
  return {
    asked,
    get: async (url = URL_A) => {
      const found = await upstream.get(url, (host) => host === 'a.example' || host === 'a2.example')
      return typeof found === 'string' ? found : found.text
    },
    upstream,
    pass: (ms: number) => void (now += ms),
    answer: (next: () => Promise<UpstreamReply>) => void (reply = next),
  }
}

function ok(text = 'manifest', headers: Readonly<Record<string, string>> = { 'cache-control': 'max-age=10' }, status = 200): UpstreamReply {
  return { status, headers: new Map(Object.entries(headers)), body: Buffer.from(text) }
}

t.test('what is fresh is answered at once, without a promise', async (t) => {
  const { get, upstream, asked } = target()
  await get()
  const again = upstream.get(URL_A, () => false)
  t.notOk(again instanceof Promise)
  t.equal(asked.length, 1)
})

t.test('all who ask at the same time share one fetch', async (t) => {
  const { get, asked } = target()
  t.same(await Promise.all([get(), get(), get()]), ['manifest', 'manifest', 'manifest'])
  t.equal(asked.length, 1)
})

t.test('what was made of a manifest is made once, for some sixteen keys, and again with the next manifest', async (t) => {
  const { upstream, pass } = target()
  const made: string[] = []
  const make = async (key: string) => {
    const found = await upstream.get(URL_A, () => false)
    if (typeof found === 'string') return t.fail(found)
    return upstream.made(found, key, () => (made.push(key), { parts: [key], holes: [] }))
  }
  t.same(await make('1'), { parts: ['1'], holes: [] })
  await make('1')
  t.same(made, ['1'])
  for (let i = 2; i <= 16; i++) await make(`${i}`)
  await make('1')
  await make('17')
  await make('1')
  t.equal(made.filter((key) => key === '1').length, 1, 'it was asked for again and again')
  await make('2')
  t.equal(made.filter((key) => key === '2').length, 2)
  pass(10_000)
  await make('1')
  t.equal(made.filter((key) => key === '1').length, 2)
})

t.test('what is over is forgotten, also where nobody asks again, and no address is kept', async (t) => {
  const { upstream, asked, pass, answer } = target()
  const ask = (url: string) => upstream.get(url, () => false)
  const [told, failed, text] = [['can', 'ary-1'], ['can', 'ary-2'], ['can', 'ary-3']] as const
  answer(async () => ok(text.join('')))
  await ask(`${URL_A}?session=${told.join('')}`)
  answer(async () => { throw new UpstreamError('status') })
  await ask(`${URL_A}?session=${failed.join('')}`)
  asked.length = 0
  t.same(await heapHolds(told, failed, text), [false, false, true])
  pass(10_000 + 60_000 - 1)
  upstream.sweep()
  t.same(await heapHolds(text), [true], 'it may still stand in for an error')
  pass(1)
  upstream.sweep()
  t.same(await heapHolds(text), [false])
})

t.test('a failure is not remembered for longer than it counts', async (t) => {
  const { upstream, get, asked, pass, answer } = target()
  answer(async () => { throw new UpstreamError('status') })
  await get()
  upstream.sweep()
  t.equal(await get(), 'status')
  t.equal(asked.length, 1)
  pass(1000)
  upstream.sweep()
  await get()
  t.equal(asked.length, 2)
})

t.test('what was made of manifests takes room as they do', async (t) => {
  const { upstream, get, asked, answer } = target()
  answer(async () => ok('m'.repeat(20)))
  const urls = ['a', 'b', 'c'].map((name) => `https://a.example/${name}.m3u8`)
  for (const url of urls) await get(url)
  const last = await upstream.get(urls[2] ?? '', () => false)
  if (typeof last === 'string') return t.fail(last)
  for (const key of ['1', '2']) upstream.made(last, key, () => ({ parts: ['x'.repeat(10), 'y'.repeat(10)], holes: ['steering'] }))
  for (const url of urls.slice(1)) await get(url)
  t.equal(asked.length, 3, 'all 100 characters are in use')
  upstream.made(last, '3', () => ({ parts: ['x'], holes: [] }))
  await get(urls[0])
  t.equal(asked.length, 4, 'the one that was asked for longest ago had to go')
  t.same(upstream.made(last, '4', () => 'malformed'), 'malformed')
})

t.test('a stale manifest is fetched again, and stands in where that fails', async (t) => {
  const { get, asked, pass, answer } = target()
  await get()
  pass(10_000)
  answer(async () => ok('newer'))
  t.equal(await get(), 'newer')
  pass(10_000)
  answer(() => Promise.reject(new UpstreamError('timeout')))
  t.equal(await get(), 'newer')
  t.equal(await get(), 'newer')
  t.equal(asked.length, 3, 'a failure is not tried again at once')
  pass(60_000)
  t.equal(await get(), 'timeout')
})

t.test('what must not be kept is not kept', async (t) => {
  for (const headers of [{ 'cache-control': 'no-store' }, { 'cache-control': 'private, max-age=60' }, { vary: '*' }]) {
    const { get, asked, answer } = target()
    answer(async () => ok('x', headers))
    await get()
    await get()
    t.equal(asked.length, 2)
  }
})

t.test('a target that is down costs one wait a second', async (t) => {
  const { get, asked, pass, answer } = target()
  answer(() => Promise.reject(new UpstreamError('unreachable')))
  for (let i = 0; i < 10; i++) t.equal(await get(), 'unreachable')
  t.equal(asked.length, 1)
  pass(1000)
  await get()
  t.equal(asked.length, 2)
})

t.test('one redirect is followed, to the same path on another of the target\'s names', async (t) => {
  const { get, asked, answer } = target()
  const to = (location: string) => async () => (asked.length % 2 === 1 ? ok('', { location }, 302) : ok('moved'))
  answer(to('https://a2.example/m.m3u8'))
  t.equal(await get(), 'moved')
  for (const location of ['https://evil.example/m.m3u8', 'http://a2.example/m.m3u8', '/elsewhere.m3u8', 'https://u@a2.example/m.m3u8', '', 'http://[']) {
    const other = target()
    other.answer(async () => ok('', { location }, 302))
    t.equal(await other.get(), 'redirect', location)
    t.equal(other.asked.length, 1)
  }
  const looping = target()
  looping.answer(async () => ok('', { location: 'https://a2.example/m.m3u8' }, 302))
  t.equal(await looping.get(), 'redirect')
  t.equal(looping.asked.length, 2)
})

t.test('what is no manifest in plain text is refused', async (t) => {
  const cases: readonly (readonly [UpstreamReply, string])[] = [
    [ok('', {}, 404), 'status'],
    [ok('', {}, 206), 'status'],
    [ok('x', { 'content-encoding': 'gzip' }), 'encoding'],
    [{ ...ok(), body: Uint8Array.of(0xff, 0xfe) }, 'encoding'],
  ]
  for (const [reply, reason] of cases) {
    const { get, answer } = target()
    answer(async () => reply)
    t.equal(await get(), reason)
  }
})

t.test('neither manifests nor fetches grow without bound', async (t) => {
  const { get, asked } = target()
  for (let i = 0; i < 5; i++) await get(`https://a.example/${i}`)
  await get('https://a.example/4')
  t.equal(asked.length, 5)
  await get('https://a.example/0')
  t.equal(asked.length, 6, 'the oldest had to go')
  const never = target()
  never.answer(() => new Promise(() => undefined))
  void never.upstream.get('https://a.example/1', () => true)
  void never.upstream.get('https://a.example/2', () => true)
  t.equal(never.upstream.get('https://a.example/3', () => true), 'busy')
})

t.test('headers say for how long', async (t) => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, number, number])[] = [
    [{}, 1000, 60_000],
    [{ 'cache-control': 'max-age=10' }, 10_000, 60_000],
    [{ 'cache-control': 'max-age=10, s-maxage=20' }, 20_000, 0],
    [{ 'cache-control': 'max-age=10', age: '4' }, 6000, 60_000],
    [{ 'cache-control': 'max-age=10', age: '40' }, 0, 60_000],
    [{ 'cache-control': 'max-age=5, stale-if-error=300' }, 5000, 300_000],
    [{ 'cache-control': 'max-age=5, must-revalidate' }, 5000, 0],
    [{ 'cache-control': 'no-cache' }, 0, 0],
    [{ 'cache-control': 'max-age=99999999' }, 3_600_000, 60_000],
    [{ expires: 'Thu, 01 Jan 2026 00:00:30 GMT', date: 'Thu, 01 Jan 2026 00:00:00 GMT' }, 30_000, 60_000],
    [{ expires: '0', date: 'Thu, 01 Jan 2026 00:00:00 GMT' }, 0, 60_000],
    [{ 'cache-control': 'max-age=x' }, 1000, 60_000],
  ]
  for (const [headers, freshMs, staleMs] of cases) t.same(freshness((name) => headers[name]), { freshMs, staleMs }, JSON.stringify(headers))
})
