/** Operators' commands in Redis: a hash with the latest command of each target. Routers only read it. */
import { readOverride } from '../health/overrides.ts'
import type { Override, OverrideStore } from '../health/overrides.ts'
import type { Keys } from './keys.ts'
import type { RedisLink } from './redis-connection.ts'

export class RedisOverrides implements OverrideStore {
  readonly #link: RedisLink
  readonly #keys: Keys
  readonly #onUnreadable: (target: string) => void
  /** By target, what could not be read at the last look. */
  #unreadable: ReadonlyMap<string, string> = new Map()

  /** @param onUnreadable a target's command cannot be read: told once for each such command. The target is any text. Must not throw. */
  constructor(link: RedisLink, keys: Keys, onUnreadable: (target: string) => void = () => undefined) {
    this.#link = link
    this.#keys = keys
    this.#onUnreadable = onUnreadable
  }

  /** Leaves out what cannot be read: one command that is not understood must not make routers deaf to all others. */
  async read(): Promise<readonly Override[]> {
    const reply = await this.#link.call('HGETALL', this.#keys.overrides)
    if (!Array.isArray(reply)) throw new TypeError('not a hash of overrides')
    const commands: Override[] = []
    const unreadable = new Map<string, string>()
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const [target, text] = [String(reply[i]), String(reply[i + 1])]
      const command = parsed(text)
      // A command under another target's name is nobody's.
      if (command?.target === target) commands.push(command)
      else unreadable.set(target, text)
    }
    const before = this.#unreadable
    this.#unreadable = unreadable
    for (const [target, text] of unreadable) if (before.get(target) !== text) this.#onUnreadable(target)
    return commands
  }

  /** Never dated before the command that it replaces: routers obey the later one, and operators' clocks differ. */
  async write(command: Override): Promise<void> {
    const { overrides } = this.#keys
    const former = parsed(String(await this.#link.call('HGET', overrides, command.target)))
    const when = Math.max(command.when, former?.when ?? 0)
    await this.#link.call('HSET', overrides, command.target, JSON.stringify({ ...command, when }))
  }
}

function parsed(text: string): Override | undefined {
  try {
    return readOverride(JSON.parse(text))
  } catch {
    return undefined
  }
}
