/** `wissel target`: an operator's word on one target, which wins over configuration and checks until it is taken back. */
import { WisselError } from '../errors.ts'
import { isOverride, MAX_TEXT } from '../health/overrides.ts'
import type { Override, OverrideStore } from '../health/overrides.ts'
import { ADMIN_STATES } from '../routing/model.ts'
import { ID } from '../policy/schema.ts'
import { hint } from '../policy/validate.ts'
import type { KnownTargets } from './target-place.ts'

export interface TargetOptions {
  /** After `target`: the state and the target's id. */
  readonly words: readonly string[]
  /** `--for`: a number and s, m, h or d. Absent: until it is taken back. */
  readonly for: string | undefined
  readonly why: string | undefined
  readonly store: OverrideStore
  /** Absent: they cannot be looked up, and any id passes. */
  readonly known?: KnownTargets | undefined
  /** `--new`: the target is about to be added. */
  readonly isNew?: boolean | undefined
  /** The operator's account. */
  readonly who: string
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly out: (text: string) => void
}

/** The exit status. Throws `WISSEL_USAGE` where the command is not one, `WISSEL_NO_TARGET` where it would do nothing; rejects as the store does. */
export async function targetCommand({ words, for: duration, why, store, known, isNew = false, who, now, out }: TargetOptions): Promise<number> {
  const [word, target, ...rest] = words
  const state = ADMIN_STATES.find((known) => known === word)
  if (state === undefined) throw new WisselError('WISSEL_USAGE', [`target needs one of ${ADMIN_STATES.join(', ')}, and the id of a target`])
  if (target === undefined || !ID.test(target) || rest.length > 0) throw new WisselError('WISSEL_USAGE', [`target ${state} needs the id of one target`])
  if (state === 'auto' && duration !== undefined) throw new WisselError('WISSEL_USAGE', ['target auto takes a command back, so --for has no meaning'])
  const length = duration === undefined ? undefined : parseDuration(duration)
  const command: Override = { target, state, ...(length === undefined ? {} : { until: now + length }), ...(why === undefined ? {} : { why }), who, when: now }
  if (!isOverride(command)) throw new WisselError('WISSEL_USAGE', [`--why takes one line of at most ${MAX_TEXT} characters`])
  if (known !== undefined && !isNew && !known.ids.has(target) && !(state === 'auto' && (await hasCommand(store, target)))) throw new WisselError('WISSEL_NO_TARGET', [target, `${known.place}${hint(target, known.ids)}`])
  await store.write(command)
  const end = command.until === undefined ? 'until it is taken back with wissel target auto' : `until ${new Date(command.until).toISOString()}`
  out(state === 'auto' ? `${target}: the command is taken back, configuration and checks decide\n` : `${target}: ${state} ${end}\n`)
  return 0
}

/** A target that was removed may have left its command behind. */
async function hasCommand(store: OverrideStore, target: string): Promise<boolean> {
  return (await store.read()).some((command) => command.target === target)
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const LONGEST_MS = 366 * 86_400_000

/** Milliseconds. Throws `WISSEL_USAGE`. */
export function parseDuration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const length = Number(number) * (UNITS[unit] ?? 0)
  if (!(length > 0 && length <= LONGEST_MS)) throw new WisselError('WISSEL_USAGE', ['--for takes a number and s, m, h or d, such as 30m, up to a year'])
  return length
}
