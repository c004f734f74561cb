/**
 * Connections to Redis: one per concern, so that none waits behind another. The only owner of `ioredis`, which is loaded
 * when the first connection is made and not before: a router without Redis never runs any of it.
 *
 * The options are chosen against what ioredis 6 does when a server hangs instead of dying. Its connect timeout covers TCP
 * alone, so commands have a timeout of their own, which also bounds the handshake. Commands that are in flight when a
 * connection breaks never settle once resending is off, unless they have a timeout or no retries: here both. Resending
 * stays off because it applies writes twice.
 */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import type { RedisAddress, RedisSettings } from './redis-settings.ts'
import { parseRedisUrl } from './redis-settings.ts'

/**
 * `request`: short answers or none. `blocking`: waits for the stream, on a socket of its own.
 * `publish`: large writes by a person at a terminal.
 */
export type LinkUse = 'request' | 'blocking' | 'publish'

export interface LinkState {
  readonly up: boolean
  /** Milliseconds since the epoch: when it came up or went down. */
  readonly since: number
  /** The last error's code, such as `ECONNREFUSED` or `READONLY`; errors' messages hold what was being sent. */
  readonly code: string | undefined
}

export type Argument = string | number | Buffer

export interface RedisLink {
  readonly state: LinkState
  /** One command, its reply with texts as strings. Rejects with a `RedisError`, at the latest after its use's timeout. */
  call(command: string, ...args: readonly Argument[]): Promise<unknown>
  /** The same with texts as bytes. */
  callBytes(command: string, ...args: readonly Argument[]): Promise<unknown>
  /** Calls back after each time that the connection becomes usable, and at once where it is. Returns the way to stop. */
  onUp(listener: () => void): () => void
  /** Whether it is usable within so many milliseconds. */
  whenUp(ms: number): Promise<boolean>
  close(): Promise<void>
}

/** What a command failed with. Only a code: ioredis's own errors hold the command's arguments. */
export class RedisError extends Error {
  override readonly name = 'RedisError'
  readonly code: string

  constructor(code: string) {
    super(`redis: ${code}`)
    this.code = code
  }
}

export interface LinkOptions {
  readonly use: LinkUse
  /** Shown by `CLIENT LIST`. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** 0 to 1, for the spread of reconnections. */
  readonly random: () => number
  readonly onState?: (state: LinkState) => void
}

/** Milliseconds until a command, and until a silent socket with commands in flight, is given up. */
const TIMEOUTS = {
  request: { commandTimeout: 500, socketTimeout: 3000 },
  // A server that works answers a blocked read after BLOCK_MS, if only with nothing.
  blocking: { blockingTimeout: 6000, socketTimeout: 8000 },
  publish: { commandTimeout: 10_000, socketTimeout: 10_000 },
} as const satisfies Readonly<Record<LinkUse, RedisOptions>>

/** How long a `blocking` connection may ask a server to hold its answer. */
export const BLOCK_MS = 5000

/** Full jitter: routers that lost Redis together do not come back together. */
export function retryDelay(attempt: number, random: () => number): number {
  return Math.max(1, Math.round(random() * Math.min(10_000, 100 * 2 ** Math.min(attempt, 16))))
}

/** Returns at once, connecting in the background for as long as it is open. Rejects where the settings cannot be used. */
export async function connectRedis(settings: RedisSettings, options: LinkOptions): Promise<RedisLink> {
  const address = parseRedisUrl(settings.url)
  const common = await clientOptions(settings, address, options)
  const { Cluster, Redis } = await import('ioredis')
  const { layout } = address
  if (layout.kind === 'cluster') return new IoredisLink(new Cluster([...layout.nodes], clusterOptions(common, options)), options)
  if (layout.kind === 'plain') return new IoredisLink(new Redis({ ...common, ...layout.at }), options)
  return new IoredisLink(new Redis({ ...(await sentinelOptions(settings, common, options)), ...common, sentinels: [...layout.sentinels], name: layout.master }), options)
}

type ClientOptions = RedisOptions & { readonly replyMapping: 'legacy' }

async function clientOptions(settings: RedisSettings, address: RedisAddress, { use, name, random }: LinkOptions): Promise<ClientOptions> {
  const username = settings.username ?? address.username
  const password = settings.passwordFile === undefined ? address.password : await firstLine(settings.passwordFile)
  const tls = await tlsOptions(settings, address)
  return {
    protocol: 2,
    replyMapping: 'legacy',
    db: address.db,
    connectionName: `wissel-${name}`,
    // Sent by default, refused by Redis before 7.2 and one more thing for an ACL to allow.
    disableClientInfo: true,
    enableOfflineQueue: false,
    connectTimeout: 1000,
    disconnectTimeout: 200,
    keepAlive: 10_000,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => retryDelay(attempt, random),
    // 1: reconnect, and do not send the command again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    ...TIMEOUTS[use],
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  }
}

async function sentinelOptions(settings: RedisSettings, { tls }: RedisOptions, { random }: LinkOptions): Promise<RedisOptions> {
  const { sentinelUsername, sentinelPasswordFile } = settings
  return {
    // Unset by default: a sentinel that accepts and never answers would hold the client for ever, without an error.
    sentinelCommandTimeout: 500,
    failoverDetector: true,
    updateSentinels: true,
    sentinelRetryStrategy: (attempt) => retryDelay(attempt, random),
    sentinelReconnectStrategy: (attempt) => retryDelay(attempt, random),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPasswordFile === undefined ? {} : { sentinelPassword: await firstLine(sentinelPasswordFile) }),
  }
}

type ClusterOptionsOf = ClusterOptions & { redisOptions: { readonly replyMapping: 'legacy' } }

/** The offline queue is switched off at the top: among the options of the nodes it would be ignored. */
function clusterOptions({ retryStrategy: _retry, enableOfflineQueue: _queue, db: _db, ...redisOptions }: ClientOptions, { random }: LinkOptions): ClusterOptionsOf {
  return {
    enableOfflineQueue: false,
    slotsRefreshTimeout: 1000,
    clusterRetryStrategy: (attempt) => retryDelay(attempt, random),
    redisOptions,
  }
}

async function tlsOptions({ tls }: RedisSettings, address: RedisAddress): Promise<RedisOptions['tls'] | undefined> {
  if (!address.tls) return undefined
  const { caFile, certFile, keyFile, serverName } = tls ?? {}
  return {
    ...(caFile === undefined ? {} : { ca: await readFile(caFile) }),
    ...(certFile === undefined ? {} : { cert: await readFile(certFile) }),
    ...(keyFile === undefined ? {} : { key: await readFile(keyFile) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

async function firstLine(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).split(/\r?\n/)[0] ?? ''
}

class IoredisLink implements RedisLink {
  readonly #client: Redis | Cluster
  readonly #options: LinkOptions
  readonly #listeners = new Set<() => void>()
  #state: LinkState
  #closed = false

  constructor(client: Redis | Cluster, options: LinkOptions) {
    this.#client = client
    this.#options = options
    this.#state = { up: false, since: options.now(), code: undefined }
    client.on('ready', () => this.#change(true, undefined))
    client.on('close', () => this.#change(false, this.#state.code))
    client.on('error', (error: unknown) => this.#failed(codeOf(error)))
    client.on('node error', (error: unknown) => this.#failed(codeOf(error)))
  }

  get state(): LinkState {
    return this.#state
  }

  async call(command: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      return this.#worked(await this.#client.call(command, ...args))
    } catch (error) {
      throw this.#error(error)
    }
  }

  async callBytes(command: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      return this.#worked(await this.#client.callBuffer(command, ...args))
    } catch (error) {
      throw this.#error(error)
    }
  }

  onUp(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (this.#state.up) listener()
    return () => void this.#listeners.delete(listener)
  }

  whenUp(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (up: boolean) => {
        clearTimeout(timer)
        this.#listeners.delete(settled)
        resolve(up)
      }
      const settled = () => settle(true)
      const timer = setTimeout(() => settle(false), ms)
      if (this.#state.up) settle(true)
      else this.#listeners.add(settled)
    })
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    this.#listeners.clear()
    return new Promise((resolve) => {
      if (this.#client.status === 'end') return resolve()
      // A sentinel that does not answer must not keep the process from ending.
      const timer = setTimeout(resolve, 1000)
      this.#client.once('end', () => {
        clearTimeout(timer)
        resolve()
      })
      const client = this.#client
      // ioredis listens for one error of a socket. A TLS handshake that is broken off may end with two, and the second, the
      // server's alert, would end the process.
      for (const { stream } of 'nodes' in client ? client.nodes('all') : [client]) (stream as Socket | undefined)?.on('error', ignore)
      client.disconnect()
    })
  }

  #worked(reply: unknown): unknown {
    if (this.#state.code !== undefined && this.#state.up) {
      this.#state = { ...this.#state, code: undefined }
      this.#options.onState?.(this.#state)
    }
    return reply
  }

  #error(error: unknown): RedisError {
    const code = codeOf(error)
    // Redis answers this while it is there; it is worth showing, unlike what a command's own mistake gives.
    if (STATE_CODES.has(code)) this.#failed(code)
    return new RedisError(code)
  }

  #failed(code: string): void {
    if (code === this.#state.code || this.#closed) return
    this.#state = { ...this.#state, code }
    this.#options.onState?.(this.#state)
  }

  #change(up: boolean, code: string | undefined): void {
    if (this.#closed || up === this.#state.up) return
    this.#state = { up, since: this.#options.now(), code }
    this.#options.onState?.(this.#state)
    if (up) for (const listener of [...this.#listeners]) listener()
  }
}

function ignore(): void {
  return undefined
}

const STATE_CODES: ReadonlySet<string> = new Set(['READONLY', 'OOM', 'MISCONF', 'NOREPLICAS', 'NOPERM', 'NOAUTH', 'CLUSTERDOWN', 'MASTERDOWN', 'LOADING', 'BUSY', 'TIMEOUT'])

const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/^Command timed out/, 'TIMEOUT'],
  [/^Socket timeout/, 'SOCKET_TIMEOUT'],
  [/^Blocking command timed out/, 'TIMEOUT'],
  [/isn't writeable|isn't ready|^Cluster isn't/, 'NOT_CONNECTED'],
  [/^Connection is closed|^Command aborted|^Reached the max retries/, 'CLOSED'],
  [/^All sentinels/, 'NO_SENTINEL'],
  [/^Failed to refresh slots/, 'NO_CLUSTER_NODE'],
]

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN'
  if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(error.code)) return error.code
  const known = BY_MESSAGE.find(([pattern]) => pattern.test(error.message))
  // Replies of Redis begin with their code.
  return known?.[1] ?? /^([A-Z][A-Z]{2,20}) /.exec(error.message)?.[1] ?? 'UNKNOWN'
}
