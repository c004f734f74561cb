/**
 * Non-interference: the same trace from different people gives byte-identical output everywhere.
 *
 * Two runs of the whole pipeline differ in addresses, ports, versions of user agents, tokens, cookies, session ids and
 * whatever else a request may tell of a person; country, device class and draw are the same. On a service that has one
 * target to choose from, the draws differ too, so that it shows where a draw is told.
 */
import fc from 'fast-check'
import { ClientPort } from '../../src/privacy/port.ts'
import { LISTED, run } from './pipeline.ts'
import type { Sent } from './pipeline.ts'
import { pairs, strangers } from './people.ts'
import type { Pair } from './people.ts'

/** What one person's requests look like, apart from what is asked for. */
interface Guise {
  readonly address: string
  readonly port: number
  readonly minor: number
  readonly secret: string
  readonly session: string
  readonly spelling: 'plain' | 'mapped' | 'port' | 'invalid' | 'peer'
}

/** What is asked for; the same in both runs. */
interface Wish {
  readonly who: number
  readonly host: string
  readonly path: string
  readonly agent: number
  readonly method: string
  readonly json: boolean
  readonly listed: boolean
  readonly fault: boolean
  readonly body: boolean
  readonly spelling: Guise['spelling']
}

const AGENTS: readonly ((minor: number) => string)[] = [
  (minor) => `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.${minor}.7 Safari/537.36`,
  (minor) => `AppleCoreMedia/1.0.0.${minor} (iPhone; U; CPU OS 18_${minor % 9} like Mac OS X; nl_nl)`,
  (minor) => `curl/8.${minor % 50}.${minor % 7}`,
  (minor) => `Googlebot/2.${minor} (+http://www.google.com/bot.html)`,
]

/** Paths for any service, and those for `one.example` alone, where a token in the path cannot change which target is chosen. */
const PATHS = ['/live/news/master.m3u8', '/live/news/master.mpd', '/vod/Film-7/a.m3u8', '/live/news/1.ts', '/other/a.m3u8', '/', '/live/../x']
const SECRET_PATHS = ['/vod/%s/a.m3u8', '/live/%s/a.m3u8', '/vod/Film-7/%s/a.m3u8', '/%s', '/live/news/%s.m3u8', '/../%s', '//%s/a.m3u8']
const HOSTS = ['tv.example', 'titles.example', 'fenced.example', 'nobody.example']

const wishes = fc.record({
  who: fc.nat(2),
  // Half of them for the service with one target.
  where: fc.oneof(
    fc.record({ host: fc.constantFrom(...HOSTS), path: fc.constantFrom(...PATHS) }),
    fc.record({ host: fc.constantFrom('one.example', 'nobody.example/one'), path: fc.constantFrom(...PATHS, ...SECRET_PATHS, ...SECRET_PATHS) }),
  ),
  agent: fc.nat(AGENTS.length - 1),
  method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST', 'TRACE'),
  json: fc.boolean(),
  listed: fc.boolean(),
  fault: fc.constantFrom(false, false, false, false, false, false, true),
  body: fc.constantFrom(false, false, false, false, false, false, false, true),
  spelling: fc.constantFrom<Guise['spelling']>('plain', 'plain', 'mapped', 'port', 'invalid', 'peer'),
}).map(({ where, ...rest }): Wish => ({ ...where, ...rest }))

const hex = (min: number, max: number) => fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: min, maxLength: max }).map((digits) => digits.join(''))
const guises = fc.record({
  port: fc.integer({ min: 1024, max: 65_535 }),
  minor: fc.integer({ min: 1, max: 999 }),
  secret: fc.oneof(
    fc.uuid(),
    hex(20, 40),
    fc.array(fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'), { minLength: 22, maxLength: 60 }).map((letters) => `${letters.join('')}aB1cD2eF3gH4iJ5k`),
    fc.ipV4().map((text) => text.replaceAll('.', '-')),
    fc.ipV4().map((text) => text.replaceAll('.', '_')),
    fc.integer({ min: 10_000_000, max: 0xffffffff }).map(String),
  ),
  session: fc.uuid(),
})

function sentBy(wish: Wish, guise: Guise, family: 4 | 6): Sent {
  const { address, port, minor, secret, session } = guise
  const [host = '', prefix] = wish.host.split('/')
  const path = `${prefix === undefined ? '' : `/${prefix}`}${wish.path.replace('%s', secret)}`
  const spelled = { plain: address, mapped: family === 4 ? `::ffff:${address}` : address.toUpperCase(), port: family === 4 ? `${address}:${port}` : `[${address}]:${port}`, invalid: `${address}.${secret}`, peer: '' }[wish.spelling]
  const direct = wish.spelling === 'peer'
  return {
    fault: wish.fault,
    wire: {
      method: wish.method,
      target: `${path}?token=${secret}&CMCD=sid%3D%22${session}%22%2Ccid%3D%22${secret}%22&ip=${address}`,
      peer: direct ? address : '192.168.7.9',
      port: ClientPort.of(port),
      encrypted: true,
      http10: false,
      headers: [
        'Host', host,
        ...(direct ? [] : ['X-Forwarded-For', `${session}, ${spelled}`]),
        'User-Agent', AGENTS[wish.agent]?.(minor) ?? '',
        'Referer', wish.listed ? `https://${LISTED}/${secret}?${session}` : `https://${session}.example/${secret}`,
        'Cookie', `id=${secret}`, 'Authorization', `Bearer ${secret}`, 'X-Playback-Session-Id', session, 'CMCD-Session', `sid="${session}"`,
        'If-None-Match', `"${secret}"`, 'Accept-Language', minor % 2 ? 'nl' : 'fy', 'X-Request-Id', session, 'Traceparent', `00-${session.replaceAll('-', '')}-00f067aa0ba902b7-01`,
        'Forwarded', `for=${address}`, 'X-Real-IP', address, 'True-Client-IP', address, 'Origin', `https://${session}.example`,
        ...(wish.json ? ['Accept', 'application/json'] : []),
        ...(wish.body ? ['Content-Length', String(minor)] : []),
      ],
    },
  }
}

export interface Found {
  readonly traces: number
  readonly requests: number
  /** What differed; `undefined` where nothing did. */
  readonly difference: string | undefined
}

/** @param traces how many; @param seed of the chance */
export async function interference(traces: number, seed: number): Promise<Found> {
  const equal = pairs()
  let requests = 0
  const who = fc.tuple(fc.nat(equal.length - 1), guises, guises)
  const property = fc.asyncProperty(fc.array(wishes, { minLength: 1, maxLength: 8 }), fc.tuple(who, who, who), fc.boolean(), async (list, people, differentDraws) => {
    const trace = differentDraws ? list.map((wish) => (wish.host.includes('one') ? wish : { ...wish, host: 'one.example' })) : list
    const pair = (i: number): Pair => {
      const [number = 0] = people[i] ?? []
      const chosen = equal[number]
      return differentDraws || chosen === undefined ? strangers(number, number % 2 ? 4 : 6) : chosen
    }
    requests += trace.length
    const as = (side: 0 | 1) => run(trace.map((wish) => {
      const { addresses, family } = pair(wish.who)
      const [, first, second] = people[wish.who] ?? [0, undefined, undefined]
      const guise = side === 0 ? first : second
      if (guise === undefined) throw new Error('nobody')
      return sentBy(wish, { ...guise, address: addresses[side], spelling: wish.spelling }, family)
    }))
    const [a, b] = [await as(0), await as(1)]
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (a[name] !== b[name]) throw new Error(`${name} tells two people apart:\n${firstDifference(a[name] ?? '', b[name] ?? '')}`)
    }
  })
  const { failed, errorInstance } = await fc.check(property, { numRuns: traces, seed, endOnFailure: true })
  return { traces, requests, difference: failed ? (errorInstance instanceof Error ? errorInstance.message : 'it failed') : undefined }
}

function firstDifference(a: string, b: string): string {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  const from = Math.max(0, i - 60)
  return `  ${a.slice(from, i + 60)}\n  ${b.slice(from, i + 60)}`
}
