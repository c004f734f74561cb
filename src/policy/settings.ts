/** `wissel.yaml`: how this process runs. Not part of a snapshot: two routers of one deployment may differ in it. */
import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import { readDocuments } from './document.ts'
import type { Path, Problem } from './problem.ts'
import { formatPath } from './problem.ts'
import { isRedisUrl } from './redis-url.ts'
import { ID } from './schema.ts'
import { parsePrefix } from '../geo/zones.ts'
import { soundKeys } from './salvage.ts'
import { validate } from './validate.ts'

export const SETTINGS_FILE = 'wissel.yaml'

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z.-]+):(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])$/
const listen = z.string()
  .regex(ADDRESS, { error: 'use HOST:PORT such as 0.0.0.0:8080 or [::]:8080, with a port up to 65535; port 0 lets the system choose', abort: true })
  .refine(isPlace, { error: 'no machine has this address; use one such as 0.0.0.0:8080 or [::]:8080' })
const cidr = z.string().max(50)
const seconds = z.number().positive()

const sink = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('stdout') }),
  z.strictObject({
    type: z.literal('segments'),
    directory: z.string().min(1).describe('Directory of segment files, for one router process. The oldest go when the budget is used up or after keepHours.'),
    budgetMegabytes: z.number().min(1).max(10_000_000).optional().describe('Default 1024. Too small, and records are gone before they were fetched; too large, and they fill the disk that the last known good state is on.'),
    keepHours: z.number().positive().max(8760).optional().describe('Default 72. The decision stream is de-identified, not anonymous: it is meant to be short-lived.'),
    rotateSeconds: z.number().min(1).max(86_400).optional().describe('Default 60: a segment is closed, and can be shipped, after this long.'),
  }),
  z.strictObject({ type: z.literal('http'), url: z.url({ protocol: /^https?$/ }).describe('A collector that takes NDJSON by POST; any 2xx within ten seconds acknowledges, and its body is not read. A batch that comes twice has the same Wissel-Batch. Needs a sink of type segments; one at most.'), tokenFile: z.string().min(1).optional().describe('A file whose first line is sent as a bearer token.') }),
  z.strictObject({
    type: z.literal('redis'),
    url: z.string().min(1).describe('As redis.url, but better another Redis: a stream that fills it would take the routing state with it. Needs a sink of type segments; one at most.'),
    username: z.string().min(1).optional().describe('With an ACL it needs EVAL, XADD, XLEN, GET and SET, on the stream and on {wissel:decisions}:last:*; without them nothing is shipped, and segments are deleted in time.'),
    passwordFile: z.string().min(1).optional(),
    stream: z.string().min(1).max(200).optional().describe('Default wissel:decisions. Each entry has the fields record and place.'),
    maxLength: z.int().min(1000).max(1_000_000_000).optional().describe('Entries that are kept. Default 1000000.'),
  }),
  z.strictObject({ type: z.literal('file'), path: z.string().min(1).describe('The file that lines are appended to. SIGHUP reopens it, for rotation.') }),
], { error: 'use one of stdout, file, segments, http, redis' })

export const settingsSchema = z.strictObject({
  router: z.string().regex(ID).optional().describe('This router\'s name in records. Default: wissel.'),
  listen: listen.optional().describe('Where players are answered. Default 0.0.0.0:8080.'),
  admin: z.strictObject({
    listen: listen.optional().describe('Default 127.0.0.1:9090. Anywhere but loopback a token is needed.'),
    tokenFile: z.string().min(1).optional().describe('A file whose first line is the bearer token, at least 16 characters.'),
  }).optional(),
  trustedProxies: z.array(cidr).max(1000).optional().describe('Networks whose X-Forwarded-For and X-Forwarded-Proto are believed. Default: none. Too many, and viewers choose their own country; too few, and everybody seems to be at the proxy.'),
  geo: z.strictObject({
    database: z.string().min(1).optional().describe('An MMDB file with countries or cities. Default: the country database that comes with the router.'),
    asnDatabase: z.string().min(1).optional().describe('An MMDB file with autonomous system numbers. Default: none, and conditions on asn hold for nobody.'),
    pollSeconds: seconds.max(86_400).optional().describe('How often a new file is looked for. Default 10.'),
  }).optional(),
  log: z.strictObject({
    windowSeconds: seconds.max(3600).optional().describe('Equal decisions within this window become one line with a count. Default 1. Longer is smaller and more private, and a crash loses more.'),
    strict: z.boolean().optional().describe('Windows of a minute, lines in random order. Default false. Nobody can tell from the file who came first; a crash loses up to a minute.'),
    sinks: z.array(sink).max(8).optional().describe('Where decision records go. Default: standard output. []: nowhere, and nothing is made of them.'),
    counters: z.strictObject({
      path: z.string().min(1).describe('The file that the counts are appended to. SIGHUP reopens it, for rotation.'),
      k: z.int().min(10).max(200).optional().describe('People that a number must stand for before it is told. Default 10. Low ones tell more of small audiences; high ones tell nothing of them.'),
      dimensions: z.array(z.enum(['device', 'ip', 'asn', 'ref'])).min(1).optional().describe('What is counted: device class and IP version per hour, autonomous system and referring site per day, each for itself alone. Default: all four.'),
    }).optional().describe('Side counters, never joined with decision records. Default: off. On, they cost about 2.3 µs of processor time per request.'),
  }).optional(),
  archive: z.strictObject({
    recipients: z.string().min(1).describe('The signed list of the days\' public keys, made ahead with wissel archive recipients. A day without keys is not archived, and counted. A renewed list in its place is taken within reloadSeconds.'),
    recipientsKey: z.string().regex(/^ed25519:[A-Za-z0-9+/=_-]{40,50}$/, { error: 'use the public key that wissel archive recipients printed: ed25519:...' }).describe('The public key that the list must be signed with.'),
    signingKey: z.string().min(1).describe('A file with this router\'s own Ed25519 key, with which it signs the chain of segments.'),
    directory: z.string().min(1).describe('Where sealed segments wait until they are shipped, an hour at most. On a file system with hard links, which FAT and some network shares lack: without them nothing is written, and archive_failed says so.'),
  }).optional().describe('The sealed archive of raw requests, for tracing abuse only. Default: none. The router can write it and never read it.'),
  usage: z.strictObject({
    tokenFile: z.string().min(1).describe('A file whose first line is the bearer token for POST /usage, at least 16 characters. Whoever has it can report any consumption, and nothing else.'),
    path: z.string().min(1).describe('The file that buckets of five minutes are appended to. SIGHUP reopens it, for rotation.'),
  }).optional().describe('Takes what edges and CDNs report as bytes and requests per service and target (POST /usage on the admin listener). Default: off.'),
  redis: z.strictObject({
    url: z.string().min(1).describe('redis://host:6379/0, rediss:// for TLS, redis+sentinel://host,host/master, redis+cluster://host,host. No password: it belongs into passwordFile.'),
    prefix: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/).optional().describe('Start of every key. Default wissel. Two deployments may share a Redis under two prefixes.'),
    username: z.string().min(1).optional(),
    passwordFile: z.string().min(1).optional().describe('A file whose first line is the password.'),
    sentinelUsername: z.string().min(1).optional(),
    sentinelPasswordFile: z.string().min(1).optional(),
    tls: z.strictObject({
      caFile: z.string().min(1).optional().describe('PEM. Default: the authorities that Node trusts.'),
      certFile: z.string().min(1).optional(),
      keyFile: z.string().min(1).optional(),
      serverName: z.string().min(1).optional().describe('The name that the certificate must carry. Default: the host that is connected to.'),
    }).optional(),
  }).optional().describe('Where the routing state is held and health is shared. Default: in this process, from the configuration directory.'),
  stateDirectory: z.string().min(1).optional().describe('Where the router keeps its last known good state and operators\' commands. Default var, in the working directory. Lost, a restart while Redis is away has nothing to serve.'),
  reloadSeconds: seconds.max(86_400).optional().describe('How often the configuration directory, and the archive\'s list of keys, are looked at. Default 2. A change of the configuration is taken at the second look that finds it the same, so that half of a file that is being written is not: with shorter ones a slow upload is taken too soon, with longer ones a change waits. SIGHUP takes it at once.'),
  threads: z.int().min(0).max(64).optional().describe('Threads that answer players. Default 1; 0 answers in the thread that also probes, reads and writes. Too few, and a core is full while others idle; more than there are cores only take memory. More than one need a system that lets them share a port (Linux).'),
  fastLane: z.boolean().optional().describe('Whether the plainest requests are read without node:http. Default true. Answers are the same; off costs more processor time.'),
  proxyProtocol: z.boolean().optional().describe('Every connection must come from trustedProxies and begin with a PROXY header, version 1 or 2; all others are closed. Default false.'),
  maxConnections: z.int().min(1).max(1_000_000).optional().describe('Connections at once. Default 20000. Keep it below half of the process\'s limit of open files: too high, and files cannot be opened any more; too low, and viewers are turned away.'),
})
export type Settings = z.infer<typeof settingsSchema>

export interface ReadSettings {
  /** Where there are problems, what could be read nevertheless. */
  readonly settings: Settings
  readonly problems: Problem[]
  /** A problem with a setting, at its line. */
  problem(path: Path, message: string, severity?: Problem['severity']): Problem
}

export function readSettings(file: string, text: string): ReadSettings {
  const { documents, problems } = readDocuments(file, text)
  const [first, second] = documents
  if (second !== undefined) problems.push(second.problem([], 'is a second document; there is one set of settings'))
  const problem: ReadSettings['problem'] = (path, message, severity = 'error') =>
    first?.problem(path, message, severity) ?? { file, line: 1, path: formatPath(path), message, severity }
  const settings = (first && (validate(settingsSchema, first, problems) ?? soundKeys(settingsSchema, first.value))) ?? {}
  problems.push(...contradictions(settings, problem))
  return { settings, problems, problem }
}

/** What the schema alone cannot see. */
function contradictions({ trustedProxies = [], proxyProtocol = false, listen, admin, log, redis }: Settings, problem: ReadSettings['problem']): Problem[] {
  const found: Problem[] = []
  if (redis !== undefined && !isRedisUrl(redis.url)) found.push(problem(['redis', 'url'], REDIS_URL_WANTED))
  found.push(...contradictingSinks(log?.sinks ?? [], problem))
  const [players, operators] = [listen ?? '0.0.0.0:8080', admin?.listen ?? '127.0.0.1:9090']
  if (overlap(players, operators)) found.push(problem(admin?.listen === undefined ? ['listen'] : ['admin', 'listen'], `players (${players}) and operators (${operators}) would be answered on one port, so a router does not start there; give one of them another`, 'warning'))
  if (proxyProtocol && trustedProxies.length === 0) found.push(problem(['proxyProtocol'], 'refuses everybody without trustedProxies; name the proxy\'s network there'))
  for (const [i, text] of trustedProxies.entries()) {
    if (parsePrefix(text) === undefined) found.push(problem(['trustedProxies', i], `"${text}" is not a network; use CIDR such as 10.0.0.0/8 or ::1/128`))
  }
  if (admin?.listen !== undefined && admin.tokenFile === undefined && !LOOPBACK.test(admin.listen)) found.push(problem(['admin', 'listen'], `"${admin.listen}" is not on loopback, so a router does not start there without a token; set admin.tokenFile`, 'warning'))
  return found
}

function contradictingSinks(sinks: NonNullable<NonNullable<Settings['log']>['sinks']>, problem: ReadSettings['problem']): Problem[] {
  const found: Problem[] = []
  const segments = sinks.findIndex(({ type }) => type === 'segments')
  for (const [i, sink] of sinks.entries()) {
    const path = ['log', 'sinks', i]
    if ((sink.type === 'http' || sink.type === 'redis') && segments === -1) found.push(problem(path, `a sink of type ${sink.type} is filled from segments; add one of type segments`))
    if (sink.type === 'redis' && !isRedisUrl(sink.url)) found.push(problem([...path, 'url'], REDIS_URL_WANTED))
    if ((sink.type === 'http' || sink.type === 'redis') && sinks.findIndex(({ type }) => type === sink.type) !== i) found.push(problem(path, `is a second sink of type ${sink.type}, and what one of them has taken would count as taken by both; give one`))
    if (sink.type === 'segments' && i !== segments) found.push(problem(path, 'is a second sink of type segments, and every record would be written twice to the first; give one'))
  }
  return found
}

/** Without the value, which may hold a password. */
const REDIS_URL_WANTED = 'is not usable; give redis://HOST:PORT, rediss://, redis+sentinel://HOST:PORT,HOST:PORT/MASTER or redis+cluster://HOST:PORT, with characters of a user name percent-encoded'

/** Whether the host of HOST:PORT is a name, or an address that exists. */
function isPlace(text: string): boolean {
  const host = hostOf(text)
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1))
  return isIPv4(host) || !/^[\d.]*$/.test(host)
}

function hostOf(text: string): string {
  return text.slice(0, text.lastIndexOf(':'))
}

/** Whether two listeners would want the same port of the same address. */
function overlap(one: string, other: string): boolean {
  const hosts = [hostOf(one), hostOf(other)]
  const [port, same] = [one, other].map((text) => Number(text.slice(text.lastIndexOf(':') + 1)))
  if (port === 0 || port !== same) return false
  return hosts[0] === hosts[1] || hosts.includes('[::]') || (hosts.includes('0.0.0.0') && hosts.every((host) => !host.startsWith('[')))
}

const LOOPBACK = /^(127(\.\d+){3}|localhost|\[::1\]):/
