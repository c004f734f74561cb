/** Requests that try to make the router send a viewer somewhere else, and the judgement of what came of one. */
import type { Answer, WireRequest } from '../../src/http/message.ts'
import { snapshot } from './tiny-snapshot.ts'

/** The peer that the tiny router trusts, when it is started with this address. */
export const PROXY = '192.0.2.10'

const PARTS = [
  '/', '//', '///', '\\', '/\\', '\\/', '@', ':', ';', '?', '#', '&', '=', '.', '..', '/.', '/..', '/../', '/./', '%2e', '%2E%2e', '.%2e',
  '/%2e%2e/',
  '%2f', '%2F', '%5c', '%5C', '%00', '%0a', '%0d', '%09', '%20', '%', '%2', '%zz', '%25', '%252e', '%252f', '%c0%ae', '%E5%98%8A', '%ff',
  '\t', '\n', '\r', ' ', '\0', '\x7f', '\x85', '\xa0', '\uff0f', '\uff0e', '\u3002', '\u2028',
  'evil.example', 'http:', 'https:', 'http://', 'https://', 'javascript:', 'data:', 'user:pass@', '@evil.example', '.evil.example', ':80',
  ':8443',
  'edge.ams.example', 'play.example', '/demo', '/demo/', '/live', 'x', 'a/b', 'master.m3u8', '.mpd', 'seg.ts', '*', '+', '~', '$', '(',
  '[', ']', '{', '|', '"', '<', '>', '^', '`',
  'token=a~b+c%2F', 'CMCD=sid%3D1', 'cmcd=x', '%43MCD=y', '__proto__', 'constructor',
]
const HOSTS = [
  'play.example', 'PLAY.example', 'play.example.', 'play.example:443', 'any.example', 'evil.example', '[::1]', '192.0.2.1',
  'play.example@evil.example',
  'evil.example/play.example', 'play.example\\evil', 'play.example%00', 'play.example#', '', '.', '__proto__', 'play.example:99999',
  'play.example, evil.example',
]
const STARTS = ['/', '/demo/', '/', '/demo/', '//', '', '/demo/a.m3u8?', '/x.m3u8?']
const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'get']
const PROTOS = ['https', 'http', 'HTTPS', 'https, http', 'javascript', '']

/** @param random in [0, 1) */
export function hostileRequest(random: () => number): WireRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  let target = pick(STARTS)
  for (let parts = Math.floor(random() * 7); parts > 0; parts--) {
    target += random() < 0.9 ? pick(PARTS) : String.fromCharCode(Math.floor(random() * 256))
  }
  const headers = ['Host', random() < 0.7 ? pick(HOSTS.slice(0, 5)) : pick(HOSTS)]
  if (random() < 0.3) headers.push('X-Forwarded-Proto', pick(PROTOS))
  if (random() < 0.2) headers.push('X-Forwarded-Host', 'evil.example', 'Forwarded', 'host=evil.example;proto=https')
  if (random() < 0.1) headers.push('X-Forwarded-For', pick(PARTS))
  return { method: pick(METHODS), target, headers, peer: random() < 0.5 ? PROXY : '192.0.2.66', encrypted: random() < 0.3,
    http10: random() < 0.1 }
}

/** What is wrong with an answer; undefined where nothing is. */
export function fault(wire: WireRequest, answer: Answer): string | undefined {
  for (const [position, text] of answer.headers.entries()) {
    if (/[^\x20-\x7e]/.test(text)) return `header ${position >> 1} has a byte that is not printable`
  }
  if (/evil/.test(answer.body ?? '')) return 'the body repeats the request'
  const at = answer.headers.indexOf('Location')
  if (answer.status !== 302) return at === -1 ? undefined : `status ${answer.status} with a Location`
  const location = answer.headers[at + 1] ?? ''
  const scheme = schemeOf(wire)
  const bases = snapshot.targets.flatMap((target) => target.base[scheme] ?? [])
  const base = bases.find((candidate) => location.startsWith(`${candidate}/`))
  if (base === undefined) return `${location} is behind no base for ${scheme}`
  const url = new URL(location)
  const home = new URL(base)
  if (url.protocol !== `${scheme}:`) return `${location} changes the scheme`
  if (url.hostname !== home.hostname || url.port !== home.port) return `${location} leaves the target's host or port`
  if (url.username !== '' || url.password !== '') return `${location} holds userinfo`
  if (location.includes('#')) return `${location} has a fragment`
  if (/[^\x21-\x7e]/.test(location)) return 'Location has a space, a control byte or a high byte'
  const path = location.slice(home.origin.length).replace(/\?.*$/s, '')
  if (url.pathname.split('/').length !== path.split('/').length) return `${location} means another path to a browser`
  if (/\\|%5c|%00|%0[ad]/i.test(path)) return `${location} has a byte in its path that it must not have`
  return undefined
}

function schemeOf({ encrypted, peer, headers }: WireRequest): 'http' | 'https' {
  const proto = headers.indexOf('X-Forwarded-Proto')
  const said = proto === -1 ? '' : (headers[proto + 1] ?? '')
  return encrypted || (peer === PROXY && said.toLowerCase() === 'https') ? 'https' : 'http'
}

/** A small generator of numbers in [0, 1) that gives the same row for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
