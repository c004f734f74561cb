/** What the commands on the published state have in common: a connection that works, or a message that says why not. */
import { RedisError } from '../state/redis-connection.ts'
import { settingsFault } from '../state/redis-settings.ts'
import type { RedisSettings } from '../state/redis-settings.ts'
import { openRedisState } from '../state/redis-state.ts'
import type { RedisState } from '../state/redis-state.ts'
import { UnreadableHeadError, UnreadablePinError } from '../state/head.ts'
import type { Head, Position } from '../state/store.ts'
import { formatPosition, StaleWriterError } from '../state/store.ts'
import type { SetTimer } from '../state/timing.ts'

export interface CommandIO {
  readonly out: (text: string) => void
  /** Takes whole lines. */
  readonly err: (text: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random: () => number
  readonly setTimer: SetTimer
}

/** Milliseconds until a Redis that does not answer is given up. */
const CONNECT_MS = 5000

/** The exit status of `run`; 1, with a line on `err`, where Redis cannot be used or someone else was quicker. */
export async function withState(settings: RedisSettings, io: CommandIO, run: (state: RedisState) => Promise<number>): Promise<number> {
  let state: RedisState | undefined
  try {
    state = await openRedisState(settings, { role: 'publisher', ...io })
    if (!(await state.link.whenUp(CONNECT_MS))) {
      io.err(`redis does not answer (${state.link.state.code ?? 'no error'}); check --redis, the user and the network\n`)
      return 1
    }
    return await run(state)
  } catch (error) {
    const known = explained(error)
    if (known === undefined) throw error
    io.err(`${known}\n`)
    return 1
  } finally {
    await state?.close()
  }
}

function explained(error: unknown): string | undefined {
  if (error instanceof StaleWriterError) return error.message
  if (error instanceof RedisError) return `redis failed (${error.code}); nothing is known of what it did, so look with wissel routers and repeat the command`
  if (error instanceof UnreadablePinError) return `the version that routers are frozen at cannot be read (${error.message}), and they take nothing new; let them go with wissel unfreeze`
  if (error instanceof UnreadableHeadError) return `what is published cannot be read (${error.message}); publish anew with wissel apply DIR --force NAME`
  return settingsFault(error)
}

/** `1.42` as `42:9f2c17ab`, the label that records and operators see, with its epoch where it is not the first. */
export function label(head: Head | (Position & { readonly sha256: string })): string {
  return `${head.epoch === 1 ? '' : `${head.epoch}.`}${head.version}:${head.sha256.slice(0, 8)}`
}

/** Reads `42` or `2.42`; a version alone is looked for in the newest epoch that has it. */
export function findVersion(history: readonly Head[], text: string): Head | undefined {
  return history.find((head) => (text.includes('.') ? formatPosition(head) === text : String(head.version) === text))
}

export function pause(io: CommandIO, ms: number): Promise<void> {
  return new Promise((resolve) => void io.setTimer(resolve, ms))
}
