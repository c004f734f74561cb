/**
 * Canaries: addresses, ports, tokens and ids that occur nowhere else go through every route of a real router, through each
 * of its error paths too; then everything that it wrote or tells others is searched for them, in every form: its files, what
 * it printed, the Redis and the collector that it is connected to, and the ciphertext of its archive.
 */
import { readFile, readdir, readlink } from 'node:fs/promises'
import { formsOfAddress, formsOfPort, formsOfText } from './forms.ts'
import { outside } from './outside.ts'
import { raw, subject, USAGE_TOKEN } from './process.ts'
import type { Subject } from './process.ts'

/** Addresses of the Netherlands, Germany and the United States, and of this machine. */
export const ADDRESSES = ['145.97.201.83', '193.174.86.219', '17.253.144.197', '2a02:a45f:9d3b:71c6:8e5a:33d1:77f2:9b04', '127.83.201.97']
/** Ports that the system gives to nobody by itself. */
export const PORTS = [61_843, 62_971, 63_719, 64_217, 64_961]
/** Text in the places that people are recognised by. */
export const TEXTS = {
  token: 'Zk3vQ9xW7tB2mLp8RsYd4f', path: 'Hq7LwN2cVb9ZtKx5JmPe1g', agent: 'Tj6RyB3sMx8DfWk2QnVz7p', referer: 'gP4xKw9vTn2LsHd7RbYq3m', cookie: 'Wc8NzJ5hFq3XtVk6MbLr2y',
  session: 'd41c7a90-5b3e-4f62-9a17-c08e6b25f4d3', content: 'Xv2MkT7qBn4ZdLp9WsJf6r', authorization: 'Lr9DqV4mKt7ZxNb2WhPs5c', host: 'canary-k8w3zq5v7t.example', method: 'CANARYXQZWKV', garbage: 'Nf5TzK8wQv3LxJm7RbHd2s',
} as const

/** Every form of every canary. */
export function canaryForms(): ReadonlyMap<string, string> {
  const forms = new Map<string, string>()
  for (const address of ADDRESSES) for (const form of formsOfAddress(address)) forms.set(form, address)
  for (const port of PORTS) for (const form of formsOfPort(port)) forms.set(form, `port ${port}`)
  for (const text of Object.values(TEXTS)) for (const form of formsOfText(text)) forms.set(form, text)
  return forms
}

/** `place: canary as form`, for everything that was found. */
export function search(places: ReadonlyMap<string, string>, forms: ReadonlyMap<string, string>): string[] {
  const hits: string[] = []
  for (const [place, text] of places) for (const [form, canary] of forms) if (holds(text, form)) hits.push(`${place}: ${canary} as ${JSON.stringify(form)}`)
  return hits
}

/** Few digits may stand in any longer number, and are then not what is looked for. */
function holds(text: string, form: string): boolean {
  return form.length > 5 ? text.includes(form) : text.includes(form) && new RegExp(`(?<![\\da-fA-F.])${form}(?![\\da-fA-F])`).test(text)
}

const { token, path, agent, referer, cookie, session, content, authorization, host, method, garbage } = TEXTS

function request(line: string, { name = 'demo.example', forwarded, more = '' }: { name?: string, forwarded?: string | undefined, more?: string } = {}): string {
  return [
    line, `Host: ${name}`, ...(forwarded === undefined ? [] : [`X-Forwarded-For: ${forwarded}`]), `User-Agent: Mozilla/5.0 ${agent}`, `Referer: https://${host}/${referer}?${token}`,
    `Cookie: id=${cookie}`, `Authorization: Bearer ${authorization}`, `X-Playback-Session-Id: ${session}`, `CMCD-Session: sid="${session}",cid="${content}"`, `CMCD-Request: nor="${path}"`,
    `Origin: https://${host}`, `X-Real-IP: ${ADDRESSES[0]}`, `Forwarded: for=${ADDRESSES[1]}`, `If-None-Match: "${token}"`, `Accept-Language: nl, ${agent}`, `X-Request-Id: ${session}`,
    ...(more === '' ? [] : [more]), 'Connection: close', '', '',
  ].join('\r\n')
}

/** Every route and every way to be refused. */
export function requests(): string[] {
  const query = `?token=${token}&CMCD=sid%3D%22${session}%22%2Ccid%3D%22${content}%22&ip=${ADDRESSES[0]}`
  const paths = [
    `/live/${path}.m3u8`, `/vod/${content}/a.m3u8`, `/vod/145-97-201-83/a.mpd`, `/vod/${Number('0x9161c953')}/a.m3u8`, `/vod/9161c953/a.m3u8`, `/vod/${session}/a.m3u8`, `/${path}`, `/live/${path}.ts`, `/../${path}`, `//${host}/${path}`,
    `/%2e%2e/${path}`, `/live\\${path}`, `/${path.repeat(500)}`, `/-/steering/hls/${path}`, `/-/steering/dash/demo`, `/-/player`, `/-/${path}`, `/${path}%00`, `/${path}%`,
  ]
  const forwarded = [...ADDRESSES, `::ffff:${ADDRESSES[0]}`, `${ADDRESSES[0]}:${PORTS[0]}`, `[${ADDRESSES[3]}]:${PORTS[1]}`, `${ADDRESSES[1]}:${PORTS[0]}, 127.0.0.1:${PORTS[1]}`, `${ADDRESSES[0]}, ${garbage}`, `${ADDRESSES[0]}.${garbage}`, `${ADDRESSES[1]}, 127.0.0.1`]
  return [
    ...paths.flatMap((of) => [request(`GET ${of}${query} HTTP/1.1`, { forwarded: ADDRESSES[0] }), request(`GET /demo${of}${query} HTTP/1.1`, { name: host, forwarded: ADDRESSES[1], more: 'Accept: application/json' })]),
    ...forwarded.map((text) => request(`GET /live/a.m3u8${query} HTTP/1.1`, { forwarded: text })),
    ...['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT', method].map((name) => request(`${name} /live/a.m3u8${query} HTTP/1.1`, { forwarded: ADDRESSES[2] })),
    request(`GET http://${host}/${path}${query} HTTP/1.1`), request(`GET ${garbage} HTTP/1.1`), request(`CONNECT ${host}:443 HTTP/1.1`), request(`GET /live/a.m3u8${query} HTTP/1.0`), request(`GET /${path} HTTP/3.7`), request(`GET /${path} ${garbage}`),
    request('GET / HTTP/1.1', { name: host }), request('GET / HTTP/1.1', { name: `${host}, ${garbage}` }), request('GET / HTTP/1.1', { name: `${garbage}@${host}` }), request(`GET /${path} HTTP/1.1`, { more: `Host: ${host}` }),
    request(`POST /${path} HTTP/1.1`, { more: `Content-Length: ${garbage.length}` }) + garbage, request(`GET /${path} HTTP/1.1`, { more: `Content-Length: 5\r\nTransfer-Encoding: chunked` }) + garbage, request(`GET /${path} HTTP/1.1`, { more: 'Transfer-Encoding: chunked' }) + `${garbage}\r\n`,
    request(`GET /${path} HTTP/1.1`, { more: `Expect: ${garbage}` }), request(`GET /${path} HTTP/1.1`, { more: `Upgrade: ${garbage}` }), request(`GET /${path} HTTP/1.1`, { more: `X-Long: ${garbage.repeat(3000)}` }), request(`GET /${path} HTTP/1.1`, { more: `X Bad: ${garbage}` }), request(`GET /${path} HTTP/1.1`, { more: `X-Proto: \x00${garbage}` }),
    request(`GET /live/a.m3u8 HTTP/1.1`, { forwarded: ADDRESSES[0], more: `X-Forwarded-Proto: ${garbage}` }), ...new Array(3).fill(request('GET /live/a.m3u8 HTTP/1.1', { forwarded: ADDRESSES[3], more: `Accept: application/json;${garbage}` })),
    `${garbage}\r\n\r\n`, `GET /${path} HTTP/1.1\r\nHost: ${host}`, `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${garbage}`, `PROXY TCP4 ${ADDRESSES[0]} 127.0.0.1 ${PORTS[2]} 80\r\n${request(`GET /${path} HTTP/1.1`)}`, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${garbage}`,
  ]
}

/** What an operator asks, and how it can be refused. */
function operators(): string[] {
  const url = encodeURIComponent(`http://demo.example/live/${path}.m3u8?token=${token}`)
  const post = (target: string, body: string, key = USAGE_TOKEN) => [`POST ${target} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${key}`, `Content-Length: ${body.length}`, 'Connection: close', '', body].join('\r\n')
  const bucket = { t: '2026-03-01T20:30Z', service: 'demo', target: 'edge-1', bytes: 1, requests: 1 }
  return [
    ...[
      `/explain?url=${url}&ip=${ADDRESSES[0]}`, `/explain?format=text&url=${url}&ip=${ADDRESSES[3]}`, `/explain?url=${url}&ip=${garbage}`, `/explain?url=${garbage}&ip=${ADDRESSES[0]}`, `/explain?url=${url}`, `/${path}?token=${token}`, `/targets?${token}`,
      `/explain?url=${encodeURIComponent(`http://${host}/../${path}`)}&ip=${ADDRESSES[0]}`,
    ].map((target) => request(`GET ${target} HTTP/1.1`, { name: '127.0.0.1' })),
    post('/usage', JSON.stringify({ v: 1, buckets: [{ ...bucket, client: ADDRESSES[0], session }] })), post('/usage', JSON.stringify({ v: 1, buckets: [{ ...bucket, target: path }] })), post('/usage', garbage),
    post('/usage', '{}', authorization), post(`/targets/${path}/load`, `{"bandwidthMbps":"${garbage}"}`, authorization), post('/targets/edge-1/load', garbage, authorization),
  ]
}

/** Sends all of it, some at a time. @param header what each connection of a player begins with */
export async function expose({ public: players, admin }: Pick<Subject, 'public' | 'admin'>, header = ''): Promise<number> {
  const list = requests().map((text) => header + text)
  const alone = list.slice(0, 60).map((text) => text.replace(/X-Forwarded-For: .*\r\n/, ''))
  const jobs = [
    ...list.map((text) => () => raw(players, text)),
    ...alone.map((text, i) => () => raw(players, text, { localAddress: ADDRESSES[4] ?? '127.0.0.1', ...(PORTS[i] === undefined ? {} : { localPort: PORTS[i] }) })),
    ...operators().map((text) => () => raw(admin, text)),
  ]
  let next = 0
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) await job()
  }))
  return jobs.length
}

/** What the router tells somebody else afterwards. */
async function askedByOthers({ public: players, admin }: Subject, header: string): Promise<Map<string, string>> {
  const plain = (target: string, name: string) => `GET ${target} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`
  const places = new Map<string, string>()
  for (const target of ['/metrics', '/targets', '/services', '/snapshot', '/readyz', '/livez', `/explain?url=${encodeURIComponent('http://demo.example/live/a.m3u8')}&ip=80.101.1.1`, '/nowhere']) {
    places.set(`admin ${target}`, await raw(admin, plain(target, '127.0.0.1'), { ms: 3000 }))
  }
  for (const target of ['/live/a.m3u8', '/nowhere/a.m3u8', '/-/player', '/-/steering/hls/demo']) places.set(`public ${target}`, await raw(players, header + plain(target, 'demo.example'), { ms: 3000 }))
  return places
}

/** What other programs of the machine see of the process, where the system shows it; and what it has open for writing that is not in its own folders. */
async function ofTheSystem({ pid, folder }: Subject): Promise<[string, string][]> {
  const shown = await Promise.all(['cmdline', 'comm'].map(async (name): Promise<[string, string]> => [`process ${name}`, await readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')]))
  const names: string[] = []
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
    const [, flags = '0'] = /^flags:\s*(\d+)$/m.exec(await readFile(`/proc/${pid}/fdinfo/${fd}`, 'latin1').catch(() => '')) ?? []
    names.push(path)
    // The last two bits: open for reading alone, or not.
    const writes = (Number.parseInt(flags, 8) & 3) !== 0
    if (writes && path.startsWith('/') && !path.startsWith('/dev/') && !path.startsWith(folder)) shown.push([`file elsewhere ${path}`, await readFile(path, 'latin1').catch(() => '')])
  }
  return [...shown, ['process files', names.join('\n')]]
}

export interface Searched {
  readonly requests: number
  readonly places: readonly string[]
  readonly forms: number
  readonly hits: readonly string[]
}

/** Two routers: one that stands behind a proxy with `X-Forwarded-For`, on a Redis; and one on its own whose proxy speaks the PROXY protocol. */
export async function canaries(): Promise<Searched> {
  const around = await outside()
  try {
    const [behind, alone] = await Promise.all([
      subject({ threads: 0, redis: around.redis, sinks: [{ type: 'redis', url: around.redis }, { type: 'http', url: around.collector }] }).then((router) => judge(router, '', around.recorded)),
      subject({ threads: 2, settings: 'proxyProtocol: true\n' }).then((router) => judge(router, `PROXY TCP4 ${ADDRESSES[0]} 127.0.0.1 ${PORTS[2]} 80\r\n`)),
    ])
    const known = await around.places()
    const places = new Map([...behind.places, ...known, ...Array.from(alone.places, ([place, text]) => [`PROXY: ${place}`, text] as const)])
    const forms = canaryForms()
    const hits = search(places, forms)
    const unwritten = RECORDED.filter((place) => !known.get(place)?.includes('demo'))
    const missing = [...behind.missing, ...alone.missing, ...unwritten.map((place) => `nothing was written to ${place}`)]
    // A leak is told first: it may be what kept something else from being written.
    if (hits.length === 0 && missing.length > 0) throw new Error(`${missing.join('; ')}; so nothing was shown`)
    return { requests: behind.requests + alone.requests, places: [...places.keys()], forms: forms.size, hits }
  } finally {
    await around.close()
  }
}

/** Outside of the router, where records must have come to. */
const RECORDED = ['collector', 'redis value wissel:decisions', 'redis monitor', 'redis slow log', 'redis file appendonly.aof.1.incr.aof']

interface Judged {
  readonly requests: number
  readonly places: Map<string, string>
  /** What must be there for the search to show anything, and is not. */
  readonly missing: readonly string[]
}

async function judge(router: Subject, header: string, recorded = async () => {}): Promise<Judged> {
  try {
    const requests = await expose(router, header)
    await recorded()
    const seen = await ofTheSystem(router)
    const told = await askedByOthers(router, header)
    // A reload seals what waits in the archive.
    router.signal('SIGHUP')
    await router.archive.sealed(1)
    router.signal('SIGTERM')
    await router.ended
    const places = new Map([...seen, ...told, ...router.traces()])
    const missing: string[] = []
    if (![...places].some(([place, text]) => place.startsWith('log/') && text.includes('"service":"demo"'))) missing.push('no record was written')
    if (!places.get('admin /metrics')?.includes('wissel_decisions_total{')) missing.push('there are no metrics')
    // What the archive is for is in it, for its officers; what opens or joins anything is not even there.
    const sealed = await router.archive.opened().catch(() => '')
    const known = [ADDRESSES[0], agent, ...(header === '' ? PORTS : [PORTS[2]])].map(String)
    missing.push(...known.filter((text) => !sealed.includes(text)).map((text) => `the archive does not hold ${text}`))
    places.set('archive, opened', [token, path, content, cookie, session, authorization, referer].filter((secret) => sealed.includes(secret)).join(' '))
    return { requests, places, missing }
  } finally {
    router.remove()
  }
}
