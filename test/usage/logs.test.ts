import fc from 'fast-check'
import t from 'tap'
import { importLog } from '../../src/usage/logs/import.ts'
import type { LogFormat } from '../../src/usage/logs/import.ts'
import { UsageBuckets } from '../../src/usage/usage.ts'

async function* chunks(text: string, size = text.length + 1): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield text.slice(i, i + size)
}

async function read(format: LogFormat, text: string, size?: number) {
  const buckets = new UsageBuckets()
  const seen: string[] = []
  const summary = await importLog(chunks(text, size), {
    format, target: 'cdn-a', buckets,
    serviceOf: ({ host, path }) => {
      seen.push(`${host ?? '-'} ${path}`)
      return path.startsWith('/private/') ? undefined : 'omroep-live'
    },
  })
  return { summary, seen, lines: buckets.take(Infinity) }
}

const W3C = [
  '#Version: 1.0',
  '#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query',
  '2026-03-01\t20:31:05\tFRA2-C1\t2390\t192.0.2.100\tGET\td1.cdn.example\t/live/a.m3u8\t200\thttps://page.example/\tMozilla/5.0%20(X11)\ttoken=secret',
  '2026-03-01\t20:34:59\tFRA2-C1\t10\t192.0.2.100\tGET\td1.cdn.example\t/live/1.ts\t200\t-\t-\t-',
  '2026-03-01\t20:35:00\tFRA2-C1\t7\t2001:db8::1\tGET\td1.cdn.example\t/live/2.ts\t200\t-\t-\t-',
  '',
].join('\n')

const COMBINED = [
  '192.0.2.100 - frank [01/Mar/2026:21:31:05 +0100] "GET /live/a.m3u8?token=secret HTTP/1.1" 200 2390 "https://page.example/" "Mozilla/5.0 \\"x\\" [y] \\"z"',
  '2001:db8::1 - - [01/Mar/2026:20:34:59 +0000] "GET http://d1.cdn.example/live/1.ts HTTP/1.1" 206 10',
  '198.51.100.7 - - [01/Mar/2026:15:35:00 -0500] "HEAD /live/2.ts HTTP/2.0" 304 -',
  '',
].join('\n')

const CDNI = [
  '#version:\tcdni/1.0',
  '#UUID:\turn:uuid:00000000-0000-0000-0000-000000000000',
  '#claimed-origin:\tcdni-logging-entity.dcdn.example',
  '#record-type:\tcdni_http_request_v1',
  '#fields:\tdate\ttime\ttime-taken\tc-groupid\tcs-method\tu-uri\tprotocol\tsc-status\tsc-total-bytes\tcs(User-Agent)\tcs(Referer)\ts-cached',
  '2026-03-01\t20:31:05.123\t1.5\t192.0.2.0/24\tGET\thttp://d1.cdn.example:80/live/a.m3u8\tHTTP/1.1\t200\t2390\t"Mozilla/5.0 (X11; Linux)"\t"page.example"\t1',
  '2026-03-01\t20:34:59\t0.2\t"a group"\tGET\thttp://d1.cdn.example/live/1.ts\tHTTP/1.1\t200\t10\t"x"\t"-"\t1',
  '#SHA256-hash:\t0000',
  '',
].join('\r\n')

t.test('the bytes and requests of a W3C extended log are added up by five minutes', async (t) => {
  const { summary, seen, lines } = await read('w3c', W3C)
  t.same(summary, { requests: 3, bytes: 2407, malformed: 0, unassigned: 0 })
  t.same(seen, ['d1.cdn.example /live/a.m3u8', 'd1.cdn.example /live/1.ts', 'd1.cdn.example /live/2.ts'])
  t.same(lines.map((line) => JSON.parse(line)), [
    { v: 1, t: '2026-03-01T20:30Z', service: 'omroep-live', target: 'cdn-a', bytes: 2400, requests: 2 },
    { v: 1, t: '2026-03-01T20:35Z', service: 'omroep-live', target: 'cdn-a', bytes: 7, requests: 1 },
  ])
})

t.test('those of a combined log too, whatever zone its clock is in', async (t) => {
  const { summary, seen, lines } = await read('combined', COMBINED)
  t.same(summary, { requests: 3, bytes: 2400, malformed: 0, unassigned: 0 })
  t.same(seen, ['- /live/a.m3u8', 'd1.cdn.example /live/1.ts', '- /live/2.ts'])
  t.same(lines.map((line) => JSON.parse(line).requests), [2, 1])
})

t.test('those of a CDNI log too', async (t) => {
  const { summary, seen, lines } = await read('cdni', CDNI)
  t.same(summary, { requests: 2, bytes: 2400, malformed: 0, unassigned: 0 })
  t.same(seen, ['d1.cdn.example /live/a.m3u8', 'd1.cdn.example /live/1.ts'])
  t.equal(lines.length, 1)
})

t.test('W3C columns divided by spaces may hold quoted spaces', async (t) => {
  const { summary, seen } = await read('w3c', '#Fields: date time c-ip cs(User-Agent) cs-uri-stem sc-bytes\n2026-03-01 20:31:05 192.0.2.1 "A ""browser"" x"  /a 5\n')
  t.same([summary.requests, seen], [1, ['- /a']])
})

t.test('nothing of a viewer is in what comes out, or in what the service is chosen by', async (t) => {
  for (const [format, text] of [['w3c', W3C], ['combined', COMBINED], ['cdni', CDNI]] as const) {
    const { seen, lines } = await read(format, text)
    t.notMatch(seen.join() + lines.join(), /192\.0\.2|2001:db8|198\.51|secret|Mozilla|page\.example|frank|20:31:05/)
  }
})

t.test('what is malformed, too long or of no service is counted and stops nothing', async (t) => {
  const bad = [
    'garbage', '192.0.2.1 - - [01/Mar/2026:21:31:05 +0100] "GET /a HTTP/1.1" 200 many', '192.0.2.1 - - [99/Foo/2026:21:31:05 +0100] "GET /a HTTP/1.1" 200 5',
    '[', '[] "', '"', 'x'.repeat(200_000), '192.0.2.1 - - [01/Mar/2026:21:31:05 +0100] "GET" 200 5',
  ]
  const good = '192.0.2.1 - - [01/Mar/2026:21:31:05 +0100] "GET /a HTTP/1.1" 200 5'
  const { summary } = await read('combined', `${[...bad, good, good.replace('/a', '/private/a')].join('\n')}\n${'y'.repeat(100_000)}`, 1000)
  t.same(summary, { requests: 1, bytes: 5, malformed: bad.length + 1, unassigned: 1 })
  t.match(await read('w3c', '2026-03-01 20:31:05 /a 5\n'), { summary: { requests: 0, malformed: 1 } }, 'without a line of fields nothing is known')
  t.match(await read('w3c', '#Fields: date time c-ip\n2026-03-01 20:31:05 192.0.2.1\n'), { summary: { requests: 0, malformed: 1 } }, 'neither without the columns')
})

t.test('it does not matter how the text was cut', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 400 }), fc.constantFrom<[LogFormat, string]>(['w3c', W3C], ['combined', COMBINED], ['cdni', CDNI]), async (size, [format, text]) => {
    return JSON.stringify(await read(format, text, size)) === JSON.stringify(await read(format, text))
  }))
})

t.test('no line, whatever it is, throws', async () => {
  await fc.assert(fc.asyncProperty(fc.constantFrom<LogFormat>('w3c', 'combined', 'cdni'), fc.array(fc.oneof(fc.string(), fc.constantFrom(...W3C.split('\n'), ...COMBINED.split('\n'), ...CDNI.split('\n')))), async (format, lines) => {
    const { summary } = await read(format, lines.join('\n'))
    return summary.requests >= 0
  }), { numRuns: 500 })
})

t.test('no quote, space or tab of a viewer makes another number the bytes', async (t) => {
  const fields = '#Fields: date time c-ip cs(User-Agent) cs(Referer) cs-uri-stem sc-status sc-bytes time-taken\n'
  const rows: [string, string, number | 'malformed'][] = [
    ['Moz"illa', '-', 5000],
    ['Moz"illa', 'x"y', 5000],
    ['"Mozilla', '-', 5000],
    ['Mozilla"', '"', 5000],
    ['"Mozilla', 'x"y', 5000],
    ['""', '"a ""b"" c"', 5000],
    ['"a"b c"', '-', 5000],
    ['Moz" "illa', '-', 'malformed'],
    ['a b', '-', 'malformed'],
    ['"a', 'b"', 'malformed'],
    ['Moz"illa', '/x 200 999 "', 'malformed'],
    ['"a" /x 200 999', '-', 'malformed'],
    ['a\tb', '-', 'malformed'],
  ]
  for (const [agent, referer, expected] of rows) {
    const { summary } = await read('w3c', `${fields}2026-03-01 20:31:05 192.0.2.1 ${agent} ${referer} /a 200 5000 12\n`)
    t.match(summary, expected === 'malformed' ? { requests: 0, malformed: 1 } : { requests: 1, bytes: expected, malformed: 0 }, `${agent} ${referer}`)
  }
  t.match(await read('w3c', `${fields.replaceAll(' ', '\t')}2026-03-01\t20:31:05\t192.0.2.1\tMoz"illa x\t\t/a"b\t200\t5000\t12\n`), { summary: { bytes: 5000 }, seen: ['- /a"b'] })
})

t.test('a line has as many columns as #Fields names', async (t) => {
  const fields = '#Fields: date time cs-uri-stem sc-bytes \n'
  for (const [line, malformed] of [
    ['2026-03-01 20:31:05 /a 5', 0], ['2026-03-01 20:31:05 /a 5  ', 0], ['2026-03-01\t20:31:05\t/a\t5', 0],
    ['2026-03-01 20:31:05 /a', 1], ['2026-03-01 20:31:05 /a 5 6', 1], ['2026-03-01\t20:31:05\t/a\t5\t', 1], ['2026-03-01\t20:31:05\t\t5', 1], [' ', 1],
  ] as const) t.match((await read('w3c', `${fields}${line}\n`)).summary, { requests: 1 - malformed, malformed }, line)
})

t.test('a day or a time that does not exist is malformed, and never another one', async (t) => {
  const combined = (time: string) => `192.0.2.1 - - [${time}] "GET /a HTTP/1.1" 200 5\n`
  for (const time of ['31/Feb/2026:20:31:05 +0000', '29/Feb/2026:20:31:05 +0000', '00/Mar/2026:20:31:05 +0000', '01/Mar/2026:99:99:05 +0000', '01/Mar/2026:24:00:00 +0000', '01/Mar/2026:20:31:61 +0000', '01/Mar/2026:20:31:05 +9900', '01/Mar/2026:20:31:05 +0060']) {
    t.match((await read('combined', combined(time))).summary, { requests: 0, malformed: 1 }, time)
  }
  t.match(await read('combined', combined('29/Feb/2028:20:31:05 +0545')), { lines: [/"t":"2028-02-29T14:45Z"/] })
  for (const time of ['2026-02-31 20:31:05', '2026-02-29 20:31', '2026-03-01 24:00:00', '2026-03-01 99:99:05', '2026-00-01 20:31:05']) {
    t.match((await read('w3c', `#Fields: date time cs-uri-stem sc-bytes\n${time} /a 5\n`)).summary, { requests: 0, malformed: 1 }, time)
  }
})

t.test('a name of a user with brackets is passed over like any other', async (t) => {
  for (const user of ['[x', 'x]', '[x]', '[', '] [', '[01/Jan/2020:00:00:00 +0000]', 'x] \\"GET /b']) {
    const { seen, lines } = await read('combined', `[2001:db8::1] - ${user} [01/Mar/2026:20:31:05 +0000] "GET /a HTTP/1.1" 200 5 "-" "[x] \\"y"\n`)
    t.same([seen, lines.length], [['- /a'], 1], user)
    t.match(lines, [/"t":"2026-03-01T20:30Z"/])
  }
})

t.test('a byte-order mark before a line is passed over', async (t) => {
  for (const [format, text] of [['w3c', W3C], ['combined', COMBINED], ['cdni', CDNI]] as const) {
    const { summary, lines } = await read(format, text)
    t.same(await read(format, `\uFEFF${text}`, 1).then((marked) => [marked.summary, marked.lines]), [summary, lines], format)
    t.match((await read(format, `\uFEFF${text}\uFEFF${text}`)).summary, { requests: 2 * summary.requests, malformed: 0 }, 'files that were put together')
  }
})
