/**
 * `npm run test:players`: unmodified players in Debian's Chromium, local targets, the real router. Writes
 * `docs/players.md` where all is well; exit status 1 where a promise is broken, 2 where Chromium is missing.
 *
 * Fourteen players at once may be more than a machine can do. Those that failed play the scene again by themselves, and
 * those that failed then too each alone; what they failed in is printed. A router that is broken fails them alone as well.
 * That nobody asks an excluded target, or anything but loopback, is asked of every time.
 *
 *   --local    the router's parts in this process instead of the shipped router
 *   --from F   resolve the players' packages as file F would
 *   --keep     do not write the table
 *   --only S   one scene: kill, drain or demand
 *   --trace    print what each page asked for, in seconds from the event
 */
import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { failings, judgeDemand, judgeDrain, judgeKill, leaks } from './judge.ts'
import type { Cast, Row } from './judge.ts'
import { packageFolder, PLAYERS, servePages } from './pages.ts'
import type { Player } from './pages.ts'
import { report } from './report.ts'
import { DELIVERIES, localRouter, processRouter } from './router.ts'
import type { Delivery } from './router.ts'
import { startTarget } from './target.ts'
import { watch } from './watch.ts'
import type { Watched } from './watch.ts'

const { values } = parseArgs({ options: { local: { type: 'boolean' }, from: { type: 'string' }, keep: { type: 'boolean' }, only: { type: 'string' }, trace: { type: 'boolean' } } })
const startRouter = values.local === true ? localRouter : processRouter
const from = values.from ?? import.meta.filename
const require = createRequire(from)

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (CHROMIUM === undefined) {
  process.stderr.write('no chromium; install it with: apt-get install chromium\n')
  process.exit(2)
}
const { chromium } = require('playwright-core') as typeof import('playwright-core')
// Names are not resolved, so that nothing can be asked beyond loopback unseen.
const launch = () => chromium.launch({ executablePath: CHROMIUM, timeout: 120_000, args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*', '--disable-background-networking', '--disable-component-update'] })
const pages = await servePages(from)
let version = ''

interface Scene {
  readonly stream: 'live' | 'vod'
  /** What happens once everybody plays; resolves when it has been watched for long enough. With the time of the event. */
  act(stage: Stage): Promise<number>
  judge(watched: Watched, event: number, cast: Cast): Promise<Row>
}

interface Stage {
  readonly router: Awaited<ReturnType<typeof startRouter>>
  readonly kill: () => Promise<void>
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const SCENES: Readonly<Record<string, Scene>> = {
  kill: {
    stream: 'live',
    act: async ({ router, kill }) => {
      await wait(8000)
      await kill()
      const event = Date.now()
      await wait(HEALTH_MS)
      await router.down('cdn-a')
      await wait(40_000 - HEALTH_MS)
      return event
    },
    judge: judgeKill,
  },
  drain: {
    stream: 'live',
    act: async ({ router }) => {
      await wait(4000)
      await router.drain('cdn-a')
      const event = Date.now()
      await wait(30_000)
      return event
    },
    judge: judgeDrain,
  },
  demand: {
    stream: 'vod',
    act: async () => {
      await wait(10_000)
      return Date.now()
    },
    judge: judgeDemand,
  },
}
/** How long health checks need to find a dead target: three failures in a row, two seconds apart. */
const HEALTH_MS = 6000

function trace(watched: readonly Watched[], event: number): void {
  for (const { player, delivery, requests, samples } of watched) {
    process.stdout.write(`\n== ${player.name} ${player.protocol} ${delivery}\n`)
    for (const { at, url } of requests()) process.stdout.write(`${((at - event) / 1000).toFixed(2)} ${url.host}${url.pathname}${url.search}\n`)
    process.stdout.write(`positions ${samples.map(({ at, position }) => `${((at - event) / 1000).toFixed(1)}:${position.toFixed(1)}`).join(' ')}\n`)
  }
}

interface Seat {
  readonly player: Player
  readonly delivery: Delivery
}

const EVERYBODY: readonly Seat[] = DELIVERIES.flatMap((delivery) => PLAYERS.map((player) => ({ player, delivery })))

/** The latest rows, and the seats whose browser ended every time. */
async function perform(name: string, scene: Scene): Promise<{ readonly rows: readonly Row[]; readonly unseen: readonly Seat[] }> {
  const seen = new Map<Seat, Row>()
  const failed = () => EVERYBODY.filter((seat) => {
    const row = seen.get(seat)
    return row === undefined || failings(name, row).length > 0
  })
  const tries: (() => readonly (readonly Seat[])[])[] = [() => [EVERYBODY], () => [failed()], () => failed().map((seat) => [seat])]
  for (const [number, casts] of tries.entries()) {
    for (const seats of casts()) {
      const rows = await play(scene, seats).catch((error: unknown) => void process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`))
      for (const [i, seat] of seats.entries()) if (rows?.[i] !== undefined) seen.set(seat, rows[i])
    }
    if (failed().length === 0 || [...seen.values()].some((row) => leaks(name, row).length > 0)) break
    if (number + 1 < tries.length) for (const seat of failed()) process.stderr.write(`once more: ${describe(name, seat, seen.get(seat))}\n`)
  }
  return { rows: [...seen.values()], unseen: EVERYBODY.filter((seat) => !seen.has(seat)) }
}

function describe(name: string, { player, delivery }: Seat, row: Row | undefined): string {
  return row === undefined ? `${name}: ${player.name} ${player.protocol} ${delivery} was not seen, its browser ended` : failings(name, row).join(', ')
}

async function play(scene: Scene, seats: readonly Seat[]): Promise<Row[]> {
  const closing: (() => Promise<unknown>)[] = []
  try {
    return await staged(scene, seats, (close) => void closing.unshift(close))
  } finally {
    for (const close of closing) await close().catch(() => undefined)
  }
}

async function staged({ stream, act, judge }: Scene, seats: readonly Seat[], afterwards: (close: () => Promise<unknown>) => void): Promise<Row[]> {
  const since = Date.now() - 60_000
  const [a, b, x] = await Promise.all(['127.0.0.2', '127.0.0.3', '127.0.0.4'].map((host) => startTarget(host, since)))
  if (a === undefined || b === undefined || x === undefined) throw new Error('a target is missing')
  afterwards(() => Promise.all([a, b, x].map((target) => target.kill())))
  const router = await startRouter({ 'cdn-a': a, 'cdn-b': b, 'cdn-x': x })
  afterwards(() => router.stop())
  const browser = await launch()
  afterwards(() => browser.close())
  version = browser.version()
  // One after the other: starting is what costs.
  const watched: Watched[] = []
  for (const { player, delivery } of seats) watched.push(await watch(browser, pages, player, delivery, `${router.url}/${delivery}/${stream}/${player.protocol === 'hls' ? 'master.m3u8' : 'manifest.mpd'}`))
  const patience = Date.now() + 60_000
  while (Date.now() < patience && !watched.every(({ started }) => started())) await wait(200)
  const event = await act({ router, kill: () => a.kill() })
  if (values.trace === true) trace(watched, event)
  const rows = await Promise.all(watched.map((one) => judge(one, event, { a: a.host, b: b.host, excluded: x.host, excludedAsked: x.asked.length })))
  await Promise.all(watched.map(({ close }) => close()))
  return rows
}

const began = Date.now()
const rows: Record<string, readonly Row[]> = {}
const broken: string[] = []
for (const [name, scene] of Object.entries(SCENES)) {
  if (values.only !== undefined && values.only !== name) continue
  const performed = await perform(name, scene)
  rows[name] = performed.rows
  broken.push(...performed.rows.flatMap((row) => [...leaks(name, row), ...failings(name, row)]), ...performed.unseen.map((seat) => describe(name, seat, undefined)))
}
await pages.close()

const versions = Object.fromEntries([...new Set(PLAYERS.flatMap((player) => player.package ?? []))].map((name) => [name, String((require(join(packageFolder(require, name), 'package.json')) as { version: unknown }).version)]))
const text = report(rows, { ...versions, Chromium: version })
process.stdout.write(`${text}\n${Math.round((Date.now() - began) / 1000)} s\n`)
if (values.keep !== true && values.only === undefined && broken.length === 0) writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'players.md'), text)
for (const promise of broken) process.stderr.write(`broken: ${promise}\n`)
process.exitCode = broken.length > 0 ? 1 : 0
