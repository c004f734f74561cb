/**
 * The listener for operators: metrics, health of the process, `explain`. Apart from the public one, on loopback by
 * default; anywhere else only with a bearer token. No web page can read from it or act through it.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from './builtin.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ClientAddress } from '../privacy/address.ts'
import { Connection } from './connection.ts'
import { readHost } from './host.ts'

export interface AdminRequest {
  readonly method: 'GET' | 'POST'
  readonly query: URLSearchParams
  /** JSON text, for POST only. */
  readonly body?: string
}

export interface AdminAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export type AdminRoute = (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>

/** Something that tells of itself by POST, each with a token of its own, which is asked for instead of the listener's. */
export interface OwnRoute {
  /** SHA-256, hexadecimal, of the token of the thing with this id; `undefined` where there is none, which is a 404. */
  tokenHash(id: string): string | undefined
  respond(id: string, body: string): AdminAnswer | Promise<AdminAnswer>
  /** Bytes of content. */
  readonly maxBody: number
}

export interface AdminServerOptions {
  /** By path, such as `/metrics`, for GET and HEAD; `POST /path` for what changes something. */
  readonly routes: ReadonlyMap<string, AdminRoute>
  /** By path with `{id}` for one part, such as `/targets/{id}/load`, or by the whole path, whose id is empty. */
  readonly ownRoutes?: ReadonlyMap<string, OwnRoute>
  /** At least 16 characters. Once given it is asked for everywhere but on `/livez` and `/readyz`. */
  readonly token: string | undefined
  /** A route that failed: the error's name. */
  onError(name: string): void
  /** Bytes of content; 1 MiB by default. */
  readonly maxBody?: number
}

export interface AdminServer {
  /** Rejects with a RangeError where the address is not loopback and there is no token, or the token is too short */
  listen(options: { host: string; port: number }): Promise<{ host: string; port: number }>
  close(): Promise<void>
}

export const MIN_TOKEN = 16
const LINGER = 250
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz'])

export function createAdminServer({ routes, ownRoutes = new Map(), token, onError, maxBody = 2 ** 20 }: AdminServerOptions): AdminServer {
  const secret = token === undefined ? undefined : digest(token)

  async function answer(request: IncomingMessage): Promise<AdminAnswer> {
    const { method = '', url = '' } = request
    const question = url.indexOf('?')
    const path = question === -1 ? url : url.slice(0, question)
    for (const [pattern, route] of ownRoutes) {
      const id = idIn(path, pattern)
      if (id !== undefined) return answerOwn(request, id, route)
    }
    if (!OPEN_PATHS.has(path)) {
      const refused = secret === undefined ? refuseStranger(request) : refuseToken(request, secret)
      if (refused !== undefined) return refused
    }
    const get = routes.get(path)
    const post = routes.get(`POST ${path}`)
    if (get === undefined && post === undefined) return plain(404, 'not found')
    const query = new URLSearchParams(question === -1 ? '' : url.slice(question + 1))
    if ((method === 'GET' || method === 'HEAD') && get !== undefined) return get({ method: 'GET', query })
    if (method !== 'POST' || post === undefined) return plain(405, 'method not allowed')
    if (!isJson(request)) return NOT_JSON
    const body = await readBody(request, maxBody)
    return body === undefined ? plain(413, 'content too large') : post({ method: 'POST', query, body })
  }

  async function answerOwn(request: IncomingMessage, id: string, { tokenHash, respond, maxBody }: OwnRoute): Promise<AdminAnswer> {
    const stranger = secret === undefined ? refuseStranger(request) : undefined
    if (stranger !== undefined) return stranger
    if (request.method !== 'POST') return plain(405, 'method not allowed')
    const hash = tokenHash(id)
    if (hash === undefined) return plain(404, 'not found')
    const refused = refuseToken(request, Buffer.from(hash, 'hex'))
    if (refused !== undefined) return refused
    if (!isJson(request)) return NOT_JSON
    const body = await readBody(request, maxBody)
    return body === undefined ? plain(413, 'content too large') : respond(id, body)
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let given: AdminAnswer
    try {
      given = await answer(request)
    } catch (error) {
      onError(error instanceof Error ? error.name : typeof error)
      given = plain(500, 'internal error')
    }
    // Content that was not read to its end must not be read as the next request.
    if (!request.readableEnded) new Connection(request.socket).closeSlowly(LINGER)
    response.writeHead(given.status, [...headersOf(given), ...(request.readableEnded ? [] : ['Connection', 'close'])])
    response.end(request.method === 'HEAD' ? undefined : given.body)
  }

  const server = createServer({
    maxHeaderSize: 16384,
    headersTimeout: 5000,
    requestTimeout: 10000,
    connectionsCheckingInterval: 1000,
    optimizeEmptyRequests: true,
  })
  server.maxConnections = 256
  server.timeout = 30000
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch(() => request.socket.destroy())
  })
  return { listen: (where) => listen(server, where, token), close: () => close(server) }
}

interface Where {
  readonly host: string
  readonly port: number
}

async function listen(server: Server, { host, port }: Where, token: string | undefined): Promise<Where> {
  if (token !== undefined && token.length < MIN_TOKEN) {
    throw new RangeError(`admin token has ${token.length} characters: use at least ${MIN_TOKEN}`)
  }
  if (token === undefined && !isLoopback(host)) {
    throw new RangeError(`admin listener ${host} is not loopback: set an admin token or listen on 127.0.0.1`)
  }
  return await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      const { address, port: chosen } = server.address() as AddressInfo
      resolve({ host: address, port: chosen })
    })
  })
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
  server.closeAllConnections()
  return closed
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const address = ClientAddress.parse(host)
  if (address === undefined) return false
  if (address.family === 4) return address.word(0) >>> 24 === 127
  return address.word(0) === 0 && address.word(1) === 0 && address.word(2) === 0 && address.word(3) === 1
}

/**
 * Without a token whoever reaches the socket may ask, so a browser on this machine must not be lent to a web page:
 * a page whose name was made to resolve here shows by its `Host`, any other by `Sec-Fetch-Site`.
 */
function refuseStranger({ headers }: IncomingMessage): AdminAnswer | undefined {
  const host = readHost(headers.host ?? '')
  const literal = host !== undefined && ClientAddress.parse(host) !== undefined
  if (host !== 'localhost' && !literal) return plain(403, 'use an address or localhost as host')
  const site = headers['sec-fetch-site']
  return site === undefined || site === 'none' || site === 'same-origin' ? undefined : plain(403, 'not for other sites')
}

function refuseToken({ headers }: IncomingMessage, secret: Buffer): AdminAnswer | undefined {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  const own = digest(given)
  return own.length === secret.length && timingSafeEqual(own, secret) ? undefined : plain(401, 'a bearer token is needed')
}

/** A form on a foreign page cannot send this type without asking first, and nobody here says yes. */
function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')
}

/** The part of a path that stands where the pattern has `{id}`. */
function idIn(path: string, pattern: string): string | undefined {
  if (!pattern.includes('{id}')) return path === pattern ? '' : undefined
  const [before = '', after = ''] = pattern.split('{id}')
  if (!path.startsWith(before) || !path.endsWith(after) || path.length <= before.length + after.length) return undefined
  const id = path.slice(before.length, path.length - after.length)
  return /^[a-z0-9_-]{1,63}$/.test(id) ? id : undefined
}

/** Equal length whatever is compared, so that the comparison tells nothing. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Undefined where it is larger than the limit. */
async function readBody(request: IncomingMessage, limit: number): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return undefined
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const NOT_JSON = plain(415, 'content must be application/json')

function plain(status: number, text: string): AdminAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` }
}

function headersOf({ status, contentType, body }: AdminAnswer): string[] {
  const headers = [
    'Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(body)), 'Cache-Control', 'no-store',
    'X-Content-Type-Options', 'nosniff', 'Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'",
  ]
  return status === 401 ? [...headers, 'WWW-Authenticate', 'Bearer'] : headers
}
