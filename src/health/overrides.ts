/**
 * What operators said of targets, which wins over what was configured and measured. Pure; times are milliseconds since
 * the epoch, because commands outlive processes.
 */
import { ADMIN_STATES } from '../routing/model.ts'
import type { AdminState } from '../routing/model.ts'

export interface Override {
  /** A target's id; it need not be configured now. */
  readonly target: string
  /** `auto` takes the former command back: configuration and checks decide again. */
  readonly state: AdminState
  /** When it ends by itself; absent: never. */
  readonly until?: number
  readonly why?: string
  /** Who gave the command: the operator's account. */
  readonly who: string
  readonly when: number
}

/** The latest command of each target. */
export type Overrides = ReadonlyMap<string, Override>

/** Where commands are kept. */
export interface OverrideStore {
  /**
   * The latest command of each target. Rejects where what is there is not usable: then the ones that hold go on to. In a shared
   * store a target that is missing was not let go: its command was forgotten or cannot be read, see `MirroredOverrides`.
   */
  read(): Promise<readonly Override[]>
  /** In place of the target's former command. */
  write(command: Override): Promise<void>
}

/** Commands that are over are shown for this long: who put a target back, and when. */
export const KEPT_MS = 7 * 86_400_000

/** Later commands replace earlier ones of the same target; of two at the same moment the one that came last. */
export function record(overrides: Overrides, commands: Iterable<Override>): Overrides {
  const next = new Map(overrides)
  for (const command of commands) {
    const former = next.get(command.target)
    if (former === undefined || command.when >= former.when) next.set(command.target, command)
  }
  return next
}

/** Whether a command holds now. */
export function isInForce(command: Override, now: number): boolean {
  return command.state !== 'auto' && (command.until === undefined || now < command.until)
}

/** The commands without those that have been over for long. */
export function pruned(overrides: Overrides, now: number): Overrides {
  return new Map([...overrides].filter(([, command]) => isInForce(command, now) || now - Math.max(command.when, command.until ?? 0) < KEPT_MS))
}

/** Those of the commands that are known without which a target would be treated otherwise: `stored` lacks them, or has former ones. */
export function forgotten(known: Overrides, stored: Overrides, now: number): Override[] {
  return [...known.values()].filter((command) => {
    const other = stored.get(command.target)
    if (other === undefined) return isInForce(command, now)
    return other.when < command.when && (isInForce(command, now) || isInForce(other, now))
  })
}

export interface CommandChange {
  readonly command: Override
  readonly inForce: boolean
}

/** The commands as they are known, and those that are in force. */
export class Commands {
  #all: Overrides = new Map()
  #inForce: Overrides = new Map()

  replace(commands: readonly Override[]): void {
    this.#all = record(new Map(), commands)
  }

  latest(target: string): Override | undefined {
    return this.#all.get(target)
  }

  inForce(target: string): Override | undefined {
    return this.#inForce.get(target)
  }

  /** Works out which are in force now. Gives those that came, and what ended others. */
  update(now: number): CommandChange[] {
    const before = this.#inForce
    this.#inForce = new Map([...this.#all].filter(([, command]) => isInForce(command, now)))
    const came = [...this.#inForce].filter(([id, command]) => !isSame(before.get(id), command)).map(([, command]) => ({ command, inForce: true }))
    const ended = [...before].filter(([id]) => !this.#inForce.has(id)).map(([id, command]) => ({ command: this.#all.get(id) ?? command, inForce: false }))
    return [...came, ...ended]
  }
}

function isSame(a: Override | undefined, b: Override): boolean {
  return a?.state === b.state && a.when === b.when && a.until === b.until && a.who === b.who
}

export const MAX_TEXT = 200
const MAX_OVERRIDES = 100_000
const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/
const KEYS: ReadonlySet<string> = new Set(['target', 'state', 'until', 'why', 'who', 'when'])

/** Throws a `TypeError` where any of it is not a command: half of what operators said is worse than what they said before. */
export function readOverrides(value: unknown): readonly Override[] {
  if (!Array.isArray(value) || value.length > MAX_OVERRIDES) throw new TypeError('not a list of overrides')
  return value.map((entry: unknown) => {
    if (!isOverride(entry)) throw new TypeError('not an override')
    return entry
  })
}

/** A command as this or a later version wrote it: keys that are not known are left out. `undefined` where it is none. */
export function readOverride(value: unknown): Override | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const known: unknown = Object.fromEntries(Object.entries(value).filter(([key]) => KEYS.has(key)))
  return isOverride(known) ? known : undefined
}

export function isOverride(value: unknown): value is Override {
  if (typeof value !== 'object' || value === null || Object.keys(value).some((key) => !KEYS.has(key))) return false
  const field = (name: string): unknown => (Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined)
  const text = (name: string) => isPlain(field(name))
  const time = (name: string) => Number.isSafeInteger(field(name))
  const target = field('target')
  return typeof target === 'string' && ID.test(target) && ADMIN_STATES.some((state) => state === field('state'))
    && text('who') && time('when') && (field('why') === undefined || text('why')) && (field('until') === undefined || time('until'))
}

/** One line that a terminal and a log can show. */
function isPlain(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)
}
