/** The command line. The only place that ends the process. */
import { randomBytes } from 'node:crypto'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { CommandIO } from './cli/with-state.ts'
import { WisselError } from './errors.ts'
import type { RedisSettings } from './state/redis-settings.ts'

const HELP = `wissel: a privacy-first CDN request router for video

  wissel [serve [DIR]] [--listen HOST:PORT] [--admin HOST:PORT] [--redis URL] [--state-dir DIR]
         [--threads N] [--fast-lane on|off] [--demo]
      answers players; --redis follows a deployment's state instead of the services and targets under DIR;
      --demo starts the loopback targets of the configuration too
  wissel check DIR [--json] [--schema DIR] [--live [--path PATH]]
      every problem of a configuration at once; exit status 1 where there is one
      --schema writes JSON Schemas for editors into a directory
      --live asks every target what players would, over both schemes and both address families; --path names a manifest
  wissel explain --url URL --ip ADDR [--config DIR] [--json]
      where a viewer at this address would be sent, and why nowhere else

  wissel diff DIR (--redis URL | --base DIR) [--records FILE] [--json]
      what would change, and which share of the viewers would be routed differently
  wissel apply DIR --redis URL [--stage 10%|ROUTER,...] [--force NAME] [--epoch N] [--new]
      checks a configuration and publishes it to all routers, or to some; where it knows of no router it listens for
      12 s, so that a Redis that forgot makes nobody go back; --new: there is no router yet
  wissel rollback VERSION --redis URL        publishes an earlier version anew
  wissel freeze [VERSION] --redis URL        routers do not go past this version
  wissel unfreeze --redis URL
  wissel routers --redis URL [--json]        which router runs which version, and why one refused
  wissel geo push FILE --redis URL [--asn]   gives all routers a geo database
  wissel target drain|down|up|auto ID [--for 30m] [--why TEXT] [--config DIR] [--redis URL | --state-dir DIR] [--new]
      an operator's word on one target, obeyed whatever is measured; goes where the settings of DIR say that the router looks
      for it; an id that is not configured is refused, but with --new
  wissel log verify DIR [--json]
      whether a directory of segments adds up: decided, recorded, dropped, lost; exit status 1 when not
  wissel log import FORMAT FILE --target ID [--service ID] [--config DIR]
      bytes and requests from a target's access log (combined, w3c, cdni), its addresses read only to be forgotten
  wissel verify LOG --config DIR [--json]
      judges every record of a constrained policy again by the configuration; exit status 1 where one fails
  wissel archive keygen|recipients|verify|ship|open|shred ...
      the sealed archive of raw requests, for tracing abuse only; wissel archive --help

DIR defaults to ./config, and may be given as --config DIR to every command; the state directory to ./var. Ports given as 0 are chosen by the system and printed.
A password for Redis belongs into a file: --redis-password-file FILE, with --redis-user and --redis-prefix as needed.
`

const OPTIONS = {
  config: { type: 'string' },
  listen: { type: 'string' },
  admin: { type: 'string' },
  demo: { type: 'boolean' },
  json: { type: 'boolean' },
  schema: { type: 'string' },
  live: { type: 'boolean' },
  path: { type: 'string' },
  url: { type: 'string' },
  ip: { type: 'string' },
  redis: { type: 'string' },
  'redis-prefix': { type: 'string' },
  'redis-user': { type: 'string' },
  'redis-password-file': { type: 'string' },
  'state-dir': { type: 'string' },
  threads: { type: 'string' },
  'fast-lane': { type: 'string' },
  stage: { type: 'string' },
  force: { type: 'string' },
  epoch: { type: 'string' },
  new: { type: 'boolean' },
  base: { type: 'string' },
  records: { type: 'string' },
  asn: { type: 'boolean' },
  for: { type: 'string' },
  why: { type: 'string' },
  target: { type: 'string' },
  service: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof parse>['values']

const io: CommandIO = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  now: () => Date.now(),
  random: () => Math.random(),
  setTimer: (run, ms) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Words that a command takes after its name, a verb included. All, where the command is none: it says so itself. */
const WORDS: Readonly<Record<string, number>> = { serve: 1, check: 1, explain: 1, diff: 1, apply: 1, rollback: 1, freeze: 1, unfreeze: 0, routers: 0, geo: 2, log: 3, verify: 1, target: 2 }
/** Their word is the configuration directory, which may be given as `--config` as well. */
const TAKES_DIRECTORY: ReadonlySet<string> = new Set(['serve', 'check', 'explain', 'diff', 'apply'])

function directoryOf(option: string | undefined, word: string | undefined): string {
  if (option !== undefined && word !== undefined && resolve(option) !== resolve(word)) throw usage('--config and the directory after the command differ; give one of them')
  return option ?? word ?? 'config'
}

/** A command is loaded when it is asked for: a router need not load what only publishers use. */
async function run(args: readonly string[]): Promise<number> {
  if (args[0] === 'archive') {
    letReadersGo()
    const { archiveCommand, ARCHIVE_HELP } = await import('./cli/archive.ts')
    if (args[1] === undefined || args.includes('--help') || args.includes('-h')) {
      io.out(ARCHIVE_HELP)
      return 0
    }
    return archiveCommand([...args.slice(1)], { out: io.out, err: (text) => io.err(text), now: io.now, random: (bytes) => randomBytes(bytes), user: userInfo().username })
  }
  const { values, positionals } = parse(args)
  const [command = 'serve', ...rest] = positionals
  const isHelp = values.help === true || command === 'help'
  // A router's records are another matter: their sink counts what nobody took.
  if (isHelp || command !== 'serve') letReadersGo()
  if (isHelp) {
    io.out(HELP)
    return 0
  }
  const most = Object.hasOwn(WORDS, command) ? (WORDS[command] ?? 0) : Infinity
  noMore(command, rest[most])
  const directory = TAKES_DIRECTORY.has(command) ? directoryOf(values.config, rest[0]) : (values.config ?? 'config')
  switch (command) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(directory, { listen: values.listen, admin: values.admin, demo: values.demo ?? false, redis: redisOf(values), stateDirectory: values['state-dir'], fastLane: switchOf(values['fast-lane']), threads: threadsOf(values.threads) })
    case 'check': {
      const { check, writeSchemas } = await import('./cli/check.ts')
      if (values.schema !== undefined) {
        for (const file of await writeSchemas(values.schema)) io.out(`wrote ${values.schema}/${file}\n`)
        if (rest.length === 0) return 0
      }
      if (values.path?.startsWith('/') === false) throw usage('--path must begin with /')
      return check(directory, { json: values.json ?? false, now: io.now(), out: io.out, ...(values.live === true ? { live: values.path === undefined ? {} : { path: values.path } } : {}) })
    }
    case 'explain': {
      if (values.url === undefined || values.ip === undefined) throw usage('explain needs --url and --ip')
      const { loadConfiguration } = await import('./cli/configuration.ts')
      const { explainCommand } = await import('./cli/explain.ts')
      return explainCommand(await loadConfiguration(directory, io.now()), { directory, url: values.url, ip: values.ip, json: values.json ?? false, now: io.now(), out: io.out, err: io.err })
    }
    case 'diff':
      return (await import('./cli/diff.ts')).diff({ directory, redis: redisOf(values), base: values.base, records: values.records, json: values.json }, io)
    case 'apply':
      return (await import('./cli/apply.ts')).apply({ directory, redis: needRedis(values), force: values.force, stage: values.stage, epoch: epochOf(values.epoch), isNew: values.new }, io)
    case 'rollback':
      return (await import('./cli/rollback.ts')).rollback({ version: need(rest[0], 'rollback needs a version'), redis: needRedis(values) }, io)
    case 'freeze':
      return (await import('./cli/freeze.ts')).freeze({ version: rest[0], redis: needRedis(values) }, io)
    case 'unfreeze':
      return (await import('./cli/freeze.ts')).unfreeze({ redis: needRedis(values) }, io)
    case 'routers':
      return (await import('./cli/routers.ts')).routers({ redis: needRedis(values), json: values.json }, io)
    case 'geo':
      if (rest[0] !== 'push') throw usage('geo has one verb: geo push FILE')
      return (await import('./cli/geo-push.ts')).geoPush({ file: need(rest[1], 'geo push needs a file'), redis: needRedis(values), asn: values.asn }, io)
    case 'log':
      return log(rest, values)
    case 'verify': {
      const { verify } = await import('./cli/verify.ts')
      const { loadConfiguration } = await import('./cli/configuration.ts')
      return verify(need(rest[0], 'verify needs a log'), { configurations: [await loadConfiguration(directory, io.now())], json: values.json ?? false, out: io.out })
    }
    case 'target':
      return target(rest, values)
    default:
      throw usage(`there is no command "${command.slice(0, 40)}"`)
  }
}

async function log([verb, ...rest]: readonly string[], values: Values): Promise<number> {
  if (verb === 'verify') noMore('log verify', rest[1])
  if (verb === 'verify') return (await import('./cli/log.ts')).verifyLog(need(rest[0], 'log verify needs a directory'), { json: values.json ?? false, out: io.out })
  if (verb !== 'import') throw usage('log has two verbs: log verify DIR, log import FORMAT FILE')
  const { loadConfiguration } = await import('./cli/configuration.ts')
  const { importCommand } = await import('./cli/log-import.ts')
  const directory = values.config ?? 'config'
  const { snapshot } = await loadConfiguration(directory, io.now())
  if (snapshot === undefined) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, `see wissel check ${directory}`])
  process.stdin.setEncoding('utf8')
  return importCommand({
    format: need(rest[0], 'log import needs a format'),
    file: need(rest[1], 'log import needs a file'),
    target: need(values.target, 'log import needs --target'),
    service: values.service,
    snapshot,
    stdin: process.stdin,
    out: io.out,
    say: io.err,
  })
}

async function target(words: readonly string[], values: Values): Promise<number> {
  const { targetCommand } = await import('./cli/target.ts')
  const { withCommands } = await import('./cli/target-place.ts')
  const { explained } = await import('./app/override-files.ts')
  const place = { directory: values.config, redis: redisOf(values), stateDirectory: values['state-dir'] }
  try {
    return await withCommands(place, io, (store, known, now) => targetCommand({ words, for: values.for, why: values.why, isNew: values.new, store, known, who: userInfo().username, now, out: io.out }))
  } catch (error) {
    throw explained(error)
  }
}

function redisOf(values: Values): RedisSettings | undefined {
  if (values.redis === undefined) return undefined
  return { url: values.redis, prefix: values['redis-prefix'], username: values['redis-user'], passwordFile: values['redis-password-file'] }
}

function needRedis(values: Values): RedisSettings {
  const redis = redisOf(values)
  if (redis === undefined) throw usage('this command needs --redis URL')
  return redis
}

/** Who reads may have seen enough, as `head` has: what is left is not printed, and the status stays what it is. */
function letReadersGo(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

function switchOf(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (text !== 'on' && text !== 'off') throw usage('--fast-lane takes on or off')
  return text === 'on'
}

function threadsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,2}$/.test(text) || Number(text) > 64) throw usage('--threads takes a number from 0 to 64')
  return Number(text)
}

function epochOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const epoch = Number(text)
  if (!Number.isSafeInteger(epoch) || epoch < 1) throw usage('--epoch needs a whole number above the one that is published')
  return epoch
}

function need(word: string | undefined, what: string): string {
  if (word === undefined) throw usage(what)
  return word
}

function noMore(command: string, surplus: string | undefined): void {
  if (surplus !== undefined) throw usage(`${command} does not take "${surplus.slice(0, 40)}"`)
}

function usage(what: string): WisselError {
  return new WisselError('WISSEL_USAGE', [what])
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw usage(error instanceof Error ? (error.message.split('.')[0]?.toLowerCase() ?? 'unknown option') : 'unknown option')
  }
}

// Node would print the error's message, which may hold what a viewer sent. A fault nobody expected ends the process, by its name alone.
process.on('uncaughtException', (error: unknown) => {
  process.stderr.write(`wissel: internal error ${error instanceof Error ? error.name : ''}\n`)
  process.exit(70)
})

/** Milliseconds that what is still under way may hold up the end: a file system that hangs would for ever. */
const LAST_MS = 3000

run(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status
    setTimeout(() => process.exit(), LAST_MS).unref()
  },
  (error: unknown) => {
    process.stderr.write(`wissel: ${error instanceof WisselError ? error.message : `internal error ${error instanceof Error ? error.name : ''}`}\n`)
    process.exitCode = error instanceof WisselError ? 1 : 70
  },
)
