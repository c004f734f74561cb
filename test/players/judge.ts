/** From what a page did to what it means. */
import type { Player } from './pages.ts'
import { TTL } from './router.ts'
import type { Delivery } from './router.ts'
import { advanced, longestStall, longestWait } from './watch.ts'
import type { Watched } from './watch.ts'

export interface Row {
  readonly player: Player
  readonly delivery: Delivery
  readonly started: boolean
  /** Kill: played on to the end. Drain: left the draining target within two TTLs. */
  readonly good: boolean
  readonly outcome: string
  readonly polls: number
  /** Seconds between two polls, the shortest; undefined with fewer than two. */
  readonly shortestGap: number | undefined
  readonly excluded: number
  readonly beyondLoopback: number
  /** Seconds that the machine let the page wait at most. */
  readonly late: number
  readonly errors: readonly string[]
}

/** Hosts by target, and what the excluded one saw. */
export interface Cast {
  readonly a: string
  readonly b: string
  readonly excluded: string
  readonly excludedAsked: number
}

const MEDIA = /\.m4s$/

/** Steering's TTL is ±10 %, and players count from the answer before. */
export const SHORTEST_GAP = Math.round(TTL * 0.9) - 0.25

export async function judgeKill(watched: Watched, event: number, cast: Cast): Promise<Row> {
  const after = watched.samples.filter(({ at }) => at >= event)
  const stall = longestStall(after)
  const alive = playsFrom(watched, event + 30_000)
  const elsewhere = !isOn(watched, event, cast.a)
  const outcome = elsewhere && alive ? ELSEWHERE : !alive ? `stopped after ${advanced(after).toFixed(0)} s of buffer` : stall < 1.6 ? 'played on without a stall' : `played on after ${stall.toFixed(1)} s of stall`
  return row(watched, alive, outcome, cast)
}

/** Whether it plays from then to the end. Between two samples of a busy machine seconds may pass. */
function playsFrom({ samples }: Watched, since: number): boolean {
  const from = samples.findLastIndex(({ at }) => at <= since)
  const window = samples.slice(Math.max(0, from))
  const seconds = ((window.at(-1)?.at ?? 0) - (window[0]?.at ?? 0)) / 1000
  return seconds > 3 && advanced(window) > 0.75 * seconds
}

const ELSEWHERE = 'had gone elsewhere before'

/** Whether the player took media from a host in the seconds before the event. */
function isOn(watched: Watched, event: number, host: string): boolean {
  return watched.requests().some(({ url, at }) => MEDIA.test(url.pathname) && url.hostname === host && at > event - 5000 && at < event)
}

export async function judgeDrain(watched: Watched, event: number, cast: Cast): Promise<Row> {
  const media = watched.requests().filter(({ url }) => MEDIA.test(url.pathname))
  const left = media.filter(({ url, at }) => at >= event && url.hostname === cast.a).at(-1)?.at ?? event
  const moved = media.some(({ url, at }) => at >= event && url.hostname === cast.b)
  const took = (left - event) / 1000
  const elsewhere = !isOn(watched, event, cast.a)
  const good = moved && took <= 2 * TTL * 1.1
  const playing = playsFrom(watched, event + 20_000)
  const outcome = elsewhere ? ELSEWHERE : `${good ? `moved after ${took.toFixed(1)} s` : moved ? `asks both` : 'stays'}${playing ? '' : ', and stalled'}`
  return row(watched, good && playing, outcome, cast)
}

export async function judgeDemand(watched: Watched, _event: number, cast: Cast): Promise<Row> {
  const played = advanced(watched.samples)
  return row(watched, played >= 7, played >= 7 ? 'plays' : `played ${played.toFixed(1)} s`, cast)
}

async function row(watched: Watched, good: boolean, outcome: string, cast: Cast): Promise<Row> {
  const { player, delivery } = watched
  const requests = watched.requests()
  const polls = requests.filter(({ url }) => url.pathname.startsWith('/-/steering/'))
  const gaps = polls.slice(1).map(({ at }, i) => (at - (polls[i]?.at ?? at)) / 1000)
  return {
    player,
    delivery,
    started: watched.started(),
    good,
    outcome,
    polls: polls.length,
    shortestGap: gaps.length === 0 ? undefined : Math.min(...gaps),
    excluded: requests.filter(({ url }) => url.hostname === cast.excluded).length + cast.excludedAsked,
    beyondLoopback: requests.filter(({ url }) => !url.hostname.startsWith('127.')).length,
    late: longestWait(watched.samples),
    errors: await watched.errors(),
  }
}

/** What must hold, and does not, on a machine as busy as it likes. */
export function leaks(scene: string, row: Row): string[] {
  const wrong: string[] = []
  if (row.excluded > 0) wrong.push(`${nameOf(scene, row)} asked a target that the policy excludes`)
  if (row.beyondLoopback > 0) wrong.push(`${nameOf(scene, row)} asked beyond loopback`)
  return wrong
}

/** What must hold, and does not, where the player gets the time that it needs. */
export function failings(scene: string, row: Row): string[] {
  const wrong: string[] = []
  if (!row.started) wrong.push(`${nameOf(scene, row)} did not start`)
  if (row.shortestGap !== undefined && row.shortestGap < SHORTEST_GAP && !asksAnew(row)) wrong.push(`${nameOf(scene, row)} polled after ${row.shortestGap.toFixed(1)} s`)
  if (!row.good && isExpected(scene, row)) wrong.push(`${nameOf(scene, row)}: ${row.outcome}`)
  return wrong.map((what) => `${what}${row.late < 1 ? '' : ` (its page was held up for ${row.late.toFixed(1)} s)`}`)
}

function nameOf(scene: string, { player, delivery }: Row): string {
  return `${scene}: ${player.name} ${player.protocol} ${delivery}`
}

/** video.js asks again at once when a refreshed MPD begins with another pathway, as it does once in these scenes. */
function asksAnew({ player, polls }: Row): boolean {
  return player.name === 'video.js' && player.protocol === 'dash' && polls < 60 / SHORTEST_GAP
}

/** Where the player can: a redirect decides at the start only, and Chromium's own player knows no steering. */
function isExpected(scene: string, { player, delivery }: Row): boolean {
  if (scene === 'demand') return true
  return delivery === 'steered' && player.package !== undefined && !(player.name === 'video.js' && player.protocol === 'dash')
}
