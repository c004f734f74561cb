/**
 * Fetches manifests from targets over kept connections. With `health/probe.ts` the owner of `undici`.
 *
 * Nothing of the viewer goes along: no header, no address. Every wait has an end and every answer a size.
 */
import type { Agent } from 'undici'
import { UpstreamError } from './upstream.ts'
import type { Fetch, UpstreamReason } from './upstream.ts'

export interface UndiciFetchOptions {
  /** Milliseconds until there must be a connection; default 500. */
  readonly connectMs?: number
  /** Milliseconds until there must be headers; default 1,000. */
  readonly headersMs?: number
  /** Milliseconds for all of it; default 2,000. A player waits meanwhile, and then still has its redirect. */
  readonly deadlineMs?: number
  /** Bytes; default 2 Mi. */
  readonly maxBytes?: number
  /** Connections to one target; default 16. */
  readonly connections?: number
  /** Default: the library. */
  readonly load?: () => Promise<Pick<typeof import('undici'), 'Agent'>>
}

export interface UndiciFetch {
  readonly fetch: Fetch
  /** Loads the library, which takes a tenth of a second in which nothing is answered: before it is needed, where it will be. Never rejects. */
  prepare(): Promise<void>
  close(): Promise<void>
}

export function undiciFetch({ connectMs = 500, headersMs = 1000, deadlineMs = 2000, maxBytes = 2 * 1024 * 1024, connections = 16, load = () => import('undici') }: UndiciFetchOptions = {}): UndiciFetch {
  let agent: Promise<Agent> | undefined
  const open = async () => {
    const library = await load()
    return new library.Agent({
      connections,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: connectMs },
      headersTimeout: headersMs,
      bodyTimeout: deadlineMs,
      keepAliveTimeout: 4000,
      keepAliveMaxTimeout: 30_000,
      maxHeaderSize: 16 * 1024,
      maxResponseSize: maxBytes,
    })
  }
  // What could not be loaded may be the next time.
  const prepare = () => (agent ??= open().catch((error: unknown) => {
    agent = undefined
    throw error
  }))
  const fetch: Fetch = async (url) => {
    const { origin, pathname, search } = new URL(url)
    const signal = AbortSignal.timeout(deadlineMs)
    try {
      const ready = await prepare()
      // The path is sent as it was written: a URL object would have changed it.
      const path = url.startsWith(`${origin}/`) ? url.slice(origin.length) : pathname + search
      const { statusCode, headers, body } = await ready.request({ origin, path, method: 'GET', headers: HEADERS, signal })
      const bytes = statusCode === 200 ? await body.bytes() : new Uint8Array()
      if (statusCode !== 200) await body.dump({ limit: 65_536 })
      return { status: statusCode, headers: mapOf(headers), body: bytes }
    } catch (error) {
      throw new UpstreamError(signal.aborted ? 'timeout' : reasonOf(error), { cause: error })
    }
  }
  return { fetch, prepare: () => prepare().then(() => undefined, () => undefined), close: async () => (await agent?.catch(() => undefined))?.destroy() }
}

const HEADERS = { 'user-agent': 'wissel', accept: '*/*', 'accept-encoding': 'identity' }

const BY_CODE: Readonly<Record<string, UpstreamReason>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'too_large',
}

function reasonOf(error: unknown): UpstreamReason {
  return error instanceof Error && 'code' in error ? (BY_CODE[String(error.code)] ?? 'unreachable') : 'unreachable'
}

function mapOf(headers: Readonly<Record<string, string | string[] | undefined>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(',') : value] as const])))
}
