// Players spell the same two parameters in many ways.
import fc from 'fast-check'
import t from 'tap'
import { readSteeringQuery } from '../../src/steering/query.ts'

const A = { id: 'cdn-a' }
const B = { id: 'cdn-b' }
const FORMS: readonly (readonly [what: string, query: string, pathways: readonly { id: string; throughput?: number }[]])[] = [
  ['hls.js', '_HLS_pathway=cdn-a&_HLS_throughput=500000', [{ ...A, throughput: 500000 }]],
  ['Shaka\'s first poll', '', []],
  ['dash.js\'s first poll', '_DASH_pathway=%22cdn-a%22&_DASH_throughput=', [A]],
  ['dash.js with one of two measured', '_DASH_pathway=%22cdn-a%2Ccdn-b%22&_DASH_throughput=%2C26185000', [A, { ...B, throughput: 26185000 }]],
  ['video.js on DASH', '_DASH_pathway=cdn-b&_DASH_throughput=15162857', [{ ...B, throughput: 15162857 }]],
  ['the specification\'s quotes', '_HLS_pathway="cdn-a"&_HLS_throughput=5140000', [{ ...A, throughput: 5140000 }]],
  ['quotes around each id of a list', '_DASH_pathway="cdn-a","cdn-b"&_DASH_throughput=1,2', [{ ...A, throughput: 1 }, { ...B, throughput: 2 }]],
  ['a decimal', '_HLS_pathway=cdn-a&_HLS_throughput=1450000.25', [{ ...A, throughput: 1450000.25 }]],
  ['a parameter twice, of which the last counts', '_HLS_pathway=cdn-a&_HLS_pathway=cdn-b', [B]],
  ['an id twice', '_DASH_pathway=cdn-a,cdn-a&_DASH_throughput=1,2', [{ ...A, throughput: 2 }]],
  ['escaped names', '%5FHLS%5Fpathway=cdn-a', [A]],
  ['other parameters around', 'x=1&_HLS_pathway=cdn-a&y', [A]],
  ['a clone', '_HLS_pathway=edge-7.1x2y3z', [{ id: 'edge-7.1x2y3z' }]],
  ['only a throughput', '_HLS_throughput=1', []],
  ['no number', '_HLS_pathway=cdn-a&_HLS_throughput=NaN', [A]],
  ['a number below zero', '_HLS_pathway=cdn-a&_HLS_throughput=-1', [A]],
  ['what is no id', '_HLS_pathway=<script>', []],
  ['a broken escape', '_HLS_pathway=%E0%A4%A', []],
  ['other letters', '_hls_pathway=cdn-a', []],
]

t.test('every form that players send is read', async (t) => {
  for (const [what, query, pathways] of FORMS) t.same(readSteeringQuery(query), { pathways }, what)
})

const piece = fc.oneof(fc.constantFrom('_HLS_pathway', '_DASH_pathway', '_HLS_throughput', '_DASH_throughput', '=', '&', '"', '%22', ',', '%', '%zz', 'cdn-a', '1', '.', '-'), fc.string())

t.test('whatever the query is, it is read without an error, into few plain ids and finite numbers', async () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')), (query) => {
      const { pathways } = readSteeringQuery(query)
      const ids = pathways.map(({ id }) => id)
      return (
        pathways.length <= 16 &&
        new Set(ids).size === ids.length &&
        ids.every((id) => /^[A-Za-z0-9._-]{1,128}$/.test(id)) &&
        pathways.every(({ throughput }) => throughput === undefined || (Number.isFinite(throughput) && throughput >= 0))
      )
    }),
    { numRuns: 2000 },
  )
})

const id = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/)
t.test('a list of pathways comes back as it was sent, quoted or not', async () => {
  const reported = fc.uniqueArray(fc.record({ id, throughput: fc.option(fc.nat(1e9), { nil: undefined }) }), { selector: ({ id: name }) => name, minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(reported, fc.boolean(), fc.constantFrom('HLS', 'DASH'), (sent, quoted, protocol) => {
      const quote = quoted ? '"' : ''
      const ids = encodeURIComponent(quote + sent.map((one) => one.id).join(',') + quote)
      const throughputs = encodeURIComponent(sent.map((one) => one.throughput ?? '').join(','))
      const { pathways } = readSteeringQuery(`_${protocol}_pathway=${ids}&_${protocol}_throughput=${throughputs}`)
      return JSON.stringify(pathways) === JSON.stringify(sent)
    }),
  )
})
