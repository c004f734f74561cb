/**
 * `wissel check --live DIR`: asks every target what a player would ask it after a redirect, and reports what would break
 * players. Over both schemes and both address families, with `Origin: null`, which is what browsers send after a redirect
 * to another host.
 */
import { lookup } from 'node:dns/promises'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { Scheme, Snapshot, Target } from '../routing/model.ts'

export type Family = 4 | 6

/** What is wrong. `error`: players fail. `warning`: some may, or it could not be told. */
export interface Finding {
  readonly target: string
  readonly base: string
  /** Absent where it is the same over both. */
  readonly family?: Family
  readonly severity: 'error' | 'warning'
  readonly message: string
}

export interface LiveOptions {
  /** Path of a manifest that every target has, behind its base. Default `/`, whose answer may lack a manifest's headers. */
  readonly path?: string
  /** Milliseconds for one answer; default 5,000. */
  readonly deadlineMs?: number
  readonly ask?: Ask
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/** One request; rejects where there is no answer. `NO_ADDRESS` as code: the name has none of this family. */
export type Ask = (url: URL, family: Family, deadlineMs: number) => Promise<Reply>

/** Requests at the same time. */
const AT_ONCE = 16

export async function checkLive(snapshot: Snapshot, { path = '/', deadlineMs = 5000, ask = askOverNetwork }: LiveOptions = {}): Promise<Finding[]> {
  const places = placesOf(snapshot)
  const findings: Finding[][] = places.map(() => [])
  const queue = places.entries()
  const work = async () => {
    for (const [i, place] of queue) findings[i] = await judge(place, new URL(place.base + path), { path, deadlineMs, ask })
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return findings.flat()
}

/** A line for each finding, and one that counts. */
export function formatFindings(findings: readonly Finding[]): string {
  const lines = findings.map(({ target, base, family, severity, message }) => `${severity}: ${target} at ${base}${family === undefined ? '' : ` over IPv${family}`}: ${message}`)
  const broken = new Set(findings.filter(({ severity }) => severity === 'error').map(({ target }) => target)).size
  return `${[...lines, broken === 0 ? 'no target would break players' : `${broken} target${broken === 1 ? '' : 's'} would break players`].join('\n')}\n`
}

interface LivePlace {
  readonly target: Target
  readonly scheme: Scheme
  readonly base: string
}

/** Every address that a viewer may be sent to, each once: services may rewrite a target's own. */
function placesOf({ pools, services }: Snapshot): LivePlace[] {
  const fixed = [...services].flatMap(({ bypass, fence }) => [bypass?.member, fence?.redirect?.member]).filter((member) => member !== undefined)
  const places = new Map<string, LivePlace>()
  for (const { target, base } of [...pools.flatMap((pool) => pool.members), ...fixed]) {
    for (const scheme of ['http', 'https'] as const) {
      const own = base[scheme]
      if (own !== undefined) places.set(`${target.id} ${own}`, { target, scheme, base: own })
    }
  }
  return [...places.values()]
}

async function judge(place: LivePlace, url: URL, options: Required<LiveOptions>): Promise<Finding[]> {
  const families = familiesOf(url.hostname)
  const asked = await Promise.all(families.map(async (family) => ({ family, found: await judgeFamily(place, url, family, options) })))
  const [first, second] = asked
  if (first === undefined) return []
  // What is wrong over both is one thing that is wrong.
  const both = second === undefined ? [] : first.found.filter(({ message }) => second.found.some((other) => other.message === message))
  const alone = asked.flatMap(({ family, found }) => found.filter(({ message }) => !both.some((shared) => shared.message === message)).map((finding) => ({ ...finding, family })))
  const unanswered = asked.every(({ found }) => found.some(({ message }) => message === NO_ADDRESS))
  return unanswered ? [finding(place, 'error', 'the name has no address at all')] : [...both, ...alone]
}

function familiesOf(hostname: string): readonly Family[] {
  const literal = isIP(hostname.replace(/^\[|\]$/g, ''))
  return literal === 4 || literal === 6 ? [literal] : [4, 6]
}

const NO_ADDRESS = 'the name has no address of this family: viewers that have only this one are sent to nowhere'

async function judgeFamily(place: LivePlace, url: URL, family: Family, options: Required<LiveOptions>): Promise<Finding[]> {
  let reply: Reply
  try {
    reply = await options.ask(url, family, options.deadlineMs)
  } catch (error) {
    const code = codeOf(error)
    return [code === 'NO_ADDRESS' ? finding(place, 'warning', NO_ADDRESS) : finding(place, 'error', `no answer (${code}); a target that does not serve ${place.scheme} should say so with scheme`)]
  }
  const found: Finding[] = []
  const { status, headers } = reply
  if (status >= 300 && status < 400) found.push(...(await judgeRedirect(place, url, headers.location, family, options)))
  else if (status >= 500) found.push(finding(place, 'error', `answers ${status}`))
  else if (status >= 400 && options.path !== '/') found.push(finding(place, 'error', `answers ${status} to ${options.path}`))
  // What an error says of manifests is nothing.
  if (status >= 400 && options.path !== '/') return found
  // The answer to some other path may be another program's, so its headers prove less.
  const sure = options.path !== '/'
  const wrong = corsFault(headers['access-control-allow-origin'])
  if (wrong !== undefined) found.push(finding(place, sure ? 'error' : 'warning', `${wrong}${sure ? '' : '; give --path of a manifest to be sure'}`))
  return found
}

/** One more hop is what players bear without harm, on the same scheme. */
async function judgeRedirect(place: LivePlace, from: URL, location: string | undefined, family: Family, { ask, deadlineMs }: Required<LiveOptions>): Promise<Finding[]> {
  const to = URL.parse(location ?? '', from)
  if (to === null || location === undefined || location === '') return [finding(place, 'error', 'redirects to nowhere')]
  if (to.protocol !== from.protocol) return [finding(place, 'error', `redirects from ${from.protocol.slice(0, -1)} to ${to.protocol.slice(0, -1)}, which players do not follow; fix its scheme`)]
  const next = await ask(to, family, deadlineMs).catch(() => undefined)
  if (next === undefined) return [finding(place, 'error', `redirects to ${to.host}, which does not answer`)]
  if (next.status >= 300 && next.status < 400) return [finding(place, 'error', 'redirects more than once')]
  const wrong = corsFault(next.headers['access-control-allow-origin'])
  return [finding(place, 'warning', `redirects to ${to.host}: one more round trip for every viewer`), ...(wrong === undefined ? [] : [finding(place, 'error', `${wrong} behind its redirect`)])]
}

/** Several headers of the name arrive joined, and browsers refuse that too. */
function corsFault(allowed: string | undefined): string | undefined {
  if (allowed === '*' || allowed === 'null') return undefined
  if (allowed === undefined) return 'no Access-Control-Allow-Origin, so no browser may read it'
  return allowed.includes(',') ? 'more than one Access-Control-Allow-Origin' : 'Access-Control-Allow-Origin names one page: after a redirect browsers send Origin: null, so use *'
}

function finding({ target, base }: LivePlace, severity: Finding['severity'], message: string): Finding {
  return { target: target.id, base, severity, message }
}

async function askOverNetwork(url: URL, family: Family, deadlineMs: number): Promise<Reply> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(hostname) === 0) {
    const addresses = await lookup(hostname, { all: true, family }).catch(() => [])
    if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'NO_ADDRESS' })
  }
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  return await new Promise<Reply>((resolve, reject) => {
    const headers = { Origin: 'null', Accept: '*/*', 'User-Agent': 'wissel-check' }
    const outgoing = send(url, { family, agent: false, headers, signal: AbortSignal.timeout(deadlineMs) }, (response) => {
      response.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers })
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return error.name === 'AbortError' || error.name === 'TimeoutError' ? 'timeout' : 'code' in error ? String(error.code) : error.name
}
