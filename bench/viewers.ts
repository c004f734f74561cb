/** Who asks, and for what: made up, always the same, and as varied as an evening's audience. */
import { combine } from '../src/routing/hash.ts'

export interface Viewer {
  /** Request target: no two are equal, titles are, and a few are asked for far more often than the rest. */
  readonly target: string
  /** As a proxy writes it in `X-Forwarded-For`. */
  readonly address: string
  readonly userAgent: string
}

const TITLES = 500
/** First octets of networks that are mostly European. */
const EUROPE = [31, 37, 46, 62, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 109, 176, 178, 185, 188, 193, 194, 195, 212, 213, 217] as const

/** Programs with a place for a version or model, by which devices differ. */
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1#.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.# Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:1#.0) Gecko/20100101 Firefox/1#.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_# like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.# Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 14; Model #) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36',
  'AppleCoreMedia/1.0.0.21F# (iPhone; U; CPU OS 17_5 like Mac OS X; nl_nl)',
  'ExamplePlayer/4.# (Linux;Android 13) ExoPlayerLib/2.19.1',
  'Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.#) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.# TV Safari/537.36',
] as const

export function viewers(count: number): Viewer[] {
  return Array.from({ length: count }, (_, i) => {
    const chance = (salt: number) => combine(i, salt) / 2 ** 32
    // The square makes a tenth of the titles a third of the requests.
    const title = Math.floor(chance(1) ** 2 * TITLES)
    const agent = AGENTS[Math.floor(chance(2) * AGENTS.length)] ?? ''
    return {
      target: `/vod/title-${title}/${String(i).padStart(6, '0')}/master.m3u8?session=${combine(i, 3).toString(16).padStart(8, '0')}`,
      address: chance(4) < 0.25 ? ipv6(i) : ipv4(i),
      userAgent: agent.replaceAll('#', String(10 + Math.floor(chance(5) ** 2 * 40))),
    }
  })
}

export function ipv4(i: number): string {
  const bits = combine(i, 6)
  return `${EUROPE[combine(i, 7) % EUROPE.length] ?? 62}.${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}`
}

export function ipv6(i: number): string {
  const bits = combine(i, 8)
  return `2a0${(bits >>> 28) & 7}:${((bits >>> 12) & 0xffff).toString(16)}:${(bits & 0xfff).toString(16)}:1::${(combine(i, 9) & 0xffff).toString(16)}`
}

/** Names and values in turn, as a browser sends them through a proxy. */
export function headersOf({ address, userAgent }: Viewer, host: string): string[] {
  return [
    'Host', host,
    'User-Agent', userAgent,
    'Accept', '*/*',
    'Accept-Language', 'nl,en;q=0.8',
    'Accept-Encoding', 'gzip, deflate, br, zstd',
    'Origin', 'https://www.tv.example',
    'Referer', 'https://www.tv.example/',
    'sec-fetch-dest', 'empty',
    'sec-fetch-mode', 'cors',
    'sec-fetch-site', 'cross-site',
    'X-Forwarded-For', address,
    'X-Forwarded-Proto', 'https',
  ]
}

export function requestText(viewer: Viewer, host: string): string {
  const headers = headersOf(viewer, host)
  let text = `GET ${viewer.target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${text}\r\n`
}
