/** Where `wissel target` puts a command: where the router looks for it, by the same settings; and which targets are known there. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { operatorsFile } from '../app/override-files.ts'
import { WisselError } from '../errors.ts'
import type { OverrideStore } from '../health/overrides.ts'
import { decodeBundle } from '../policy/bundle.ts'
import type { Bundle } from '../policy/bundle.ts'
import { readDocuments } from '../policy/document.ts'
import { SETTINGS_FILE } from '../policy/settings.ts'
import { stateDirectoryOf } from '../settings.ts'
import { readBundle } from '../state/directory.ts'
import { RedisOverrides } from '../state/redis-overrides.ts'
import type { RedisSettings } from '../state/redis-settings.ts'
import { redisTime } from '../state/redis-time.ts'
import { codeOf } from '../system.ts'
import { loadSettings } from './configuration.ts'
import { label, withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface PlaceArgs {
  /** The router's configuration directory. Default `config`, as far as there is one. */
  readonly directory: string | undefined
  /** From the command line; they win over the settings. */
  readonly redis: RedisSettings | undefined
  readonly stateDirectory: string | undefined
}

export interface KnownTargets {
  /** Where they were looked up. */
  readonly place: string
  readonly ids: ReadonlySet<string>
}

/** The exit status of `run`, which is given the time by the clock that the routers share. Rejects where the settings, the state directory or Redis cannot be used. */
export async function withCommands({ directory: given, redis, stateDirectory }: PlaceArgs, io: CommandIO, run: (store: OverrideStore, known: KnownTargets | undefined, now: number) => Promise<number>): Promise<number> {
  const directory = given ?? 'config'
  if (given !== undefined) await stat(given).catch((error: unknown) => {
    throw new WisselError('WISSEL_CONFIG_UNREADABLE', [given, codeOf(error)], { cause: error })
  })
  const settings = redis === undefined ? await loadSettings(directory) : {}
  const shared = redis ?? settings.redis
  const from = redis === undefined && shared !== undefined ? `redis of ${join(directory, SETTINGS_FILE)}` : undefined
  if (shared === undefined) return run(await operatorsFile(stateDirectory ?? stateDirectoryOf(settings)), await known(directory, () => readBundle(directory), io), io.now())
  return withState(shared, io, async ({ store, link, keys }) => {
    if (from !== undefined) io.err(`the command goes to ${from}\n`)
    const head = await store.head().catch(() => undefined)
    const published = async () => {
      const bundles: Bundle[] = []
      // With a stage some routers run the one and some the other.
      for (const one of [head, head?.base]) {
        const bytes = one && (await store.readWhole(one))
        if (bytes !== undefined) bundles.push(decodeBundle(bytes))
      }
      if (bundles.length === 0) throw new TypeError('nothing is published')
      return { files: bundles.flatMap(({ files }) => files) }
    }
    return run(new RedisOverrides(link, keys), await known(head === undefined ? 'what is published' : label(head), published, io), await redisTime(link, io.now))
  })
}

/** Nothing that is wrong with a configuration keeps a command from being given: it may be given because something is wrong. */
async function known(place: string, read: () => Promise<Pick<Bundle, 'files'>>, io: CommandIO): Promise<KnownTargets | undefined> {
  try {
    return { place, ids: new Set(targetIds(await read())) }
  } catch {
    io.err(`warning: ${place} cannot be read, so it is not known whether there is such a target\n`)
    return undefined
  }
}

/** As they are written, also where the rest of a file is wrong. */
function targetIds({ files }: Pick<Bundle, 'files'>): string[] {
  return files.filter(({ path }) => path.startsWith('targets/')).flatMap(({ path, text }) =>
    readDocuments(path, text).documents.flatMap(({ value }) => {
      const targets: unknown = typeof value === 'object' && value !== null && 'targets' in value ? value.targets : undefined
      return Array.isArray(targets) ? targets.flatMap((target: unknown) => (typeof target === 'object' && target !== null && 'id' in target && typeof target.id === 'string' ? [target.id] : [])) : []
    }),
  )
}
